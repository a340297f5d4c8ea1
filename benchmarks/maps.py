"""The maps on which gates are measured, and the cases of a gate on them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from attncourse.models.gates import GATES
from benchmarks.baselines.weights import like
from benchmarks.harness import Case, Inputs

SHAPES = ((8, 64, 56, 56), (8, 256, 28, 28))
"""What a ResNet's first two stages give for a small batch of images."""


def gate_cases(
    gate: str, title: str, baselines: Mapping[str, Callable[[int], nn.Module]], **options: Any
) -> Iterator[Case]:
    """A gate on all maps, against forms that are given its weights.

    Args:
        gate: A name of `attncourse.models.gates.GATES`.
        title: What the table calls it.
        baselines: By name, what makes the form for so many channels.
        options: Of `Case`: what is to be reached.
    """
    for shape in SHAPES:
        channels = shape[1]
        ours = GATES[gate].make(channels)
        yield Case(
            name(title, shape),
            inputs=draw(shape),
            ours=ours,
            baselines={form: like(ours, make(channels)) for form, make in baselines.items()},
            large=draw(shape, batches=8),
            **options,
        )


def name(mechanism: str, shape: tuple[int, ...]) -> str:
    """A row of the table."""
    return f"{mechanism}: {'×'.join(map(str, shape))}"


def draw(shape: tuple[int, ...], *, batches: int = 1) -> Inputs:
    """Maps of that shape, or of as many times the batch."""

    def make() -> tuple[Tensor]:
        return (torch.randn(batches * shape[0], *shape[1:]),)

    return make
