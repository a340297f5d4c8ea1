"""A class from release to export, with nbgrader's own commands before and after ours."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook as Nbgrader
from nbgrader.utils import get_username
from playwright.sync_api import Page, expect

from attncourse.course.notebook import dumps, grade_id, read, write_file
from attncourse.course.places import Course
from attncourse.course.release import CONFIG
from attncourse.grading.results.gradebook import url_of
from tests.browser.jupyter import Lab
from tests.browser.lessons import TINY

STUDENT = get_username()  # the exchange goes by who runs a command
ANSWERS = {"double": "def double(number):\n    return number + number", "why": "Two times two."}
COMMENT = "Say it for every number."


def command(*words: str, where: Path) -> str:
    """Runs a command of this environment in a folder."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=where,
        env=os.environ | {"PATH": programs},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture
def handed_in(course: Course, tmp_path: Path) -> Course:
    """What a learner fetched through the exchange, answered and submitted, was collected."""
    command("nbgrader", "release_assignment", TINY.name, "--force", where=course.root)
    exchange = course.root / "exchange"
    settings = f"c = get_config()\nc.Exchange.root = {str(exchange)!r}\n"
    (tmp_path / CONFIG).write_text(f"{settings}c.CourseDirectory.course_id = 'attncourse'\n")
    command("nbgrader", "fetch_assignment", TINY.name, where=tmp_path)
    path = tmp_path / TINY.name / f"{TINY.name}.ipynb"
    nb = read(path)
    for cell in nb.cells:
        cell.source = ANSWERS.get(grade_id(cell), cell.source)
    write_file(path, dumps(nb).encode())
    command("nbgrader", "submit", TINY.name, where=tmp_path)
    command("nbgrader", "collect", TINY.name, "--update", where=course.root)
    return course


@pytest.mark.slow
def test_formgrader_says_why_a_submission_could_not_be_graded(
    handed_in: Course, instructor: Lab, page: Page
) -> None:
    notebook = handed_in.root / "submitted" / STUDENT / TINY.name / f"{TINY.name}.ipynb"
    notebook.write_text("no notebook")
    command("attncourse", "grade", TINY.slug, where=handed_in.root)
    with Nbgrader(url_of(handed_in.root), "attncourse") as book:
        number = book.find_submission(TINY.name, STUDENT).notebooks[0].id
    instructor.open(page)  # logs in
    page.goto(f"{instructor.base}/formgrader/submissions/{number}")
    expect(page.get_by_text("Not graded.")).to_be_visible()
    expect(page.locator("input#why")).to_be_visible()


@pytest.mark.slow
def test_a_class_from_the_exchange_to_feedback_and_export(
    handed_in: Course, instructor: Lab, page: Page
) -> None:
    root = handed_in.root
    printed = command("attncourse", "grade", TINY.slug, "--student", STUDENT, where=root)
    assert f"{STUDENT}  2 / 2, 3 by hand" in printed
    with Nbgrader(url_of(root), "attncourse") as book:
        submission = book.find_submission(TINY.name, STUDENT)
        assert submission.timestamp is not None, "the exchange's time decides about lateness"
        assert submission.needs_manual_grade
        number = submission.notebooks[0].id

    instructor.open(page)  # logs in
    page.goto(f"{instructor.base}/formgrader/submissions/{number}")
    score = page.locator("input#why")
    expect(score).to_be_visible()
    expect(page.get_by_text("Two times two.")).to_be_visible()
    page.wait_for_load_state("networkidle")  # the page fetches what is stored, then listens
    score.press_sequentially("2")
    score.press("Tab")
    comment = page.locator("textarea.comment").last
    comment.press_sequentially(COMMENT)
    comment.press("Tab")

    def given() -> bool:
        with Nbgrader(url_of(root), "attncourse") as book:
            grade = book.find_grade("why", TINY.name, TINY.name, STUDENT)
            note = book.find_comment("why", TINY.name, TINY.name, STUDENT)
            return grade.manual_score == 2 and note.manual_comment == COMMENT

    for _ in range(100):
        if given():
            break
        page.wait_for_timeout(100)
    assert given(), "formgrader keeps what was typed"

    again = command("attncourse", "grade", TINY.slug, "--student", STUDENT, where=root)
    assert not re.search(rf"{STUDENT}  \d", again), "nothing changed, nothing is graded"
    command("attncourse", "feedback", TINY.slug, where=root)
    path = root / "feedback" / STUDENT / TINY.name / f"{TINY.name}.html"
    page.goto(path.as_uri())
    expect(page.get_by_text("4 of 5 points")).to_be_visible()
    expect(page.get_by_text(COMMENT)).to_be_visible()

    command("nbgrader", "export", f"--to={root / 'all.csv'}", where=root)
    with (root / "all.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert float(rows[STUDENT]["score"]) == 4
    with (root / "grading" / TINY.name / "grades.csv").open(newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert float(rows[STUDENT]["score"]) == 4
