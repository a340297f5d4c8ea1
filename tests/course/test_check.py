"""A learner's notebook gets the points it deserves, and a sentence for those it does not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from rich.console import Console

from attncourse.course.check import Report, check, render
from attncourse.course.marks import Standing, read_marks
from attncourse.course.notebook import dumps, read, write_file
from attncourse.course.places import Course
from attncourse.course.release import release
from attncourse.course.syllabus import Lesson

CheckWith = Callable[..., Report]


@pytest.fixture
def check_with(course: Course, lesson: Lesson) -> CheckWith:
    """Checks the released lesson with other sources in some of its cells, by cell id."""

    def run(*, cell_timeout: int = 20, **sources: str) -> Report:
        release(course)
        nb = read(course.notebook(lesson))
        for cell in nb.cells:
            cell.source = sources.get(cell.id.replace("-", "_"), cell.source)
        path = course.notebook(lesson)
        write_file(path, dumps(nb).encode())
        return check(path, cell_timeout=cell_timeout)

    return run


def standings(report: Report) -> list[Standing]:
    return [each.standing for each in report.marks]


def test_a_solution_gets_all_points(course: Course, lesson: Lesson) -> None:
    report = check(course.solution(lesson))
    assert report.title == "Doubling"
    assert (report.marks.earned, report.marks.possible, report.marks.by_hand) == (3, 3, 2)
    assert report.marks.passed
    assert report.notes == ()


def test_an_untouched_release_gets_none_and_is_not_blamed(check_with: CheckWith) -> None:
    report = check_with()
    assert standings(report) == [Standing.OPEN] * 3
    assert report.marks.earned == 0
    assert not report.marks.passed
    assert [each.why for each in report.marks] == ["not solved yet"] * 2 + ["not answered yet"]
    assert report.notes == ()


def test_exercises_are_named_by_their_headings(check_with: CheckWith) -> None:
    exercises = [each.exercise for each in check_with().marks]
    assert exercises == ["Exercise 1: double", "Exercise 2: root", "Written question"]


def test_a_wrong_answer_is_told_why_and_costs_only_its_own_points(check_with: CheckWith) -> None:
    report = check_with(double="def double(number): return number**3", root="root_of_two = 2**0.5")
    assert standings(report)[:2] == [Standing.FAILED, Standing.PASSED]
    assert report.marks[0].why == "AssertionError: double(2) must be 4"
    assert report.marks.earned == 1


def test_a_broken_answer_cell_is_named_instead_of_the_missing_name(check_with: CheckWith) -> None:
    report = check_with(double="def double(number)\n    return 2 * number")
    assert report.marks[0].why.startswith("your answer cell: SyntaxError")


def test_a_written_answer_waits_for_a_person(check_with: CheckWith) -> None:
    report = check_with(why="Because 2 is twice 1.")
    assert standings(report)[2] == Standing.BY_HAND
    assert report.marks[2].earned is None


def test_a_partial_grade_counts_as_nbgrader_counts_it(check_with: CheckWith) -> None:
    report = check_with(double="def double(number): ...", double_check="0.5")
    assert standings(report)[0] == Standing.PARTLY
    assert report.marks.earned == 0.5


def test_a_changed_check_is_noted(check_with: CheckWith) -> None:
    report = check_with(double_check="pass")
    assert report.notes == ("the check double-check was changed; grading uses the original",)


def test_deleted_points_are_noted(course: Course, lesson: Lesson) -> None:
    nb = read(course.solution(lesson))
    nb.cells = [cell for cell in nb.cells if cell.id != "double-check"]
    write_file(course.solution(lesson), dumps(nb).encode())
    (note,) = check(course.solution(lesson)).notes
    assert "worth 2 points were deleted" in note


def test_a_given_cell_that_fails_is_noted(course: Course, lesson: Lesson) -> None:
    nb = read(course.solution(lesson))
    nb.cells[1].source = "import no_such_module"
    write_file(course.solution(lesson), dumps(nb).encode())
    assert check(course.solution(lesson)).notes == (
        "cell 2, which is given, fails with ModuleNotFoundError: No module named 'no_such_module'",
    )


NOISE = {
    "a warning": "import warnings; warnings.warn('careful')",
    "a log line": "import logging; logging.warning('careful')",
    "C-level output": "import os; os.write(2, b'careful')",
    "a progress bar": "import sys; print('50%|#####     |', file=sys.stderr)",
}


@pytest.mark.parametrize("noise", NOISE)
def test_noise_costs_no_points(noise: str, check_with: CheckWith) -> None:
    body = f"def double(number):\n    {NOISE[noise]}\n    return 2 * number"
    assert standings(check_with(double=body))[0] == Standing.PASSED


@pytest.mark.slow
def test_noise_costs_no_points_in_plain_nbgrader_either(
    course: Course,
    lesson: Lesson,
    tiny: NotebookNode,
    autograde: Callable,
) -> None:
    release(course)
    nb = read(course.notebook(lesson))
    for cell in nb.cells:
        if cell.id == "double":
            lines = ["def double(number):", *NOISE.values(), "return 2 * number"]
            cell.source = "\n    ".join(lines)
    assert autograde(tiny, nb).scores["double-check"] == (2, 2)


def test_a_dead_kernel_costs_one_exercise(check_with: CheckWith) -> None:
    report = check_with(
        double="def double(number):\n    import os\n    os._exit(1)", root="root_of_two = 2**0.5"
    )
    assert standings(report)[:2] == [Standing.FAILED, Standing.PASSED]
    assert "the kernel died" in report.marks[0].why
    assert report.notes == ("cell 5: the kernel died here; usually memory ran out",)


def test_an_endless_loop_costs_one_exercise(check_with: CheckWith) -> None:
    report = check_with(double="while True:\n    pass", root="root_of_two = 2**0.5", cell_timeout=2)
    assert standings(report)[:2] == [Standing.FAILED, Standing.PASSED]
    assert (
        report.marks[0].why == "your answer cell: CellTimeout: ran longer than 2 s and was stopped"
    )


def test_a_loop_that_cannot_be_interrupted_costs_one_exercise(check_with: CheckWith) -> None:
    deaf = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass"
    report = check_with(double=deaf, root="root_of_two = 2**0.5", cell_timeout=2)
    assert standings(report)[:2] == [Standing.FAILED, Standing.PASSED]
    assert "could not be interrupted" in report.marks[0].why


def test_kernels_that_keep_dying_end_the_check(course: Course, lesson: Lesson) -> None:
    nb = read(course.solution(lesson))
    nb.cells[1:1] = [new_code_cell("import os; os._exit(1)") for _ in range(9)]
    write_file(course.solution(lesson), dumps(nb).encode())
    report = check(course.solution(lesson))
    assert [each.why for each in report.marks[:2]] == ["not run yet"] * 2
    assert len(report.notes) == 4


def test_what_follows_the_last_check_is_not_run(course: Course, lesson: Lesson) -> None:
    nb = read(course.solution(lesson))
    nb.cells.append(new_code_cell("import pathlib; pathlib.Path('ran').touch()"))
    write_file(course.solution(lesson), dumps(nb).encode())
    assert check(course.solution(lesson)).marks.passed
    assert not (course.solution(lesson).parent / "ran").exists()


def test_a_check_leaves_the_notebook_alone(course: Course, lesson: Lesson) -> None:
    before = course.solution(lesson).read_bytes()
    check(course.solution(lesson))
    assert course.solution(lesson).read_bytes() == before


def test_a_notebook_without_checks_is_refused(tmp_path: Path, tiny: NotebookNode) -> None:
    tiny.cells = [new_markdown_cell("text")]
    write_file(tmp_path / "notes.ipynb", dumps(tiny).encode())
    with pytest.raises(ValueError, match=r"notes\.ipynb has no checks"):
        check(tmp_path / "notes.ipynb")


def test_the_table_shows_what_the_learner_wrote_as_it_is(check_with: CheckWith) -> None:
    report = check_with(double="def double(number): raise TypeError('[bold]no[/bold] [x]')")
    console = Console(width=100, record=True)
    console.print(render(report))
    text = console.export_text()
    assert "TypeError: [bold]no[/bold] [x]" in text
    assert "0 / 3" in text


def test_marks_come_from_stored_outputs_too(tiny: NotebookNode) -> None:
    assert [each.why for each in read_marks(tiny)[:2]] == ["not run yet"] * 2
