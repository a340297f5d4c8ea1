"""What laws are made of that hold for many mechanisms."""

from collections.abc import Callable

import torch
from torch import Tensor

from attncourse.exercises.core.probe import Inputs, Outputs

Change = Callable[[Inputs], Inputs]
Holds = Callable[[Inputs, Outputs, Outputs], bool]


def tensor(inputs: Inputs, name: str) -> Tensor:
    """An input that is one."""
    found = inputs[name]
    assert isinstance(found, Tensor)
    return found


def flipped(name: str, *dims: int) -> Change:
    """An input in reverse order along some axes."""
    return lambda inputs: inputs | {name: tensor(inputs, name).flip(dims)}


def unchanged(name: str) -> Holds:
    """The change makes no difference to this output."""
    return lambda inputs, before, after: torch.allclose(before[name], after[name])


def flips_along(name: str, *dims: int) -> Holds:
    """The change puts this output into reverse order along some axes."""
    return lambda inputs, before, after: torch.allclose(before[name].flip(dims), after[name])


def sums_to_one(name: str, dim: int = -1) -> Holds:
    """Whatever is added up along an axis of this output is shared out, whole."""

    def holds(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
        total = before[name].sum(dim)
        return torch.allclose(total, torch.ones_like(total))

    return holds


def stays_finite(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    """No output of the change overflows."""
    return all(bool(each.isfinite().all()) for each in after.values())


def shrinks(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    """Every number of the maps `x` comes out smaller or as it was, with its sign."""
    x = tensor(inputs, "x")
    return all(bool(((y.abs() <= x.abs()) & (y * x >= 0)).all()) for y in before.values())
