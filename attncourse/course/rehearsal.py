"""Running a solution from the top: its outputs are stored, and cells prove that they run twice."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from attncourse.course.anatomy import FIGURE
from attncourse.course.card import fill_card
from attncourse.course.kernel import OnCell, execute
from attncourse.course.marks import error_of
from attncourse.course.normalise import normalise
from attncourse.course.notebook import dumps, mark, read, write_file
from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson

LONGEST_CELL = 600  # seconds that one cell of a solution may take on a slow machine
NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")


@dataclass(frozen=True)
class Rehearsal:
    """What came of running a solution.

    Attributes:
        cpu_seconds: What one run of it took.
        changed: The numbers, from 1, of cells that showed something else in their second run.
    """

    cpu_seconds: float
    changed: tuple[int, ...]


def rehearse(
    course: Course, lesson: Lesson, *, once: bool = False, on_cell: OnCell | None = None
) -> Rehearsal:
    """Runs a solution from the top and stores it with its outputs, card filled in, normalised.

    Every demonstration is run a second time in a row, as a learner may do, and should then show
    what it showed before; stored is the first run.

    Args:
        course: A course with solutions.
        lesson: A lesson that has one.
        once: Whether second runs are left out, which takes half the time.
        on_cell: Called with the number of the cell that starts and of all cells.

    Raises:
        ValueError: A cell fails that is not tagged `raises-exception`; nothing is stored.
    """
    path = course.solution(lesson)
    nb = normalise(read(path))
    twice = None if once else is_demonstration
    run = execute(nb, path.parent, cell_timeout=LONGEST_CELL, on_cell=on_cell, twice=twice)
    for number, cell in enumerate(nb.cells, start=1):
        error = error_of(cell) if cell.cell_type == "code" else None
        if error and "raises-exception" not in cell.metadata.get("tags", ()):
            raise ValueError(f"{path}, cell {number}: {error.ename}: {error.evalue}")
    fill_card(nb, run.cpu_seconds)
    write_file(path, dumps(normalise(nb)).encode())
    pairs = ((index, nb.cells[index], cell) for index, cell in run.again.items())
    changed = (index + 1 for index, first, second in pairs if shown(first) != shown(second))
    return Rehearsal(run.cpu_seconds, tuple(changed))


def is_demonstration(cell: NotebookNode) -> bool:
    """Whether a cell only shows something: it is neither an answer nor a check, nor does it fail.

    Where it does fail, although it should not, there is no second run either.
    """
    return cell.cell_type == "code" and not mark(cell) and error_of(cell) is None


def shown(cell: NotebookNode) -> list[tuple[str, str]]:
    """What a cell's outputs say, by kind; without their numbers if its tags let these differ."""
    tags = cell.metadata.get("tags", ())
    loose = any(tag.startswith("tolerance=") or tag == "nbval-ignore-output" for tag in tags)
    return [
        (kind, NUMBER.sub("#", content) if loose else content)
        for output in cell.outputs
        for kind, content in _contents(output)
    ]


def _contents(output: NotebookNode) -> Iterator[tuple[str, str]]:
    """The kinds and contents of an output; of a figure what it plots, not how that was drawn."""
    if output.output_type == "stream":
        yield output.name, output.text
    elif output.output_type == "error":
        yield output.ename, output.evalue
    elif FIGURE in output.data:
        yield FIGURE, json.dumps(output.data[FIGURE], sort_keys=True)
    else:
        yield from ((kind, json.dumps(content)) for kind, content in sorted(output.data.items()))
