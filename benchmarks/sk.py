"""Cases of selective kernels."""

from collections.abc import Iterator

from benchmarks.baselines import sk as baselines
from benchmarks.harness import Case
from benchmarks.maps import gate_cases


def cases() -> Iterator[Case]:
    return gate_cases(
        "sk",
        "SK",
        {"official structure": baselines.SelectiveKernel},
        forward=1.15,
        both=1.0,
        stretch=(1.4, 1.5),
    )
