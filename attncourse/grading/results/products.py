"""What is made from records after a run, and again after people have graded: pages and tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from attncourse.course.notebook import read, write_file
from attncourse.grading.intake.submissions import SUBMITTED
from attncourse.grading.plan import Plan
from attncourse.grading.record import Record
from attncourse.grading.results.autograded import place
from attncourse.grading.results.feedback import feedback
from attncourse.grading.results.gradebook import Gradebook, Total
from attncourse.grading.results.grades import grades_csv
from attncourse.grading.results.journal import Journal
from attncourse.grading.results.report import report

FEEDBACK = "feedback"


@dataclass(frozen=True)
class Products:
    """What was written, and what it could not be made from.

    Attributes:
        paths: The table and the report.
        left_out: By student, why there is nothing of theirs in them.
    """

    paths: tuple[Path, ...]
    left_out: dict[str, str]


def write_products(plan: Plan, root: Path, book: Gradebook) -> Products:
    """Writes feedback for every learner with a record, `grades.csv` and the report.

    Args:
        plan: What the lesson asks.
        root: The folder with `submitted/`.
        book: Where people's grades and comments are.

    Raises:
        ValueError: Nothing has been graded yet, or no record fits the last release.
    """
    journal = Journal(root, plan.lesson)
    known, totals = journal.load(), book.totals()
    left_out = _left_out(plan, known, totals) | _withdrawn(root / SUBMITTED, known)
    records = {name: record for name, record in known.items() if name not in left_out}
    if not records:
        raise ValueError(
            f"no record of {plan.lesson} fits its last release and this gradebook; "
            "run attncourse grade again"
            if known
            else f"nothing of {plan.lesson} is graded yet; run attncourse grade first"
        )
    for student, record in records.items():
        page = feedback(plan, record, totals[student], _notebook(plan, root, record))
        _update(root / FEEDBACK / student / plan.lesson / f"{plan.lesson}.html", page)
    table, overview = journal.folder / "grades.csv", journal.folder / "report.html"
    _update(table, grades_csv(plan, records, totals))
    _update(overview, report(plan, records, totals, left_out))
    return Products((table, overview), left_out)


def _left_out(
    plan: Plan, records: Mapping[str, Record], totals: Mapping[str, Total]
) -> dict[str, str]:
    """Whose points are not those of this release or not in this gradebook, and what to do."""
    asked = [(each.grade_id, each.points) for each in plan.graded]
    left_out = {}
    for name, record in sorted(records.items()):
        if [(check.grade_id, check.possible) for check in record.checks] != asked:
            left_out[name] = "graded before the last release: run attncourse grade again"
        elif name not in totals:
            left_out[name] = "not in this gradebook: run attncourse grade again"
    return left_out


def _withdrawn(submitted: Path, records: Iterable[str]) -> dict[str, str]:
    """Who was graded, and whose folder has been taken away since."""
    gone = [name for name in sorted(records) if not (submitted / name).is_dir()]
    return dict.fromkeys(gone, f"no longer in {SUBMITTED}/") if submitted.is_dir() else {}


def _notebook(plan: Plan, root: Path, record: Record) -> NotebookNode | None:
    """What was graded; a notebook that could not be leaves an older one in `autograded/`."""
    path = place(root, plan, record.student)
    return read(path) if record.digest and path.is_file() else None


def _update(path: Path, text: str) -> None:
    """Writes a file unless it says so already: its date tells when something changed."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_file(path, text.encode())
