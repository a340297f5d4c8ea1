"""What is made from records after a run, and again after people have graded: pages and tables."""

from pathlib import Path

from nbformat import NotebookNode

from attncourse.course.notebook import read, write_file
from attncourse.grading.plan import Plan
from attncourse.grading.results.autograded import place
from attncourse.grading.results.feedback import feedback
from attncourse.grading.results.gradebook import Gradebook
from attncourse.grading.results.grades import grades_csv
from attncourse.grading.results.journal import Journal
from attncourse.grading.results.report import report

FEEDBACK = "feedback"


def write_products(plan: Plan, root: Path, book: Gradebook) -> list[Path]:
    """Writes feedback for every learner with a record, `grades.csv` and the report.

    Args:
        plan: What the lesson asks.
        root: The folder with `submitted/`.
        book: Where people's grades and comments are.

    Returns:
        The table and the report.

    Raises:
        ValueError: Nothing has been graded yet.
    """
    journal = Journal(root, plan.lesson)
    records = journal.load()
    if not records:
        raise ValueError(f"nothing of {plan.lesson} is graded yet; run attncourse grade first")
    totals = book.totals()
    for student, record in records.items():
        page = feedback(plan, record, totals[student], _notebook(plan, root, student))
        _update(root / FEEDBACK / student / plan.lesson / f"{plan.lesson}.html", page)
    table, overview = journal.folder / "grades.csv", journal.folder / "report.html"
    _update(table, grades_csv(plan, records, totals))
    _update(overview, report(plan, records, totals))
    return [table, overview]


def _notebook(plan: Plan, root: Path, student: str) -> NotebookNode | None:
    path = place(root, plan, student)
    return read(path) if path.is_file() else None


def _update(path: Path, text: str) -> None:
    """Writes a file unless it says so already: its date tells when something changed."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_file(path, text.encode())
