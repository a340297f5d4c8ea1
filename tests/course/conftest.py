"""A course in a temporary folder, with one tiny lesson, and plain nbgrader to grade it."""

import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from traitlets.config.loader import Config, PyFileConfigLoader

from attncourse.course.marks import Marks, read_marks
from attncourse.course.normalise import normalise
from attncourse.course.notebook import dumps, read, write_file
from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson, find

CONFIG = Path(__file__).parents[2] / "nbgrader_config.py"

CARD = """\
# Doubling

Double a number.

| | |
|---|---|
| Minutes | 0 |
| Points | 5 |
| CPU time | 0 s |
| Needs | nothing |
"""
DOUBLE = """\
def double(number):
    ### BEGIN SOLUTION
    twice_the_number = number + number
    return twice_the_number
    ### END SOLUTION
"""
DOUBLE_CHECK = """\
assert double(2) == 4, "double(2) must be 4"
### BEGIN HIDDEN TESTS
assert double(-3) == -6, "a negative number"
### END HIDDEN TESTS
"""


@pytest.fixture
def lesson() -> Lesson:
    return find("attention")


@pytest.fixture
def tiny() -> NotebookNode:
    """A solved lesson with two exercises and a written question, worth 2 + 1 and 2 points."""

    def marked(grade_id: str, **known: object) -> dict[str, object]:
        return {"nbgrader": {"grade_id": grade_id, **known}}

    cells = [
        new_markdown_cell(CARD),
        new_code_cell("import math"),
        new_markdown_cell("## Exercise 1: double (2 points)"),
        new_code_cell(DOUBLE, metadata=marked("double", solution=True)),
        new_code_cell(DOUBLE_CHECK, metadata=marked("double-check", grade=True, points=2)),
        new_markdown_cell("## Exercise 2: root"),
        new_code_cell("root_of_two = math.sqrt(2)", metadata=marked("root", solution=True)),
        new_code_cell(
            "assert abs(root_of_two**2 - 2) < 1e-9",
            metadata=marked("root-check", grade=True, points=1),
        ),
        new_markdown_cell("## Written question"),
        new_markdown_cell(
            "Because adding a number to itself doubles it.",
            metadata=marked("why", grade=True, solution=True, points=2),
        ),
    ]
    return normalise(new_notebook(cells=cells))


@pytest.fixture
def course(tmp_path: Path, tiny: NotebookNode, lesson: Lesson) -> Course:
    """A course whose only lesson is the tiny one, not yet released."""
    return lay_out(tmp_path / "course", lesson, tiny)


@dataclass(frozen=True)
class Graded:
    """What nbgrader made of a submission: its scores, the notebook it wrote, our marks of that."""

    scores: dict[str, tuple[float | None, float]]
    path: Path
    marks: Marks


@pytest.fixture
def nbgrader_config(monkeypatch: pytest.MonkeyPatch) -> Config:
    """The course's settings of nbgrader, and an environment in which it works."""
    # nbgrader starts alembic by its bare name.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    monkeypatch.setenv("PATH", path)
    return PyFileConfigLoader(CONFIG.name, path=str(CONFIG.parent)).load_config()


@pytest.fixture
def autograde(tmp_path: Path, lesson: Lesson, nbgrader_config: Config) -> Callable[..., Graded]:
    """Grades a submission as `nbgrader autograde` does, in a course of its own."""

    def grade(solution: NotebookNode, submission: NotebookNode, lesson: Lesson = lesson) -> Graded:
        from nbgrader.api import Gradebook
        from nbgrader.converters import Autograde, GenerateAssignment
        from nbgrader.coursedir import CourseDirectory

        course = lay_out(Path(tempfile.mkdtemp(dir=tmp_path)), lesson, solution)
        notebook = Path("ada", lesson.name, f"{lesson.name}.ipynb")
        write_file(course.root / "submitted" / notebook, dumps(submission).encode())
        places = {"root": str(course.root), "assignment_id": lesson.name}
        nbgrader_config.merge(Config(CourseDirectory=places))
        directory = CourseDirectory(config=nbgrader_config)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbgrader's way with its database and ids
            for step in (GenerateAssignment, Autograde):
                step(coursedir=directory, config=nbgrader_config).start()
        with Gradebook(directory.db_url) as gradebook:
            grades = gradebook.find_submission(lesson.name, "ada").notebooks[0].grades
            scores = {grade.name: (grade.auto_score, grade.max_score) for grade in grades}
        path = course.root / "autograded" / notebook
        return Graded(scores, path, read_marks(read(path)))

    return grade


@pytest.fixture
def validate(nbgrader_config: Config) -> Callable[..., dict[str, list[dict[str, str]]]]:
    """Validates a notebook as nbgrader's button in JupyterLab does; empty means success.

    With `run=False` it judges the outputs that the notebook has.
    """

    def run_validator(path: Path, run: bool = True) -> dict[str, list[dict[str, str]]]:
        from nbgrader.validator import Validator

        validator = Validator(config=nbgrader_config)
        if not run:
            validator.preprocessors = []
        found: dict[str, list[dict[str, str]]] = validator.validate(str(path))
        return found

    return run_validator


def lay_out(root: Path, lesson: Lesson, solution: NotebookNode) -> Course:
    """Makes a course folder with one solution and nbgrader's configuration."""
    course = Course(root)
    write_file(course.solution(lesson), dumps(solution).encode())
    shutil.copy(CONFIG, root)
    return course
