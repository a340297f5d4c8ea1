"""Compare two tensors, and say as data where and how they differ."""

import torch
from torch import Tensor

from attncourse.catalogue import mark
from attncourse.exercises.core.reason import Reason, reason

MESSAGES = {
    "name": mark("`{name}`"),
    "gradient": mark("`the gradient of {name}`"),
    "shape": mark("{what} has the shape {got}, expected {expected}."),
    "axes-exchanged": mark(
        "{what} has the shape {got}, expected {expected}; are two axes exchanged?"
    ),
    "dtype": mark(
        "{what} has the dtype {got}, the inputs have {expected}: give new tensors (`torch.zeros`, "
        "`torch.tensor` …) the dtype of an input, and convert none."
    ),
    "whole-numbers": mark(
        "{what} holds whole numbers or truth values ({got}), which lose what stands after the "
        "point: keep to the dtype of the inputs, {expected}."
    ),
    "other-dtype": mark("{what} has the dtype {got}, asked for is {expected}."),
    "nan": mark("{what} is NaN at {where}, expected {expected:.4g}."),
    "numbers": mark(
        "{what} differs most at {where}: expected {expected:.4g}, got {got:.4g} ({share:.0f} % of "
        "its numbers are off)."
    ),
}

#: In double precision right answers agree to about 1e-14, and wrong ones differ by about 1e-2. But
#: the gradient of torch's hard sigmoid is right in single precision only.
TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 1e-2}


def close(got: Tensor, expected: Tensor) -> bool:
    """Whether two tensors have the same shape and dtype, and numbers equal up to rounding."""
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return False
    return not bool(_off(got, expected).any())


def deviation(what: Reason, got: Tensor, expected: Tensor) -> Reason | None:
    """What is different about a tensor; None where nothing is.

    Args:
        what: which tensor it is.
        got: the learner's.
        expected: the oracle's.
    """
    if got.shape != expected.shape:
        turned = tuple(got.shape) == tuple(reversed(expected.shape)) and got.dim() > 1
        shapes = {"got": tuple(got.shape), "expected": tuple(expected.shape)}
        return reason("axes-exchanged" if turned else "shape", what=what, **shapes)
    if got.dtype != expected.dtype:
        return reason(_dtype_key(got, expected), what=what, **dtypes(got, expected))
    off = _off(got, expected)
    if not bool(off.any()):
        return None
    if bool(got.isnan().any()) and not bool(expected.isnan().any()):
        where = _index(got.isnan().flatten().int().argmax(), got)
        return reason("nan", what=what, where=where, expected=expected[where].item())
    distance = (got.double() - expected.double()).abs().nan_to_num(posinf=torch.inf)
    where = _index(distance.flatten().argmax(), got)
    return reason(
        "numbers",
        what=what,
        where=where,
        expected=expected[where].item(),
        got=got[where].item(),
        share=100 * off.double().mean().item(),
    )


def dtypes(got: Tensor, expected: Tensor) -> dict[str, str]:
    """The names of two dtypes, as messages say them."""
    names = {"got": got.dtype, "expected": expected.dtype}
    return {key: str(dtype).removeprefix("torch.") for key, dtype in names.items()}


def _dtype_key(got: Tensor, expected: Tensor) -> str:
    if not expected.is_floating_point():
        return "other-dtype"
    return "dtype" if got.is_floating_point() else "whole-numbers"


def identical(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors agree in every bit, and two NaN count as one."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.is_floating_point():  # in double precision: not all small types can be compared
        a, b = a.double().nan_to_num(), b.double().nan_to_num()
    return torch.equal(a, b)


def _off(got: Tensor, expected: Tensor) -> Tensor:
    if not got.is_floating_point():
        return got != expected
    finite = expected[expected.isfinite()]
    scale = max(1.0, finite.abs().max().item()) if finite.numel() else 1.0
    bound = TOLERANCE.get(got.dtype, 1e-8) * scale
    return ~torch.isclose(got, expected, rtol=0.0, atol=bound, equal_nan=True)


def _index(flat: Tensor, tensor: Tensor) -> tuple[int, ...]:
    return tuple(int(i) for i in torch.unravel_index(flat, tensor.shape))
