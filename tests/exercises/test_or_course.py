"""What an experiment gets to train: the learner's answer, or the course's with a sentence."""

import pytest
import torch
from torch import Tensor, nn

from attncourse.exercises import lessons
from attncourse.exercises import se as ex
from attncourse.exercises.core import Exercise

EXERCISES = [exercise for of_lesson in lessons().values() for exercise in of_lesson]


def stub(*args: object) -> Tensor:
    raise NotImplementedError


class StubBlock(nn.Module):
    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        raise NotImplementedError


class Crashing(StubBlock):
    def __init__(self, channels: int, reduction: int = 16) -> None:
        nn.Module.__init__(self)

    def forward(self, x: Tensor) -> Tensor:
        return x @ x.flatten()


def test_what_gives_an_answer_is_used_right_or_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    for exercise in (ex.squeeze, ex.SEBlock):
        wrong = exercise.misconceptions[0].forms[0]
        assert all(exercise.or_course(each) is each for each in (*exercise.right, wrong))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("answer", [StubBlock, Crashing, None])
def test_the_course_stands_in_for_what_gives_none_and_says_so(
    answer: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ex.SEBlock.or_course(answer) is ex.SEBlock.oracle
    assert "SEBlock" in capsys.readouterr().out


def test_what_stands_in_can_be_given() -> None:
    given = torch.nn.Identity
    assert ex.SEBlock.or_course(StubBlock, given) is given
    assert ex.own_squeeze.or_course(stub, ex.squeeze.oracle) is ex.squeeze.oracle


def test_without_an_oracle_something_has_to_be_given() -> None:
    with pytest.raises(ValueError, match="own_squeeze has no oracle"):
        ex.own_squeeze.or_course(stub)


@pytest.mark.parametrize(
    "exercise", [e for e in EXERCISES if callable(e.oracle)], ids=lambda e: e.place
)
def test_every_oracle_can_stand_in_for_the_stub_of_a_function_or_a_class(
    exercise: Exercise,
) -> None:
    assert exercise.or_course(stub) is exercise.oracle
    assert exercise.or_course(exercise.oracle) is exercise.oracle
