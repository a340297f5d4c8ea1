"""Cases of triplet attention."""

from collections.abc import Iterator

from benchmarks.baselines import triplet as baselines
from benchmarks.harness import Case
from benchmarks.maps import gate_cases


def cases() -> Iterator[Case]:
    return gate_cases(
        "triplet",
        "triplet",
        {"official structure": lambda _: baselines.TripletAttention()},
        forward=4.5,
        both=1.8,
        stretch=(8, 4),
        compiled=True,
    )
