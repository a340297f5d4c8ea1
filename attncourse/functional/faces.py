"""Products of a map with gates that are each the same along some of its axes.

Letters: B batch, C channels, H and W the sides of a map. Maps are (B, C, H, W).

Each function equals the expression in its docstring. Torch's own gradients take a map for every
factor and keep one; these share a single map.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from attncourse.functional.maps import learning, scale


def scale_faces(x: Tensor, *gates: Tensor) -> Tensor:
    """Return `x * (hc + cw + hw)`: the gates of the faces of a block of maps, added up.

    Args:
        x: Maps.
        gates: Two or three, each the same along another axis: W, then H, then C.

    Shape:
        x (B, C, H, W), gates (B, C, H, 1), (B, C, 1, W) and (B, 1, H, W) → (B, C, H, W)
    """
    if learning(x, *gates):
        out: Tensor = _ScaleFaces.apply(x, *gates)  # type: ignore[no-untyped-call]
        return out
    return scale(_total(gates), x, overwrite=True)


def scale_sides(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return `x * rows * columns`.

    Args:
        x: Maps.
        rows: A gate for each row of each map.
        columns: A gate for each column of each map.

    Shape:
        x (B, C, H, W), rows (B, C, H, 1), columns (B, C, 1, W) → (B, C, H, W)
    """
    if x.device.type == "cpu" and learning(x, rows, columns):
        out: Tensor = _ScaleSides.apply(x, rows, columns)  # type: ignore[no-untyped-call]
        return out
    return scale(x * rows, columns, overwrite=True)


def _total(gates: Sequence[Tensor], out: Tensor | None = None) -> Tensor:
    """Add up the faces' gates in one map (B, C, H, W)."""
    total = torch.add(gates[0], gates[1], out=out)  # constant rows first: the other way is slower
    for gate in gates[2:]:
        total += gate
    return total


class _ScaleFaces(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, *gates: Tensor) -> Tensor:
        return scale(_total(gates), x, overwrite=True)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        x, *gates = ctx.saved_tensors
        product = grad * x
        faces = zip((3, 2, 1), gates, strict=False)  # the axis over which each is the same
        grad_gates = [product.sum(axis, keepdim=True) for axis, _ in faces]
        if torch.is_grad_enabled():
            return (grad * _total(gates), *grad_gates)
        return (_total(gates, out=product).mul_(grad), *grad_gates)


class _ScaleSides(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        return scale(x * rows, columns, overwrite=True)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, *gates = ctx.saved_tensors
        product = grad * x
        rows, columns = (gate.to(product.dtype) for gate in gates)
        grad_rows = product @ columns.mT  # (B, C, H, W) @ (B, C, W, 1): a weighted sum over W
        grad_columns = rows.mT @ product
        if torch.is_grad_enabled():
            return grad * rows * columns, grad_rows, grad_columns
        return torch.mul(grad, rows, out=product).mul_(columns), grad_rows, grad_columns
