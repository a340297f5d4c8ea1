"""Every check accepts all that is right and rejects all that is wrong, for its reason."""

from collections.abc import Callable
from pathlib import Path

import pytest

from attncourse.exercises import lessons
from attncourse.exercises.__main__ import TABLE, table
from attncourse.exercises.core import Exercise, Outcome, Value
from attncourse.exercises.core.memory import Memory
from attncourse.exercises.core.proof import Proof

EXERCISES = [exercise for of_lesson in lessons().values() for exercise in of_lesson]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.lesson}-{e.name}")
def test_proof(exercise: Exercise, proved: Callable[[Exercise], Proof]) -> None:
    proof = proved(exercise)
    assert proof.oracle is None or proof.oracle.passed
    assert [verdict.outcome for verdict in proof.right if not verdict.passed] == []
    expected = {m.name: (m.name,) * len(m.forms) for m in exercise.misconceptions}
    assert proof.diagnosed == expected
    assert [name for name, verdict in proof.junk.items() if verdict.passed] == []
    assert proof.holds


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.lesson}-{e.name}")
def test_hidden_seeds_agree(exercise: Exercise) -> None:
    """Other seeds, as in hidden tests, accept all that is right; few reject what is wrong."""
    memory = Memory()
    wrong = [answer for m in exercise.misconceptions for answer in m.forms]
    many, few = range(100, 105), range(100, 102)
    assert all(exercise.accepts(answer, many, memory=memory) for answer in exercise.right)
    assert not any(exercise.accepts(answer, few, memory=memory) for answer in wrong)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.lesson}-{e.name}")
def test_the_oracle_is_refused_when_handed_in(exercise: Exercise) -> None:
    if isinstance(exercise.kind, Value) or exercise.oracle is None:
        pytest.skip("there is no code to hand in")
    verdict = exercise.examine(exercise.oracle)
    assert not verdict.passed
    assert verdict.outcome is Outcome.REFUSED


@pytest.mark.parametrize(("lesson", "exercises"), lessons().items(), ids=lessons())
def test_a_lesson_declares_enough(lesson: str, exercises: tuple[Exercise, ...]) -> None:
    wrong = [m.name for e in exercises for m in e.misconceptions]
    assert len(wrong) >= 12
    assert max(len(e.misconceptions) for e in exercises) >= 6
    assert all(len(e.right) >= 4 for e in exercises)
    for exercise in exercises:
        names = [m.name for m in exercise.misconceptions]
        sentences = [m.sentence for m in exercise.misconceptions]
        assert len(set(names)) == len(names)
        assert len(set(sentences)) == len(sentences)
        assert "" not in sentences


def test_the_table_in_the_documentation_is_current(proved: Callable[[Exercise], Proof]) -> None:
    assert Path(TABLE).read_text(encoding="utf-8") == table(proved)
