"""ECA's adaptive kernel: how many neighbours a channel should hear."""

import math
from collections.abc import Callable
from typing import Any

import torch

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, wrong
from attncourse.exercises.core.laws import tensor


def _widths(draw: Draw) -> Inputs:
    """Widths of networks, those about which a kernel changes, and some drawn at random."""
    (chosen,) = draw.sizes((0,), (1,))
    fixed = ([4, 7, 8, 64, 127, 128, 512, 2048], [2, 16, 96, 256, 1024, 2047, 40_000])[chosen]
    return {"channels": torch.cat([torch.tensor(fixed), draw.integers(5000, 5, low=2)])}


def _call_kernel(answer: Callable[[int], Any], inputs: Inputs) -> Any:
    """Ask for one width after another, as plain integers."""
    channels = tensor(inputs, "channels")
    return torch.tensor([answer(int(width)) for width in channels])


def _size(channels: int) -> float:
    return (math.log2(channels) + 1) / 2


def _kernel(channels: int) -> int:
    # Counting in powers of 16 needs no logarithm: k grows by 2 at C = 8, 128, 2048, 32768 …
    kernel, edge = 1, 8
    while channels >= edge:
        kernel, edge = kernel + 2, edge * 16
    return kernel


def _kernel_by_half(channels: int) -> int:
    return 2 * math.floor(_size(channels) / 2) + 1


def _kernel_by_or(channels: int) -> int:
    return int(_size(channels)) | 1


def _kernel_by_parity(channels: int) -> int:
    size = int(abs(math.log2(channels) / 2 + 1 / 2))
    return size if size % 2 else size + 1


def _kernel_nearest(channels: int) -> int:
    return min(range(31, 0, -2), key=lambda odd: abs(odd - _size(channels)))


adaptive_kernel = Exercise(
    points=2,
    kind=Function(("kernels",), call=_call_kernel),
    title="kernels: the odd number nearest to (log₂ C + 1) / 2",
    oracle=_kernel,
    draw=_widths,
    differentiable=False,
    portable=False,
    misconceptions=(
        wrong("even", lambda c: int(_size(c))).because(
            "Some of your kernels are even. An even kernel has no middle, so a channel would hear "
            "more on one side than on the other: go to the odd number."
        ),
        wrong("rounded", lambda c: round(_size(c))).because(
            "You round to the nearest whole number, which may be even. Asked for is the nearest "
            "*odd* number."
        ),
        wrong("down-to-odd", lambda c: size if (size := int(_size(c))) % 2 else size - 1).because(
            "Where the whole part is even you go down; between two odd numbers take the upper: "
            "128 channels give 4, and the kernel is 5."
        ),
        wrong("rounded-first", lambda c: round(_size(c)) | 1).because(
            "You go up too early: 64 channels give 3.5, and the nearest odd number is 3. Did you "
            "round to a whole number first, or divide log₂ C by 2 but not the 1 beside it?"
        ),
        wrong("natural-logarithm", lambda c: int((math.log(c) + 1) / 2) | 1).because(
            "That is the natural logarithm; the formula has the one to base 2, which counts "
            "doublings."
        ),
        wrong("no-offset", lambda c: int(math.log2(c) / 2) | 1).because(
            "The 1 in the numerator is missing: (log₂ C + 1) / 2."
        ),
        wrong("not-divided", lambda c: int(math.log2(c) + 1) | 1).because(
            "The division by γ = 2 is missing."
        ),
        wrong("at-least-three", lambda c: max(3, int(_size(c)) | 1)).because(
            "You never go below 3. Some libraries do the same; the formula gives 1 for fewer than "
            "8 channels."
        ),
        wrong("always-three", lambda c: 3).because(
            "Your kernel is 3 for every width; more channels should hear more neighbours."
        ),
    ),
    right=(_kernel_by_half, _kernel_by_or, _kernel_by_parity, _kernel_nearest),
)
