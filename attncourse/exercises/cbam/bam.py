"""BAM: channels and places at once, around one."""

from collections.abc import Callable

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, wrong
from attncourse.exercises.core.laws import tensor


def _inputs(draw: Draw) -> Inputs:
    batch, channels, height, width = draw.sizes((2, 8, 5, 7), (3, 5, 2, 3))
    return {
        "x": draw.normal(batch, channels, height, width, offset=0.3),
        "channel": draw.normal(batch, channels, offset=0.3),
        "spatial": draw.normal(batch, 1, height, width, offset=-0.4),
    }


def _bam(x: Tensor, channel: Tensor, spatial: Tensor) -> Tensor:
    logits = channel.unsqueeze(-1).unsqueeze(-1) + spatial
    return x + x / (1 + torch.exp(-logits))


def _with(formula: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """An answer by a formula of x, the channels' logits (B, C, 1, 1) and the places'."""
    return lambda x, channel, spatial: formula(x, channel[:, :, None, None], spatial)


def _written_out(x: Tensor, channel: Tensor, spatial: Tensor) -> Tensor:
    logits = channel.view(*channel.shape, 1, 1).expand_as(x) + spatial.expand_as(x)
    return x * (1 + torch.sigmoid(logits))


def _by_place(x: Tensor, channel: Tensor, spatial: Tensor) -> Tensor:
    pixels, places = x.permute(0, 2, 3, 1), spatial.permute(0, 2, 3, 1)
    gated = pixels + pixels * torch.sigmoid(places + channel[:, None, None, :])
    return gated.permute(0, 3, 1, 2)


def _silent(inputs: Inputs) -> Inputs:
    channel, spatial = tensor(inputs, "channel"), tensor(inputs, "spatial")
    return inputs | {"channel": torch.zeros_like(channel), "spatial": torch.zeros_like(spatial)}


bam = Exercise(
    points=2,
    kind=Function(("y",)),
    title="y: the map, scaled by 1 + σ(channel + spatial)",
    oracle=_bam,
    draw=_inputs,
    batched=("x", "channel", "spatial"),
    laws=(
        Law(
            "where both branches are silent the map grows by half",
            lambda i, before, after: torch.allclose(after["y"], 1.5 * tensor(i, "x")),
            _silent,
        ),
    ),
    misconceptions=(
        wrong("multiplied", _with(lambda x, c, s: x * (1 + (c * s).sigmoid()))).because(
            "You multiply the two logits. The official code does that too; the paper, and this "
            "exercise, add them. A product of two negative numbers would open the gate."
        ),
        wrong("no-one", _with(lambda x, c, s: x * (c + s).sigmoid())).because(
            "The 1 is missing. With it a shut gate passes the map unchanged, which is why BAM may "
            "stand between the stages, where there is no shortcut."
        ),
        wrong("one-inside", _with(lambda x, c, s: x * (1 + c + s).sigmoid())).because(
            "The 1 stands inside the sigmoid. It belongs outside: 1 + σ(…), between 1 and 2."
        ),
        wrong(
            "gates-multiplied",
            _with(lambda x, c, s: x * (1 + c.sigmoid() * s.sigmoid())),
            _with(lambda x, c, s: x * (1 + c.sigmoid() + s.sigmoid())),
        ).because(
            "You squash each branch by itself, and then join them. BAM adds the logits and "
            "squashes once."
        ),
        wrong(
            "in-sequence", _with(lambda x, c, s: x * (1 + c.sigmoid()) * (1 + s.sigmoid()))
        ).because(
            "You scale twice, up to four times the map. BAM joins both branches in one gate."
        ),
        wrong("gate-added", _with(lambda x, c, s: x + (c + s).sigmoid())).because(
            "You add the gate to the map. What is added is the *gated* map, x · σ(…)."
        ),
        wrong("no-sigmoid", _with(lambda x, c, s: x * (1 + c + s))).because(
            "The sigmoid is missing: the scale can be negative, or as large as it likes."
        ),
        wrong("halved", _with(lambda x, c, s: x * (1 + ((c + s) / 2).sigmoid()))).because(
            "You average the two logits; BAM adds them."
        ),
        wrong(
            "one-branch",
            _with(lambda x, c, s: x * (1 + c.sigmoid())),
            _with(lambda x, c, s: x * (1 + s.sigmoid())),
        ).because("One of the two branches has no effect."),
        wrong("gate-returned", _with(lambda x, c, s: 1 + (c + s).sigmoid())).because(
            "You return the scale; return the map, multiplied by it."
        ),
    ),
    right=(
        _written_out,
        _by_place,
        _with(lambda x, c, s: x * (1 + (c + s).sigmoid())),
        _with(lambda x, c, s: torch.addcmul(x, x, torch.sigmoid(s + c))),
    ),
)
