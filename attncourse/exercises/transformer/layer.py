"""One layer of the encoder: attention and a small network, each with a shortcut and a norm."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, edit, wrong
from attncourse.exercises.core.laws import tensor

EPS = 1e-5
Part = Callable[[Tensor], Tensor]


def _inputs(draw: Draw) -> Inputs:
    batch, length, width, hidden = draw.sizes((3, 5, 7, 11), (2, 3, 5, 4))
    return {
        # Small numbers in some places, so that it matters where ε stands.
        "x": draw.normal(batch, length, width, offset=0.5) * draw.normal(1, length, 1).abs() / 9,
        "gains": draw.normal(2, width, offset=1.0, scale=0.3),
        "biases": draw.normal(2, width),
        "meet": draw.normal(width, width, scale=width**-0.5) / 9,
        "up": draw.normal(hidden, width, scale=width**-0.5),
        "down": draw.normal(width, hidden, scale=hidden**-0.5),
    }


def _call(answer: Callable[..., Any], inputs: Inputs) -> Any:
    """Give the answer sub-layers: symbols meet in the first, and the second has two halves."""
    x, gains, biases, *weights = inputs.values()
    calls = dict.fromkeys(("attend", "widen", "narrow"), 0)
    meet, up, down = (w for w in weights if isinstance(w, Tensor))

    def once(name: str, y: Tensor) -> Tensor:
        calls[name] += 1  # as with dropout, a second call says something else
        return y / calls[name]

    def attend(y: Tensor) -> Tensor:
        return once("attend", torch.tanh(y @ meet + y.mean(1, keepdim=True) / 9))

    def widen(y: Tensor) -> Tensor:
        return once("widen", y @ up.T - 0.1)

    def narrow(y: Tensor) -> Tensor:
        return once("narrow", y @ down.T + 0.2)

    return answer(x, attend, widen, narrow, gains, biases)


def _encoder_layer(
    x: Tensor, attend: Part, widen: Part, narrow: Part, gains: Tensor, biases: Tensor
) -> Tensor:
    parts: tuple[Part, Part] = attend, lambda y: narrow(widen(y).relu())
    for part, gain, bias in zip(parts, gains, biases, strict=True):
        y = x + part(x)
        centred = y - y.mean(-1, keepdim=True)
        variance = centred.square().mean(-1, keepdim=True)
        x = gain * centred / (variance + EPS).sqrt() + bias
    return x


def _plain(
    x: Tensor, attend: Part, widen: Part, narrow: Part, gains: Tensor, biases: Tensor
) -> Tensor:
    def norm(y: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
        centred = y - y.mean(-1, keepdim=True)
        variance = y.var(-1, correction=0, keepdim=True)
        return gain * centred / (variance + EPS).sqrt() + bias

    h = norm(x + attend(x), gains[0], biases[0])
    return norm(h + narrow(widen(h).relu()), gains[1], biases[1])


def _by_moments(
    x: Tensor, attend: Part, widen: Part, narrow: Part, gains: Tensor, biases: Tensor
) -> Tensor:
    def norm(y: Tensor, i: int) -> Tensor:
        mean = y.mean(dim=2, keepdim=True)
        variance = (y**2).mean(dim=2, keepdim=True) - mean**2
        return (y - mean) * torch.rsqrt(variance + 1e-5) * gains[i] + biases[i]

    x = norm(attend(x) + x, 0)
    return norm(narrow(torch.relu(widen(x))) + x, 1)


def _by_var_mean(
    x: Tensor, attend: Part, widen: Part, narrow: Part, gains: Tensor, biases: Tensor
) -> Tensor:
    def add_and_norm(x: Tensor, said: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
        y = torch.add(x, said)
        variance, mean = torch.var_mean(y, -1, correction=0, keepdim=True)
        return torch.addcmul(bias, gain, (y - mean) / torch.sqrt(variance + 1e-5))

    h = add_and_norm(x, attend(x), *(p[0] for p in (gains, biases)))
    return add_and_norm(h, narrow(widen(h).clamp(min=0)), gains[1], biases[1])


def _by_symbols(
    x: Tensor, attend: Part, widen: Part, narrow: Part, gains: Tensor, biases: Tensor
) -> Tensor:
    def norm(y: Tensor, i: int) -> Tensor:
        rows = [
            (row - row.mean()) / (row.var(correction=0) + 1e-5) ** 0.5 for row in y.flatten(0, 1)
        ]
        return (torch.stack(rows) * gains[i] + biases[i]).view_as(x)

    x = norm(x + attend(x), 0)
    hidden = widen(x)
    return norm(x + narrow(torch.where(hidden > 0, hidden, 0.0)), 1)


def _normed(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    """Of a symbol's features, before gain and bias, the mean is 0."""
    gains, biases = tensor(inputs, "gains"), tensor(inputs, "biases")
    plain = (before["output"] - biases[1]) / gains[1]
    return torch.allclose(plain.mean(-1), torch.zeros_like(plain[..., 0]), atol=1e-6)


encoder_layer = Exercise(
    points=3,
    kind=Function(("output",), call=_call),
    title="output: attend, add and norm; feed forward, add and norm",
    oracle=_encoder_layer,
    draw=_inputs,
    batched=("x",),
    refuses=("layer_norm", "native_layer_norm", "LayerNorm", "batch_norm", "instance_norm"),
    laws=(Law("every symbol has mean 0 before the last gain and bias", _normed),),
    misconceptions=(
        wrong(
            "pre-norm",
            edit(
                "norm(x + attend(x), gains[0], biases[0])",
                "x + attend(norm(x, gains[0], biases[0]))",
            )
            & edit(
                "norm(h + narrow(widen(h).relu()), gains[1], biases[1])",
                "h + narrow(widen(norm(h, gains[1], biases[1])).relu())",
            ),
        ).because(
            "You norm what enters a sub-layer, and not the sum. That is *pre-norm*, which "
            "many later models use; the paper norms after adding: LayerNorm(x + f(x))."
        ),
        wrong("no-shortcut", edit("x + attend", "attend") & edit("h + narrow", "narrow")).because(
            "You norm what the sub-layers say, and x is gone. Add it first: the shortcut is what "
            "lets gradients through a deep stack."
        ),
        wrong(
            "norm-before-adding",
            edit("norm(x + attend", "x + norm(attend") & edit("norm(h + narrow", "h + norm(narrow"),
        ).because(
            "You norm a sub-layer's result and then add x. The norm comes last: "
            "LayerNorm(x + f(x))."
        ),
        wrong(
            "one-norm", edit("norm(x + attend(x), gains[0], biases[0])", "x + attend(x)")
        ).because(
            "There is one norm, at the end. Each of the two sub-layers has its own: norm the sum "
            "of x and the attention before the small network reads it."
        ),
        wrong("first-norm-twice", edit("gains[1], biases[1]", "gains[0], biases[0]")).because(
            "Both norms use the first gain and bias. Each has its own: row 0, then row 1."
        ),
        wrong("in-parallel", edit("widen(h)", "widen(x)")).because(
            "The small network reads the layer's input. It comes after the attention: give it "
            "what the first norm returns."
        ),
        wrong("first-shortcut-twice", edit("h + narrow", "x + narrow")).because(
            "The second shortcut adds the layer's input. Add what entered the *second* sub-layer: "
            "what the first norm returned."
        ),
        wrong(
            "other-order",
            edit("attend(x)", "narrow(widen(x).relu())")
            & edit("narrow(widen(h).relu())", "attend(h)"),
        ).because(
            "The small network comes first. The attention does: symbols look around, then each "
            "thinks about what it has read."
        ),
        wrong("no-relu", edit(".relu()", "")).because(
            "Nothing stands between widening and narrowing, so that both are one linear map. Put "
            "a ReLU there."
        ),
        wrong(
            "relu-last",
            edit("widen(h).relu())", "widen(h)).relu()"),
            edit("widen(h).relu())", "widen(h).relu()).relu()"),
        ).because("The ReLU comes last. It belongs between the two maps: widen, ReLU, narrow."),
        wrong("gelu", edit("widen(h).relu()", "torch.nn.functional.gelu(widen(h))")).because(
            "You use a GELU, as many later models do. The paper has a ReLU."
        ),
        wrong("batch-norm", edit("mean(-1", "mean((0, 1)") & edit("var(-1", "var((0, 1)")).because(
            "Each feature is normed over all symbols of the batch: that is batch norm. Then a "
            "sentence depends on its neighbours and on their padding. Norm each symbol over its "
            "own features, the last axis."
        ),
        wrong("over-places", edit("mean(-1", "mean(1") & edit("var(-1", "var(1")).because(
            "Each feature is normed over the places of its sentence. Norm each symbol over its "
            "own features: the last axis."
        ),
        wrong(
            "over-the-sentence", edit("mean(-1", "mean((1, 2)") & edit("var(-1", "var((1, 2)")
        ).because(
            "You norm over places and features together. Each symbol has a mean and a variance "
            "of its own: take the last axis only."
        ),
        wrong("unbiased-variance", edit("correction=0", "correction=1")).because(
            "The variance is divided by D − 1, as `.var()` and `.std()` do by default. A norm "
            "divides by D: `correction=0`, or the mean of the squares."
        ),
        wrong(
            "epsilon-outside", edit("(variance + EPS).sqrt()", "(variance.sqrt() + EPS)")
        ).because(
            "ε is added to the standard deviation. It belongs to the *variance*, inside the root: "
            "for symbols of small numbers that is not the same."
        ),
        wrong("no-epsilon", edit(" + EPS", "")).because(
            "ε is missing. A symbol whose features are all alike has the variance 0, and you "
            "would divide by it: add 10⁻⁵ to the variance."
        ),
        wrong("not-divided", edit(" / (variance + EPS).sqrt()", "")).because(
            "The mean is gone, the scale is not: divide by the standard deviation too."
        ),
        wrong("variance-as-scale", edit(".sqrt()", "")).because(
            "You divide by the variance; the scale is its square root."
        ),
        wrong("no-gain", edit("gain * ", "")).because(
            "The gains are not used. A norm multiplies by its gain, then adds its bias."
        ),
        wrong("no-bias", edit(" + bias", "")).because(
            "The biases are not used. A norm multiplies by its gain, then adds its bias."
        ),
        wrong("no-gain-no-bias", edit("gain * ", "") & edit(" + bias", "")).because(
            "Gains and biases are not used. They let a layer undo its norm where it must."
        ),
        wrong(
            "called-twice",
            edit("y: Tensor, gain", "x: Tensor, part: Part, gain")
            & edit("y - y.mean", "x + part(x) - (x + part(x)).mean")
            & edit("norm(x + attend(x)", "norm(x, attend")
            & edit("norm(h + narrow(widen(h).relu())", "norm(h, lambda y: narrow(widen(y).relu())")
            & edit("y.var", "centred.var"),
            edit("y: Tensor, gain", "x: Tensor, part: Part, gain")
            & edit("y - y.mean", "x + part(x) - (x + part(x)).mean")
            & edit("norm(x + attend(x)", "norm(x, attend")
            & edit("norm(h + narrow(widen(h).relu())", "norm(h, lambda y: narrow(widen(y).relu())")
            & edit("y.var", "(x + part(x)).var"),
        ).because(
            "A sub-layer is called more than once for one result. With dropout in it, each call "
            "says something else: call it once and keep what it says."
        ),
        wrong(
            "attention-only", edit("norm(h + narrow(widen(h).relu()), gains[1], biases[1])", "h")
        ).because(
            "The small network is missing: after the attention comes `narrow(relu(widen(x)))`, "
            "with its own shortcut and norm."
        ),
    ),
    right=(_plain, _by_moments, _by_var_mean, _by_symbols),
)
