"""A learner sees where they stand without running anything."""

import json

import pytest
from rich.console import Console

from attncourse.course.check import check
from attncourse.course.kernel import execute
from attncourse.course.marks import Standing
from attncourse.course.notebook import dumps, read, write_file
from attncourse.course.places import Course
from attncourse.course.progress import STATE, Progress, progress, record, render
from attncourse.course.release import release
from attncourse.course.syllabus import Lesson


@pytest.fixture
def learner(course: Course, lesson: Lesson) -> Course:
    """A course in which the learner has written the first answer and run nothing."""
    release(course)
    write_answer(course, lesson, "def double(number): return 2 * number")
    return course


def write_answer(course: Course, lesson: Lesson, source: str) -> None:
    nb = read(course.notebook(lesson))
    for cell in nb.cells:
        if cell.id == "double":
            cell.source = source
    write_file(course.notebook(lesson), dumps(nb).encode())


def shown(rows: list[Progress]) -> str:
    console = Console(width=120, record=True)
    console.print(render(rows))
    return console.export_text()


def test_nothing_run_is_nothing_earned(learner: Course) -> None:
    (row,) = progress(learner)
    assert (row.marks.earned, row.marks.possible, row.marks.by_hand) == (0, 3, 2)
    assert "Next: 00-attention, Exercise 1: double" in shown([row])


def test_running_the_cells_is_seen(learner: Course, lesson: Lesson) -> None:
    nb = read(learner.notebook(lesson))
    execute(nb, learner.notebook(lesson).parent, cell_timeout=60)
    write_file(learner.notebook(lesson), dumps(nb).encode())
    (row,) = progress(learner)
    assert (row.marks.earned, row.checked) == (2, False)
    assert "2 / 3 + 2 by hand" in shown([row])
    assert "Next: 00-attention, Exercise 2: root" in shown([row])


def test_a_check_is_remembered_until_the_notebook_changes(learner: Course, lesson: Lesson) -> None:
    path = learner.notebook(lesson)
    report = check(path)
    record(learner, path, report.marks)
    (row,) = progress(learner)
    assert (row.marks, row.checked) == (report.marks, True)
    write_answer(learner, lesson, "def double(number): return 0")
    (row,) = progress(learner)
    assert (row.marks.earned, row.checked) == (0, False)


def test_checks_of_other_notebooks_are_not_remembered(learner: Course, lesson: Lesson) -> None:
    record(learner, learner.solution(lesson), check(learner.solution(lesson)).marks)
    assert not (learner.notebooks / STATE).exists()


@pytest.mark.parametrize("state", ["", "[]", "null", '{"00-attention": 3}', '{"00-attention": {}}'])
def test_a_damaged_record_is_as_good_as_none(state: str, learner: Course, lesson: Lesson) -> None:
    (learner.notebooks / STATE).write_text(state)
    (row,) = progress(learner)
    assert not row.checked
    record(learner, learner.notebook(lesson), row.marks)
    assert json.loads((learner.notebooks / STATE).read_text())["00-attention"]["marks"]


def test_a_damaged_notebook_is_named(learner: Course, lesson: Lesson) -> None:
    learner.notebook(lesson).write_text("{")
    (row,) = progress(learner)
    assert "unreadable" in shown([row])
    assert "Next: take 00-attention out of the archive again" in shown([row])


def test_when_everything_is_solved_it_says_so(learner: Course, lesson: Lesson) -> None:
    nb = read(learner.solution(lesson))
    execute(nb, learner.solution(lesson).parent, cell_timeout=60)
    write_file(learner.notebook(lesson), dumps(nb).encode())
    (row,) = progress(learner)
    assert row.marks.next is None
    assert {each.standing for each in row.marks} == {Standing.PASSED, Standing.BY_HAND}
    assert "Everything is solved" in shown([row])
