"""Cases of coordinate attention."""

from collections.abc import Iterator

from benchmarks.baselines import coordinate as baselines
from benchmarks.harness import Case
from benchmarks.maps import gate_cases


def cases() -> Iterator[Case]:
    return gate_cases(
        "coordinate",
        "coordinate",
        {"official structure": baselines.CoordinateAttention},
        forward=2.2,
        both=1.9,
        stretch=(4, 2.5),
        compiled=True,
    )
