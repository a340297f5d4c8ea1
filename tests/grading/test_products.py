"""Pages and tables are made from the records that fit the release, and name all others."""

import contextlib
import csv
import gettext as standard
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import cast

import pytest
from nbformat import NotebookNode

from attncourse import catalogue
from attncourse.course.notebook import write_file
from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson
from attncourse.exercises import lessons
from attncourse.exercises.core import Finding, Outcome
from attncourse.exercises.core.probe import Error
from attncourse.exercises.core.reason import declared, reason
from attncourse.grading import console
from attncourse.grading.grader import _judged
from attncourse.grading.plan import Plan, Submission
from attncourse.grading.record import By, Check, Record, Status
from attncourse.grading.results.autograded import autograded, place
from attncourse.grading.results.feedback import feedback
from attncourse.grading.results.gradebook import Gradebook, Total
from attncourse.grading.results.journal import Journal
from attncourse.grading.results.products import write_products
from attncourse.grading.results.report import Solved, mistakes, report, solved
from tests.grading.lesson import WHY

WHEN = "2026-11-01T10:00:00+00:00"


def total(penalty: float = 0.0) -> Total:
    cells = {"check-squeeze": 2.0, "check-double": 1.5, "why": None}
    return Total(3.5 - penalty, 7.5, True, penalty, cells, {"why": "Say more."})


class Book:
    """Stands for the gradebook."""

    def __init__(self, **totals: Total) -> None:
        self._totals = totals

    def penalize(self) -> None:
        """Whoever is late, these totals know."""

    def totals(self) -> dict[str, Total]:
        return self._totals


def graded(plan: Plan, student: str) -> Record:
    by = {"check-double": By.SUBMISSION, "why": By.HAND}
    checks = tuple(
        Check(
            each.grade_id,
            each.points,
            None if each.grade_id == "why" else each.points,
            by.get(each.grade_id, By.JUDGE),
        )
        for each in plan.graded
    )
    return Record(student, plan.lesson, Status.GRADED, checks=checks, submitted=WHEN)


@pytest.fixture
def keep(course: Course, plan: Plan) -> Callable[[Record], None]:
    return Journal(course.root, plan.lesson).save


def write(plan: Plan, course: Course, **totals: Total) -> dict[str, str]:
    book = cast(Gradebook, Book(**totals))
    return write_products(plan, course.root, book).left_out


def rows(course: Course, plan: Plan) -> dict[str, dict[str, str]]:
    path = Journal(course.root, plan.lesson).folder / "grades.csv"
    with path.open(newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def page(course: Course, plan: Plan) -> str:
    return (Journal(course.root, plan.lesson).folder / "report.html").read_text()


def test_a_record_from_before_the_last_release_is_left_out_with_a_line(
    course: Course, plan: Plan, keep: Callable[[Record], None]
) -> None:
    fits = graded(plan, "bob")
    keep(fits)
    keep(replace(fits, student="ada", checks=fits.checks[1:]))
    first = replace(fits.checks[0], possible=9.0)
    keep(replace(fits, student="eve", checks=(first, *fits.checks[1:])))
    left_out = write(plan, course, ada=total(), bob=total(), eve=total())
    why = "graded before the last release: run attncourse grade again"
    assert left_out == {"ada": why, "eve": why}
    assert set(rows(course, plan)) == {"bob"}
    assert f"Left out: ada, {why}." in page(course, plan)
    assert not (course.root / "feedback" / "ada").exists()


def test_a_student_who_is_not_in_the_gradebook_is_left_out_with_a_line(
    course: Course,
    plan: Plan,
    lesson: Lesson,
    keep: Callable[[Record], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    keep(graded(plan, "ada"))
    keep(graded(plan, "bob"))
    book = contextlib.nullcontext(Book(bob=total()))
    monkeypatch.setattr(console, "Gradebook", lambda *_: book)
    console.renew(course, lesson, "")
    assert set(rows(course, plan)) == {"bob"}
    line = "left out: ada, not in this gradebook: run attncourse grade again"
    assert line in capsys.readouterr().out.splitlines()


def test_where_no_record_fits_the_sentence_says_what_to_do(
    course: Course, plan: Plan, keep: Callable[[Record], None]
) -> None:
    with pytest.raises(ValueError, match="nothing of 06-se is graded yet; run attncourse grade"):
        write(plan, course)
    keep(graded(plan, "ada"))
    with pytest.raises(ValueError, match="no record of 06-se fits its last release"):
        write(plan, course)


def test_feedback_shows_answers_and_no_test(
    course: Course, plan: Plan, hand_in: Callable[[NotebookNode], Submission], solved: NotebookNode
) -> None:
    given = dict.fromkeys(["squeeze", "double", "why"], "1")
    record = replace(graded(plan, "ada"), digest="some", answers=given)
    notebook = autograded(plan, hand_in(solved), record)
    assert "HIDDEN TESTS" in notebook, "formgrader shows it to the instructor"
    write_file(place(course.root, plan, "ada"), notebook.encode())
    journal = Journal(course.root, plan.lesson)
    told = course.root / "feedback" / "ada" / plan.lesson / f"{plan.lesson}.html"
    journal.save(record)
    write(plan, course, ada=total())
    html = told.read_text()
    assert "return 2 * number" in html and WHY in html
    assert "changed these points" not in html
    assert "assert" not in html and "double(-3)" not in html and "HIDDEN" not in html
    journal.save(replace(record, answers={"why": "1"}))
    write(plan, course, ada=replace(total(), cells=total().cells | {"check-double": 0.5}))
    html = told.read_text()
    assert "return 2 * number" not in html and WHY in html, "nobody need read a stub"
    assert "A person changed these points from 1.5." in html
    journal.save(
        replace(
            record, status=Status.MALFORMED, why=(declared("test", "It is damaged."),), digest=""
        )
    )
    write(plan, course, ada=total())
    html = told.read_text()
    assert "It is damaged." in html
    assert "return 2 * number" not in html, "of what was handed in before"


def test_the_report_says_what_it_compares_in_answers(
    course: Course, plan: Plan, keep: Callable[[Record], None]
) -> None:
    """Answers are compared word by word: other names of variables are other words."""
    answers = {"squeeze": "1", "double": "2", "third": "3"}
    for name in ("ada", "bob"):
        keep(replace(graded(plan, name), answers=answers))
    write(plan, course, ada=total(), bob=total())
    assert "The same code, spaces and comments apart." in page(course, plan)
    assert "names of variables" not in page(course, plan)


def test_a_penalty_has_a_column_only_where_nbgrader_gave_one(
    course: Course, plan: Plan, keep: Callable[[Record], None]
) -> None:
    keep(graded(plan, "ada"))
    keep(graded(plan, "bob"))
    write(plan, course, ada=total(), bob=total())
    (first, second) = rows(course, plan).values()
    assert "late_penalty" not in first and first["possible"] == second["possible"] == "7.5"
    write(plan, course, ada=total(), bob=total(penalty=1.5))
    found = {name: (row["score"], row["late_penalty"]) for name, row in rows(course, plan).items()}
    assert found == {"ada": ("3.5", "0"), "bob": ("2", "1.5")}
    told = course.root / "feedback" / "bob" / plan.lesson / f"{plan.lesson}.html"
    assert "1.5 taken off for being late" in told.read_text()


def test_who_is_no_longer_there_is_left_out(
    course: Course, plan: Plan, keep: Callable[[Record], None]
) -> None:
    for name in ("ada", "bob"):
        keep(graded(plan, name))
    (course.root / "submitted" / "ada").mkdir(parents=True)
    found = write_products(plan, course.root, cast(Gradebook, Book(ada=total(), bob=total())))
    assert found.left_out == {"bob": "no longer in submitted/"}


def test_the_report_tells_what_was_tried_from_what_was_not(plan: Plan) -> None:
    title = declared("06-se/squeeze/title", "descriptors: the mean")

    def check(outcome: Outcome, error: Error | None = None, ended: Status = Status.GRADED) -> Check:
        found = (Finding("values", outcome, title, reason("unwritten"), error),)
        return Check("check-squeeze", 2.0, 0.0, outcome=outcome, findings=found, ended=ended)

    raised = check(Outcome.RAISED, Error("NameError", "name 'y' is not defined"))
    wrong = check(Outcome.FAILED)
    assert solved(check(Outcome.UNWRITTEN)) is Solved.NOT_TRIED
    assert solved(check(Outcome.FAILED, ended=Status.MALFORMED)) is Solved.NOT_TRIED
    assert solved(raised) is solved(wrong) is Solved.NONE
    records = [
        replace(graded(plan, name), checks=(one,))
        for name, one in {"ada": raised, "bob": raised, "eve": wrong}.items()
    ]
    assert {each.sentence: (each.key, each.students) for each in mistakes(records)} == {
        "No known misconception; it raises NameError.": (("raised", "NameError"), ("ada", "bob")),
        "No known misconception; what fails is “descriptors: the mean”.": (
            ("behaviour", "values"),
            ("eve",),
        ),
    }


class Structure(HTMLParser):
    """What a page is made of, without its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("code", "em", "strong"):  # a sentence's own
            self.tags.append((tag, dict(attrs).get("class") or ""))


def test_pages_have_the_same_structure_whatever_the_words(plan: Plan) -> None:
    class Keys(standard.NullTranslations):
        def gettext(self, message: str) -> str:
            return f"[{len(message)}]"

    def pages() -> list[object]:
        shown = [feedback(plan, record, total(), None) for record in records.values()]
        shown.append(report(plan, records, {name: total() for name in records}))
        counts = [(each.key, each.students) for each in mistakes(list(records.values()))]
        return [*(Structure(page).tags for page in shown), counts]

    test = next(each for each in plan.tests if each.exercise == "squeeze")
    squeeze = lessons()["06-se"][0]
    records = {}
    for name, answer in {
        "ada": squeeze.right[0],
        "bob": lambda x: x.mean(1),
        "eve": lambda x: x.sum(),
        "kim": lambda x: 1 / 0,
        "lee": None,
    }.items():
        probes = squeeze.probes()
        responses = squeeze.responses(answer, probes)
        judged = _judged(test, squeeze.judge(probes, responses), responses)
        whole = graded(plan, name)
        checks = [judged if each.grade_id == test.grade_id else each for each in whole.checks]
        records[name] = replace(whole, checks=tuple(checks))
    english = pages()
    before = catalogue.use(Keys())
    try:
        assert pages() == english
    finally:
        catalogue.use(before)
