"""The course's own lessons: released as they stand, within the rules, graded as promised."""

from collections.abc import Callable
from pathlib import Path

import pytest

from attncourse.course.check import up_to_last_check
from attncourse.course.marks import Standing, read_marks
from attncourse.course.measures import dissect, measure
from attncourse.course.notebook import read
from attncourse.course.places import Course
from attncourse.course.release import verify
from attncourse.course.syllabus import Lesson

COURSE = Course(Path(__file__).parents[2])
LESSONS = pytest.mark.parametrize("lesson", COURSE.solved(), ids=lambda lesson: lesson.name)


def test_notebooks_are_what_solutions_generate_and_give_nothing_away() -> None:
    assert verify(COURSE) == []


@LESSONS
def test_a_lesson_breaks_no_rule(lesson: Lesson) -> None:
    found = measure(dissect(COURSE, lesson))
    assert [f"{each.rule} {each.what}" for each in found] == []


@LESSONS
def test_a_stored_solution_passes_every_check(lesson: Lesson, validate: Callable) -> None:
    path = COURSE.solution(lesson)
    standings = {each.standing for each in read_marks(read(path))}
    assert standings == {Standing.PASSED, Standing.BY_HAND}
    assert validate(path, run=False) == {}


@pytest.mark.slow
@LESSONS
def test_nbgrader_gives_the_solution_all_points(lesson: Lesson, autograde: Callable) -> None:
    # What follows the last check is run by nbval.
    solution = up_to_last_check(read(COURSE.solution(lesson)))
    graded = autograde(solution, solution, lesson)
    for score, possible in graded.scores.values():
        assert score in (possible, None)  # None is left to a person
    assert graded.marks.earned == sum(score or 0 for score, _ in graded.scores.values())
    assert graded.marks.earned == graded.marks.possible > 0


@pytest.mark.slow
@LESSONS
def test_nbgrader_gives_the_untouched_release_nothing(
    lesson: Lesson, autograde: Callable, validate: Callable
) -> None:
    release = up_to_last_check(read(COURSE.notebook(lesson)))
    graded = autograde(read(COURSE.solution(lesson)), release, lesson)
    assert {score for score, _ in graded.scores.values()} == {0}
    assert {each.standing for each in graded.marks} == {Standing.OPEN}
    assert len(validate(graded.path, run=False)["failed"]) == len(graded.scores)
