"""What a map tells when it is averaged along one axis: a number for each row, or each column."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from attncourse.exercises.common.draws import maps
from attncourse.exercises.core import Exercise, Function, Inputs, Law, Outputs, wrong
from attncourse.exercises.core.laws import flipped

Sides = tuple[Tensor, Tensor]


def _pool_sides(x: Tensor) -> Sides:
    height, width = x.shape[-2:]
    return torch.einsum("bchw->bch", x) / width, torch.einsum("bchw->bcw", x) / height


def _by_windows(x: Tensor) -> Sides:
    rows = F.adaptive_avg_pool2d(x, (None, 1)).squeeze(3)
    return rows, F.avg_pool2d(x, (x.shape[2], 1)).squeeze(2)


def _turned(x: Tensor) -> Sides:
    return x.mT.mean(2), x.mT.mean(3)


def _in_loops(x: Tensor) -> Sides:
    rows = [x[:, :, i].sum(-1) / x.shape[3] for i in range(x.shape[2])]
    columns = [x[..., j].sum(-1) / x.shape[2] for j in range(x.shape[3])]
    return torch.stack(rows, -1), torch.stack(columns, -1)


def _each(reduce: Callable[[Tensor, int], Tensor]) -> Callable[[Tensor], Sides]:
    """Both sides by another reduction of one axis."""
    return lambda x: (reduce(x, 3), reduce(x, 2))


def _divided_by(axis_of_rows: int, axis_of_columns: int) -> Callable[[Tensor], Sides]:
    """Sums over the right axes, divided by the lengths of these."""
    return lambda x: (x.sum(3) / x.shape[axis_of_rows], x.sum(2) / x.shape[axis_of_columns])


def _reshaped(x: Tensor) -> Sides:
    return x.mean(3), x.reshape(*x.shape[:2], x.shape[3], x.shape[2]).mean(3)


def _columns_alone_turn(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    return torch.allclose(before["rows"], after["rows"]) and torch.allclose(
        before["columns"].flip(2), after["columns"]
    )


pool_sides = Exercise(
    points=2,
    kind=Function(("rows", "columns")),
    title="rows and columns: their means, in every channel of every image",
    oracle=_pool_sides,
    draw=maps((2, 3, 5, 7), (3, 2, 11, 4)),
    batched=("x",),
    laws=(
        Law(
            "a mirrored map has the same rows, and its columns in reverse",
            _columns_alone_turn,
            flipped("x", 3),
        ),
    ),
    misconceptions=(
        wrong("axes-exchanged", lambda x: (x.mean(2), x.mean(3))).because(
            "Rows and columns are exchanged. A row runs along the width: to get one number for "
            "each row, average the *width* away and keep the height. On a square map the shapes "
            "would not have told you."
        ),
        wrong("whole-map", lambda x: (x.mean((2, 3)), x.mean((2, 3)))).because(
            "You average over the whole map, as SE does, and nobody knows any longer where "
            "anything stood. Average over one axis at a time."
        ),
        wrong("maximum", _each(lambda x, axis: x.amax(axis))).because(
            "You take the greatest value of each row and column. Coordinate attention takes the "
            "mean."
        ),
        wrong("sum", _each(lambda x, axis: x.sum(axis))).because(
            "You sum. A wide map would speak louder in its rows than in its columns: divide by how "
            "many pixels you summed."
        ),
        wrong(
            "divided-by-the-wrong-side", _divided_by(2, 3), _divided_by(2, 2), _divided_by(3, 3)
        ).because(
            "A sum is divided by the wrong length. A row has W pixels and a column has H: this is "
            "right on square maps alone."
        ),
        wrong("axes-kept", _each(lambda x, axis: x.mean(axis, keepdim=True))).because(
            "The numbers are right, but the averaged axis is still there, with length 1. Return "
            "(B, C, H) and (B, C, W)."
        ),
        wrong(
            "all-ones-squeezed", _each(lambda x, axis: x.mean(axis, keepdim=True).squeeze())
        ).because(
            "`squeeze()` without an axis takes away every axis of length 1, also that of a batch "
            "of one image. Say which axis, or let `mean` drop it."
        ),
        wrong(
            "over-the-batch",
            lambda x: (
                x.mean((0, 3)).expand(len(x), -1, -1),
                x.mean((0, 2)).expand(len(x), -1, -1),
            ),
        ).because(
            "You average over the images of the batch as well: all get the same rows and columns. "
            "Keep the first axis."
        ),
        wrong(
            "over-channels",
            lambda x: (
                x.mean((1, 3), keepdim=True).squeeze(3).expand(-1, x.shape[1], -1),
                x.mean((1, 2), keepdim=True).squeeze(2).expand(-1, x.shape[1], -1),
            ),
        ).because(
            "You average over the channels too. Each channel keeps rows and columns of its own."
        ),
        wrong("reshaped", _reshaped).because(
            "`reshape` cuts the same numbers into lines of another length; it does not turn a map. "
            "Average over axis 2, or turn the map with `transpose`."
        ),
    ),
    right=(_each(lambda x, axis: x.mean(axis)), _by_windows, _turned, _in_loops),
)
