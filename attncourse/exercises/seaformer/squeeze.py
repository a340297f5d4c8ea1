"""Squeeze one axis of a map by its mean, and cut the channels into heads."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, wrong
from attncourse.exercises.core.laws import tensor


def _maps(draw: Draw) -> Inputs:
    """Sizes that cannot be taken for each other; channels differ in level."""
    batch, heads, width, height, breadth = draw.sizes((2, 3, 4, 5, 7), (3, 2, 5, 11, 4))
    level = torch.linspace(-1, 2, heads * width, dtype=torch.float64)[:, None, None]
    return {"maps": draw.normal(batch, heads * width, height, breadth) + level, "heads": heads}


def _call(answer: Callable[..., Any], inputs: Inputs) -> tuple[Any, Any]:
    """Ask for both axes."""
    maps, heads = inputs.values()
    return answer(maps, heads, 3), answer(maps, heads, 2)


def _squeeze(maps: Tensor, heads: int, axis: int) -> Tensor:
    return torch.stack([part.mean(axis).mT for part in maps.chunk(heads, 1)], 1)


def _by_view(maps: Tensor, heads: int, axis: int) -> Tensor:
    batch, channels = maps.shape[:2]
    pooled = maps.sum(axis) / maps.shape[axis]
    return pooled.view(batch, heads, channels // heads, -1).transpose(2, 3)


def _by_windows(maps: Tensor, heads: int, axis: int) -> Tensor:
    if axis == 3:
        pooled = F.adaptive_avg_pool2d(maps, (None, 1)).squeeze(3)
    else:
        pooled = F.adaptive_avg_pool2d(maps, (1, None)).squeeze(2)
    return pooled.permute(0, 2, 1).unflatten(2, (heads, -1)).permute(0, 2, 1, 3)


def _heads_first(maps: Tensor, heads: int, axis: int) -> Tensor:
    return maps.unflatten(1, (heads, -1)).mean(axis + 1).mT


def _with(
    pool: Callable[[Tensor, int], Tensor] = lambda x, axis: x.mean(axis),
    cut: Callable[[Tensor, int], Tensor] = lambda p, heads: p.unflatten(1, (heads, -1)).mT,
) -> Callable[[Tensor, int, int], Tensor]:
    """Another reduction of the axis, or another way to make tokens of (B, C, L)."""
    return lambda maps, heads, axis: cut(pool(maps, axis), heads)


def _interleaved(pooled: Tensor, heads: int) -> Tensor:
    """Head n gets the channels n, n + h, n + 2h and so on."""
    return pooled.unflatten(1, (-1, heads)).transpose(1, 2).mT


def _mixed_rows(inputs: Inputs) -> Inputs:
    """Every row is rolled by as many places as its number says."""
    maps = tensor(inputs, "maps")
    rolled = [row.roll(n, -1) for n, row in enumerate(maps.unbind(2))]
    return inputs | {"maps": torch.stack(rolled, 2)}


def _rows_are_blind(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    same = torch.allclose(before["rows"], after["rows"])
    return same and not torch.allclose(before["columns"], after["columns"])


squeeze_axis = Exercise(
    points=2,
    kind=Function(("rows", "columns"), call=_call),
    title="tokens (B, h, L, D): a mean for each row (axis 3), for each column (axis 2)",
    oracle=_squeeze,
    draw=_maps,
    batched=("maps",),
    laws=(
        Law("shuffling within the rows changes columns, and no row", _rows_are_blind, _mixed_rows),
    ),
    misconceptions=(
        wrong("axes-exchanged", _with(pool=lambda x, axis: x.mean(5 - axis))).because(
            "You keep the axis that should go. `axis` is the one to average away: with axis 3, the "
            "width, a number is left for each row."
        ),
        wrong(
            "axis-ignored",
            _with(pool=lambda x, axis: x.mean(3)),
            _with(pool=lambda x, axis: x.mean(2)),
        ).because("You squeeze the same axis whatever `axis` says."),
        wrong("maximum", _with(pool=lambda x, axis: x.amax(axis))).because(
            "You take the greatest value along the axis. SeaFormer takes the mean."
        ),
        wrong("sum", _with(pool=lambda x, axis: x.sum(axis))).because(
            "You sum, so that a long row speaks louder than a short one. Take the mean."
        ),
        wrong(
            "divided-by-the-wrong-side", _with(pool=lambda x, axis: x.sum(axis) / x.shape[5 - axis])
        ).because(
            "The sum is divided by the length of the axis that stays. That is right on square maps "
            "alone."
        ),
        wrong("heads-interleaved", _with(cut=_interleaved)).because(
            "Your heads take every h-th channel. The first head has the first D channels, the "
            "second the next D: cut (B, h·D, L) into (B, h, D, L)."
        ),
        wrong(
            "reshaped",
            _with(cut=lambda p, heads: p.reshape(len(p), heads, p.shape[2], p.shape[1] // heads)),
        ).because(
            "The shape is right, but `reshape` does not turn anything: a token then mixes numbers "
            "of different places. First cut the channels, (B, h, D, L), then transpose."
        ),
        wrong("not-turned", _with(cut=lambda p, heads: p.unflatten(1, (heads, -1)))).because(
            "The numbers are right, but a token should be a row of the result: (B, h, L, D), and "
            "yours is (B, h, D, L). Transpose the last two."
        ),
        wrong(
            "heads-averaged",
            _with(
                cut=lambda p, heads: (
                    p.unflatten(1, (heads, -1)).mean(1, keepdim=True).expand(-1, heads, -1, -1).mT
                )
            ),
        ).because(
            "All heads are the same: you average over them too. Each keeps channels of its own."
        ),
        wrong(
            "whole-map",
            _with(pool=lambda x, axis: x.mean((2, 3), keepdim=True).expand_as(x).select(axis, 0)),
        ).because(
            "You average over the whole map, as SE does, and all tokens are alike. Squeeze one "
            "axis, and keep the other."
        ),
    ),
    right=(_with(), _by_view, _by_windows, _heads_first),
)
