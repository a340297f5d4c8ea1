"""Cases of squeeze-and-excitation and of ECA."""

from collections.abc import Iterator

from torch import Tensor

from attncourse.nn.se import EfficientChannelAttention, SqueezeExcitation
from benchmarks.baselines import se as baselines
from benchmarks.baselines.weights import like
from benchmarks.harness import Case
from benchmarks.maps import SHAPES, draw, name


def floor(x: Tensor) -> Tensor:
    """Read the map once for the squeeze, and once to scale it."""
    return x * x.mean((2, 3), keepdim=True)


def cases() -> Iterator[Case]:
    for shape in SHAPES:
        channels = shape[1]
        se = SqueezeExcitation(channels)
        yield Case(
            name("SE", shape),
            inputs=draw(shape),
            ours=se,
            baselines={
                "1×1 convolutions": like(se, baselines.SqueezeExcitation(channels)),
                "linear layers": like(se, baselines.LinearSqueezeExcitation(channels)),
            },
            forward=1.0,
            both=1.3,
            stretch=(None, 1.8),
            floor=floor,
            large=draw(shape, batches=8),
        )
        eca = EfficientChannelAttention(channels)
        (kernel,) = eca.excitation.conv.kernel_size
        yield Case(
            name("ECA", shape),
            inputs=draw(shape),
            ours=eca,
            baselines={
                "official structure": like(eca, baselines.EfficientChannelAttention(kernel))
            },
            stretch=(None, 1.2),
            floor=floor,
            large=draw(shape, batches=8),
        )
