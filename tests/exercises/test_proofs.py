"""Every check accepts all that is right and rejects all that is wrong, for its reason."""

from pathlib import Path

import pytest

from attncourse.exercises import lessons
from attncourse.exercises.__main__ import TABLE, table
from attncourse.exercises.core import Exercise, Value
from attncourse.exercises.core.proof import Proof, prove

EXERCISES = [exercise for of_lesson in lessons().values() for exercise in of_lesson]


PROOFS: dict[tuple[str, str], Proof] = {}


def proved(exercise: Exercise) -> Proof:
    """An exercise's proof, made once: the table needs it again."""
    key = (exercise.lesson, exercise.name)
    if key not in PROOFS:
        PROOFS[key] = prove(exercise)
    return PROOFS[key]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.lesson}-{e.name}")
def test_proof(exercise: Exercise) -> None:
    proof = proved(exercise)
    assert proof.oracle
    assert proof.right == (True,) * len(exercise.right)
    expected = {m.name: (m.name,) * (1 + len(m.variants)) for m in exercise.misconceptions}
    assert proof.misconceptions == expected
    assert proof.junk == dict.fromkeys(proof.junk, True)
    assert proof.holds


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.lesson}-{e.name}")
def test_hidden_seeds_agree(exercise: Exercise) -> None:
    """Other seeds, as in hidden tests, accept and reject the same."""
    seeds = range(100, 105)
    assert all(exercise.examine(answer, seeds).passed for answer in exercise.right)
    wrong = [answer for m in exercise.misconceptions for answer in (m.answer, *m.variants)]
    assert not any(exercise.examine(answer, seeds).passed for answer in wrong)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.lesson}-{e.name}")
def test_the_oracle_is_refused_when_handed_in(exercise: Exercise) -> None:
    if isinstance(exercise.kind, Value) or exercise.oracle is None:
        pytest.skip("there is no code to hand in")
    verdict = exercise.examine(exercise.oracle)
    assert not verdict.passed
    assert "asked to write yourself" in verdict.sentence


@pytest.mark.parametrize(("lesson", "exercises"), lessons().items(), ids=lessons())
def test_a_lesson_declares_enough(lesson: str, exercises: tuple[Exercise, ...]) -> None:
    wrong = [m.name for e in exercises for m in e.misconceptions]
    assert len(wrong) >= 10
    assert max(len(e.misconceptions) for e in exercises) >= 6
    assert all(len(e.right) >= 3 for e in exercises)
    for exercise in exercises:
        names = [m.name for m in exercise.misconceptions]
        sentences = [m.sentence for m in exercise.misconceptions]
        assert len(set(names)) == len(names)
        assert len(set(sentences)) == len(sentences)


def test_the_table_in_the_documentation_is_current() -> None:
    assert Path(TABLE).read_text(encoding="utf-8") == table(proved)
