"""Cases of triplet."""

from collections.abc import Iterator

from attncourse.nn.triplet import TripletAttention
from benchmarks.baselines import triplet as baselines
from benchmarks.baselines.weights import like
from benchmarks.harness import Case
from benchmarks.maps import SHAPES, draw, name


def cases() -> Iterator[Case]:
    for shape in SHAPES:
        ours = TripletAttention()
        yield Case(
            name("triplet", shape),
            inputs=draw(shape),
            ours=ours,
            baselines={"official structure": like(ours, baselines.TripletAttention())},
            forward=4.5,
            both=1.8,
            stretch=(8, 4),
            compiled=True,
            large=draw(shape, batches=8),
        )
