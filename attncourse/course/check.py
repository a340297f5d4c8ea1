"""Checking a learner's notebook without opening it: run it, read its marks, say what is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from attncourse.catalogue import gettext
from attncourse.course.card import read_card, total_points
from attncourse.course.kernel import KERNEL_DIED, TIMED_OUT, OnCell, execute
from attncourse.course.marks import SIGNS, Marks, error_of, read_marks
from attncourse.course.notebook import grade_id, is_answer, is_check, is_unchanged, mark, read

# Seconds for a cell: a lesson runs in a minute; this is for slower machines. As in nbgrader's
# settings, so that a check and a grading never differ.
PATIENCE = 180


@dataclass(frozen=True)
class Report:
    """The result of checking one notebook.

    Attributes:
        title: The lesson's title.
        marks: One for every graded cell, in order.
        notes: What else the learner should know.
    """

    title: str
    marks: Marks
    notes: tuple[str, ...] = ()


def check(path: Path, *, cell_timeout: int = PATIENCE, on_cell: OnCell | None = None) -> Report:
    """Runs a notebook from the top to its last check and reports its points; the file stays.

    Args:
        path: The notebook, as it was last saved.
        cell_timeout: Seconds that one cell may take.
        on_cell: Called with the number of the cell that starts and of all cells.

    Raises:
        ValueError: The file is not a notebook, or has nothing to check.
    """
    nb = read(path)
    if not any(map(is_check, nb.cells)):
        raise ValueError(f"{path} has no checks; is it a lesson of this course?")
    up_to_last_check(nb)
    execute(nb, path.resolve().parent, cell_timeout=cell_timeout, on_cell=on_cell)
    title = read_card(nb).title or path.stem
    return Report(title, read_marks(nb), tuple(_notes(nb)))


def up_to_last_check(nb: NotebookNode) -> NotebookNode:
    """Drops, in place, the code after the last check: it gives no points and takes longest."""
    last = max(index for index, cell in enumerate(nb.cells) if is_check(cell))
    nb.cells[last + 1 :] = [cell for cell in nb.cells[last + 1 :] if cell.cell_type == "markdown"]
    return nb


def render(report: Report) -> RenderableType:
    """A report as a table for the terminal, with its notes below."""
    table = Table(
        "",
        gettext("Exercise"),
        Column(gettext("Points"), justify="right"),
        gettext("What is missing"),
    )
    table.title = Text(report.title)
    before = ""
    for each in report.marks:
        shown = each.exercise if each.exercise != before else ""
        shown_points = f"{'–' if each.earned is None else f'{each.earned:g}'} / {each.possible:g}"
        table.add_row(SIGNS[each.standing], Text(shown), shown_points, Text(each.why))
        before = each.exercise
    table.add_section()
    marks = report.marks
    table.add_row("", gettext("Total of the checks"), f"{marks.earned:g} / {marks.possible:g}")
    return Group(table, *(Text(f"! {note}", "yellow") for note in report.notes))


def _notes(nb: NotebookNode) -> Iterator[str]:
    """What explains missing points beyond the checks' own words."""
    first = next((n for n, cell in enumerate(nb.cells) if is_answer(cell)), len(nb.cells))
    for number, cell in enumerate(nb.cells, start=1):
        error = error_of(cell) if cell.cell_type == "code" else None
        if error is None:
            continue
        if error.ename in (TIMED_OUT, KERNEL_DIED):
            yield gettext("cell {number}: {error}", number=number, error=error.evalue)
        elif number <= first:
            yield gettext(
                "cell {number}, which is given, fails with {kind}: {message}",
                number=number,
                kind=error.ename,
                message=error.evalue,
            )
    for cell in nb.cells:
        if is_check(cell) and mark(cell).get("checksum") and not is_unchanged(cell):
            yield gettext(
                "the check {name} was changed; grading uses the original", name=grade_id(cell)
            )
    total = read_card(nb).number("Points") or 0
    if (missing := total - total_points(nb)) > 0:
        yield gettext(
            "checks worth {points:g} points were deleted; grading puts them back", points=missing
        )
