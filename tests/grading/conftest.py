"""A released lesson in a temporary course, and what learners make of it."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from attncourse.course.normalise import normalise
from attncourse.course.notebook import dumps, write_file
from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson, find
from attncourse.grading.plan import Plan, Submission
from tests.grading.lesson import DOUBLE, HIDDEN, SQUEEZE, WHY, SubmittedFolder, cell, marked, stub


@pytest.fixture
def lesson() -> Lesson:
    return find("se")


@pytest.fixture
def release() -> NotebookNode:
    """Two code answers, of which one is checked by assertions, and one in words."""
    cells = [
        new_markdown_cell("# Squeeze\n\nA tiny lesson."),
        new_code_cell("import torch\nfrom attncourse.exercises import se as ex"),
        new_markdown_cell("Average the maps."),
        new_code_cell(stub("def squeeze(x):"), metadata=marked("squeeze", solution=True)),
        new_code_cell("maps = torch.ones(1, 2, 3, 4)\nsqueeze(maps).shape"),
        new_code_cell(
            "ex.squeeze.check(squeeze)", metadata=marked("check-squeeze", grade=True, points=2)
        ),
        new_markdown_cell("Double a number."),
        new_code_cell(stub("def double(number):"), metadata=marked("double", solution=True)),
        new_code_cell(
            "assert double(2) == 4", metadata=marked("check-double", grade=True, points=1.5)
        ),
        new_markdown_cell("Why does order not matter?"),
        new_markdown_cell(
            "*Double-click here and replace this line by your answer.*",
            metadata=marked("why", grade=True, solution=True, points=4),
        ),
        new_markdown_cell("That was all."),
    ]
    return normalise(new_notebook(cells=cells))


@pytest.fixture
def course(tmp_path: Path, release: NotebookNode, lesson: Lesson) -> Course:
    course = Course(tmp_path / "course")
    write_file(course.notebook(lesson), dumps(release).encode())
    solution = copy.deepcopy(release)
    cell(solution, "check-double").source += HIDDEN
    write_file(course.solution(lesson), dumps(solution).encode())
    return course


@pytest.fixture
def plan(course: Course, lesson: Lesson) -> Plan:
    return Plan.of(lesson, course)


@pytest.fixture
def solved(release: NotebookNode) -> NotebookNode:
    """What a learner hands in who answered everything."""
    nb = copy.deepcopy(release)
    for name, text in {"squeeze": SQUEEZE, "double": DOUBLE, "why": WHY}.items():
        cell(nb, name).source = text
    return nb


@pytest.fixture
def submitted(course: Course, plan: Plan) -> SubmittedFolder:
    folder = course.root / "submitted" / "ada" / plan.lesson
    folder.mkdir(parents=True)
    return SubmittedFolder(folder, plan)


@pytest.fixture
def hand_in(submitted: SubmittedFolder) -> Callable[[bytes | str | NotebookNode], Submission]:
    """Hands in a notebook under its right name and reads it."""

    def do(content: bytes | str | NotebookNode) -> Submission:
        submitted.put(content)
        return submitted.read()

    return do
