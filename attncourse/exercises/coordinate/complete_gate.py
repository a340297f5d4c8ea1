"""The gate of a channel has rank one: a row and a column of it tell all the rest."""

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, wrong


def _known_sides(draw: Draw) -> Inputs:
    """The first column and the first row of gates; both begin with the gate in the corner."""
    batch, channels, height, width = draw.sizes((2, 3, 5, 7), (3, 2, 11, 4))
    rows = draw.normal(batch, channels, height).sigmoid()
    columns = draw.normal(batch, channels, width).sigmoid()
    return {"column": rows * columns[..., :1], "row": rows[..., :1] * columns}


def _complete(column: Tensor, row: Tensor) -> Tensor:
    return torch.einsum("bch,bcw->bchw", column / column[..., :1], row)


def _by_logarithms(column: Tensor, row: Tensor) -> Tensor:
    logarithm = column.log()[..., None] + row.log()[..., None, :]
    return torch.exp(logarithm - row.log()[..., :1, None])


def _by_matrices(column: Tensor, row: Tensor) -> Tensor:
    return column.unsqueeze(-1) @ (row / row[..., 0:1]).unsqueeze(-2)


def _row_by_row(column: Tensor, row: Tensor) -> Tensor:
    shares = [column[..., i] / column[..., 0] for i in range(column.shape[-1])]
    return torch.stack([share[..., None] * row for share in shares], dim=2)


def _outer(column: Tensor, row: Tensor) -> Tensor:
    return column[..., :, None] * row[..., None, :]


def _keeps_what_was_known(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    column, row, gate = inputs["column"], inputs["row"], before["gate"]
    assert isinstance(column, Tensor) and isinstance(row, Tensor)
    return torch.allclose(gate[..., 0], column) and torch.allclose(gate[..., 0, :], row)


complete_gate = Exercise(
    points=3,
    kind=Function(("gate",)),
    title="gate: the gates of all pixels",
    oracle=_complete,
    draw=_known_sides,
    batched=("column", "row"),
    differentiable=False,  # the corner is given twice: either may be divided by
    laws=(Law("the first column and the first row are the given ones", _keeps_what_was_known),),
    misconceptions=(
        wrong("not-divided", _outer).because(
            "Your numbers are too small. Column and row *both* contain the gate of the corner; "
            "multiplied, it is in there twice. Divide by it once."
        ),
        wrong("divided-twice", lambda c, r: _outer(c / c[..., :1], r / r[..., :1])).because(
            "You divide both by the corner. Then the corner itself becomes 1: divide once."
        ),
        wrong("divided-by-a-root", lambda c, r: _outer(c, r) / r[..., :1, None].sqrt()).because(
            "You divide by the root of the corner. It is a factor of the column and of the row, so "
            "of their product twice; one of the two has to go, whole."
        ),
        wrong("multiplied", lambda c, r: _outer(c, r) * r[..., :1, None]).because(
            "You multiply by the corner, which is in the product twice already. Divide by it."
        ),
        wrong("turned", lambda c, r: (_outer(c, r) / r[..., :1, None]).mT).because(
            "The result is turned: asked for is (B, C, H, W), with the column along H."
        ),
        wrong("added", lambda c, r: c[..., :, None] + r[..., None, :] - r[..., :1, None]).because(
            "You add. A gate is the *product* of what its row and its column allow."
        ),
        wrong("mean-of-both", lambda c, r: (c[..., :, None] + r[..., None, :]) / 2).because(
            "You take the mean of the two gates at the border. A gate is the *product* of what its "
            "row and its column allow."
        ),
        wrong(
            "one-corner-for-all",
            lambda c, r: _outer(c, r) / r[0, 0, 0],
            lambda c, r: _outer(c, r) / r[:, :1, :1, None],
            lambda c, r: _outer(c, r) / r[:1, :, :1, None],
        ).because(
            "You divide by the corner of the first image, or of the first channel, whatever the "
            "image and channel. Each has a corner of its own: `row[..., :1]` keeps the axes."
        ),
        wrong(
            "divided-by-the-other-end",
            lambda c, r: _outer(c, r) / r[..., -1:, None],
            lambda c, r: _outer(c, r) / c[..., -1:, None],
        ).because(
            "You divide by the last gate of the row. What row and column share is the first."
        ),
        wrong(
            "divided-by-the-greatest",
            lambda c, r: _outer(c, r) / c.amax(2, keepdim=True)[..., None],
            lambda c, r: _outer(c, r) / r.amax(2, keepdim=True)[..., None],
        ).because(
            "You divide by the greatest gate. What column and row share is the corner, whether it "
            "is great or not."
        ),
        wrong(
            "one-side-alone",
            lambda c, r: c[..., :, None].expand(*c.shape, r.shape[2]),
            lambda c, r: r[..., None, :].expand(*c.shape, r.shape[2]),
        ).because("Your gates follow one of the two sides and ignore the other."),
        wrong(
            "least-of-both", lambda c, r: torch.minimum(c[..., :, None], r[..., None, :])
        ).because(
            "You take the lesser of the two. A gate is the *product* of what its row and its "
            "column allow."
        ),
    ),
    right=(lambda c, r: _outer(c, r) / r[..., :1, None], _by_logarithms, _by_matrices, _row_by_row),
)
