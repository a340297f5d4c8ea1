"""A rehearsal stores what a solution shows, and finds the cells that cannot be run again."""

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from attncourse.course.normalise import normalise
from attncourse.course.notebook import dumps, grade_id, read, write_file
from attncourse.course.places import Course
from attncourse.course.rehearsal import rehearse
from attncourse.course.syllabus import Lesson


def cell_of(nb: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in nb.cells if grade_id(cell) == name)


def test_a_rehearsal_stores_outputs_and_fills_the_card(course: Course, lesson: Lesson) -> None:
    seconds = rehearse(course, lesson).cpu_seconds
    nb = read(course.solution(lesson))
    counts = [cell.execution_count for cell in nb.cells if cell.cell_type == "code"]
    assert counts == [1, 2, 3, 4, 5]
    assert nb == normalise(nb)
    assert "| Points | 5 |" in nb.cells[0].source
    assert f"| CPU time | {5 * -(-seconds // 5):g} s |" in nb.cells[0].source
    assert "| Minutes | 0 |" not in nb.cells[0].source


def test_a_rehearsal_that_fails_stores_nothing(
    course: Course, lesson: Lesson, tiny: NotebookNode
) -> None:
    cell_of(tiny, "double").source = "def double(number):\n    return number"
    write_file(course.solution(lesson), dumps(tiny).encode())
    with pytest.raises(ValueError, match=r"cell 5: AssertionError: double\(2\) must be 4"):
        rehearse(course, lesson)
    assert read(course.solution(lesson)) == tiny


GROWS = "seen = globals().get('seen', 0) + 1\nprint('seen', seen)"
LOOSE = {"tags": ["tolerance=0.1"]}


def test_cells_that_show_something_else_the_second_time_are_named(
    course: Course, lesson: Lesson, tiny: NotebookNode
) -> None:
    tiny.cells += [
        new_code_cell("print(math.pi)"),
        new_code_cell(GROWS),
        new_code_cell(GROWS.replace("seen", "more"), metadata=LOOSE),
        new_code_cell("print('a' if 'b' in globals() else 'c'); b = 1", metadata=LOOSE),
        new_code_cell("del b"),
        new_code_cell("raise ValueError", metadata={"tags": ["raises-exception"]}),
    ]
    write_file(course.solution(lesson), dumps(normalise(tiny)).encode())
    first = len(tiny.cells) - 5  # of those that grow
    assert rehearse(course, lesson).changed == (first + 1, first + 3, first + 4)
    shown = [cell.outputs for cell in read(course.solution(lesson)).cells[first:]]
    assert shown[0][0].text == "seen 1\n", "stored is the first run"


def test_a_second_run_can_be_left_out(course: Course, lesson: Lesson, tiny: NotebookNode) -> None:
    tiny.cells.append(new_code_cell(GROWS))
    write_file(course.solution(lesson), dumps(normalise(tiny)).encode())
    assert rehearse(course, lesson, once=True).changed == ()


def test_second_runs_cost_no_cpu_time(course: Course, lesson: Lesson, tiny: NotebookNode) -> None:
    spend = "import time\nend = time.process_time() + 1\nwhile time.process_time() < end: pass"
    tiny.cells.append(new_code_cell(spend))
    write_file(course.solution(lesson), dumps(normalise(tiny)).encode())
    seconds = [rehearse(course, lesson, once=once).cpu_seconds for once in (True, False)]
    assert seconds[1] - seconds[0] < 0.8
