"""No line of a check is false: what it says an answer lacks, the answer lacks."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from attncourse.exercises import lessons
from attncourse.exercises.core import Exercise, Finding, Function, Probe, Value
from attncourse.exercises.core.isolation import muted, own_randomness
from attncourse.exercises.core.judge import findings
from attncourse.exercises.core.kinds import named_outputs

EXERCISES = [
    exercise
    for of_lesson in lessons().values()
    for exercise in of_lesson
    if not isinstance(exercise.kind, Value)
]


def nan_row(tensor: Tensor) -> Tensor:
    rows = torch.arange(tensor.numel()).view_as(tensor) % max(1, tensor.numel() // len(tensor))
    return torch.where(rows == 0, torch.nan, tensor) if tensor.is_floating_point() else tensor


#: What may befall right numbers on their way out, without touching any law that they obey.
FORMS: dict[str, Callable[[Tensor], Any]] = {
    "an axis more": lambda tensor: tensor.unsqueeze(-1),
    "flat": lambda tensor: tensor.flatten(),
    "stacked": lambda tensor: torch.stack((tensor, tensor)),
    "single precision": lambda tensor: tensor.float(),
    "no tensor": lambda tensor: tensor.tolist(),
    "nothing": lambda tensor: None,
    "a row is missing": nan_row,
}


def reformed(exercise: Exercise, form: Callable[[Tensor], Any]) -> Any:
    """A right answer, its results in another form."""
    right = exercise.right[0]

    def change(returned: Any) -> Any:
        if isinstance(returned, tuple):
            return tuple(map(change, returned))
        return form(returned) if isinstance(returned, Tensor) else returned

    if isinstance(exercise.kind, Function):
        return lambda *inputs: change(right(*inputs))

    class Reformed(right):
        def forward(self, *inputs: Any) -> Any:
            return change(super().forward(*inputs))

    return Reformed


def found(exercise: Exercise, answer: Any) -> list[Finding]:
    """What a check finds, without looking for its name."""
    memory = exercise.memory
    probes = memory.probes((0,), lambda: exercise.probes((0,)))
    return findings(
        exercise, probes, exercise.responses(answer, probes), exercise._reference(memory)
    )


def called(exercise: Exercise, answer: Any, probe: Probe) -> tuple[dict[str, Any], Any]:
    """Inputs and outputs of one call, made by hand."""
    inputs = {k: v.clone() if isinstance(v, Tensor) else v for k, v in probe.inputs.items()}
    with muted(), own_randomness(probe.seed):
        call = exercise.kind.open(answer, probe).call
        outputs = named_outputs(call(inputs), exercise.kind.returns)
    return inputs, outputs


def same(a: Any, b: Any) -> bool:
    if not isinstance(a, Tensor):
        return True
    return a.shape == b.shape and torch.equal(a.nan_to_num(), b.nan_to_num())


def lacks(exercise: Exercise, answer: Any, behaviour: str) -> bool | None:
    """Whether an answer lacks a behaviour, asked without the check; None if that cannot be told."""
    probes = [p for p in exercise.probes((0,)) if p.behaviour in ("values", "sizes")]
    if behaviour == "in-place":
        changed = False
        for probe in probes:
            try:
                inputs, _ = called(exercise, answer, probe)
            except Exception:
                continue
            changed |= not all(same(probe.inputs[k], v) for k, v in inputs.items())
        return changed
    if behaviour == "precision":
        single = next(p for p in exercise.probes((0,)) if p.behaviour == "precision")
        try:
            _, outputs = called(exercise, answer, single)
        except Exception:
            return True
        _, right = called(exercise, exercise.oracle, single)
        return any(v.dtype != right[k].dtype for k, v in outputs.items())
    return None


def wrong_answers(exercise: Exercise) -> Iterator[Any]:
    for misconception in exercise.misconceptions:
        yield from misconception.forms


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.lesson}-{e.name}")
def test_what_fails_is_wrong(exercise: Exercise) -> None:
    for answer in wrong_answers(exercise):
        failed = [each.behaviour for each in found(exercise, answer) if each.failed]
        assert [name for name in failed if lacks(exercise, answer, name) is False] == []


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.lesson}-{e.name}")
@pytest.mark.parametrize("form", FORMS)
def test_right_numbers_in_another_form_break_no_law(exercise: Exercise, form: str) -> None:
    what = found(exercise, reformed(exercise, FORMS[form]))
    laws = [each for each in what if each.behaviour.startswith("law-")]
    if exercise.oracle is not None:
        assert [each.title.values for each in laws if each.failed] == []
