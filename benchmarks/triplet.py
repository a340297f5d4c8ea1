"""Cases of triplet."""

from collections.abc import Iterator

from attncourse.nn.triplet import TripletAttention
from benchmarks.harness import Case
from benchmarks.maps import SHAPES, draw, name
from benchmarks.usual import triplet as usual
from benchmarks.usual.weights import like


def cases() -> Iterator[Case]:
    for shape in SHAPES:
        ours = TripletAttention()
        yield Case(
            name("triplet", shape),
            inputs=draw(shape),
            ours=ours,
            usual={"official structure": like(ours, usual.TripletAttention())},
            forward=4.5,
            both=1.8,
            stretch=(8, 4),
            compiled=True,
            large=draw(shape, batches=8),
        )
