"""Cases of CBAM."""

from collections.abc import Iterator

from attncourse.nn.cbam import CBAM
from benchmarks.baselines import cbam as baselines
from benchmarks.baselines.weights import like
from benchmarks.harness import Case
from benchmarks.maps import SHAPES, draw, name


def cases() -> Iterator[Case]:
    for shape in SHAPES:
        ours = CBAM(shape[1])
        yield Case(
            name("CBAM", shape),
            inputs=draw(shape),
            ours=ours,
            baselines={"official structure": like(ours, baselines.CBAM(shape[1]))},
            forward=2.2,
            both=1.0,
            stretch=(3.2, 2.5),
            compiled=True,
            large=draw(shape, batches=8),
        )
