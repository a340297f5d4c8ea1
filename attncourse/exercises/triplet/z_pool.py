"""What is left of a block of numbers along one of its axes: the maximum and the mean."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.common.draws import blocks
from attncourse.exercises.core import Exercise, Function, Inputs, Law, Outputs, wrong

Pool = Callable[[Tensor, int], Tensor]


draw_maps = blocks((2, 11, 5, 7), (3, 4, 13, 2))


def _call(answer: Callable[..., Any], inputs: Inputs) -> Any:
    return tuple(answer(inputs["x"], dim) for dim in (1, 2, 3))


def _z_pool(x: Tensor, dim: int) -> Tensor:
    return torch.stack((x.amax(dim), x.mean(dim)), dim=1)


def _pair(first: Pool, second: Pool, place: int = 1) -> Pool:
    return lambda x, dim: torch.stack((first(x, dim), second(x, dim)), place)


def _max(x: Tensor, dim: int) -> Tensor:
    return x.max(dim).values


def _mean(x: Tensor, dim: int) -> Tensor:
    return x.mean(dim)


_plain = _pair(lambda x, dim: x.amax(dim), _mean)


def _joined(x: Tensor, dim: int) -> Tensor:
    largest, mean = x.amax(dim).unsqueeze(1), (x.sum(dim) / x.shape[dim]).unsqueeze(1)
    return torch.cat((largest, mean), dim=1)


def _moved(x: Tensor, dim: int) -> Tensor:
    front = x.movedim(dim, 1)
    return torch.cat((front.amax(1, keepdim=True), front.mean(1, keepdim=True)), 1)


def _one_by_one(x: Tensor, dim: int) -> Tensor:
    largest, total = x.select(dim, 0), torch.zeros_like(x.select(dim, 0))
    for part in x.unbind(dim):
        largest, total = torch.maximum(largest, part), total + part
    return torch.stack([largest, total / x.size(dim)], dim=1)


def _of_the_other_axes(x: Tensor, dim: int) -> Tensor:
    others = tuple({1, 2, 3} - {dim})
    return torch.stack((x.amax(others), x.mean(others)), 1)


def _kept(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    return x.amax(dim, keepdim=True), x.mean(dim, keepdim=True)


def _largest_first(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    return all(bool((maps[:, 0] >= maps[:, 1]).all()) for maps in before.values())


z_pool = Exercise(
    points=2,
    kind=Function(("face_hw", "face_cw", "face_ch"), call=_call),
    title="for dim 1, 2 and 3: the maxima along that axis, then the means",
    oracle=_z_pool,
    draw=draw_maps,
    batched=("x",),
    laws=(Law("no mean lies above its maximum", _largest_first),),
    misconceptions=(
        wrong("exchanged", _pair(_mean, _max)).because(
            "The two have changed places: the maximum comes first, the mean second."
        ),
        wrong(
            "dim-ignored",
            lambda x, dim: _plain(x, 1),
            lambda x, dim: _plain(x, 2),
            lambda x, dim: _plain(x, 3),
        ).because(
            "You pool over the channels whatever `dim` is. That was enough for CBAM; here the "
            "height and the width get their turn too."
        ),
        wrong("joined-where-it-was", lambda x, dim: torch.cat(_kept(x, dim), dim)).because(
            "Maximum and mean stand on the axis that you pooled. The pair always belongs on axis "
            "1, where a convolution looks for its channels."
        ),
        wrong(
            "turned",
            lambda x, dim: _plain(x.transpose(1, dim), 1),
            lambda x, dim: _plain(x, dim).mT,
        ).because(
            "The numbers are right, but along the width the face is turned: (B, 2, H, C), where "
            "(B, 2, C, H) is asked for. Pool in place and the axes that stay keep their order."
        ),
        wrong("of-the-other-axes", _of_the_other_axes).because(
            "`dim` is the axis that *goes*. You keep it and pool the other two."
        ),
        wrong(
            "off-by-one",
            lambda x, dim: _plain(x, dim - 1) if dim > 1 else _plain(x, 3),
            lambda x, dim: _plain(x, dim % 3 + 1),
        ).because("Your axes are off by one: axis 0 is the batch, so 1 is the channels."),
        wrong("sum", _pair(_max, lambda x, dim: x.sum(dim))).because(
            "The second map is a sum. It would grow with the length of the axis: take the mean."
        ),
        wrong("minimum", _pair(lambda x, dim: x.amin(dim), _mean)).because(
            "The first map holds the smallest numbers, not the greatest."
        ),
        wrong("largest-size", _pair(lambda x, dim: x.abs().amax(dim), _mean)).because(
            "You take the largest number *without its sign*; asked for is the maximum."
        ),
        wrong("largest-from-zero", _pair(lambda x, dim: x.amax(dim).clamp(min=0), _mean)).because(
            "Your maximum is never below 0. Where all numbers are negative, so is the largest."
        ),
        wrong("median", _pair(_max, lambda x, dim: x.median(dim).values)).because(
            "The second map holds medians; asked for is the mean."
        ),
        wrong("one-map-twice", _pair(_max, _max), _pair(_mean, _mean)).because(
            "Both maps are the same. One holds maxima, the other means."
        ),
        wrong(
            "one-below-the-other", lambda x, dim: torch.cat((x.amax(dim), x.mean(dim)), 1)
        ).because(
            "The two maps stand one below the other in a single tall one. Give them an axis of "
            "their own: stack."
        ),
        wrong(
            "stacked-elsewhere",
            _pair(_max, _mean, place=0),
            _pair(_max, _mean, place=-1),
            _pair(_max, _mean, place=2),
        ).because(
            "The pair stands on the wrong axis. Axis 0 is the batch; the pair takes axis 1, the "
            "place of the channels."
        ),
        wrong("axis-kept", lambda x, dim: torch.stack(_kept(x, dim), 1)).because(
            "The pooled axis is still there, with length 1. Let it go."
        ),
        wrong("added", lambda x, dim: (x.amax(dim) + x.mean(dim)).unsqueeze(1)).because(
            "You add the two maps. Keep them apart: the convolution that follows will weigh them."
        ),
        wrong(
            "over-the-batch",
            lambda x, dim: torch.stack((x.amax((0, dim)), x.mean((0, dim)))).expand(
                len(x), -1, -1, -1
            ),
        ).because("All images of the batch get the same maps: you pool over the batch too."),
    ),
    right=(_plain, _joined, _moved, _one_by_one),
)
