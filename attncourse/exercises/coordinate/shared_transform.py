"""Rows and columns side by side through the same layers, and apart again."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, wrong

Layer = Callable[[Tensor], Tensor]
Sides = tuple[Tensor, Tensor]


def _inputs(draw: Draw) -> Inputs:
    """Means of two different spreads, and a norm that sends them to both ends of h-swish."""
    batch, channels, hidden, height, width = draw.sizes((2, 7, 4, 5, 8), (3, 5, 3, 9, 2))
    return {
        "rows": draw.normal(batch, channels, height, offset=0.5),
        "columns": draw.normal(batch, channels, width, offset=-0.5, scale=2),
        "w_mix": draw.normal(hidden, channels, scale=channels**-0.5),
        "gamma": draw.normal(hidden, offset=2.5, scale=0.3),
        "beta": draw.normal(hidden),
    }


def _call(answer: Callable[..., Any], inputs: Inputs) -> Any:
    """Give the answer a `mix` and a `norm` that are made of the probe's tensors."""
    rows, columns, w_mix, gamma, beta = inputs.values()
    assert isinstance(w_mix, Tensor) and isinstance(gamma, Tensor) and isinstance(beta, Tensor)

    def mix(sides: Tensor) -> Tensor:
        return torch.einsum("rc,bc...->br...", w_mix, sides)

    def norm(mixed: Tensor) -> Tensor:  # as in training: by the statistics of what it is given
        return F.batch_norm(mixed, None, None, gamma, beta, training=True)

    return answer(rows, columns, mix, norm)


def _h_swish(z: Tensor) -> Tensor:
    return torch.where(z > 3, z, torch.where(z < -3, 0.0, z * (z + 3) / 6))


def _shared_transform(rows: Tensor, columns: Tensor, mix: Layer, norm: Layer) -> Sides:
    height = rows.shape[-1]
    hidden = _h_swish(norm(mix(torch.cat([rows, columns], dim=-1))))
    return hidden[..., :height], hidden[..., height:]


def _columns_first(rows: Tensor, columns: Tensor, mix: Layer, norm: Layer) -> Sides:
    hidden = F.hardswish(norm(mix(torch.cat((columns, rows), dim=2))))
    of_columns, of_rows = hidden.split([columns.shape[2], rows.shape[2]], dim=2)
    return of_rows, of_columns


def _mixed_apart(rows: Tensor, columns: Tensor, mix: Layer, norm: Layer) -> list[Tensor]:
    z = norm(torch.cat((mix(rows), mix(columns)), dim=2))
    return list(torch.tensor_split(z * F.relu6(z + 3) / 6, [rows.shape[2]], dim=2))


def _as_a_map(rows: Tensor, columns: Tensor, mix: Layer, norm: Layer) -> Sides:
    z = norm(mix(torch.cat((rows[..., None], columns[..., None]), dim=2)))  # (B, R, H + W, 1)
    hidden = z * F.hardsigmoid(z)
    height = rows.shape[2]
    return hidden[:, :, :height, 0], hidden.narrow(2, height, columns.shape[2]).squeeze(3)


def _columns_laid_first(rows: Tensor, columns: Tensor, mix: Layer, norm: Layer) -> Sides:
    hidden = F.hardswish(norm(mix(torch.cat((columns, rows), dim=2))))
    return hidden[..., : rows.shape[2]], hidden[..., rows.shape[2] :]


def _with(
    activation: Layer = F.hardswish,
    split: Callable[[Tensor, int, int], Sides] = lambda z, h, w: (z[..., :h], z[..., h:]),
    early: bool = False,
    normed: bool = True,
) -> Callable[..., Sides]:
    """A transform with one of its parts exchanged."""

    def transform(rows: Tensor, columns: Tensor, mix: Layer, norm: Layer) -> Sides:
        z = mix(torch.cat([rows, columns], dim=2))
        z = activation(z) if early else z
        z = norm(z) if normed else z
        return split(z if early else activation(z), rows.shape[2], columns.shape[2])

    return transform


def _normed_apart(rows: Tensor, columns: Tensor, mix: Layer, norm: Layer) -> Sides:
    return F.hardswish(norm(mix(rows))), F.hardswish(norm(mix(columns)))


shared_transform = Exercise(
    points=3,
    kind=Function(("of_rows", "of_columns"), call=_call),
    title="of_rows and of_columns: h-swish of the norm of the mixed means, apart again",
    oracle=_shared_transform,
    draw=_inputs,
    misconceptions=(
        wrong("normed-apart", _normed_apart).because(
            "Rows and columns go through the norm one after the other, so in training each is "
            "normalised by its own statistics. Put them side by side first, and take them apart at "
            "the very end: one norm sees both."
        ),
        wrong("lengths-exchanged", _with(split=lambda z, h, w: (z[..., :w], z[..., w:]))).because(
            "You cut at the wrong place: the first H positions are the rows, as many as "
            "`rows.shape[2]`. On a square map this would have gone unnoticed."
        ),
        wrong(
            "taken-from-the-other-end",
            _with(split=lambda z, h, w: (z[..., -h:], z[..., :-h])),
            _columns_laid_first,
        ).because(
            "The lengths are right, but what you call rows is in part made of columns: take them "
            "apart in the order in which you put them together."
        ),
        wrong(
            "halved",
            _with(split=lambda z, h, w: (z[..., : (h + w) // 2], z[..., (h + w) // 2 :])),
            _with(split=lambda z, h, w: (z[..., : -(-(h + w) // 2)], z[..., -(-(h + w) // 2) :])),
        ).because("You cut in the middle. That is right on square maps alone: cut after the rows."),
        wrong("returned-in-reverse", _with(split=lambda z, h, w: (z[..., h:], z[..., :h]))).because(
            "You return the columns first. Asked for are the rows, then the columns."
        ),
        wrong("not-split", _with(split=lambda z, h, w: (z, z))).because(
            "You return rows and columns together, twice. Take them apart again."
        ),
        wrong("relu", _with(torch.relu)).because(
            "You end in a ReLU. Asked for is h-swish, z · ReLU6(z + 3) / 6, which lets a little of "
            "the negative numbers through."
        ),
        wrong("relu6", _with(F.relu6)).because(
            "You end in ReLU6. In h-swish it is only the factor that z is multiplied with."
        ),
        wrong("hard-sigmoid", _with(F.hardsigmoid)).because(
            "You end in ReLU6(z + 3) / 6, the hard sigmoid. For h-swish, multiply it with z."
        ),
        wrong("swish", _with(F.silu)).because(
            "You end in z · σ(z), the smooth swish. h-swish puts ReLU6(z + 3) / 6 in the place of "
            "σ(z): nearly the same, cheaper on a phone."
        ),
        wrong("not-divided", _with(lambda z: z * F.relu6(z + 3))).because(
            "Your h-swish is six times too large: divide ReLU6(z + 3) by 6."
        ),
        wrong("relu-in-the-factor", _with(lambda z: z * (z + 3).relu() / 6)).because(
            "The factor in your h-swish is a ReLU, which grows without end. It should be ReLU6, "
            "so that above 3 it is z itself that comes out."
        ),
        wrong("not-shifted", _with(lambda z: z * F.relu6(z) / 6)).because(
            "In your h-swish ReLU6 begins at 0. It should begin at −3: ReLU6(z + 3)."
        ),
        wrong("no-activation", _with(lambda z: z)).because(
            "There is no h-swish, so mixing here and the layers that follow are one linear layer."
        ),
        wrong("activation-before-norm", _with(early=True)).because(
            "The h-swish stands before the norm. Mix, then norm, then h-swish."
        ),
        wrong("no-norm", _with(normed=False)).because(
            "`norm` is never called: it stands between `mix` and the h-swish."
        ),
    ),
    right=(
        _columns_first,
        _mixed_apart,
        _as_a_map,
        lambda rows, columns, mix, norm: torch.split(
            F.hardswish(norm(mix(torch.cat((rows, columns), 2)))),
            [rows.shape[2], columns.shape[2]],
            dim=2,
        ),
    ),
)
