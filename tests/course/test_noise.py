"""What an honest learner's code says besides costs no points, wherever it is checked."""

from collections.abc import Callable

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from attncourse.course.check import check
from attncourse.course.normalise import normalise
from attncourse.course.notebook import dumps, write_file
from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson

DECLARATION = """\
import logging, os, sys, warnings
import matplotlib.pyplot as plt
from attncourse.exercises.core import Exercise, Function
exercise = Exercise(
    name="double", lesson="00-attention", points=2, kind=Function(("twice",)), title="the double",
    oracle=lambda x: x + x, draw=lambda draw: {"x": draw.normal(3, 5)},
)
"""
NOISY = """\
def double(x):
    warnings.warn("careful")
    logging.warning("careful")
    os.write(2, b"careful")
    print("50%|#####     |", file=sys.stderr)
    plt.figure().suptitle("\\N{CJK UNIFIED IDEOGRAPH-6CE8}")
    plt.gcf().canvas.draw()
    return 2 * x
"""


@pytest.fixture
def noisy(course: Course, lesson: Lesson) -> NotebookNode:
    """A lesson whose answer is right and says all that nbgrader takes for an error."""
    check = {"grade_id": "double-check", "grade": True, "points": 2}
    cells = [
        new_code_cell(DECLARATION),
        new_code_cell(NOISY, metadata={"nbgrader": {"grade_id": "double", "solution": True}}),
        new_code_cell("exercise.check(double)", metadata={"nbgrader": check}),
    ]
    nb = normalise(new_notebook(cells=cells))
    write_file(course.solution(lesson), dumps(nb).encode())
    return nb


def test_in_our_check(noisy: NotebookNode, course: Course, lesson: Lesson) -> None:
    assert check(course.solution(lesson)).marks.passed


def test_in_nbgraders_validation(
    noisy: NotebookNode, course: Course, lesson: Lesson, validate: Callable
) -> None:
    assert validate(course.solution(lesson)) == {}


@pytest.mark.slow
def test_in_plain_nbgrader(noisy: NotebookNode, autograde: Callable) -> None:
    assert autograde(noisy, noisy).scores == {"double-check": (2, 2)}
