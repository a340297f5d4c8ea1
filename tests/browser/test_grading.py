"""Pages made from a learner's notebook run none of its scripts: feedback, report, formgrader."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from nbgrader.api import Gradebook as Nbgrader
from playwright.sync_api import Page

from attncourse.course.notebook import dumps, is_answer, loads, read, write_file
from attncourse.course.places import Course
from attncourse.exercises.core.reason import declared
from attncourse.grading.intake.matching import match
from attncourse.grading.intake.reading import parse
from attncourse.grading.plan import Plan, Submission
from attncourse.grading.record import Check, Record, Status
from attncourse.grading.results.autograded import autograded
from attncourse.grading.results.feedback import feedback
from attncourse.grading.results.gradebook import Gradebook, url_of
from attncourse.grading.results.report import report
from tests.browser.jupyter import Lab
from tests.browser.lessons import TINY
from tests.grading import payloads

SETTLED = 1500  # milliseconds in which a script would have run
STUDENT = "mallory"


@dataclass(frozen=True)
class Handed:
    """A submission full of scripts, and what is known of it after grading."""

    plan: Plan
    submission: Submission
    record: Record


@pytest.fixture
def handed(course: Course) -> Handed:
    plan = Plan.of(TINY, course)
    nb = read(course.notebook(TINY))
    answer = next(cell for cell in nb.cells if is_answer(cell))
    answer.source = f'def double(number):\n    "</pre><script>{payloads.RUN}</script>"'
    nb, notes = parse(dumps(payloads.notebook(nb)).encode())
    submission = match(plan, nb, student=STUDENT, digest="", submitted="", notes=notes)
    text = " ".join(payloads.MARKDOWN.values())
    told = (declared("grading/own", "{text_of_it}", text_of_it=text),)
    checks = [
        Check(each.grade_id, each.points, 0.0, diagnosis=told, misconception="x", exercise=text)
        for each in plan.graded
    ]
    record = Record(STUDENT, TINY.name, Status.TIMEOUT, told, text, tuple(checks), notes=(text,))
    return Handed(plan, submission, record)


def ran(page: Page) -> bool:
    """Whether a script of the submission ran in a page or one of its frames."""
    page.wait_for_timeout(SETTLED)
    return any(frame.evaluate("document.title") == "ran" for frame in page.frames)


def test_the_payloads_run_where_nothing_stops_them(page: Page, tmp_path: Path) -> None:
    """Without this the tests below could pass because the payloads are harmless anyway."""
    for name in ("script", "handler", "svg", "details"):
        path = tmp_path / "bare.html"
        path.write_text(f"<!doctype html><title>x</title><body>{payloads.MARKDOWN[name]}")
        page.goto(path.as_uri())
        assert ran(page), name


def test_feedback_and_report_run_nothing(
    page: Page, tmp_path: Path, course: Course, handed: Handed
) -> None:
    with Gradebook(course, TINY, url_of(tmp_path)) as book:
        book.write(handed.record)
        totals = book.totals()
    nb = loads(autograded(handed.plan, handed.submission, handed.record))
    pages = {
        "feedback": feedback(handed.plan, handed.record, totals[STUDENT], nb),
        "report": report(handed.plan, {STUDENT: handed.record}, totals),
    }
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for name, html in pages.items():
        path = tmp_path / f"{name}.html"
        path.write_text(html)
        page.goto(path.as_uri())
        assert not ran(page), name
        assert page.get_by_role("heading", level=1).is_visible()
    outside = [url for url in asked if not url.startswith(("file:", "data:"))]
    assert not outside, "a page can be read offline"


def test_formgrader_shows_an_autograded_notebook_and_runs_nothing_of_it(
    instructor: Lab, page: Page, course: Course, handed: Handed
) -> None:
    path = course.root / "autograded" / STUDENT / TINY.name / f"{TINY.name}.ipynb"
    write_file(path, autograded(handed.plan, handed.submission, handed.record).encode())
    url = url_of(course.root)
    with Gradebook(course, TINY, url) as book:
        book.write(handed.record)
    with Nbgrader(url, "attncourse") as nbgrader:
        (notebook,) = nbgrader.find_submission(TINY.name, STUDENT).notebooks
        number = notebook.id
    page.goto(f"{instructor.base}/formgrader/submissions/{number}?token={instructor.token}")
    page.get_by_text("loud()").first.wait_for()
    assert not ran(page)
