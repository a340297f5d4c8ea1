"""Coordinate attention as one module: two gates, one along each side of the map."""

import torch
from torch import Tensor, nn

from attncourse.exercises.coordinate.blocks import (
    AlwaysByTheBatch,
    AsMaps,
    ColumnsFirst,
    block_with,
    cut_after_the_width,
    normed_apart,
    together,
)
from attncourse.exercises.core import (
    Draw,
    Exercise,
    Inputs,
    Law,
    Misconception,
    Module,
    Outputs,
)


def _construction(draw: Draw) -> dict[str, int | float | bool | str | None]:
    """A hidden width above the minimum, and one that the minimum replaces."""
    channels, reduction = draw.sizes((23, 2), (11, 4))
    return {"channels": channels, "reduction": reduction}


def _maps(draw: Draw) -> Inputs:
    """Maps whose channels, rows and columns differ in level; square in the second variant.

    Sides that were exchanged raise an error on all maps but the square one, which tells how.
    """
    channels, batch, height, width = draw.sizes((23, 2, 5, 7), (11, 3, 4, 4))
    levels = [torch.linspace(-1, 2, n, dtype=torch.float64) for n in (channels, height, width)]
    level = levels[0][:, None, None] + levels[1][:, None] ** 2 + levels[2]
    return {"x": draw.normal(batch, channels, height, width) + level}


class _Coordinate(nn.Module):
    def __init__(self, channels: int, reduction: int = 32) -> None:
        super().__init__()
        hidden = max(8, channels // reduction)
        self.mix = nn.Linear(channels, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.rows = nn.Linear(hidden, channels)
        self.columns = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        height = x.shape[2]
        sides = torch.cat([x.mean(3), x.mean(2)], dim=2).mT  # (B, H + W, C)
        z = self.norm(self.mix(sides).mT).mT
        z = z * (z + 3).clamp(0, 6) / 6
        rows, columns = self.rows(z[:, :height]), self.columns(z[:, height:])
        return torch.einsum("bchw,bhc,bwc->bchw", x, rows.sigmoid(), columns.sigmoid())


def _gate(inputs: Inputs, outputs: Outputs) -> Tensor:
    x = inputs["x"]
    assert isinstance(x, Tensor)
    return outputs["y"] / x


def _of_rank_one(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    gate = _gate(inputs, before)
    first_row, first_column, corner = gate[:, :, :1], gate[..., :1], gate[:, :, :1, :1]
    return torch.allclose(gate * corner, first_row * first_column, atol=1e-6)


def _upside_down(inputs: Inputs) -> Inputs:
    x = inputs["x"]
    assert isinstance(x, Tensor)
    return inputs | {"x": x.flip(2)}


CoordinateBlock = Exercise(
    name="CoordinateBlock",
    lesson="09-coordinate",
    points=5,
    kind=Module(("y",), by_name=True, training=True),
    says="y: every pixel times the gate of its row and the gate of its column",
    oracle=_Coordinate,
    draw=_maps,
    construction=_construction,
    batched=("x",),
    laws=(
        Law("the gate of a channel is a row's number times a column's", _of_rank_one),
        Law(
            "the map upside down gives the result upside down",
            lambda i, before, after: torch.allclose(before["y"].flip(2), after["y"]),
            _upside_down,
        ),
    ),
    misconceptions=(
        Misconception(
            "sides-exchanged",
            block_with(place=lambda r, c: (r[:, :, None, :], c[:, :, :, None])),
            "Rows and columns got exchanged on the way; on square maps that even runs. What you "
            "average over the *width* has a number for each row, comes first into the transform, "
            "and meets the map as (B, C, H, 1).",
            also=(
                block_with(pool=lambda x: (x.mean(2), x.mean(3))),
                block_with(transform=cut_after_the_width),
            ),
        ),
        Misconception(
            "layers-exchanged",
            block_with(layers=("columns", "rows")),
            "The rows go through `self.columns`, and the columns through `self.rows`. Each layer "
            "makes the gates that its name says.",
        ),
        Misconception(
            "one-layer-for-both",
            block_with(layers=("rows", "rows")),
            "Rows and columns both go through `self.rows`. They share `self.mix`; after it each "
            "has a layer of its own.",
            also=(block_with(layers=("columns", "columns")),),
        ),
        Misconception(
            "normed-apart",
            block_with(transform=normed_apart),
            "In training your norm sees rows and columns one after the other, each with statistics "
            "of its own. Let it see them side by side, as `shared_transform` does.",
        ),
        Misconception(
            "rows-alone",
            block_with(scale=lambda x, rows, columns: x * rows),
            "Only the gates of the rows reach the map: a whole row passes, or none of it. Multiply "
            "with the gates of the columns too.",
        ),
        Misconception(
            "columns-alone",
            block_with(scale=lambda x, rows, columns: x * columns),
            "Only the gates of the columns reach the map. Multiply with the gates of the rows too.",
        ),
        Misconception(
            "added",
            block_with(scale=lambda x, rows, columns: x * (rows + columns)),
            "You add the two gates, so a pixel passes if its row *or* its column is open. "
            "Multiplied, both have to be.",
            also=(block_with(scale=lambda x, rows, columns: x * (rows + columns) / 2),),
        ),
        Misconception(
            "sigmoid-of-the-sum",
            block_with(
                end=lambda z: z, scale=lambda x, rows, columns: x * torch.sigmoid(rows + columns)
            ),
            "You add the logits and take one sigmoid. Each gate is a number between 0 and 1 of its "
            "own: two sigmoids, then a product.",
        ),
        Misconception(
            "gate-returned",
            block_with(scale=lambda x, rows, columns: rows * columns),
            "You return the gate. The block returns the map, each pixel times its gate.",
        ),
        Misconception(
            "residual",
            block_with(scale=lambda x, rows, columns: x + x * rows * columns),
            "You add the input to the gated map, so that nothing can be shut. The shortcut belongs "
            "to the block of MobileNetV2 around this one.",
        ),
        Misconception(
            "no-sigmoid",
            block_with(end=lambda z: z),
            "The gates are not squashed: put a sigmoid behind `self.rows` and `self.columns`.",
        ),
        Misconception(
            "softmax",
            block_with(end=lambda z: z.softmax(-1)),
            "Your gates sum to one along the side, so a longer side has weaker gates. A sigmoid "
            "decides about each row on its own; two may well be open.",
        ),
        Misconception(
            "relu",
            block_with(middle=torch.relu),
            "There is a ReLU in the place of h-swish. Is it your `shared_transform` that is "
            "called, with h-swish at its end?",
        ),
        Misconception(
            "no-activation",
            block_with(middle=lambda z: z),
            "There is no h-swish between `self.norm` and the two layers that follow.",
        ),
        Misconception(
            "no-norm",
            block_with(transform=lambda r, c, mix, norm: together(r, c, mix, lambda z: z)),
            "`self.norm` is made and never used: pass it to the transform.",
        ),
        Misconception(
            "always-by-the-batch",
            AlwaysByTheBatch,
            "In evaluation your norm still takes the statistics of the batch. Call `self.norm` as "
            "a layer: it knows which mode it is in.",
        ),
        Misconception(
            "no-least-width",
            block_with(hidden=lambda channels, reduction: channels // reduction),
            "With few channels, too few hidden units are left. The width is `channels // "
            "reduction`, but at least 8.",
            also=(block_with(hidden=lambda channels, reduction: max(1, channels // reduction)),),
        ),
        Misconception(
            "always-eight",
            block_with(hidden=lambda channels, reduction: 8),
            "Your hidden width is 8 whatever you are given; 8 is only the least: it is `channels "
            "// reduction` where that is more.",
        ),
        Misconception(
            "detached",
            block_with(scale=lambda x, rows, columns: x * (rows * columns).detach()),
            "The numbers are right, but the gates are cut off from the graph: they would never "
            "learn.",
        ),
    ),
    right=(block_with(), AsMaps, ColumnsFirst),
)
