"""One branch: a 3×3 kernel spread out, its norm and a ReLU."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attncourse.exercises.common.draws import built, maps
from attncourse.exercises.core import Exercise, Inputs, Law, Module, Outputs, wrong


class Layers(nn.Module):
    """The layers of a branch; `dilation` is kept for those who apply them."""

    def __init__(self, channels: int, dilation: int = 1, groups: int = 32) -> None:
        super().__init__()
        self.dilation = dilation
        self.conv = nn.Conv2d(
            channels, channels, 3, padding=dilation, dilation=dilation, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(channels)

    def convolve(self, x: Tensor, *, padding: int | None = None, dilation: int) -> Tensor:
        """The convolution with another dilation, padded to keep the size if nothing is said."""
        around = dilation if padding is None else padding
        weight, groups = self.conv.weight, self.conv.groups
        return F.conv2d(x, weight, padding=around, dilation=dilation, groups=groups)


class _Branch(Layers):
    def forward(self, x: Tensor) -> Tensor:
        shape, found = (1, -1, 1, 1), self.conv(x)
        mean, var = self.norm.running_mean, self.norm.running_var
        if self.training:
            mean, var = found.mean((0, 2, 3)), found.var((0, 2, 3), correction=0)
        assert mean is not None and var is not None
        scale = self.norm.weight / (var + self.norm.eps).sqrt()
        shift = self.norm.bias - mean * scale
        return (found * scale.view(shape) + shift.view(shape)).clamp(min=0)


def _branch_with(forward: Callable[[Layers, Tensor], Tensor]) -> type[nn.Module]:
    """A branch that applies its layers in a way of its own."""

    class Branch(Layers):
        def forward(self, x: Tensor) -> Tensor:
            return forward(self, x)

    return Branch


class _KeepsTheSize(nn.Module):
    def __init__(self, channels: int, dilation: int = 1, groups: int = 32) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.act = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(
            channels, channels, 3, dilation=dilation, padding="same", groups=groups, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act(self.norm(self.conv(x)))
        return out


def _padded_first(layers: Layers, x: Tensor) -> Tensor:
    padded = F.pad(x, [layers.dilation] * 4)
    out = layers.norm(layers.convolve(padded, padding=0, dilation=layers.dilation))
    return torch.where(out > 0, out, 0.0)


def _nowhere_negative(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    return bool((before["u"] >= 0).all())


Branch = Exercise(
    points=2,
    kind=Module(("u",), by_name=True, training=True),
    title="u: ReLU of the norm of the dilated convolution",
    oracle=_Branch,
    # Some results exceed 6.
    draw=maps((2, 6, 5, 7), (3, 8, 9, 4), low=-3, high=3),
    construction=built(channels=(6, 8), dilation=(2, 3), groups=(3, 2)),
    batched=("x",),
    laws=(Law("nothing is negative", _nowhere_negative),),
    misconceptions=(
        wrong(
            "map-shrinks",
            _branch_with(lambda b, x: b.norm(b.convolve(x, padding=1, dilation=b.dilation)).relu()),
            _branch_with(
                lambda b, x: (
                    b.norm(b.convolve(x, padding=0, dilation=b.dilation)).relu()
                    if x.shape[-1] > 2 * b.dilation
                    else x
                )
            ),
        ).because(
            "Your map loses pixels at its border. A kernel whose taps lie `dilation` apart reaches "
            "`dilation` pixels beyond its middle: pad by as many, or branches cannot be added."
        ),
        wrong(
            "not-dilated", _branch_with(lambda b, x: b.norm(b.convolve(x, dilation=1)).relu())
        ).because(
            "`dilation` has no effect: your taps are neighbours, so every branch sees the same "
            "3×3 window."
        ),
        wrong(
            "padded-but-not-dilated",
            _branch_with(lambda b, x: b.norm(b.convolve(x, padding=b.dilation, dilation=1)).relu()),
        ).because(
            "Your map grows: it is padded for a dilated kernel, but the kernel is not dilated. "
            "Give `dilation` to the convolution, too."
        ),
        wrong(
            "always-two", _branch_with(lambda b, x: b.norm(b.convolve(x, dilation=2)).relu())
        ).because("Your dilation is always 2. Use the argument: a third branch will want 3."),
        wrong("no-relu", _branch_with(lambda b, x: b.norm(b.conv(x)))).because(
            "The ReLU at the end is missing: what a branch reports is how much it found, and that "
            "is not negative."
        ),
        wrong("no-norm", _branch_with(lambda b, x: b.conv(x).relu())).because(
            "The norm is never called. Without it the branches speak in different strengths."
        ),
        wrong("relu-before-norm", _branch_with(lambda b, x: b.norm(b.conv(x).relu()))).because(
            "The ReLU stands before the norm. The order is convolution, norm, ReLU."
        ),
        wrong("norm-first", _branch_with(lambda b, x: b.conv(b.norm(x)).relu())).because(
            "The norm acts on what goes into the convolution. It follows the convolution."
        ),
        wrong(
            "batch-statistics",
            _branch_with(
                lambda b, x: F.batch_norm(
                    b.conv(x), None, None, b.norm.weight, b.norm.bias, training=True
                ).relu()
            ),
        ).because(
            "In evaluation you still take mean and variance of the batch, so one image depends on "
            "the others. Call `self.norm`, which knows when to use which."
        ),
        wrong(
            "frozen",
            _branch_with(
                lambda b, x: F.batch_norm(
                    b.conv(x),
                    b.norm.running_mean,
                    b.norm.running_var,
                    b.norm.weight,
                    b.norm.bias,
                    eps=b.norm.eps,
                ).relu()
            ),
        ).because(
            "In training you norm by the running mean and variance, as in evaluation, so the norm "
            "never learns what passes through it. Call `self.norm`, which knows when to use which."
        ),
        wrong("residual", _branch_with(lambda b, x: x + b.norm(b.conv(x)).relu())).because(
            "You add the input. The shortcut belongs around the whole unit, not around a branch."
        ),
        wrong("detached", _branch_with(lambda b, x: b.norm(b.conv(x)).relu().detach())).because(
            "The numbers are right, but they are cut off from the graph: no kernel could learn."
        ),
    ),
    right=(
        _branch_with(lambda b, x: b.norm(b.conv(x)).relu()),
        _KeepsTheSize,
        _branch_with(_padded_first),
        _branch_with(lambda b, x: F.relu(b.norm(b.convolve(x, dilation=b.dilation)))),
    ),
)
