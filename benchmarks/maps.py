"""The maps on which gates are measured."""

import torch
from torch import Tensor

from benchmarks.harness import Inputs

SHAPES = ((8, 64, 56, 56), (8, 256, 28, 28))
"""What a ResNet's first two stages give for a small batch of images."""


def name(mechanism: str, shape: tuple[int, ...]) -> str:
    """A row of the table."""
    return f"{mechanism}: {'×'.join(map(str, shape))}"


def draw(shape: tuple[int, ...], *, batches: int = 1) -> Inputs:
    """Maps of that shape, or of as many times the batch."""

    def make() -> tuple[Tensor]:
        return (torch.randn(batches * shape[0], *shape[1:]),)

    return make
