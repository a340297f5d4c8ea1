"""Coordinate attention as one module: two gates, one along each side of the map."""

import torch
from torch import Tensor, nn

from attncourse.exercises.common.draws import blocks
from attncourse.exercises.coordinate.blocks import (
    AlwaysByTheBatch,
    AsLinearLayers,
    AsMaps,
    ColumnsFirst,
    NoDefault,
    OneAfterTheOther,
    block_with,
    cut_after_the_width,
    frozen,
    normed_apart,
    together,
)
from attncourse.exercises.core import Draw, Exercise, Inputs, Law, Module, Outputs, wrong
from attncourse.exercises.core.laws import flipped, flips_along, tensor


def _construction(draw: Draw) -> dict[str, int | float | bool | str | None]:
    """A width that the minimum replaces; for the other sizes no reduction: the default counts."""
    # 289 // 50 is less than 8, 289 // 32 is more, and 319 / 32 is 10 if rounded.
    return {"channels": 319} if draw.variant else {"channels": 289, "reduction": 50}


class _Coordinate(nn.Module):
    def __init__(self, channels: int, reduction: int = 32) -> None:
        super().__init__()
        hidden = max(8, channels // reduction)
        self.mix = nn.Conv1d(channels, hidden, 1)
        self.norm = nn.BatchNorm1d(hidden)
        self.rows = nn.Conv1d(hidden, channels, 1)
        self.columns = nn.Conv1d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        height = x.shape[2]
        z = self.norm(self.mix(torch.cat([x.mean(3), x.mean(2)], dim=2)))  # (B, R, H + W)
        z = z * (z + 3).clamp(0, 6) / 6
        rows, columns = self.rows(z[..., :height]), self.columns(z[..., height:])
        return torch.einsum("bchw,bch,bcw->bchw", x, rows.sigmoid(), columns.sigmoid())


def _gate(inputs: Inputs, outputs: Outputs) -> Tensor:
    x = tensor(inputs, "x")
    return outputs["y"] / x


def _of_rank_one(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    gate = _gate(inputs, before)
    first_row, first_column, corner = gate[:, :, :1], gate[..., :1], gate[:, :, :1, :1]
    return torch.allclose(gate * corner, first_row * first_column, atol=1e-6)


CoordinateBlock = Exercise(
    points=5,
    kind=Module(("y",), by_name=True, training=True),
    title="y: every pixel times the gate of its row and the gate of its column",
    oracle=_Coordinate,
    # Sides that were exchanged raise an error on all maps but the square one, which tells how.
    draw=blocks((2, 289, 5, 7), (3, 319, 4, 4)),
    construction=_construction,
    batched=("x",),
    laws=(
        Law("the gate of a channel is a row's number times a column's", _of_rank_one),
        Law(
            "the map upside down gives the result upside down", flips_along("y", 2), flipped("x", 2)
        ),
    ),
    misconceptions=(
        wrong(
            "sides-exchanged",
            block_with(place=lambda r, c: (r[:, :, None, :], c[:, :, :, None])),
            block_with(pool=lambda x: (x.mean(2), x.mean(3))),
            block_with(transform=cut_after_the_width),
        ).because(
            "Rows and columns got exchanged on the way; on square maps that even runs. What you "
            "average over the *width* has a number for each row, comes first into the transform, "
            "and meets the map as (B, C, H, 1)."
        ),
        wrong("layers-exchanged", block_with(layers=("columns", "rows"))).because(
            "The rows go through `self.columns`, and the columns through `self.rows`. Each layer "
            "makes the gates that its name says."
        ),
        wrong(
            "one-layer-for-both",
            block_with(layers=("rows", "rows")),
            block_with(layers=("columns", "columns")),
        ).because(
            "Rows and columns both go through `self.rows`. They share `self.mix`; after it each "
            "has a layer of its own."
        ),
        wrong("normed-apart", block_with(transform=normed_apart)).because(
            "In training your norm sees rows and columns one after the other, each with statistics "
            "of its own. Let it see them side by side, as `shared_transform` does."
        ),
        wrong("rows-alone", block_with(scale=lambda x, rows, columns: x * rows)).because(
            "Only the gates of the rows reach the map: a whole row passes, or none of it. Multiply "
            "with the gates of the columns too."
        ),
        wrong("columns-alone", block_with(scale=lambda x, rows, columns: x * columns)).because(
            "Only the gates of the columns reach the map. Multiply with the gates of the rows too."
        ),
        wrong(
            "added",
            block_with(scale=lambda x, rows, columns: x * (rows + columns)),
            block_with(scale=lambda x, rows, columns: x * (rows + columns) / 2),
        ).because(
            "You add the two gates, so a pixel passes if its row *or* its column is open. "
            "Multiplied, both have to be."
        ),
        wrong(
            "sigmoid-of-the-sum",
            block_with(
                end=lambda z: z, scale=lambda x, rows, columns: x * torch.sigmoid(rows + columns)
            ),
        ).because(
            "You add the logits and take one sigmoid. Each gate is a number between 0 and 1 of its "
            "own: two sigmoids, then a product."
        ),
        wrong("gate-returned", block_with(scale=lambda x, rows, columns: rows * columns)).because(
            "You return the gate. The block returns the map, each pixel times its gate."
        ),
        wrong(
            "residual", block_with(scale=lambda x, rows, columns: x + x * rows * columns)
        ).because(
            "You add the input to the gated map, so that nothing can be shut. The shortcut belongs "
            "to the block of MobileNetV2 around this one."
        ),
        wrong(
            "sigmoid-of-the-product",
            block_with(
                end=lambda z: z, scale=lambda x, rows, columns: x * torch.sigmoid(rows * columns)
            ),
        ).because(
            "You multiply the logits and take one sigmoid. Then two shut gates make an open one: "
            "minus times minus. Two sigmoids first, then the product."
        ),
        wrong("one-after-the-other", OneAfterTheOther).because(
            "The means of the columns are taken from the map that the rows have gated already. "
            "Both gates come from the same `x`; multiply at the end."
        ),
        wrong("maximum", block_with(pool=lambda x: (x.amax(3), x.amax(2)))).because(
            "Rows and columns are pooled by their maximum. Take the means, as `pool_sides` does."
        ),
        wrong("no-sigmoid", block_with(end=lambda z: z)).because(
            "The gates are not squashed: put a sigmoid behind `self.rows` and `self.columns`."
        ),
        wrong("hard-sigmoid", block_with(end=torch.nn.functional.hardsigmoid)).because(
            "Your gates end in the hard sigmoid, ReLU6(z + 3) / 6. Here they end in σ; only the "
            "shared part has a cheap stand-in."
        ),
        wrong("softmax", block_with(end=lambda z: z.softmax(-1))).because(
            "Your gates sum to one along the side, so a longer side has weaker gates. A sigmoid "
            "decides about each row on its own; two may well be open."
        ),
        wrong("relu", block_with(middle=torch.relu)).because(
            "There is a ReLU in the place of h-swish. Is it your `shared_transform` that is "
            "called, with h-swish at its end?"
        ),
        wrong("no-activation", block_with(middle=lambda z: z)).because(
            "There is no h-swish between `self.norm` and the two layers that follow."
        ),
        wrong(
            "no-norm",
            block_with(transform=lambda r, c, mix, norm: together(r, c, mix, lambda z: z)),
        ).because("`self.norm` is made and never used: pass it to the transform."),
        wrong("always-by-the-batch", AlwaysByTheBatch).because(
            "In evaluation your norm still takes the statistics of the batch. Call `self.norm` as "
            "a layer: it knows which mode it is in."
        ),
        wrong("frozen", block_with(transform=frozen)).because(
            "In training you norm by the running mean and variance, as in evaluation, so the norm "
            "never learns what passes through it. Call `self.norm` and leave its mode alone."
        ),
        wrong(
            "width-of-a-great-reduction",
            block_with(hidden=lambda channels, reduction: channels // reduction),
            block_with(hidden=lambda channels, reduction: max(1, channels // reduction)),
            block_with(hidden=lambda channels, reduction: max(8, channels // 32)),
        ).because(
            "Your hidden width is wrong where `channels // reduction` is less than 8. It is 8 "
            "then. Is `reduction` used as it is given, and the least kept?"
        ),
        wrong(
            "width-by-default",
            block_with(hidden=lambda channels, reduction: 8),
            block_with(hidden=lambda channels, reduction: max(8, -(-channels // reduction))),
            block_with(hidden=lambda channels, reduction: max(8, round(channels / reduction))),
            block_with(default=16),
            NoDefault,
        ).because(
            "With many channels and no `reduction` given, your hidden width is wrong. 32 counts "
            "then, as in the stub; `//` rounds down; and 8 is only the least."
        ),
        wrong(
            "detached", block_with(scale=lambda x, rows, columns: x * (rows * columns).detach())
        ).because(
            "The numbers are right, but the gates are cut off from the graph: they would never "
            "learn."
        ),
    ),
    right=(block_with(), AsLinearLayers, AsMaps, ColumnsFirst),
)
