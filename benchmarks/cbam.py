"""Cases of CBAM."""

from collections.abc import Iterator

from benchmarks.baselines import cbam as baselines
from benchmarks.harness import Case
from benchmarks.maps import gate_cases


def cases() -> Iterator[Case]:
    return gate_cases(
        "cbam",
        "CBAM",
        {"official structure": baselines.CBAM},
        forward=2.2,
        both=1.0,
        stretch=(3.2, 2.5),
        compiled=True,
    )
