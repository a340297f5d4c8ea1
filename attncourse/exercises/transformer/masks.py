"""What a decoder may see: real symbols, up to its own place."""

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, wrong
from attncourse.exercises.core.laws import tensor


def _inputs(draw: Draw) -> Inputs:
    batch, length = draw.sizes((3, 7), (2, 5))
    return {"real": draw.padding(batch, length)}


def _mask(real: Tensor) -> Tensor:
    length = real.shape[1]
    place = torch.arange(length, device=real.device)
    return real[:, None, :] & (place <= place[:, None])


def _by_tril(real: Tensor) -> Tensor:
    return real.unsqueeze(1).expand(-1, real.shape[1], -1).tril()


def _by_triu(real: Tensor) -> Tensor:
    length = real.shape[1]
    future = torch.ones(length, length, device=real.device).triu(1) > 0
    return torch.logical_and(real[:, None], ~future)


def _by_loop(real: Tensor) -> Tensor:
    rows = []
    for t in range(real.shape[1]):
        row = torch.zeros_like(real)
        row[:, : t + 1] = real[:, : t + 1]
        rows.append(row)
    return torch.stack(rows, dim=1)


def _by_length(real: Tensor) -> Tensor:
    length = real.sum(-1)[:, None, None]
    place = torch.arange(real.shape[1], device=real.device)
    return (place[None, None] < length) & (place[:, None] >= place)


def _square(real: Tensor) -> Tensor:
    return torch.ones(real.shape[1], real.shape[1], dtype=torch.bool, device=real.device)


def _hide_last(inputs: Inputs) -> Inputs:
    real = tensor(inputs, "real")
    real[:, -1] = False
    return inputs


def _rows_before_agree(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    return torch.equal(before["mask"][:, :-1], after["mask"][:, :-1])


decoder_mask = Exercise(
    points=2,
    kind=Function(("mask",)),
    title="mask: True for keys that are real and not in the future",
    oracle=_mask,
    draw=_inputs,
    batched=("real",),
    differentiable=False,
    laws=(
        Law(
            "without its last symbol a text's earlier places see the same",
            _rows_before_agree,
            _hide_last,
        ),
    ),
    misconceptions=(
        wrong("strict", lambda real: real[:, None] & _square(real).tril(-1)).because(
            "A place may not see itself. The symbol at place t is *input* when the next one is "
            "predicted, so the diagonal is allowed; the first place would see nothing at all."
        ),
        wrong("one-too-far", lambda real: real[:, None] & _square(real).tril(1)).because(
            "Each place sees one symbol of its future: exactly the one it has to predict. Shift "
            "the triangle by one."
        ),
        wrong("future-only", lambda real: real[:, None] & _square(real).triu()).because(
            "Your triangle lies on the wrong side: places see what comes after them. Rows are "
            "queries, columns are keys."
        ),
        wrong("causal-only", lambda real: _square(real).tril().expand(len(real), -1, -1)).because(
            "Padding is allowed: the mask is the same for all sentences. Combine the triangle "
            "with `real`."
        ),
        wrong("padding-only", lambda real: real[:, None].expand(-1, real.shape[1], -1)).because(
            "The future is allowed: combine `real` with a triangle."
        ),
        wrong(
            "queries-masked",
            lambda real: real[:, :, None] & _square(real).tril(),
            lambda real: real[:, :, None] & real[:, None] & _square(real).tril(),
        ).because(
            "You hide the rows of padding. A row that sees nothing at all is NaN after a softmax, "
            "and nobody reads it anyway. A mask says which *keys* may be seen: put `real` on the "
            "last axis only."
        ),
        wrong("either", lambda real: real[:, None] | _square(real).tril()).because(
            "A key is allowed if it is real *or* not in the future. It must be both: use `&`."
        ),
        wrong("inverted", lambda real: ~(real[:, None] & _square(real).tril())).because(
            "This is True where looking is forbidden. In this course, as in "
            "`F.scaled_dot_product_attention`, True means allowed."
        ),
        wrong("added-numbers", lambda real: (real[:, None] & _square(real).tril()).float()).because(
            "The pattern is right, but its numbers are 0.0 and 1.0. As floats, a mask is *added* "
            "to the scores and would hide nothing: return booleans."
        ),
    ),
    right=(_by_tril, _by_triu, _by_loop, _by_length),
)
