"""Mistakes that can be made in any exercise are named in any, and only where they are made."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from attncourse.exercises import lessons
from attncourse.exercises.core import Exercise, Function

EXERCISES = {each.place: each for of_lesson in lessons().values() for each in of_lesson}
#: One result, from lessons 01, 06, 08 and 13.
PLACES = ("01-bahdanau/context_vector", "06-se/squeeze", "08-cbam/two_maps")

MISTAKES: dict[str, Callable[[Tensor], Tensor]] = {
    "length-one": lambda y: y.unsqueeze(1),
    "other-order": lambda y: y.transpose(0, 1),
    "laid-out": lambda y: y.flatten(),
    "view-for-transpose": lambda y: y.transpose(0, 1).reshape(y.shape),
    "factor": lambda y: 3 * y,
    "shifted": lambda y: y + 0.25,
    "opposite": lambda y: -y,
    "backwards": lambda y: y.flip(-1),
    "sigmoid-twice": torch.sigmoid,
}


def diagnosed(exercise: Exercise, answer: Any) -> list[str]:
    verdict = exercise.examine(answer)
    assert not verdict.passed
    return [verdict.misconception or each.key for each in verdict.diagnosis]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_general_mistake_has_its_name(place: str, mistake: str) -> None:
    exercise = EXERCISES[place]
    right, change = exercise.right[0], MISTAKES[mistake]
    known = {wrong.name for wrong in exercise.misconceptions}
    (found,) = diagnosed(exercise, lambda *inputs: change(right(*inputs)))
    assert found == mistake or found in known


ENDS = {
    "another-end": lambda gate: torch.nn.functional.gelu(gate.logit()),
    "complement": lambda gate: 1 - gate,
    "no-sigmoid": torch.logit,
}


@pytest.mark.parametrize("place", ["06-se/excitation", "08-cbam/channel_gate"])
@pytest.mark.parametrize("mistake", ENDS)
def test_another_end_has_its_name(place: str, mistake: str) -> None:
    exercise = EXERCISES[place]
    right, change = exercise.right[0], ENDS[mistake]
    known = {wrong.name for wrong in exercise.misconceptions}
    (found,) = diagnosed(exercise, lambda *inputs: change(right(*inputs)))
    assert found == mistake or found in known


def both(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean(-1), x.amax(-1)


TWO = Exercise(
    points=1,
    kind=Function(("mean", "maximum")),
    title="two results",
    oracle=lambda x: (x.mean(-1), x.max(-1).values),
    draw=lambda draw: {"x": draw.normal(*draw.sizes((4, 5), (2, 3)), offset=1.0)},
)


def overwrite(x: Tensor) -> tuple[Tensor, Tensor]:
    x -= x.mean()
    return both(x)


WRONG: dict[str, Callable[[Tensor], Any]] = {
    "swapped": lambda x: both(x)[::-1],
    "in-place": overwrite,
    "differs": lambda x: both(torch.nn.functional.dropout(x, 0.5)),
    "factor": lambda x: tuple(2 * y for y in both(x)),
    "none": lambda x: (None, x),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_causes_are_told_and_not_numbers(mistake: str) -> None:
    assert diagnosed(TWO, WRONG[mistake]) == [mistake]


def test_shapes_that_do_not_fit_are_asked_about() -> None:
    assert diagnosed(TWO, lambda x: both(x + x.mean(1)))[-1] == "spreads"


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: (x.mean(-1), 2 * x.amax(-1) + 1),
        lambda x: (2 * x.mean(-1), 1 + x.amax(-1)),
        lambda x: (x.mean(-1) ** 2, x.amax(-1)),
        lambda x: (x.mean(-1), x.amin(-1)),
    ],
)
def test_nothing_is_said_that_does_not_explain_all_numbers(answer: Callable[..., Any]) -> None:
    assert diagnosed(TWO, answer) == ["numbers"]
