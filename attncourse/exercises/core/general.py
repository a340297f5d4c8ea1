"""Mistakes that can be made in any exercise, known by what they do to right numbers.

Each is looked for in every case that shows the answer's numbers; it is told only if it explains all
of them, so that what it says is true of the answer, whatever the answer's code looks like.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import permutations

import torch
from torch import Tensor

from attncourse.catalogue import mark
from attncourse.exercises.core.compare import close
from attncourse.exercises.core.probe import Outputs
from attncourse.exercises.core.reason import Reason, reason

MESSAGES = {
    "length-one": mark(
        "The numbers are right, but `{name}` has the shape {got} and not {expected}: an axis of "
        "length 1 stays or is lost (`keepdim`, `unsqueeze`; `squeeze()` without an axis removes "
        "all of them)."
    ),
    "other-order": mark(
        "The numbers are right, but the axes of `{name}` stand in another order: it has the shape "
        "{got} and not {expected}. `transpose` or `permute` exchanges them."
    ),
    "laid-out": mark(
        "The numbers are right, but `{name}` has the shape {got} and not {expected}: `view` or "
        "`reshape` to this."
    ),
    "view-for-transpose": mark(
        "The numbers of `{name}` are right, but in the wrong places, as when `view` or `reshape` "
        "does what `transpose` should: they cut the row of numbers anew and exchange no axes."
    ),
    "swapped": mark("`{first}` and `{second}` are swapped: return them in the other order."),
    "halves": mark(
        "In `{name}` the two halves along axis {axis} have changed places: look at the order in "
        "which you split or concatenate."
    ),
    "backwards": mark("`{name}` is right, but runs backwards along axis {axis}."),
    "factor": mark("Every number of `{name}` is {factor:.4g} times what it should be."),
    "shifted": mark("Every number of `{name}` is the right one plus {shift:.4g}."),
    "opposite": mark("Every number of `{name}` has the wrong sign."),
    "complement": mark("`{name}` is 1 minus what it should be: it shuts where it should open."),
    "no-sigmoid": mark("`{name}` holds logits: a sigmoid at the end is missing."),
    "another-end": mark("`{name}` ends in a {function} where a sigmoid should stand."),
    "sigmoid-twice": mark(
        "A sigmoid stands at the end of `{name}` where none, or none more, should."
    ),
    "no-relu": mark("In `{name}` negative numbers stay: a ReLU at the end is missing."),
    "relu-too-many": mark(
        "In `{name}` every negative number has become 0, as by a ReLU at the end."
    ),
    "spreads": mark(
        "Here two tensors meet whose shapes do not fit: does one of them lack an axis of length 1 "
        "(`[:, None]`, `keepdim=True`), or are two axes exchanged?"
    ),
}

#: What torch says where two shapes do not fit; it has no class of exception for it.
MISFIT = ("must match the size of tensor", "shapes cannot be multiplied", "not broadcastable")

Named = Sequence[tuple[Outputs, Outputs]]
ENDS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "hard sigmoid": torch.nn.functional.hardsigmoid,
    "ReLU": torch.relu,
    "GELU": torch.nn.functional.gelu,
    "SiLU": torch.nn.functional.silu,
}


def misfit(message: str) -> Reason | None:
    """A question to who was told by torch that two shapes do not fit."""
    return reason("spreads") if any(each in message for each in MISFIT) else None


def explained(cases: Named) -> Reason | None:
    """The first general mistake that explains all outputs.

    Args:
        cases: outputs of the answer, and those of the oracle; all that were seen.
    """
    if not cases:
        return None
    if any(mine.keys() != right.keys() for mine, right in cases):
        return None
    names = cases[0][1]
    wrong = [n for n in names if not all(close(mine[n], right[n]) for mine, right in cases)]
    for first, second in permutations(wrong, 2):
        if wrong == [first, second] and all(
            close(mine[first], right[second]) and close(mine[second], right[first])
            for mine, right in cases
        ):
            return reason("swapped", first=first, second=second)
    told = {name: _of_one(name, [(m[name], r[name]) for m, r in cases]) for name in wrong}
    # One sentence stands for all that is wrong; results that are wrong in two ways have none.
    kinds = {each.key if each else None for each in told.values()}
    return told[wrong[0]] if len(kinds) == 1 and wrong else None


def _of_one(name: str, pairs: Sequence[tuple[Tensor, Tensor]]) -> Reason | None:
    got, wanted = pairs[0]
    if any(mine.dtype != right.dtype or not right.is_floating_point() for mine, right in pairs):
        return None
    if any(mine.numel() != right.numel() or not mine.isfinite().all() for mine, right in pairs):
        return None
    found = _misplaced if got.shape != wanted.shape else _changed
    for each, holds in found(name, got, wanted):
        if all(holds(mine, right) for mine, right in pairs):
            return each
    return None


Holds = Callable[[Tensor, Tensor], bool]


def _as(change: Callable[[Tensor], Tensor]) -> Holds:
    """Holds where an answer's numbers are the right ones, changed."""
    return lambda got, wanted: close(got, change(wanted))


def _of_gates(change: Callable[[Tensor], Tensor]) -> Holds:
    """The same, where the right numbers could come from a sigmoid."""
    return lambda got, wanted: (
        bool(((wanted > 0) & (wanted < 1)).all()) and close(got, change(wanted))
    )


def _misplaced(name: str, got: Tensor, wanted: Tensor) -> Iterator[tuple[Reason, Holds]]:
    """Right numbers in another shape."""
    shapes = {"name": name, "got": tuple(got.shape), "expected": tuple(wanted.shape)}
    yield reason("length-one", **shapes), lambda g, w: close(g.squeeze(), w.squeeze())
    for order in _orders(wanted):
        yield reason("other-order", **shapes), _as(partial(torch.permute, dims=order))
    yield reason("laid-out", **shapes), lambda g, w: close(g.flatten(), w.flatten())


def _changed(name: str, got: Tensor, wanted: Tensor) -> Iterator[tuple[Reason, Holds]]:
    """Right numbers in other places, or changed in a way that is the same for all."""
    for axis in range(wanted.dim()):
        yield reason("backwards", name=name, axis=axis), _as(partial(torch.flip, dims=(axis,)))
        yield reason("halves", name=name, axis=axis), _as(partial(_halves_exchanged, axis=axis))
    for order in _orders(wanted):
        yield reason("view-for-transpose", name=name), _as(partial(_viewed, order=order))
    yield reason("opposite", name=name), _as(torch.neg)
    yield reason("complement", name=name), _of_gates(lambda w: 1 - w)
    if bool(wanted.any()):
        factor = float((got * wanted).sum() / (wanted * wanted).sum())
        yield reason("factor", name=name, factor=factor), _as(lambda w: factor * w)
    shift = float((got - wanted).mean())
    yield reason("shifted", name=name, shift=shift), _as(lambda w: w + shift)
    yield reason("no-sigmoid", name=name), _of_gates(torch.logit)
    for function, end in ENDS.items():
        yield reason("another-end", name=name, function=function), _of_gates(partial(_end, end))
    yield reason("sigmoid-twice", name=name), _as(torch.sigmoid)
    yield (
        reason("no-relu", name=name),
        lambda g, w: bool((g < 0).any() and (w >= 0).all()) and close(g.relu(), w),
    )
    yield (
        reason("relu-too-many", name=name),
        lambda g, w: bool((w < 0).any()) and close(g, w.relu()),
    )


def _halves_exchanged(tensor: Tensor, axis: int) -> Tensor:
    """An axis of odd length has no halves and stays."""
    length = tensor.shape[axis]
    return tensor if length % 2 else tensor.roll(length // 2, axis)


def _viewed(tensor: Tensor, order: tuple[int, ...]) -> Tensor:
    """The numbers as they lie with the axes in another order, cut anew into the right shape."""
    return tensor.permute(order).reshape(tensor.shape)


def _end(function: Callable[[Tensor], Tensor], gates: Tensor) -> Tensor:
    """What another function makes of the logits."""
    return function(gates.logit())


def _orders(tensor: Tensor) -> Iterator[tuple[int, ...]]:
    """All other orders of the axes; of more than four there are too many."""
    if 2 <= tensor.dim() <= 4:
        yield from (o for o in permutations(range(tensor.dim())) if o != tuple(sorted(o)))
