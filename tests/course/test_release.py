"""What learners get is generated, always the same, and gives nothing away."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from attncourse.course.leaks import leaks
from attncourse.course.normalise import normalise
from attncourse.course.notebook import dumps, is_unchanged, read, write_file
from attncourse.course.places import Course
from attncourse.course.release import generate, release, verify
from attncourse.course.syllabus import Lesson, find


@pytest.fixture
def released(course: Course, lesson: Lesson) -> NotebookNode:
    release(course)
    return read(course.notebook(lesson))


def cell_of(nb: NotebookNode, identifier: str) -> NotebookNode:
    return next(cell for cell in nb.cells if cell.id == identifier)


def test_stubs_stand_where_answers_were(released: NotebookNode) -> None:
    double = cell_of(released, "double").source
    assert double.startswith("def double(number):\n    # YOUR CODE HERE")
    assert "NotImplementedError" in double
    assert "twice_the_number" not in dumps(released)
    assert "Double-click" in cell_of(released, "why").source


def test_hidden_tests_are_gone_and_visible_ones_locked(released: NotebookNode) -> None:
    check = cell_of(released, "double-check")
    assert check.source == 'assert double(2) == 4, "double(2) must be 4"'
    assert check.metadata["editable"] is False
    assert check.metadata["deletable"] is False


def test_our_checksum_is_nbgraders(released: NotebookNode) -> None:
    marked = [cell for cell in released.cells if "nbgrader" in cell.metadata]
    assert len(marked) == 5
    assert all(map(is_unchanged, marked))
    marked[0].source += "\n# edited"
    assert not is_unchanged(marked[0])


def test_generation_is_repeatable_and_equals_plain_nbgrader(course: Course, lesson: Lesson) -> None:
    content = generate(course, [lesson])
    assert generate(course, [lesson]) == content
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", lesson.name, "--no-db"]
    subprocess.run(command, cwd=course.root, check=True, capture_output=True)
    name = f"{lesson.name}/{lesson.name}.ipynb"
    assert course.notebook(lesson).read_bytes() == content[name]


def test_generation_leaves_nothing_behind(course: Course, lesson: Lesson) -> None:
    before = sorted(course.root.rglob("*"))
    generate(course, [lesson])
    assert sorted(course.root.rglob("*")) == before


def test_files_beside_a_lesson_are_released_and_its_author_s_notes_are_not(
    course: Course, lesson: Lesson
) -> None:
    folder = course.solution(lesson).parent
    for name in ("digits.csv", "lesson.py", ".hidden", "draft.txt~"):
        (folder / name).write_text("x")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "old.ipynb").write_text("{}")
    names = {name.rpartition("/")[2] for name in generate(course, [lesson])}
    assert names == {f"{lesson.name}.ipynb", "digits.csv", "start-here.md"}


def test_release_changes_nothing_the_second_time(course: Course, lesson: Lesson) -> None:
    assert course.notebook(lesson) in release(course)
    assert release(course) == []
    assert verify(course) == []


def test_release_normalises_the_solution_first(
    course: Course, lesson: Lesson, tiny: NotebookNode
) -> None:
    tiny.metadata["widgets"] = {"state": {}}
    write_file(course.solution(lesson), dumps(tiny).encode())
    assert course.solution(lesson) in release(course)
    assert read(course.solution(lesson)) == normalise(tiny)


def test_verify_names_what_was_changed_by_hand(course: Course, lesson: Lesson) -> None:
    release(course)
    course.notebook(lesson).write_bytes(course.notebook(lesson).read_bytes() + b"\n")
    stray = course.notebook(find("se"))
    write_file(stray, course.notebook(lesson).read_bytes())
    findings = verify(course)
    assert any(lesson.name in finding and "generated" in finding for finding in findings)
    assert any("06-se" in finding and "no solution" in finding for finding in findings)


def test_verify_names_a_solution_that_is_not_normalised(course: Course, lesson: Lesson) -> None:
    release(course)
    course.solution(lesson).write_bytes(course.solution(lesson).read_bytes() + b"\n")
    assert verify(course) == [f"solutions/{lesson.name} is not normalised; run attncourse release"]


def test_a_lesson_that_nbgrader_refuses_is_named(
    course: Course, lesson: Lesson, tiny: NotebookNode, caplog: pytest.LogCaptureFixture
) -> None:
    cell_of(tiny, "double").source += "\n    ### BEGIN SOLUTION"
    write_file(course.solution(lesson), dumps(tiny).encode())
    with pytest.raises(ValueError, match=f"nbgrader cannot release {lesson.name}"):
        release(course)
    assert not course.notebooks.exists()


def test_a_release_that_leaks_is_not_written(
    course: Course, lesson: Lesson, tiny: NotebookNode
) -> None:
    tiny.cells.insert(2, new_markdown_cell("Hint: `twice_the_number = number + number`"))
    write_file(course.solution(lesson), dumps(normalise(tiny)).encode())
    with pytest.raises(ValueError, match="cell 3 shows a hidden line of double"):
        release(course)
    assert not course.notebooks.exists()


LEAKS = {
    "a line of a solution": new_code_cell("if True:\n    twice_the_number  = number + number"),
    "a line of a whole-cell solution": new_markdown_cell("Try `root_of_two = math.sqrt(2)`."),
    "a model answer": new_markdown_cell("Because adding a number to itself doubles it."),
    "a hidden test": new_code_cell('assert double(-3) == -6, "a negative number"'),
    "a marker": new_markdown_cell("### BEGIN SOLUTION"),
    "a path": new_code_cell(f'open("/{"home"}/ada/data.csv")'),
    "a Windows path": new_code_cell(r'open("C:\\data.csv")'),
    "outputs": new_code_cell("1", outputs=[new_output("stream", text="1")]),
    "an execution count": new_code_cell("1", execution_count=3),
    "timestamps": new_code_cell("1", metadata={"execution": {"iopub.status.busy": "now"}}),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_every_kind_of_leak_is_found(leak: str, tiny: NotebookNode, released: NotebookNode) -> None:
    assert leaks(tiny, released) == []
    released.cells.append(LEAKS[leak])
    assert len(leaks(tiny, released)) == 1


def test_a_version_in_the_metadata_is_a_leak(tiny: NotebookNode, released: NotebookNode) -> None:
    released.metadata["language_info"]["version"] = "3.11.7"
    assert len(leaks(tiny, released)) == 1


@pytest.mark.parametrize(
    "text", ["<details></details>", "https://a.org/b/c", "and/or", "1/2/3", "[x](../a/b.ipynb)"]
)
def test_slashes_alone_are_no_path(text: str, tiny: NotebookNode, released: NotebookNode) -> None:
    released.cells.append(new_markdown_cell(text))
    assert leaks(tiny, released) == []


@pytest.mark.slow
def test_untouched_gets_nothing_and_the_solution_everything(
    tiny: NotebookNode, released: NotebookNode, autograde: Callable
) -> None:
    solved, untouched = autograde(tiny, tiny), autograde(tiny, released)
    assert solved.scores == {"double-check": (2, 2), "root-check": (1, 1), "why": (None, 2)}
    assert untouched.scores == {"double-check": (0, 2), "root-check": (0, 1), "why": (0, 2)}
    assert solved.marks.earned == 3
    assert untouched.marks.earned == 0


@pytest.mark.slow
def test_a_check_that_a_learner_deleted_comes_back(
    tiny: NotebookNode, released: NotebookNode, autograde: Callable
) -> None:
    cell_of(released, "double").source = "def double(number): return 2 * number"
    released.cells.remove(cell_of(released, "double-check"))
    assert autograde(tiny, released).scores["double-check"] == (2, 2)


@pytest.mark.slow
def test_nbgraders_validation_fails_until_all_is_solved(
    course: Course, lesson: Lesson, released: NotebookNode, validate: Callable
) -> None:
    assert validate(course.solution(lesson)) == {}
    assert len(validate(course.notebook(lesson))["failed"]) == 3
