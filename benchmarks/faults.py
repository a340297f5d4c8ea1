"""Planted faults, by lesson: what its claims must notice.

A fault is a name and replacements in the lesson's code. Under each of them a claim of the lesson
must fail, and each claim must fail under one of them: what nothing can contradict says nothing.
`UNTRAINED` every lesson has: all networks stay as they were drawn.
"""

Fault = dict[str, str]

UNTRAINED = "untrained"
# Put before a lesson's own code, which imports `fit` from there.
NO_TRAINING = """\
from attncourse import training
training.fit = lambda *arguments, steps, **options: training.History([0.0] * steps)
"""
REMOVED = "mechanism removed"
CONTROLS = "controls are none"  # what should lack the mechanism has it

FAULTS: dict[str, dict[str, Fault]] = {
    "bahdanau": {
        REMOVED: {
            "    run = fit(": "    if attention:  # equal scores, and so they stay\n"
            "        torch.nn.init.zeros_(model.attention.v.requires_grad_(False))\n"
            "    run = fit("
        },
        CONTROLS: {"attention=False": "attention=True", "w.roll(1, dims=-1)": "w"},
    },
    "transformer": {
        REMOVED: {"table.mul_(positions)": "table.mul_(False)"},
        CONTROLS: {
            "table.mul_(positions)": "table.mul_(True)",
            "[0 * eye]": "[eye]",
            "[eye.roll(1, dims=0)]": "[eye]",
        },
    },
    "se": {
        REMOVED: {"return x * gate": "return x + 0 * gate"},
        CONTROLS: {
            "train(nn.Identity,": "train(lambda: SqueezeExcitation(24, reduction=2),",
            "logits.roll(1, dims=0)": "logits",
        },
    },
    "sk": {
        REMOVED: {"weights = logits.softmax(dim=1)": "weights = (0 * logits).softmax(dim=1)"},
        CONTROLS: {
            "train(HalfAndHalf,": "train(sk.SelectiveKernel,",
            "train(HalfWithGate,": "train(sk.SelectiveKernel,",
            "z.roll(1, dims=0)": "z",
            "1000 * z": "-1000 * z",
        },
    },
    "cbam": {
        REMOVED: {
            "return gated * self.spatial(gated)": "return gated + 0 * self.spatial(gated)",
            "return x * self.spatial.gate(x)": "return x + 0 * self.spatial.gate(x)",
        },
        CONTROLS: {
            "from attncourse.nn.se import SqueezeExcitation": "from attncourse.nn.cbam import CBAM "
            "as SqueezeExcitation",
            "course.ChannelGate(32": "course.CBAM(32",
            "weight.flip(2)": "weight",
        },
    },
    "coordinate": {
        REMOVED: {
            "import cbam, conv_norm, coordinate, se": (
                "import cbam, conv_norm, coordinate, se\n"
                "coordinate.CoordinateAttention.forward = lambda self, x: (\n"
                "    x + 0 * sum(gate.sum() for gate in self.gates(x)))"
            )
        },
        CONTROLS: {
            "se.SqueezeExcitation(16, reduction=2)": "coordinate.CoordinateAttention(16)",
            "torch.full_like(logits, 20.0)": "logits",
        },
    },
    "triplet": {
        REMOVED: {
            "import cbam, conv_norm, coordinate, triplet": (
                "import cbam, conv_norm, coordinate, map_gate, triplet\n"
                "map_gate.MapGate.forward = lambda self, maps, **_: (\n"
                "    self.norm(self.conv(0 * maps)).sigmoid())"
            )
        },
        CONTROLS: {
            "cbam.CBAM(3, reduction=1)": "triplet.TripletAttention()",
            "(ProductGate, seeds)": "(triplet.TripletAttention, seeds)",
            '(face, blind) for face in ("cw", "hc", "hw")': (
                '({"cw": "hc", "hc": "cw", "hw": "hw"}[face], blind) for face in ("cw", "hc", "hw")'
            ),
        },
    },
    "danet": {
        REMOVED: {
            "weights = (queries.mT @ keys).softmax(-1)": (
                "weights = (0 * queries.mT @ keys).softmax(-1)"
            ),
            "from attncourse.nn import danet\n": (
                "from attncourse.nn import danet\n"
                "danet.PositionAttention.forward = lambda self, x: (\n"
                "    x + self.alpha * self.value(x).mean((2, 3), keepdim=True)\n"
                "    + 0 * (self.query(x) + self.key(x)).mean())\n"
            ),
        },
        CONTROLS: {
            "from attncourse.nn.se import SqueezeExcitation": (
                "from attncourse.nn.danet import PositionAttention\n"
                "def SqueezeExcitation(width, reduction):\n"
                "    part = PositionAttention(width, reduction=reduction)\n"
                "    part.key.load_state_dict(part.query.state_dict())\n"
                "    return part"
            ),
            '"no questions": 0.0, "scaled": 16**-0.5': '"no questions": 1.0, "scaled": 0.0',
        },
    },
    "seaformer": {
        REMOVED: {
            "weights = (query @ key.mT / width**0.5).softmax(-1)": (
                "weights = (0 * query @ key.mT).softmax(-1)"
            )
        },
        CONTROLS: {
            '"nothing": nn.Identity': '"nothing": sea',
            '("column", lambda layer, given, made: 0 * made)': (
                '("column", lambda layer, given, made: made)'
            ),
            '("row", lambda layer, given, made: 0 * made)': (
                '("column", lambda layer, given, made: 0 * made)'
            ),
        },
    },
}


def faults(slug: str) -> dict[str, Fault]:
    """The faults of a lesson by their names, the one that every lesson has among them."""
    return {UNTRAINED: {}, **FAULTS.get(slug, {})}
