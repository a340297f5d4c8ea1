"""Compare two tensors, and say in words where and how they differ."""

import torch
from torch import Tensor

#: In double precision right answers agree to about 1e-14, and wrong ones differ by about 1e-2. But
#: the gradient of torch's hard sigmoid is right in single precision only.
TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 1e-2}


def close(got: Tensor, expected: Tensor) -> bool:
    """Whether two tensors have the same shape and dtype, and numbers equal up to rounding."""
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return False
    return not bool(_off(got, expected).any())


def deviation(name: str, got: Tensor, expected: Tensor) -> str:
    """What is different about a tensor; the empty text where nothing is.

    Args:
        name: what the learner calls it.
        got: the learner's.
        expected: the oracle's.
    """
    if got.shape != expected.shape:
        turned = tuple(got.shape) == tuple(reversed(expected.shape)) and got.dim() > 1
        return f"`{name}` has the shape {tuple(got.shape)}, expected {tuple(expected.shape)}" + (
            "; are two axes exchanged?" if turned else "."
        )
    if got.dtype != expected.dtype:
        return f"`{name}` has the dtype {got.dtype}, expected {expected.dtype}."
    off = _off(got, expected)
    if not bool(off.any()):
        return ""
    if bool(got.isnan().any()) and not bool(expected.isnan().any()):
        where = _index(got.isnan().flatten().int().argmax(), got)
        return f"`{name}` is NaN at {where}, expected {expected[where].item():.4g}."
    distance = (got.double() - expected.double()).abs().nan_to_num(posinf=torch.inf)
    where = _index(distance.flatten().argmax(), got)
    share = 100 * off.double().mean().item()
    return (
        f"`{name}` differs most at {list(where)}: expected {expected[where].item():.4g}, "
        f"got {got[where].item():.4g} ({share:.0f} % of its numbers are off)."
    )


def _off(got: Tensor, expected: Tensor) -> Tensor:
    if not got.is_floating_point():
        return got != expected
    finite = expected[expected.isfinite()]
    scale = max(1.0, finite.abs().max().item()) if finite.numel() else 1.0
    bound = TOLERANCE.get(got.dtype, 1e-8) * scale
    return ~torch.isclose(got, expected, rtol=0.0, atol=bound, equal_nan=True)


def _index(flat: Tensor, tensor: Tensor) -> tuple[int, ...]:
    return tuple(int(i) for i in torch.unravel_index(flat, tensor.shape))
