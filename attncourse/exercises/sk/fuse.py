"""What all branches tell together, in a few numbers."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attncourse.exercises.common.draws import built
from attncourse.exercises.core import Draw, Exercise, Inputs, Law, Module, wrong
from attncourse.exercises.core.laws import flipped, unchanged


def _branches(draw: Draw) -> Inputs:
    """What branches give: nowhere negative, every branch and channel of its own strength."""
    batch, branches, channels, height, width = draw.sizes((2, 3, 11, 5, 7), (5, 2, 13, 3, 4))
    strength = torch.linspace(0.3, 1.5, branches * channels, dtype=torch.float64)
    maps = draw.normal(batch, branches, channels, height, width, offset=0.4).abs()
    return {"u": maps * strength.view(branches, channels, 1, 1)}


Width = Callable[[int, int, int], int]


def _width(channels: int, reduction: int, min_hidden: int) -> int:
    return max(channels // reduction, min_hidden)


class Layers(nn.Module):
    """The layers of the fusion."""

    width: Width = staticmethod(_width)

    def __init__(self, channels: int, reduction: int = 16, min_hidden: int = 32) -> None:
        super().__init__()
        hidden = self.width(channels, reduction, min_hidden)
        self.narrow = nn.Linear(channels, hidden, bias=False)
        self.norm = nn.BatchNorm1d(hidden)


class _Fuse(Layers):
    def forward(self, u: Tensor) -> Tensor:
        mean, var = self.norm.running_mean, self.norm.running_var
        assert mean is not None and var is not None
        told = torch.einsum("bmchw->bc", u) / (u.shape[3] * u.shape[4])
        heard = (told @ self.narrow.weight.T - mean) / (var + self.norm.eps).sqrt()
        return (heard * self.norm.weight + self.norm.bias).clamp(min=0)


def _fuse_with(
    forward: Callable[[Layers, Tensor], Tensor], width: Width = _width
) -> type[nn.Module]:
    """A fusion that applies its layers in a way, or has a hidden width, of its own."""

    class Fuse(Layers):
        def forward(self, u: Tensor) -> Tensor:
            return forward(self, u)

    Fuse.width = staticmethod(width)
    return Fuse


def _after(told: Callable[[Tensor], Tensor]) -> type[nn.Module]:
    """A fusion that is right but for the descriptors, (B, C)."""
    return _fuse_with(lambda f, u: f.norm(f.narrow(told(u))).relu())


def _told(u: Tensor) -> Tensor:
    return u.sum(1).mean((2, 3))


class _Convolutions(nn.Module):
    def __init__(self, channels: int, reduction: int = 16, min_hidden: int = 32) -> None:
        super().__init__()
        hidden = max(min_hidden, channels // reduction)
        self.pool, self.act = nn.AdaptiveAvgPool2d(1), nn.ReLU()
        self.narrow = nn.Conv2d(channels, hidden, 1, bias=False)
        self.norm = nn.BatchNorm2d(hidden)

    def forward(self, u: Tensor) -> Tensor:
        out: Tensor = self.act(self.norm(self.narrow(self.pool(sum(u.unbind(1)))))).flatten(1)
        return out


Fuse = Exercise(
    points=3,
    kind=Module(("z",), by_name=True),
    title="z: ReLU of the norm of the narrowed descriptors",
    oracle=_Fuse,
    draw=_branches,
    # C // r wins, and is less than C / r rounded; then L wins.
    construction=built(channels=(11, 13), reduction=(2, 4), min_hidden=(4, 5)),
    batched=("u",),
    laws=(Law("the branches have no order", unchanged("z"), flipped("u", 1)),),
    misconceptions=(
        wrong("first-branch-only", _after(lambda u: u[:, 0].mean((2, 3)))).because(
            "Only the first branch is heard. What a larger kernel found must count too: add the "
            "branches."
        ),
        wrong("mean-of-branches", _after(lambda u: u.mean((1, 3, 4)))).because(
            "You average over the branches. The paper adds them: the mean is over pixels only."
        ),
        wrong("sum-over-pixels", _after(lambda u: u.sum((1, 3, 4)))).because(
            "You sum over the pixels. Take the mean over height and width, or the result would "
            "grow with the image."
        ),
        wrong("strongest-branch", _after(lambda u: u.amax(1).mean((2, 3)))).because(
            "You take the strongest branch at each place. The paper adds the branches."
        ),
        wrong("maximum-over-pixels", _after(lambda u: u.sum(1).amax((2, 3)))).because(
            "You squeeze by the maximum; asked for is the mean over all pixels."
        ),
        wrong(
            "over-the-batch", _after(lambda u: _told(u).mean(0, keepdim=True).expand(len(u), -1))
        ).because("All images of the batch are told the same: you average over the batch too."),
        wrong("no-relu", _fuse_with(lambda f, u: f.norm(f.narrow(_told(u))))).because(
            "The ReLU is missing. Without it, this layer and the next are one linear layer."
        ),
        wrong("no-norm", _fuse_with(lambda f, u: f.narrow(_told(u)).relu())).because(
            "The norm is never called. Popular versions leave it out; the official network has it "
            "between the linear layer and the ReLU."
        ),
        wrong("neither-norm-nor-relu", _fuse_with(lambda f, u: f.narrow(_told(u)))).because(
            "Only the linear layer is left. Norm and ReLU follow it; with two linear layers in a "
            "row, the second could do the work of both."
        ),
        wrong(
            "relu-before-norm", _fuse_with(lambda f, u: f.norm(f.narrow(_told(u)).relu()))
        ).because("The ReLU stands before the norm. The order is linear layer, norm, ReLU."),
        wrong("sigmoid", _fuse_with(lambda f, u: f.norm(f.narrow(_told(u))).sigmoid())).because(
            "A sigmoid ends the fusion. These are hidden units, no gates: take a ReLU."
        ),
        wrong(
            "batch-statistics",
            _fuse_with(
                lambda f, u: (
                    F.batch_norm(
                        f.narrow(_told(u)),
                        None,
                        None,
                        f.norm.weight,
                        f.norm.bias,
                        training=len(u) > 1,
                    ).relu()
                    if len(u) > 1
                    else f.norm(f.narrow(_told(u))).relu()
                )
            ),
        ).because(
            "In evaluation you still take mean and variance of the batch: call `self.norm`, which "
            "knows when to use which."
        ),
        wrong(
            "no-minimum",
            _fuse_with(
                lambda f, u: f.norm(f.narrow(_told(u))).relu(),
                lambda channels, reduction, min_hidden: channels // reduction,
            ),
        ).because(
            "For many channels your hidden width is right, for few it is too small: it is never "
            "less than `min_hidden`."
        ),
        wrong(
            "width-for-many",
            _fuse_with(
                lambda f, u: f.norm(f.narrow(_told(u))).relu(),
                lambda channels, reduction, min_hidden: min_hidden,
            ),
            _fuse_with(
                lambda f, u: f.norm(f.narrow(_told(u))).relu(),
                lambda channels, reduction, min_hidden: max(
                    round(channels / reduction), min_hidden
                ),
            ),
            _fuse_with(
                lambda f, u: f.norm(f.narrow(_told(u))).relu(),
                lambda channels, reduction, min_hidden: max(-(-channels // reduction), min_hidden),
            ),
        ).because(
            "For few channels your hidden width is right, for many it is not `channels // "
            "reduction`. Do you always take `min_hidden`, which is only the least, or round up?"
        ),
        wrong("detached", _after(lambda u: _told(u).detach())).because(
            "The numbers are right, but the branches are cut off from the graph."
        ),
    ),
    right=(
        _after(_told),
        _Convolutions,
        _after(lambda u: u.mean((3, 4)).sum(1)),
        _fuse_with(lambda f, u: torch.relu(f.norm(f.narrow(u.sum(1).flatten(2).mean(-1))))),
    ),
)
