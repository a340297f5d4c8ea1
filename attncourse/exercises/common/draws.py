"""Inputs and constructor arguments that more than one lesson draws."""

from collections.abc import Callable

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Inputs
from attncourse.exercises.core.probe import Scalar

Shape = tuple[int, int, int, int]


def levels(low: float, high: float, channels: int) -> Tensor:
    """A value of its own for each channel, (C, 1, 1): what mixes channels up shows."""
    return torch.linspace(low, high, channels, dtype=torch.float64)[:, None, None]


def maps(
    first: Shape, second: Shape, *, low: float = -1, high: float = 2, scale: float = 1
) -> Callable[[Draw], Inputs]:
    """Draws maps `x` (B, C, H, W), each channel about a value of its own between two.

    Args:
        first: the axes' sizes in the first variant; all different, so that a map is not square.
        second: in the second.
        low: the level of the first channel.
        high: of the last.
        scale: the standard deviation within a channel.
    """

    def draw_maps(draw: Draw) -> Inputs:
        shape = draw.sizes(first, second)
        return {"x": draw.normal(*shape, scale=scale) + levels(low, high, shape[1])}

    return draw_maps


def blocks(first: Shape, second: Shape) -> Callable[[Draw], Inputs]:
    """Draws maps `x` (B, C, H, W) whose channels, rows and columns all differ in level."""

    def draw_blocks(draw: Draw) -> Inputs:
        shape = draw.sizes(first, second)
        channels, rows, columns = (torch.linspace(-1, 2, n, dtype=torch.float64) for n in shape[1:])
        level = channels[:, None, None] + rows[:, None] ** 2 + columns
        return {"x": draw.normal(*shape) + level}

    return draw_blocks


def built(**arguments: tuple[Scalar, Scalar]) -> Callable[[Draw], dict[str, Scalar]]:
    """Constructor arguments: of each, what the first variant gives and what the second."""
    return lambda draw: {name: both[draw.variant] for name, both in arguments.items()}
