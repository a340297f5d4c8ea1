"""Squeeze, excitation and scaling as one module."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from attncourse.exercises.common.draws import maps
from attncourse.exercises.core import Draw, Exercise, Inputs, Law, Module, Outputs, wrong
from attncourse.exercises.core.laws import flipped, flips_along, tensor


def _construction(draw: Draw) -> dict[str, int | float | bool | str | None]:
    """A reduction that does not divide; for the other sizes none, so that the default counts."""
    return {"channels": 35} if draw.variant else {"channels": 11, "reduction": 3}


class _Block(nn.Module):
    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, channels // reduction)
        self.expand = nn.Linear(channels // reduction, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.expand(self.reduce(x.mean((2, 3))).relu()).sigmoid()
        return torch.einsum("bchw,bc->bchw", x, gate)


Squeeze = Callable[[Tensor], Tensor]
Scale = Callable[[Tensor, Tensor], Tensor]


def _mean(x: Tensor) -> Tensor:
    return x.mean((2, 3))


def _times(x: Tensor, gate: Tensor) -> Tensor:
    return x * gate


def _block_with(
    *,
    squeeze: Squeeze = _mean,
    middle: Callable[[Tensor], Tensor] = torch.relu,
    end: Callable[[Tensor], Tensor] = torch.sigmoid,
    scale: Scale = _times,
) -> type[nn.Module]:
    """A block with one of its parts exchanged; `scale` gets maps and gates (B, C, 1, 1)."""

    class Block(nn.Module):
        def __init__(self, channels: int, reduction: int = 16) -> None:
            super().__init__()
            self.reduce = nn.Linear(channels, channels // reduction)
            self.expand = nn.Linear(channels // reduction, channels)

        def forward(self, x: Tensor) -> Tensor:
            gate = end(self.expand(middle(self.reduce(squeeze(x)))))
            return scale(x, gate[:, :, None, None])

    return Block


class _Convolutions(nn.Module):
    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.expand = nn.Conv2d(channels // reduction, channels, 1)
        self.reduce = nn.Conv2d(channels, channels // reduction, 1)

    def forward(self, x: Tensor) -> Tensor:
        s = nn.functional.adaptive_avg_pool2d(x, 1)
        return x * torch.sigmoid(self.expand(torch.relu(self.reduce(s))))


class _OtherDefault(nn.Module):
    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, channels // reduction)
        self.expand = nn.Linear(channels // reduction, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.expand(torch.relu(self.reduce(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


class _NoDefault(_OtherDefault):
    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__(channels, reduction)


class _InSteps(nn.Module):
    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = channels // reduction
        self.reduce, self.expand = nn.Linear(channels, hidden), nn.Linear(hidden, channels)
        self.pool, self.act, self.gate = nn.AdaptiveAvgPool2d(1), nn.ReLU(), nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        g = self.gate(self.expand(self.act(self.reduce(self.pool(x).view(batch, channels)))))
        return x * g.view(batch, channels, 1, 1).expand(batch, channels, height, width)


def _gate_is_the_same_everywhere(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    x = tensor(inputs, "x")
    ratio = (before["y"] / x).flatten(2)
    return torch.allclose(ratio, ratio[..., :1].expand_as(ratio))


SEBlock = Exercise(
    points=4,
    kind=Module(("y",), by_name=True),
    title="y: every channel times its gate",
    oracle=_Block,
    draw=maps((2, 11, 5, 7), (3, 35, 7, 2)),
    construction=_construction,
    batched=("x",),
    laws=(
        Law("all pixels of a channel are scaled alike", _gate_is_the_same_everywhere),
        Law(
            "the map upside down gives the result upside down",
            flips_along("y", 2, 3),
            flipped("x", 2, 3),
        ),
    ),
    misconceptions=(
        wrong("gate-returned", _block_with(scale=lambda x, gate: gate)).because(
            "You return the gates. The block returns the map, every channel times its gate."
        ),
        wrong("added", _block_with(scale=lambda x, gate: x + gate)).because(
            "You add the gate to the map; that shifts a channel and never turns it down. Multiply."
        ),
        wrong("residual", _block_with(scale=lambda x, gate: x + x * gate)).because(
            "You add the input to the gated map, so that no channel can be shut. The shortcut "
            "belongs to the residual block around this one, not into it."
        ),
        wrong(
            "descriptor-scaled",
            _block_with(scale=lambda x, gate: (x.mean((2, 3), keepdim=True) * gate).expand_as(x)),
        ).because(
            "You scale the descriptor, and the map itself is lost: multiply the gate with `x`."
        ),
        wrong("maximum", _block_with(squeeze=lambda x: x.amax((2, 3)))).because(
            "Your block squeezes by the maximum; the paper's takes the mean."
        ),
        wrong(
            "over-the-batch", _block_with(squeeze=lambda x: x.mean((0, 2, 3)).expand(len(x), -1))
        ).because(
            "All images of the batch get the same gates: you average over the batch too. Each "
            "image should decide for itself."
        ),
        wrong("no-relu", _block_with(middle=lambda z: z)).because(
            "There is no ReLU between `reduce` and `expand`, so the two layers are one."
        ),
        wrong("no-sigmoid", _block_with(end=lambda z: z)).because(
            "The gate is not squashed: without the sigmoid it can be negative, or as large as it "
            "likes."
        ),
        wrong("softmax", _block_with(end=lambda z: z.softmax(1))).because(
            "Your gates sum to one over the channels: they share one budget. A sigmoid decides "
            "about each channel on its own."
        ),
        wrong("other-default", _OtherDefault, _NoDefault).because(
            "Your block is right where `reduction` is given. Where it is not, 16 should count, as "
            "in the stub: `reduction=16`."
        ),
        wrong("detached", _block_with(scale=lambda x, gate: x * gate.detach())).because(
            "The numbers are right, but the gate is cut off from the graph: it would never learn."
        ),
    ),
    right=(
        _block_with(),
        _Convolutions,
        _InSteps,
        _block_with(squeeze=lambda x: x.flatten(2).mean(-1), scale=lambda x, gate: gate * x),
    ),
)
