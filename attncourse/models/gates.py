"""The gates of the course: how each is made, and where it stands in each network.

The one table that networks, registry, recipes, the papers' figures, benchmarks and the mechanisms'
tests read. A new gate needs its file in `attncourse.nn` and its row here.

Classes are named, and imported when one is made, so that the commands can list the networks without
waiting for torch.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import nn

Make = Callable[..., "nn.Module"]
"""Makes the gate for maps with so many channels."""

Place = Literal["kernel", "middle", "end", "between"]
"""Instead of a block's 3×3 convolution, before a block's last convolution, at the end of a block's
residual branch, or between the stages of a network."""

BACKBONES = {
    "resnet": tuple(f"{{gate}}_resnet{depth}" for depth in (18, 34, 50, 101)),
    "mobilenetv2": ("{gate}_mobilenetv2",),
    "sknet": ("sknet50", "sknet101"),
}
"""What the networks of a backbone are called."""


@dataclass(frozen=True)
class Stand:
    """Where a gate stands in a backbone.

    Attributes:
        place: In the blocks, or between the stages.
        options: What its paper sets otherwise there.
    """

    place: Place
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Gate:
    """A row of the table.

    Attributes:
        path: Its file in `attncourse.nn` and its class.
        stands: Its place in each backbone that its paper, or another one, puts it in; the one that
            a recipe trains by default comes first.
        widthless: Whether it is the same for any number of channels.
        zeroed: Parameters that start at 0 in a network: a gate that starts at ½ everywhere.
    """

    path: str
    stands: Mapping[str, Stand]
    widthless: bool = False
    zeroed: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """Of the lesson and of the file."""
        return self.path.partition(".")[0]

    @property
    def kind(self) -> "type[nn.Module]":
        """The class."""
        module, _, name = self.path.partition(".")
        kind: type[nn.Module] = getattr(import_module(f"attncourse.nn.{module}"), name)
        return kind

    def make(self, channels: int, **options: Any) -> "nn.Module":
        """Make the gate for maps with so many channels."""
        return self.kind(**options) if self.widthless else self.kind(channels, **options)


GATES = {
    "se": Gate(
        "se.SqueezeExcitation",
        {"resnet": Stand("end"), "mobilenetv2": Stand("middle", {"reduction": 24})},
    ),
    "eca": Gate(
        "se.EfficientChannelAttention", {"resnet": Stand("end"), "mobilenetv2": Stand("end")}
    ),
    "sk": Gate("sk.SelectiveKernel", {"sknet": Stand("kernel")}),
    "cbam": Gate(
        "cbam.CBAM",
        {"resnet": Stand("end"), "mobilenetv2": Stand("middle", {"reduction": 24})},
        zeroed=("spatial.map.norm.weight",),
    ),
    "bam": Gate("cbam.BAM", {"resnet": Stand("between")}),
    "coordinate": Gate(
        "coordinate.CoordinateAttention", {"mobilenetv2": Stand("middle"), "resnet": Stand("end")}
    ),
    "triplet": Gate(
        "triplet.TripletAttention",
        {"resnet": Stand("end"), "mobilenetv2": Stand("end")},
        widthless=True,
        zeroed=("hw.norm.weight",),
    ),
}
"""By the name that networks begin with."""


def networks(slug: str) -> list[str]:
    """Return the names of the networks that carry the gates of a lesson, its own gate's first."""
    return [
        pattern.format(gate=name)
        for name, gate in GATES.items()
        if gate.slug == slug
        for backbone in gate.stands
        for pattern in BACKBONES[backbone]
    ]


def carried_by(backbone: str) -> Iterator[tuple[str, str]]:
    """Yield every gate of a backbone with the name of each network that carries it."""
    for name, gate in GATES.items():
        if backbone in gate.stands:
            for pattern in BACKBONES[backbone]:
                yield name, pattern.format(gate=name)


def places(backbone: str, attention: str | None, **options: Any) -> dict[Place, Make]:
    """Return what makes a gate in a backbone, by the place where it stands; empty for no gate.

    Args:
        backbone: A name of `BACKBONES`.
        attention: A name of `GATES`, or None.
        options: Of the gate; they go before its paper's.

    Raises:
        ValueError: If the table has no such gate for the backbone, or there are options of none.
    """
    if attention is None:
        if options:
            raise ValueError(f"options of a gate need one: attention is None, got {options}")
        return {}
    known = [name for name, gate in GATES.items() if backbone in gate.stands]
    if attention not in known:
        raise ValueError(f"attention must be one of {known}, got {attention!r}")
    gate = GATES[attention]
    stand = gate.stands[backbone]
    return {stand.place: partial(_start, gate, {**stand.options, **options})}


def _start(gate: Gate, options: Mapping[str, Any], channels: int, **given: Any) -> "nn.Module":
    """Make a gate as it starts in a network."""
    module = gate.make(channels, **options, **given)
    for name, parameter in module.named_parameters():
        if name in gate.zeroed:
            parameter.detach().zero_()
    return module
