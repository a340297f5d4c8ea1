"""One writer into nbgrader's gradebook: points arrive, and what a person gave is never touched."""

import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook as Nbgrader

from attncourse.course.notebook import dumps, grade_id, write_file
from attncourse.course.places import Course
from attncourse.course.release import CONFIG
from attncourse.course.syllabus import Lesson
from attncourse.grading.record import By, Check, Record, Status
from attncourse.grading.results.gradebook import Gradebook, url_of
from tests.grading.lesson import cell, marked, stub

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def url(course: Course) -> str:
    shutil.copy(REPOSITORY / CONFIG, course.root)
    return url_of(course.root)


@pytest.fixture(scope="module")
def entered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test leaves a gradebook with the lesson, which takes nbgrader seconds."""
    return tmp_path_factory.mktemp("entered") / "gradebook.db"


@pytest.fixture
def book(course: Course, lesson: Lesson, url: str, entered: Path) -> Iterator[Gradebook]:
    path = course.root / "gradebook.db"
    if not entered.exists():
        Gradebook(course, lesson, url).book.close()
        shutil.copy(path, entered)
    shutil.copy(entered, path)
    with Gradebook(course, lesson, url) as book:
        yield book


def test_opening_a_gradebook_changes_nothing_global(
    course: Course, lesson: Lesson, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # without alembic, which a new one needs
    levels = {name: logging.getLogger(name).level for name in ("", "traitlets", "alembic")}
    before = dict(os.environ)
    Gradebook(course, lesson, url).book.close()
    assert dict(os.environ) == before
    assert {name: logging.getLogger(name).level for name in levels} == levels


def graded(student: str, squeeze: float = 2.0) -> Record:
    checks = (
        Check("check-squeeze", 2.0, squeeze, exercise="squeeze"),
        Check("check-double", 1.5, 1.5, By.SUBMISSION),
        Check("why", 4.0, None, By.HAND),
    )
    when = "2026-11-01T10:00:00+00:00"
    answers = {"squeeze": "1", "double": "2"}
    return Record(student, "06-se", Status.GRADED, checks=checks, submitted=when, answers=answers)


def stored(url: str, student: str) -> dict[str, tuple[float | None, float | None, bool]]:
    """What nbgrader reads: points by machine, by hand, and whether a person has to look."""
    with Nbgrader(url, "attncourse") as book:
        submission = book.find_submission("06-se", student)
        (notebook,) = submission.notebooks
        return {
            g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for g in notebook.grades
        }


def test_points_arrive_and_a_written_answer_waits_for_a_person(book: Gradebook, url: str) -> None:
    book.write(graded("ada"))
    assert stored(url, "ada") == {
        "check-squeeze": (2.0, None, False),
        "check-double": (1.5, None, False),
        "why": (None, None, True),
    }
    total = book.totals()["ada"]
    assert (total.score, total.possible, total.waits) == (3.5, 7.5, True)
    assert total.cells["why"] is None


def test_what_a_person_gave_stays_and_is_marked_when_the_submission_is_graded_again(
    book: Gradebook, url: str
) -> None:
    book.write(graded("ada"))
    give(url, "ada", "check-squeeze", 1.0)
    give(url, "ada", "why", 3.0)
    book.book.db.expire_all()
    book.write(graded("ada"), before=graded("ada"))
    assert stored(url, "ada")["check-squeeze"] == (2.0, 1.0, False)
    assert stored(url, "ada")["why"] == (None, 3.0, False)
    book.write(graded("ada", squeeze=0.0))
    assert stored(url, "ada")["check-squeeze"] == (0.0, 1.0, True)
    assert stored(url, "ada")["why"] == (None, 3.0, True)
    assert book.totals()["ada"].score == 1.0 + 1.5 + 3.0


def test_prose_that_did_not_change_need_not_be_read_again(book: Gradebook, url: str) -> None:
    def said(why: str, squeeze: float) -> Record:
        record = graded("ada", squeeze=squeeze)
        return replace(record, answers=record.answers | {"why": why}, digest=f"{why} {squeeze}")

    first = said("because", 0.0)
    book.write(first)
    give(url, "ada", "check-squeeze", 1.0)
    give(url, "ada", "why", 3.0)
    book.book.db.expire_all()
    corrected = said("because", 2.0)
    book.write(corrected, before=first)
    assert stored(url, "ada")["why"] == (None, 3.0, False)
    assert stored(url, "ada")["check-squeeze"] == (2.0, 1.0, True)
    book.write(said("why not", 2.0), before=corrected)
    assert stored(url, "ada")["why"] == (None, 3.0, True)


def test_a_gradebook_has_the_times_that_servers_wrote_and_no_others(
    book: Gradebook, course: Course
) -> None:
    book.write(graded("ada"))
    assert book.book.find_submission("06-se", "ada").timestamp is None
    write_file(course.root / "submitted" / "ada" / "06-se" / "timestamp.txt", b"any")
    book.write(graded("ada"))
    assert book.book.find_submission("06-se", "ada").timestamp == datetime(2026, 11, 1, 10)


PER_DAY = """\
from nbgrader.plugins import BasePlugin

class HalfAPointADay(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return 0.5 * total_seconds_late / 86400
"""


@pytest.mark.parametrize(
    ("setting", "taken"),
    [
        ("", 0.0),
        ("c.LateSubmissionPlugin.penalty_method = 'zero'", 3.5),
        ("c.AssignLatePenalties.plugin_class = 'per_day.HalfAPointADay'", 1.0),
    ],
    ids=["nothing", "all", "own"],
)
def test_being_late_costs_what_nbgraders_plugin_says(
    book: Gradebook, course: Course, setting: str, taken: float
) -> None:
    (course.root / "per_day.py").write_text(PER_DAY)
    with (course.root / CONFIG).open("a") as config:
        config.write(setting)
    for name in ("ada", "bob"):
        write_file(course.root / "submitted" / name / "06-se" / "timestamp.txt", b"any")
    book.write(graded("ada"))
    book.write(replace(graded("bob"), submitted="2026-10-29T10:00:00+00:00"))
    book.book.update_or_create_assignment("06-se", duedate="2026-10-30 10:00 UTC")
    book.penalize()
    totals = book.totals()
    assert (totals["ada"].penalty, totals["ada"].score) == (taken, 3.5 - taken)
    assert (totals["bob"].penalty, totals["bob"].score) == (0.0, 3.5)
    book.book.update_or_create_assignment("06-se", duedate="2026-11-02 10:00 UTC")
    book.penalize()
    assert book.totals()["ada"].penalty == 0.0


def test_a_plugin_that_cannot_be_found_is_named(book: Gradebook, course: Course) -> None:
    with (course.root / CONFIG).open("a") as config:
        config.write("c.AssignLatePenalties.plugin_class = 'nowhere.Penalty'")
    write_file(course.root / "submitted" / "ada" / "06-se" / "timestamp.txt", b"any")
    book.write(graded("ada"))
    book.book.update_or_create_assignment("06-se", duedate="2026-10-30 10:00 UTC")
    with pytest.raises(ValueError, match=r"penalty for being late.*nowhere"):
        book.penalize()


def give(url: str, student: str, cell: str, points: float) -> None:
    """What formgrader does when an instructor types points."""
    with Nbgrader(url, "attncourse") as book:
        grade = book.find_grade(cell, "06-se", "06-se", student)
        grade.manual_score, grade.needs_manual_grade = points, False
        book.db.commit()


def test_writing_twice_changes_nothing(book: Gradebook, url: str) -> None:
    book.write(graded("ada"))
    before = stored(url, "ada")
    book.write(graded("ada"), before=graded("ada"))
    book.write(graded("ada"))
    assert stored(url, "ada") == before
    with Nbgrader(url, "attncourse") as other:
        assert len(other.assignment_submissions("06-se")) == 1


def test_who_handed_in_nothing_gets_zero_not_a_gap(book: Gradebook, url: str) -> None:
    nothing = replace(graded("bob"), status=Status.NOTHING, checks=(), answers={}, submitted="")
    book.write(nothing)
    assert stored(url, "bob") == {
        name: (0.0, None, False) for name in ("check-squeeze", "check-double", "why")
    }


def test_a_stub_that_was_left_is_called_no_response(book: Gradebook, url: str) -> None:
    book.write(replace(graded("ada"), answers={"squeeze": "1"}))
    with Nbgrader(url, "attncourse") as other:
        found = {
            name: other.find_comment(name, "06-se", "06-se", "ada").auto_comment
            for name in ("squeeze", "double")
        }
    assert found == {"squeeze": None, "double": "No response."}


def released_again(course: Course, lesson: Lesson, nb: NotebookNode) -> None:
    write_file(course.notebook(lesson), dumps(nb).encode())


def test_a_check_that_is_released_later_is_entered_and_what_a_person_gave_stays(
    course: Course, lesson: Lesson, release: NotebookNode, book: Gradebook, url: str
) -> None:
    book.write(graded("ada"))
    give(url, "ada", "why", 3.0)
    more = new_code_cell("assert 1", metadata=marked("check-more", grade=True, points=5))
    release.cells += [
        more,
        new_code_cell(stub("def more(x):"), metadata=marked("more", solution=True)),
    ]
    cell(release, "check-squeeze").metadata.nbgrader.points = 4
    released_again(course, lesson, release)
    record = graded("ada", squeeze=4.0)
    record = replace(record, checks=(*record.checks, Check("check-more", 5.0, 5.0)))
    with Gradebook(course, lesson, url) as again:
        again.write(record)
        total = again.totals()["ada"]
    assert (total.score, total.possible) == (4.0 + 1.5 + 3.0 + 5.0, 4.0 + 1.5 + 4.0 + 5.0)
    assert total.cells["check-more"] == 5.0 and total.cells["why"] == 3.0
    with Nbgrader(url, "attncourse") as other:
        assert other.find_comment("more", "06-se", "06-se", "ada").auto_comment == "No response."
        assert len(other.assignment_submissions("06-se")) == 1


def test_a_check_that_is_renamed_leaves_nothing_of_the_old_one(
    course: Course, lesson: Lesson, release: NotebookNode, book: Gradebook, url: str
) -> None:
    book.write(graded("ada"))
    cell(release, "check-double").metadata.nbgrader.grade_id = "check-twice"
    released_again(course, lesson, release)
    with Gradebook(course, lesson, url) as again:
        total = again.totals()["ada"]
    assert set(total.cells) == {"check-squeeze", "check-twice", "why"} and total.possible == 7.5
    with Nbgrader(url, "attncourse") as other:
        notebook = other.find_notebook("06-se", "06-se")
        assert "check-double" not in {each.name for each in notebook.source_cells}


def test_a_cell_for_which_a_person_gave_points_is_not_removed(
    course: Course, lesson: Lesson, release: NotebookNode, book: Gradebook, url: str
) -> None:
    book.write(graded("ada"))
    give(url, "ada", "why", 3.0)
    book.book.db.expire_all()
    release.cells = [each for each in release.cells if grade_id(each) not in ("why", "double")]
    released_again(course, lesson, release)
    before = stored(url, "ada")
    with pytest.raises(ValueError, match="without its cell why, for which people have given"):
        Gradebook(course, lesson, url)
    assert stored(url, "ada") == before, "all or nothing"


def test_without_solutions_the_release_is_entered(course: Course, lesson: Lesson, url: str) -> None:
    shutil.rmtree(course.solutions)
    with Gradebook(course, lesson, url) as book:
        book.write(graded("ada"))
        assert book.totals()["ada"].score == 3.5


def test_hidden_tests_are_in_the_gradebook_as_nbgrader_puts_them(book: Gradebook, url: str) -> None:
    with Nbgrader(url, "attncourse") as other:
        notebook = other.find_notebook("06-se", "06-se")
        source = {cell.name: cell.source for cell in notebook.source_cells}
    assert "BEGIN HIDDEN TESTS" in source["check-double"]


def test_a_gradebook_that_cannot_be_opened_is_named(course: Course, lesson: Lesson) -> None:
    shutil.copy(REPOSITORY / CONFIG, course.root)
    (course.root / "folder").mkdir()
    with pytest.raises(ValueError, match=r"the gradebook sqlite:///.* cannot be opened"):
        Gradebook(course, lesson, f"sqlite:///{course.root / 'folder'}")


def test_a_new_gradebook_is_there_whole_or_not_at_all(
    course: Course, lesson: Lesson, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while nbgrader makes the tables, the next run finds no half of a gradebook."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("nbgrader.api.get_alembic_version", die)
        with pytest.raises(KeyboardInterrupt):
            Gradebook(course, lesson, url)
    assert not (course.root / "gradebook.db").exists()
    with Gradebook(course, lesson, url) as book:
        book.write(graded("ada"))
