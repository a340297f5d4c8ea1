"""What the gates over maps share: averages, maxima and a small convolution, with cheap gradients.

Letters: B batch, C channels, H and W the sides of a map, r reduction.

Each function of tensors equals the expression of torch in its docstring, and the tests hold it to
that. What differs is the time of the gradient: torch writes the gradient of an average out in full
before it adds it to the others, builds that of a maximum from slow boolean masks, and on a CPU
takes a slow road through that of a convolution with few channels. Compilers fuse torch's own
expressions, so they get those.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_weight

Axes = int | tuple[int, ...]


def positive(**sizes: int) -> None:
    """Demand that every named size is a positive integer.

    Raises:
        ValueError: With the name of the first that is not.
    """
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} must be a positive integer, got {size}")


def reduced(channels: int, reduction: int) -> int:
    """The hidden width C // r of a gate.

    Raises:
        ValueError: If that is no positive number.
    """
    positive(channels=channels, reduction=reduction)
    if reduction > channels:
        raise ValueError(
            "reduction must be a positive integer that is at most "
            f"channels={channels}, got {reduction}"
        )
    return channels // reduction


def mean(x: Tensor, dim: Axes) -> Tensor:
    """`x.mean(dim)`."""
    if torch.compiler.is_compiling():
        return x.mean(dim)
    out: Tensor = _Mean.apply(x, dim)  # type: ignore[no-untyped-call]
    return out.squeeze(dim)


def amax(x: Tensor, dim: Axes) -> Tensor:
    """`x.amax(dim)`: entries that share the maximum share its gradient evenly."""
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return x.amax(dim)
    out: Tensor = _Amax.apply(x, dim)  # type: ignore[no-untyped-call]
    return out.squeeze(dim)


def z_pool(x: Tensor, dim: int = 1) -> Tensor:
    """`stack([x.amax(dim), x.mean(dim)], 1)`: the two channels of a map of the other two axes.

    Shape:
        (B, C, H, W) → (B, 2, H, W) for dim 1, (B, 2, C, W) for dim 2, (B, 2, C, H) for dim 3
    """
    return torch.stack((amax(x, dim), mean(x, dim)), dim=1)


def same_conv2d(x: Tensor, weight: Tensor) -> Tensor:
    """`F.conv2d(x, weight, padding=k // 2)` with an odd kernel k: a map keeps its size.

    Shape:
        x (B, Cin, H, W), weight (Cout, Cin, k, k) → (B, Cout, H, W)
    """
    plain = x.device.type != "cpu" or torch.is_autocast_enabled("cpu")
    if plain or torch.compiler.is_compiling():
        return F.conv2d(x, weight, padding=weight.shape[-1] // 2)
    out: Tensor = _SameConv2d.apply(x, weight)  # type: ignore[no-untyped-call]
    return out


class _Mean(torch.autograd.Function):
    """The gradient stays a view of the small tensor that it spreads, until something adds it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, dim: Axes) -> Tensor:
        return x.mean(dim, keepdim=True)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Axes], output: Tensor) -> None:
        x, _ = inputs
        ctx.shape, ctx.share = x.shape, output.numel() / x.numel()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return (grad * ctx.share).expand(ctx.shape), None


class _Amax(torch.autograd.Function):
    """The entries that hold the maximum are marked by numbers, which vectorise; booleans do not."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, dim: Axes) -> Tensor:
        return _fold(x, dim) if dim in (2, 3) else x.amax(dim, keepdim=True)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Axes], output: Tensor) -> None:
        x, ctx.dim = inputs
        ctx.save_for_backward(x, output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        x, peak = (saved.detach() for saved in ctx.saved_tensors)
        ties = x.clone().eq_(peak)
        wide = torch.promote_types(x.dtype, torch.float32)  # half precision cannot count far
        return ties.mul_(grad / ties.sum(ctx.dim, keepdim=True, dtype=wide)), None


def _fold(x: Tensor, dim: int) -> Tensor:
    """Maximum along one side by folding it in half until one is left, faster than amax there."""
    for _ in range(max(1, (x.shape[dim] - 1).bit_length())):
        size = x.shape[dim]
        half = (size + 1) // 2
        x = torch.maximum(x.narrow(dim, 0, half), x.narrow(dim, size - half, half))
    return x


class _SameConv2d(torch.autograd.Function):
    """The gradient of the input is the same convolution again, with the kernel turned around."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor) -> Tensor:
        return F.conv2d(x, weight, padding=weight.shape[-1] // 2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        padding = weight.shape[-1] // 2
        turned = weight.flip(2, 3).transpose(0, 1)
        return (
            F.conv2d(grad, turned, padding=padding),
            conv2d_weight(x, weight.shape, grad, padding=padding),
        )
