"""Records into nbgrader's gradebook, by one writer, so that everything of nbgrader's goes on.

What a person gave is never touched. What nbgrader's own autograding does to a gradebook is done
here too: a grade that a person gave before is marked to be looked at again, and a written answer
waits for a person.
"""

import os
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from sysconfig import get_path
from typing import Any, Self

from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson
from attncourse.grading.environment import variable
from attncourse.grading.intake.submissions import SUBMITTED, TIMESTAMP
from attncourse.grading.plan import Plan
from attncourse.grading.record import Record
from attncourse.grading.results.entry import enter
from attncourse.grading.results.lateness import Penalty, penalty_of

SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Total:
    """What the gradebook says of a submission, people's grades included.

    Attributes:
        score: Points, late penalty taken off.
        possible: All points.
        waits: Whether a person has yet to look at it.
        penalty: Points taken off for being late.
        cells: Points by grade_id; None where a person decides and has not.
        comments: What people wrote, by the grade_id of the answer.
    """

    score: float
    possible: float
    waits: bool
    penalty: float
    cells: dict[str, float | None]
    comments: dict[str, str]


class Gradebook:
    """A lesson in nbgrader's gradebook; a context manager.

    Args:
        course: The course, whose release says which cells are graded.
        lesson: One of its lessons.
        url: The database, `sqlite:///…` or `postgresql+psycopg://…`; it is made if need be.

    Raises:
        ValueError: The lesson is not released, the database cannot be opened, or a cell is gone
            from the release for which people have given points or comments.
    """

    def __init__(self, course: Course, lesson: Lesson, url: str) -> None:
        from nbgrader.api import Gradebook as Nbgrader
        from sqlalchemy.exc import SQLAlchemyError

        self.lesson = lesson
        self.root = course.root
        plan = Plan.of(lesson, course)
        try:
            # A new gradebook asks the command alembic, which lies beside this Python.
            with variable("PATH", f"{get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}"):
                _create(url)
                self.book = Nbgrader(url, "attncourse")
        except (SQLAlchemyError, OSError, ImportError) as error:
            reason = " ".join(str(error).split("\n")[0].split())
            raise ValueError(f"the gradebook {url} cannot be opened: {reason}") from error
        try:
            enter(plan, self.book)
        except BaseException:
            self.book.close()  # a transaction left open would lock the database for others
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.book.close()

    def write(self, record: Record, *, before: Record | None = None) -> None:
        """Enters a record.

        Args:
            record: Of any status; who handed in nothing gets the points of nothing.
            before: The one that it follows, if any. What is the same in both, a person who has
                looked at it need not look at again.
        """
        submission = self._submission(record)
        notebook = next(each for each in submission.notebooks if each.name == self.lesson.name)
        earned = {check.grade_id: check.earned for check in record.checks}
        for grade in notebook.grades:
            points = earned.get(grade.name, 0.0)
            seen = before is not None and _same(grade.name, before, record)
            if not (seen and grade.auto_score == points and grade.manual_score is not None):
                grade.auto_score = points
                grade.needs_manual_grade = points is None or grade.manual_score is not None
        for comment in notebook.comments:
            comment.auto_comment = None if comment.name in record.answers else "No response."
        self.book.db.commit()

    def _submission(self, record: Record) -> Any:
        """The row of a record's submission, made with all its grades if need be."""
        fields: dict[str, Any] = {}
        # The formgrader takes any other time for a sign that there is something newer to grade.
        if record.submitted and self._stamp(record.student).is_file():
            when = datetime.fromisoformat(record.submitted).astimezone(UTC)
            fields["timestamp"] = when.replace(tzinfo=None)  # as nbgrader keeps it
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SQLAlchemy's, about the order of nbgrader's steps
            self.book.update_or_create_student(record.student)
            name = self.lesson.name
            return self.book.update_or_create_submission(name, record.student, **fields)

    def _stamp(self, student: str) -> Path:
        return self.root / SUBMITTED / student / self.lesson.name / TIMESTAMP

    def penalize(self) -> None:
        """Sets anew what is taken off for being late.

        nbgrader asks its plugin when it grades, and never again; asked here before results are
        written, it knows the due date as it is now and the points that people have given since.

        Raises:
            ValueError: Somebody is late, and the plugin cannot be found.
        """
        penalty: Penalty | None = None
        for submission in self.book.assignment_submissions(self.lesson.name):
            late = submission.total_seconds_late
            for notebook in submission.notebooks:
                taken = None
                if late > 0:
                    penalty = penalty or penalty_of(self.root)
                    taken = penalty(submission.student_id, notebook.score, late)
                if taken is not None:
                    taken = min(max(taken, 0.0), notebook.score)
                notebook.late_submission_penalty = taken
        self.book.db.commit()

    def totals(self) -> dict[str, Total]:
        """What stands in the gradebook, by student."""
        found = {}
        for submission in self.book.assignment_submissions(self.lesson.name):
            for notebook in submission.notebooks:
                if notebook.name == self.lesson.name:
                    penalty = notebook.late_submission_penalty or 0.0
                    found[submission.student_id] = Total(
                        score=max(0.0, notebook.score - penalty),
                        possible=notebook.max_score,
                        waits=notebook.needs_manual_grade,
                        penalty=penalty,
                        cells={grade.name: _points(grade) for grade in notebook.grades},
                        comments={
                            comment.name: comment.manual_comment
                            for comment in notebook.comments
                            if comment.manual_comment
                        },
                    )
        return found


def url_of(root: Path) -> str:
    """The gradebook that nbgrader uses in a course's folder unless it is told otherwise."""
    return f"{SQLITE}{root.resolve() / 'gradebook.db'}"


def _create(url: str) -> None:
    """Makes a new SQLite gradebook whole or not at all; others are made by nbgrader."""
    from nbgrader.api import Gradebook as Nbgrader

    if not url.startswith(SQLITE):
        return
    path = Path(url.removeprefix(SQLITE))
    if path.exists():
        return
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.unlink(missing_ok=True)
    Nbgrader(f"{SQLITE}{half}", "attncourse").close()
    os.replace(half, path)


def _same(name: str, before: Record, record: Record) -> bool:
    """Whether what a grade is for has not changed between two records."""
    prose = name in record.answers and before.answers.get(name) == record.answers[name]
    return prose or (before.digest == record.digest and before.status == record.status)


def _points(grade: Any) -> float | None:
    given = grade.auto_score if grade.manual_score is None else grade.manual_score
    return None if given is None else given + (grade.extra_credit or 0.0)
