"""What all channels together tell about each place: a map of maxima and a map of means."""

from collections.abc import Callable

import torch
from torch import Tensor

from attncourse.exercises.common.draws import maps
from attncourse.exercises.core import Exercise, Function, Inputs, Law, Outputs, wrong
from attncourse.exercises.core.laws import flipped, unchanged

draw_maps = maps((2, 8, 7, 11), (3, 5, 5, 13), high=1)


def _two_maps(x: Tensor) -> Tensor:
    return torch.cat((x.amax(1, keepdim=True), x.mean(1, keepdim=True)), dim=1)


def _pair(
    first: Callable[[Tensor], Tensor], second: Callable[[Tensor], Tensor], dim: int = 1
) -> Callable[[Tensor], Tensor]:
    return lambda x: torch.stack((first(x), second(x)), dim)


def _max(x: Tensor) -> Tensor:
    return x.amax(1)


def _mean(x: Tensor) -> Tensor:
    return x.mean(1)


def _filled(x: Tensor) -> Tensor:
    out = x.new_zeros(len(x), 2, *x.shape[2:])
    out[:, 0] = x.max(dim=1).values
    out[:, 1] = x.sum(dim=1) / x.shape[1]
    return out


def _by_sorting(x: Tensor) -> Tensor:
    places = x.permute(0, 2, 3, 1)  # (B, H, W, C)
    best = places.sort(-1).values[..., -1:]
    return torch.cat((best, places.mean(-1, keepdim=True)), -1).permute(0, 3, 1, 2)


def _first_is_greater(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    maps = before["maps"]
    return maps.shape[1] == 2 and bool((maps[:, 0] >= maps[:, 1]).all())


two_maps = Exercise(
    points=2,
    kind=Function(("maps",)),
    title="maps: at each place the maximum over the channels, then their mean",
    oracle=_two_maps,
    draw=draw_maps,
    batched=("x",),
    laws=(
        Law("no mean lies above its maximum", _first_is_greater),
        Law("the order of the channels does not matter", unchanged("maps"), flipped("x", 1)),
    ),
    misconceptions=(
        wrong("exchanged", _pair(_mean, _max)).because(
            "The two maps have changed places: the maximum comes first, the mean second. The paper "
            "writes them your way, the official code this way, and weights that were trained for "
            "one order are wrong for the other."
        ),
        wrong("over-the-pixels", _pair(lambda x: x.amax((2, 3)), lambda x: x.mean((2, 3)))).because(
            "You pool over the pixels, as the channel gate does. Here each *place* is described: "
            "pool over the channels and keep height and width."
        ),
        wrong("sum", _pair(_max, lambda x: x.sum(1))).because(
            "The second map is a sum. It would grow with the number of channels: take the mean."
        ),
        wrong("minimum", _pair(lambda x: x.amin(1), _mean)).because(
            "The first map holds the smallest number at each place, not the greatest."
        ),
        wrong("largest-size", _pair(lambda x: x.abs().amax(1), _mean)).because(
            "You take the largest number *without its sign*; asked for is the maximum."
        ),
        wrong("one-map-twice", _pair(_max, _max), _pair(_mean, _mean)).because(
            "Both maps are the same. One holds maxima, the other means."
        ),
        wrong("one-below-the-other", lambda x: torch.cat((x.amax(1), x.mean(1)), 1)).because(
            "The two maps stand one below the other in a single tall map, since the axis of the "
            "channels was gone when you joined them. Keep it (`keepdim=True`), or stack."
        ),
        wrong("stacked-in-front", _pair(_max, _mean, dim=0)).because(
            "The two maps stand on the first axis, and that one is the batch. They should take the "
            "place of the channels: (B, 2, H, W)."
        ),
        wrong("stacked-behind", _pair(_max, _mean, dim=-1)).because(
            "The two maps stand on the last axis, behind height and width. They should take the "
            "place of the channels: (B, 2, H, W)."
        ),
        wrong("added", lambda x: x.amax(1, keepdim=True) + x.mean(1, keepdim=True)).because(
            "You add the two maps. Keep them apart: the convolution that follows will weigh them."
        ),
        wrong(
            "over-the-batch",
            lambda x: torch.stack((x.amax((0, 1)), x.mean((0, 1)))).expand(len(x), -1, -1, -1),
        ).because("All images of the batch get the same maps: you pool over the batch too."),
    ),
    right=(
        _pair(_max, _mean),
        _filled,
        _by_sorting,
        lambda x: torch.cat((x.max(1, keepdim=True).values, x.mean(1, keepdim=True)), 1),
    ),
)
