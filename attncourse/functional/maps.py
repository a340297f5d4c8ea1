"""What the gates over maps share: averages, maxima, a product and a small convolution.

Letters: B batch, C channels, H and W the sides of a map. Maps are (B, C, H, W).

Each function equals the expression of torch in its docstring, and the tests hold it to that. What
differs is time and memory: torch writes the gradient of an average out in full before adding it to
the others, marks where a maximum is by slow booleans, takes new memory for either gradient of a
product, and on a CPU is slow to find maxima along an axis and to convolve few channels. Compilers
get torch's own expressions, which they fuse.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_weight

Axes = int | tuple[int, ...]

CPU_BLOCK = 2**18
"""Elements of a block: they stay in the L2 cache."""


def learning(*inputs: Tensor) -> bool:
    """Return whether gradients will be asked for, and no compiler is at work that makes its own."""
    wanted = torch.is_grad_enabled() and any(x.requires_grad for x in inputs)
    return wanted and not torch.compiler.is_compiling()


def mean(x: Tensor, dim: Axes) -> Tensor:
    """Return `x.mean(dim)`: maps (B, C, H, W) without the axes that are averaged."""
    if not learning(x):
        return x.mean(dim)
    out: Tensor = _Mean.apply(x, dim)  # type: ignore[no-untyped-call]
    return out.squeeze(dim)


def amax(x: Tensor, dim: Axes) -> Tensor:
    """Return `x.amax(dim)` of maps (B, C, H, W): who shares the maximum shares its gradient."""
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return x.amax(dim)
    out: Tensor = _Amax.apply(x, dim) if learning(x) else _peak(x, dim)  # type: ignore[no-untyped-call]
    return out.squeeze(dim)


def z_pool(x: Tensor, dim: int = 1) -> Tensor:
    """Return `stack([x.amax(dim), x.mean(dim)], 1)`: two channels over the other two axes.

    Shape:
        (B, C, H, W) → (B, 2, H, W) for dim 1, (B, 2, C, W) for dim 2, (B, 2, C, H) for dim 3
    """
    return torch.stack((amax(x, dim), mean(x, dim)), dim=1)


def scale(x: Tensor, gate: Tensor, *, overwrite: bool = False) -> Tensor:
    """Return `x * gate`, for a gate that is smaller than the maps x.

    Args:
        x: Maps.
        gate: Broadcastable to x, and as long.
        overwrite: Whether nobody else needs x, so that the product may take its place in memory.

    Shape:
        x (B, C, H, W), gate the same or 1 along some axes → (B, C, H, W)
    """
    if learning(x, gate) and gate.shape != x.shape and len(gate) == len(x):
        out: Tensor = _Scale.apply(x, gate)  # type: ignore[no-untyped-call]
        return out
    if overwrite and _fits(x, gate):
        return x.mul_(gate)
    return x * gate


def _fits(x: Tensor, gate: Tensor) -> bool:
    """Tell whether `x * gate` may be where x was: no gradient needs x, and its type is wide."""
    asked = torch.is_grad_enabled() and (x.requires_grad or gate.requires_grad)
    return not asked and torch.result_type(x, gate) == x.dtype


def conv_pair(maps: Tensor, weight: Tensor) -> Tensor:
    """Return `F.conv2d(maps, weight, padding=k // 2)`: from two maps to one, with an odd kernel k.

    Shape:
        maps (B, 2, H, W), weight (1, 2, k, k) → (B, 1, H, W)
    """
    plain = maps.device.type != "cpu" or torch.is_autocast_enabled("cpu")
    if plain or torch.compiler.is_compiling():
        return F.conv2d(maps, weight, padding=weight.shape[-1] // 2)
    if not learning(maps, weight):
        return _conv_pair(maps, weight)
    out: Tensor = _ConvPair.apply(maps, weight)  # type: ignore[no-untyped-call]
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
        return _peak(x, dim)

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


def _peak(x: Tensor, dim: Axes) -> Tensor:
    """Return `x.amax(dim, keepdim=True)`, found by a pooling window where torch's is slow.

    With the map laid out flat, a row is a window of W places, a column one of H places that lie W
    apart, and what is at one place in all channels one of C places that lie H·W apart.
    """
    _, channels, height, width = x.shape
    if dim == 3:
        return F.max_pool1d(x.flatten(2), width).unflatten(2, (height, 1))
    if dim == 2:
        return F.max_pool1d(x.flatten(2), height, stride=1, dilation=width).unsqueeze(2)
    if dim == 1:
        flat = x.flatten(1).unsqueeze(1)
        peak = F.max_pool1d(flat, channels, stride=1, dilation=height * width)
        return peak.unflatten(2, (height, width))
    return x.amax(dim, keepdim=True)


class _Scale(torch.autograd.Function):
    """Both gradients in the memory of one: the sum over the product, then the other product."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, gate: Tensor) -> Tensor:
        return x * gate

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, gate = ctx.saved_tensors
        if torch.is_grad_enabled():
            return grad * gate, (grad * x).sum_to_size(gate.shape)
        grad_x, grad_gate = torch.empty_like(x, dtype=grad.dtype), torch.empty_like(gate)
        for g, part, own, out, out_gate in _blocks(grad, x, gate, grad_x, grad_gate):
            out_gate.copy_(torch.mul(g, part, out=out).sum_to_size(own.shape))
            torch.mul(g, own, out=out)
        return grad_x, grad_gate


def _blocks(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield the same samples of every tensor: on a CPU as many as its cache holds, else all."""
    batch, size = len(tensors[0]), tensors[0].numel()
    if tensors[0].device.type == "cpu":
        batch = max(1, CPU_BLOCK * batch // size)
    return zip(*(tensor.split(batch) for tensor in tensors), strict=True)


class _ConvPair(torch.autograd.Function):
    """The gradient of the maps is such a convolution again, with the kernels turned around."""

    generate_vmap_rule = True

    @staticmethod
    def forward(maps: Tensor, weight: Tensor) -> Tensor:
        return _conv_pair(maps, weight)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        maps, weight = ctx.saved_tensors
        grad_maps = _conv_each(grad.expand_as(maps), weight.flip(2, 3))
        return grad_maps, conv2d_weight(maps, weight.shape, grad, padding=weight.shape[-1] // 2)


def _conv_pair(maps: Tensor, weight: Tensor) -> Tensor:
    first, second = _conv_each(maps, weight).split(1, dim=1)
    return first + second


def _conv_each(maps: Tensor, weight: Tensor) -> Tensor:
    """Convolve each of two maps (B, 2, H, W) with its own kernel of the weight (1, 2, k, k).

    The whole batch stands side by side as the channels of one image, which a CPU convolves many at
    a time; a single output channel would leave most of a vector register empty.
    """
    batch, pair, height, width = maps.shape
    channels = maps.reshape(1, batch * pair, height, width)
    kernels = weight.transpose(0, 1).repeat(batch, 1, 1, 1)
    padding = weight.shape[-1] // 2
    return F.conv2d(channels, kernels, padding=padding, groups=batch * pair).view_as(maps)
