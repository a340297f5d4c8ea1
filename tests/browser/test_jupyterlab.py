"""The lessons in JupyterLab, as learners and instructors meet them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_output
from playwright.sync_api import expect

from attncourse.course.notebook import dumps, is_check, read, write_file
from attncourse.plotting import attention_view
from tests.browser.jupyter import choose
from tests.browser.lessons import ALT, LESSONS, TINY, WEIGHTS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LESSON = 900_000  # milliseconds: a minute of training, on a very busy machine
lessons = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)


def validated(page) -> str:
    """Press Validate and read what the dialog says."""
    page.get_by_role("button", name="Validate").click()
    dialog = page.locator(".jp-Dialog", has_text="Validation Results")
    return dialog.inner_text(timeout=LESSON)


def test_figures_have_their_alternative_text_and_can_be_explored(learner, page):
    learner.open(page, f"{TINY.name}/{TINY.name}.ipynb")
    choose(page, "Run", "Run All Cells")
    expect(page.get_by_role("img", name=ALT)).to_be_visible()
    view = page.get_by_role("group", name=ALT)
    symbol = view.get_by_role("img", name="target 1: x")
    symbol.hover()
    told = view.locator("output")
    expect(told).to_have_text("x  looks at  a 0.90 · b 0.10")
    expect(view.locator("line.met")).to_have_count(2)
    symbol.focus()
    page.keyboard.press("ArrowRight")
    expect(told).to_have_text("y  looks at  b 0.80 · a 0.20")
    page.keyboard.press("ArrowUp")
    expect(told).to_have_text("b  is looked at by  y 0.80 · x 0.10")
    expect(page.locator(".jp-Cell.jp-mod-active")).to_contain_text("attention_view")


def test_a_cell_that_is_run_again_has_one_explorer(learner, page):
    learner.open(page, f"{TINY.name}/{TINY.name}.ipynb")
    for _ in range(2):
        choose(page, "Run", "Run All Cells")
        page.get_by_text(re.compile(r"\| Idle$")).wait_for()
    expect(page.locator(".attncourse-explorer .live")).to_have_count(1)


def test_a_notebook_that_is_not_trusted_shows_the_picture(learner, page, course):
    solved = read(course.solution(TINY))
    data, metadata = attention_view(WEIGHTS, "ab", "xy", alt=ALT)._repr_mimebundle_()
    output = new_output("display_data", data=data, metadata=metadata)
    solved.cells = [new_code_cell("view", outputs=[output])]
    write_file(course.notebooks / "foreign.ipynb", dumps(solved).encode())
    learner.open(page, "foreign.ipynb")
    expect(page.get_by_role("img", name=ALT)).to_be_visible()
    expect(page.locator(".live")).to_have_count(0)
    assert "{" not in page.locator(".jp-OutputArea-output").inner_text(), "no code as text"


@lessons
def test_validate_names_the_first_exercise_of_an_untouched_release(learner, page, course, lesson):
    learner.open(page, f"{lesson.name}/{lesson.name}.ipynb")
    first = next(filter(is_check, read(course.notebook(lesson)).cells))
    said = validated(page)
    assert re.search(r"cells? failed", said)
    assert first.source.splitlines()[0] in said


@lessons
def test_validate_accepts_the_solution(learner, page, lesson):
    learner.open(page, f"solved/{lesson.name}/{lesson.name}.ipynb")
    assert "passes all the tests" in validated(page)


def test_an_instructor_finds_the_lessons_in_the_formgrader(instructor, page):
    instructor.open(page)
    choose(page, "Nbgrader", "Formgrader")
    formgrader = page.frame_locator("iframe")
    for lesson in LESSONS:
        expect(formgrader.get_by_role("link", name=lesson.name)).to_be_visible()


def test_a_learner_finds_a_published_lesson_in_the_assignment_list(learner, page, course):
    nbgrader = [sys.executable, "-m", "nbgrader", "release_assignment", TINY.name]
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        nbgrader, cwd=course.root, env=os.environ | {"PATH": programs}, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    learner.open(page)
    choose(page, "Nbgrader", "Assignment List")
    assignments = page.get_by_role("tabpanel", name="Assignments")
    expect(assignments.get_by_text(TINY.name, exact=True)).to_be_visible()


def test_an_author_sees_points_in_the_create_assignment_panel(instructor, page):
    instructor.open(page, f"solutions/{TINY.name}/{TINY.name}.ipynb")
    choose(page, "Nbgrader", "Create assignment")
    expect(page.get_by_text("Total points")).to_be_visible()
