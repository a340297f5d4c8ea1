"""Where a symbol stands, as waves."""

import math

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, edit, wrong
from attncourse.exercises.core.laws import tensor


def _inputs(draw: Draw) -> Inputs:
    length, width = draw.sizes((7, 10), (5, 6))
    # Neither whole numbers nor in order, and so large that single precision shows.
    return {"place": draw.integers(4000, length).double() / 4 + 0.375, "width": width}


def _sinusoids(place: Tensor, width: int) -> Tensor:
    even = torch.arange(0, width, 2, dtype=place.dtype, device=place.device)
    angle = place[:, None] / 10_000 ** (even / width)
    return torch.stack((angle.sin(), angle.cos()), -1).flatten(1)


def _plain(place: Tensor, width: int) -> Tensor:
    even = torch.arange(0, width, 2, dtype=place.dtype, device=place.device)
    angle = place[:, None] * 10_000 ** (-even / width)
    return torch.stack((angle.sin(), angle.cos()), -1).flatten(1)


def _filled(place: Tensor, width: int) -> Tensor:
    table = place.new_zeros(len(place), width)
    frequency = torch.exp(place.new_tensor(range(0, width, 2)) * (-math.log(10_000.0) / width))
    table[:, 0::2] = torch.sin(torch.outer(place, frequency))
    table[:, 1::2] = torch.cos(torch.outer(place, frequency))
    return table


def _by_columns(place: Tensor, width: int) -> Tensor:
    columns = []
    for i in range(width):
        angle = place * 10_000.0 ** (-(i - i % 2) / width)
        columns.append(angle.cos() if i % 2 else angle.sin())
    return torch.stack(columns, 1)


def _by_shift(place: Tensor, width: int) -> Tensor:
    frequency = [1e4 ** (-(i // 2 * 2) / width) for i in range(width)]
    quarter = place.new_tensor([0.0, math.pi / 2]).repeat(width // 2)  # cos x = sin(x + π/2)
    return torch.sin(place.unsqueeze(1) * place.new_tensor(frequency) + quarter)


def _shifted(inputs: Inputs) -> Inputs:
    place = tensor(inputs, "place")
    return inputs | {"place": place + 3}


def _turned(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    """Each pair (sin, cos) is turned by the same angle, wherever it was."""
    pairs = [table["table"].unflatten(-1, (-1, 2)) for table in (before, after)]
    cosine = (pairs[0] * pairs[1]).sum(-1)
    return torch.allclose(cosine, cosine[:1].expand_as(cosine))


sinusoids = Exercise(
    points=2,
    kind=Function(("table",)),
    title="table: sine and cosine in turn, slower and slower",
    oracle=_sinusoids,
    draw=_inputs,
    batched=("place",),
    laws=(Law("three places further, every pair has turned by the same angle", _turned, _shifted),),
    misconceptions=(
        wrong(
            "halves",
            edit(
                "torch.stack((angle.sin(), angle.cos()), -1).flatten(1)",
                "torch.cat((angle.sin(), angle.cos()), -1)",
            ),
        ).because(
            "All sines come first, then all cosines. The official code does that; the paper's "
            "formula, asked for here, takes them in turn: sine at 2i, cosine at 2i + 1."
        ),
        wrong("cosine-first", edit("angle.sin(), angle.cos()", "angle.cos(), angle.sin()")).because(
            "Sine and cosine are exchanged: the sine stands at the even features."
        ),
        wrong("exponent-halved", edit("-even", "-even / 2")).because(
            "Your waves slow down too little: the exponent is 2i/D, and i counts *pairs*. At "
            "feature 2i of D the exponent is the feature's number over D."
        ),
        wrong("exponent-doubled", edit("-even", "-2 * even")).because(
            "Your waves slow down too fast. `range(0, D, 2)` already counts 2i: do not double it "
            "again."
        ),
        wrong(
            "a-wave-a-feature",
            edit("width, 2,", "width,")
            & edit(
                "torch.stack((angle.sin(), angle.cos()), -1).flatten(1)",
                "torch.where(even % 2 == 0, angle.sin(), angle.cos())",
            ),
        ).because(
            "Sine and cosine of a pair have different frequencies. They share one, 10000^(−2i/D): "
            "only then is a step to the side a rotation."
        ),
        wrong("sines-only", edit("angle.cos()", "angle.sin()")).because(
            "There are sines only. A sine has the same value at two places of each wave; its "
            "cosine tells them apart."
        ),
        wrong("upside-down", edit("-even", "even")).because(
            "Your waves get faster and faster: at ten thousand radians a place nothing is left of "
            "the order. The exponent is negative."
        ),
        wrong(
            "from-zero",
            edit("place[:, None]", "(place - place[:1])[:, None]"),
            edit("place[:, None]", "torch.arange(len(place)).to(place)[:, None]"),
        ).because(
            "You number the places from 0 yourself. Use the numbers in `place`: a decoder that "
            "writes one symbol at a time asks for one place, and it is not the first."
        ),
        wrong(
            "counted-on",
            edit("place[:, None]", "(place[0] + torch.arange(len(place)).to(place))[:, None]"),
        ).because(
            "You take the first place and count on from there. `place` need not be consecutive: "
            "use each of its numbers."
        ),
        wrong(
            "whole-numbers",
            edit("place[:, None]", "place.round()[:, None]"),
            edit("place[:, None]", "place.long().to(place.dtype)[:, None]"),
            edit("place[:, None]", "place.floor()[:, None]"),
            edit("place[:, None]", "(place.round() + (place - place.detach()))[:, None]"),
        ).because(
            "You make whole numbers of the places. The waves are defined between them too: use "
            "`place` as it is."
        ),
        wrong("single-precision", edit("dtype=place.dtype, ", "")).because(
            "The formula is right, but the exponents are computed in single precision and spoil "
            "the last digits: make them with the dtype of `place`, such as "
            "`torch.arange(0, width, 2, dtype=place.dtype, device=place.device)`."
        ),
    ),
    right=(_plain, _filled, _by_columns, _by_shift),
)
