"""The plan holds what the instructor asks, and nothing that a learner could change."""

import copy
import dataclasses
import time
from pathlib import Path

import pytest
from nbformat import NotebookNode

import attncourse
from attncourse.course.notebook import dumps, write_file
from attncourse.course.places import Course, locate
from attncourse.course.syllabus import Lesson
from attncourse.grading.names import bound, needed, python, statements
from attncourse.grading.plan import Answer, Given, Plan, Written, code_of
from attncourse.grading.plan import Test as Check
from tests.grading.lesson import HIDDEN, cell


def test_steps_stand_in_the_release_s_order(plan: Plan) -> None:
    kinds = [type(step) for step in plan.steps]
    assert kinds == [Given, Answer, Given, Check, Answer, Check, Written]
    setup, demonstration = (step for step in plan.steps if isinstance(step, Given))
    assert setup.setup and setup.defines == {"torch", "ex"}
    assert not demonstration.setup and demonstration.defines == {"maps"}


def test_tests_know_their_exercise_or_keep_their_assertions(plan: Plan) -> None:
    squeeze, double = plan.tests
    assert (squeeze.exercise, squeeze.answer, squeeze.points) == ("squeeze", "squeeze", 2)
    assert plan.exercises == "attncourse.exercises.se"
    assert (double.exercise, double.answer, double.points) == (None, "", 1.5)
    assert double.source.endswith(HIDDEN)


def test_without_solutions_the_release_s_own_tests_are_left(course: Course, lesson: Lesson) -> None:
    course.solution(lesson).unlink()
    assert Plan.of(lesson, course).tests[1].source == "assert double(2) == 4"


def test_written_answers_are_a_person_s(plan: Plan) -> None:
    (why,) = plan.written
    assert (why.grade_id, why.points) == ("why", 4.0)


def test_the_digest_follows_whatever_decides_about_points(
    course: Course, lesson: Lesson, release: NotebookNode, plan: Plan
) -> None:
    assert Plan.of(lesson, course).digest == plan.digest
    changed = copy.deepcopy(release)
    cell(changed, "check-squeeze").metadata.nbgrader.points = 3
    write_file(course.notebook(lesson), dumps(changed).encode())
    assert Plan.of(lesson, course).digest != plan.digest


def test_a_corrected_oracle_changes_the_digest(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "attncourse.exercises.se"
    assert plan.code == code_of(module)
    assert dataclasses.replace(plan, code="other").digest != plan.digest
    for name in ("exercises", "exercises/core", "exercises/se", "exercises/sk"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "squeeze.py").write_text("oracle = 1")
    before = code_of(module, tmp_path)
    assert code_of(module, tmp_path) == before
    (tmp_path / "exercises" / "sk" / "squeeze.py").write_text("oracle = 2")
    assert code_of(module, tmp_path) == before, "another lesson's"
    (tmp_path / "exercises" / "se" / "squeeze.py").write_text("oracle = 2")
    corrected = code_of(module, tmp_path)
    assert corrected != before
    (tmp_path / "exercises" / "core" / "squeeze.py").unlink()
    assert code_of(module, tmp_path) not in (before, corrected)
    monkeypatch.setattr(attncourse, "__version__", "other")
    assert code_of(module) != plan.code, "the version stands for what oracles take from elsewhere"


@pytest.mark.parametrize(
    "line",
    [
        "from attncourse.exercises.common.draws import maps",
        "from attncourse.exercises.common import draws",
        "from attncourse.exercises import common",
        "import attncourse.exercises.common.draws as shared",
        "def late():\n    from attncourse.exercises.common.draws import maps",
    ],
)
def test_a_change_in_what_lessons_share_changes_the_digest(tmp_path: Path, line: str) -> None:
    for name in ("core", "se", "sk", "common", "deeper"):
        (tmp_path / "exercises" / name).mkdir(parents=True)
    exercises = tmp_path / "exercises"
    (exercises / "se" / "squeeze.py").write_text(line)
    (exercises / "common" / "draws.py").write_text("import attncourse.exercises.deeper.still")
    for shared in ("common", "deeper"):
        others = code_of("attncourse.exercises.sk", tmp_path)
        before = code_of("attncourse.exercises.se", tmp_path)
        (exercises / shared / "more.py").write_text("changed = True")
        assert code_of("attncourse.exercises.se", tmp_path) != before
        assert code_of("attncourse.exercises.sk", tmp_path) == others, "it takes nothing there"


@pytest.mark.parametrize(
    "source",
    [
        "ex.squeeze.check(squeeze)\nassert squeeze",
        "ex.squeeze.check(squeeze)\nex.double.check(double)",
        "for _ in range(2):\n    ex.squeeze.check(squeeze)",
    ],
)
def test_a_cell_that_judge_and_submission_would_share_is_refused(
    course: Course, lesson: Lesson, release: NotebookNode, source: str
) -> None:
    course.solution(lesson).unlink()
    cell(release, "check-squeeze").source = source
    write_file(course.notebook(lesson), dumps(release).encode())
    with pytest.raises(ValueError, match="check-squeeze asks more than one exercise"):
        Plan.of(lesson, course)


def test_a_lesson_that_is_not_released_is_refused_with_what_to_do(
    course: Course, lesson: Lesson
) -> None:
    course.notebook(lesson).unlink()
    with pytest.raises(ValueError, match="attncourse release 06-se"):
        Plan.of(lesson, course)


def test_every_lesson_of_the_course_has_a_plan() -> None:
    course = locate()
    for lesson in course.released():
        plan = Plan.of(lesson, course)
        assert all(test.exercise for test in plan.tests)
        assert {test.answer for test in plan.tests} <= {
            name for answer in plan.answers for name in bound(answer.source)
        }


def test_names_that_a_cell_binds() -> None:
    source = "import math as m\nfor i in y:\n    x = [k := j]\ndef f():\n    global g\n    g = 1"
    assert bound(source) == {"m", "i", "x", "k", "f", "g"}
    assert bound(source, imports=False) == {"i", "x", "k", "f", "g"}


def test_names_of_cells_that_are_not_quite_python() -> None:
    assert bound("%%time\ndef f():\n    pass") == {"f"}
    assert bound("%matplotlib inline\nfiles = !ls\nx = 1\nx?") == {"files", "x"}
    assert bound("def f(:\n    return\ny = 2") == {"f", "y"}
    assert bound("(" * 500) == frozenset()


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("%time table = 2", "table = 2"),
        ("%prun -q -s cumtime table = 2", "table = 2"),
        ("table = %time f(2)", "table = f(2)"),
        ("if 1:\n    %time table = 2", "if 1:\n    table = 2"),
        ("%timeit table = 2", "pass"),
        ("%time", "pass"),
        ("%time !ls", "pass"),
    ],
)
def test_what_is_timed_is_run_where_ipython_would_bind_its_names(line: str, left: str) -> None:
    assert python(line) == left


def test_names_that_a_cell_needs() -> None:
    source = "a = b\ndef f(x, y=c):\n    z = x\n    return z + d + a"
    assert needed(source) == {"b", "c", "d"}


def test_statements_keep_their_decorators() -> None:
    parts = list(statements("@cache\ndef f():\n    return 1\n\nx = 1; y = 2"))
    assert parts == ["@cache\ndef f():\n    return 1", "x = 1", "y = 2"]


@pytest.mark.parametrize(
    "hostile", [" " * 49_000, "a, " * 16_000, "%time" + " -q" * 16_000, " " * 500_000]
)
def test_no_cell_takes_long_to_be_read(hostile: str) -> None:
    source = f"{hostile}(\nx = 1"  # no Python, so that every rewriting is tried
    started = time.process_time()
    assert python(source) == source
    assert "x" in bound(source) and not list(statements(source))
    assert time.process_time() - started < 2
