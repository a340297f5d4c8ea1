"""Cases of squeeze-and-excitation and of ECA."""

from collections.abc import Iterator

from torch import Tensor

from attncourse.nn.excitation import adaptive_kernel
from benchmarks.baselines import se as baselines
from benchmarks.harness import Case
from benchmarks.maps import gate_cases


def floor(x: Tensor) -> Tensor:
    """Read the map once for the squeeze, and once to scale it."""
    return x * x.mean((2, 3), keepdim=True)


def eca(channels: int) -> baselines.EfficientChannelAttention:
    """ECA with the kernel of ours."""
    return baselines.EfficientChannelAttention(adaptive_kernel(channels))


def cases() -> Iterator[Case]:
    yield from gate_cases(
        "se",
        "SE",
        {
            "1×1 convolutions": baselines.SqueezeExcitation,
            "linear layers": baselines.LinearSqueezeExcitation,
        },
        forward=1.0,
        both=1.3,
        stretch=(None, 1.8),
        floor=floor,
    )
    yield from gate_cases(
        "eca", "ECA", {"official structure": eca}, stretch=(None, 1.2), floor=floor
    )
