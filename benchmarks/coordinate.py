"""Cases of coordinate."""

from collections.abc import Iterator

from attncourse.nn.coordinate import CoordinateAttention
from benchmarks.baselines import coordinate as baselines
from benchmarks.baselines.weights import like
from benchmarks.harness import Case
from benchmarks.maps import SHAPES, draw, name


def cases() -> Iterator[Case]:
    for shape in SHAPES:
        ours = CoordinateAttention(shape[1])
        yield Case(
            name("coordinate", shape),
            inputs=draw(shape),
            ours=ours,
            baselines={"official structure": like(ours, baselines.CoordinateAttention(shape[1]))},
            forward=2.2,
            both=1.9,
            stretch=(4, 2.5),
            compiled=True,
            large=draw(shape, batches=8),
        )
