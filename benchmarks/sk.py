"""Cases of SK."""

from collections.abc import Iterator

from attncourse.nn.sk import SelectiveKernel
from benchmarks.baselines import sk as baselines
from benchmarks.baselines.weights import like
from benchmarks.harness import Case
from benchmarks.maps import SHAPES, draw, name


def cases() -> Iterator[Case]:
    for shape in SHAPES:
        ours = SelectiveKernel(shape[1])
        yield Case(
            name("SK", shape),
            inputs=draw(shape),
            ours=ours,
            baselines={"official structure": like(ours, baselines.SelectiveKernel(shape[1]))},
            forward=1.15,
            both=1.0,
            stretch=(1.4, 1.5),
            compiled=False,
            large=draw(shape, batches=8),
        )
