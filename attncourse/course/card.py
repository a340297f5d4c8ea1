"""A lesson's title card: its promise, and a table of what the lesson costs and gives.

The card is the first cell. Its author writes the words; points, minutes and CPU time follow from
the notebook and its execution, and are written in here so that nobody types them.
"""

import math
import re
from dataclasses import dataclass

from nbformat import NotebookNode

from attncourse.course.anatomy import Anatomy
from attncourse.course.notebook import is_answer, is_written, points

ROWS = ("Minutes", "Points", "Difficulty", "CPU time", "Needs", "Paper", "Official code")

# How long a lesson takes: technical prose read at leisure, a cell to run and think about, an
# answer to find where its exercise does not say how long that takes, an answer to write.
WORDS_A_MINUTE = 120
MINUTES_A_CODE_CELL = 0.5
MINUTES_AN_ANSWER = 7
MINUTES_A_WRITTEN_ANSWER = 10


@dataclass(frozen=True)
class Card:
    """What a title card says.

    Attributes:
        title: The lesson's heading.
        rows: The table, by the names in `ROWS` that are present.
    """

    title: str
    rows: dict[str, str]

    def number(self, row: str) -> float | None:
        """The number that a row begins with, or None if it has none."""
        found = re.match(r"\d+(?:\.\d+)?", self.rows.get(row, ""))
        return float(found[0]) if found else None


def read_card(nb: NotebookNode) -> Card:
    """Reads the title card of a notebook; a notebook without one has an empty card."""
    source = nb.cells[0].source if nb.cells and nb.cells[0].cell_type == "markdown" else ""
    heading = re.search(r"^# +(.+)$", source, re.MULTILINE)
    rows = {}
    for line in source.splitlines():
        name, _, text = line.strip().strip("|").partition("|")
        if name.strip(" *") in ROWS:
            rows[name.strip(" *")] = text.strip()
    return Card(heading[1].strip() if heading else "", rows)


def fill_card(nb: NotebookNode, cpu_seconds: float) -> None:
    """Writes points, minutes and CPU time into the rows of a notebook's title card.

    Args:
        nb: A lesson with a title card that has these rows; changed in place.
        cpu_seconds: What its execution took; shown rounded up to 5 s.
    """
    measured = {
        "Minutes": str(estimate_minutes(nb)),
        "Points": f"{total_points(nb):g}",
        "CPU time": f"{5 * math.ceil(cpu_seconds / 5)} s",
    }
    lines = nb.cells[0].source.splitlines()
    for index, line in enumerate(lines):
        name = line.strip().strip("|").partition("|")[0]
        if line.strip().startswith("|") and name.strip(" *") in measured:
            lines[index] = f"|{name}| {measured[name.strip(' *')]} |"
    nb.cells[0].source = "\n".join(lines)


def total_points(nb: NotebookNode) -> float:
    """All points that a notebook gives, by checks and by hand."""
    return sum(map(points, nb.cells))


def estimate_minutes(nb: NotebookNode) -> int:
    """About how long a learner needs, from what there is to read, run and write; in tens."""
    words = sum(len(cell.source.split()) for cell in nb.cells if cell.cell_type == "markdown")
    answers = sum(map(is_answer, nb.cells))
    runs = sum(cell.cell_type == "code" for cell in nb.cells) - answers
    written = sum(map(is_written, nb.cells))
    minutes: float = words / WORDS_A_MINUTE + MINUTES_A_CODE_CELL * runs
    efforts = [exercise.effort for exercise in Anatomy(nb).exercises]
    said = sum(effort.minutes for effort in efforts if effort)
    minutes += said if efforts and all(efforts) else MINUTES_AN_ANSWER * answers
    minutes += MINUTES_A_WRITTEN_ANSWER * written
    return max(10, 10 * round(minutes / 10))
