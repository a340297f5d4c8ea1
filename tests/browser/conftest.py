"""A course in a temporary folder, and JupyterLab open on it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import Browser, Page

from attncourse.course.normalise import normalise
from attncourse.course.notebook import dumps, write_file
from attncourse.course.places import Course
from attncourse.course.release import CONFIG, generate
from attncourse.course.syllabus import find
from tests.browser.desk import CHROMIUM, PATIENCE, Lab, chromium, jupyterlab

REPOSITORY = Course(Path(__file__).parents[2])
TINY = find("attention")  # a small lesson made here takes its place
LESSONS = [TINY, *(each for each in REPOSITORY.solved() if each.slug == "bahdanau")]

CARD = """\
# Doubling

Double a number.

| | |
|---|---|
| Minutes | 0 |
| Points | 2 |
| CPU time | 0 s |
| Needs | nothing |
"""
MAP = """\
from attncourse import plotting as plot

weights = [[0.9, 0.1], [0.2, 0.8]]
plot.show(plot.alignment(weights, "ab", "xy"), alt="x looks at a, y at b.")"""
VIEW = 'plot.attention_view(weights, "ab", "xy", alt="x looks at a, y at b.")'
ANSWER = """\
def double(number):
    ### BEGIN SOLUTION
    twice_the_number = number + number
    return twice_the_number
    ### END SOLUTION"""
CHECK = 'assert double(2) == 4, "double(2) must be 4"'


def tiny_lesson():
    answer = {"grade_id": "double", "solution": True}
    check = {"grade_id": "double-check", "grade": True, "points": 2}
    cells = [
        new_markdown_cell(CARD),
        new_code_cell(MAP),
        new_code_cell(VIEW),
        new_code_cell(ANSWER, metadata={"nbgrader": answer}),
        new_code_cell(CHECK, metadata={"nbgrader": check}),
    ]
    return normalise(new_notebook(cells=cells))


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A released course; the solutions lie beside the releases, in `notebooks/solved`."""
    course = Course(tmp_path_factory.mktemp("course"))
    write_file(course.solution(TINY), dumps(tiny_lesson()).encode())
    for lesson in LESSONS[1:]:
        folder = REPOSITORY.solution(lesson).parent
        shutil.copytree(folder, course.solution(lesson).parent)
    settings = (REPOSITORY.root / CONFIG).read_text()
    settings += f"\nc.Exchange.root = {str(course.root / 'exchange')!r}\n"
    (course.root / CONFIG).write_text(settings)
    (course.root / "exchange").mkdir(mode=0o777)
    for name, content in generate(course, LESSONS).items():
        write_file(course.notebooks / name, content)
    shutil.copytree(course.solutions, course.notebooks / "solved")
    return course


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on the PATH")
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


@pytest.fixture(scope="session")
def learner(browser: Browser, course: Course) -> Iterator[Lab]:
    """What a learner has open."""
    with jupyterlab(course.root) as lab:
        yield lab


@pytest.fixture(scope="session")
def instructor(browser: Browser, course: Course) -> Iterator[Lab]:
    """What an instructor has open."""
    with jupyterlab(course.root, "--instructor") as lab:
        yield lab
