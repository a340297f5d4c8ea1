"""Points of a notebook, read from the outputs of its checks; no kernel needed.

The rule is nbgrader's (an error gives nothing, a printed number gives that many points, anything
else gives all), but for one thing: what a check prints on stderr takes nothing away.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from nbformat import NotebookNode
from rich.text import Text

from attncourse.catalogue import gettext
from attncourse.course.notebook import (
    grade_id,
    is_answer,
    is_check,
    is_unchanged,
    is_written,
    points,
)

ANSI = re.compile(r"\x1b\[[0-9;]*m")
# Without the points that an author may write behind it.
HEADING = re.compile(r"^#+ +(.+?)(?: *\(\d+ points?\))? *$", re.MULTILINE)
LONGEST_REASON = 8  # lines


class Standing(StrEnum):
    """Where an exercise stands."""

    PASSED = "passed"
    PARTLY = "partly"
    FAILED = "failed"
    OPEN = "open"
    BY_HAND = "by hand"


SIGNS = {
    Standing.PASSED: Text("✓", "green"),
    Standing.PARTLY: Text("◐", "yellow"),
    Standing.FAILED: Text("✗", "red"),
    Standing.OPEN: Text("○", "dim"),
    Standing.BY_HAND: Text("✎", "cyan"),
}


@dataclass(frozen=True)
class Mark:
    """The result of one graded cell.

    Attributes:
        exercise: The heading that it stands under.
        grade_id: nbgrader's name of the cell.
        standing: Where it stands.
        earned: Points, or None where a person decides.
        possible: Points that it can give.
        why: What is missing; empty where nothing is.
    """

    exercise: str
    grade_id: str
    standing: Standing
    earned: float | None
    possible: float
    why: str = ""


class Marks(tuple[Mark, ...]):
    """All marks of one notebook, in order."""

    @property
    def earned(self) -> float:
        """Points that the checks gave."""
        return sum(each.earned or 0 for each in self)

    @property
    def possible(self) -> float:
        """Points that the checks can give."""
        return sum(each.possible for each in self if each.earned is not None)

    @property
    def by_hand(self) -> float:
        """Points that a person can give."""
        return sum(each.possible for each in self if each.earned is None)

    @property
    def passed(self) -> bool:
        """Whether every check gives full points."""
        return self.earned == self.possible

    @property
    def next(self) -> Mark | None:
        """The first exercise that the learner still has to work on."""
        done = (Standing.PASSED, Standing.BY_HAND)
        return next((each for each in self if each.standing not in done), None)


def read_marks(nb: NotebookNode) -> Marks:
    """The mark of every graded cell, from the outputs that the notebook carries."""
    found: list[Mark] = []
    heading = ""
    answer: NotebookNode | None = None
    earned: float | None
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            headings = HEADING.findall(cell.source)
            heading = headings[-1] if headings else heading
        if is_answer(cell):
            answer = cell
        if is_check(cell):
            standing, earned, why = _judge(cell, answer)
        elif is_written(cell):
            standing, earned, why = _judge_written(cell)
        else:
            continue
        found.append(Mark(heading, grade_id(cell), standing, earned, points(cell), why))
    return Marks(found)


def _judge(check: NotebookNode, answer: NotebookNode | None) -> tuple[Standing, float, str]:
    error = error_of(check)
    if error is None and check.execution_count is None:
        return Standing.OPEN, 0.0, gettext("not run yet")
    if error is None:
        earned = _partial(check)
        if earned is None:
            return Standing.PASSED, points(check), ""
        return Standing.PARTLY, earned, gettext("some of its behaviours are missing")
    if answer is not None and is_unchanged(answer):
        return Standing.OPEN, 0.0, gettext("not solved yet")
    # Where the answer itself broke down, the check can only say that a name is missing.
    broken = error_of(answer) if answer is not None and error.ename == "NameError" else None
    if broken:
        why = gettext("your answer cell: {reason}", reason=_reason(broken))
        return Standing.FAILED, 0.0, why
    return Standing.FAILED, 0.0, _reason(error)


def _judge_written(cell: NotebookNode) -> tuple[Standing, float | None, str]:
    if is_unchanged(cell):
        return Standing.OPEN, None, gettext("not answered yet")
    return Standing.BY_HAND, None, gettext("graded by a person")


def error_of(cell: NotebookNode) -> NotebookNode | None:
    """The error output of a code cell, or None if it ran through."""
    return next((each for each in cell.outputs if each.output_type == "error"), None)


def _partial(check: NotebookNode) -> float | None:
    """The points that a check printed as its result, if they are fewer than all."""
    for output in check.outputs:
        if output.output_type == "execute_result":
            try:
                earned = float(output.data.get("text/plain", ""))
            except ValueError:
                return None
            return earned if 0 <= earned < points(check) else None
    return None


def _reason(error: NotebookNode) -> str:
    lines = ANSI.sub("", error.evalue).strip().splitlines()
    shown = "\n".join(lines[:LONGEST_REASON]) + ("\n…" if len(lines) > LONGEST_REASON else "")
    # The message of a failed check speaks for itself; other errors need their name.
    return shown if error.ename == "ExerciseFailed" and shown else f"{error.ename}: {shown}"
