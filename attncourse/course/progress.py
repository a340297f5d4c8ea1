"""How far a learner is: points of every lesson, and what is next.

Points come from the last `attncourse check`, as long as the notebook still reads as it did then,
and else from the outputs that the learner's own running left in it.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from attncourse.catalogue import gettext
from attncourse.course.marks import SIGNS, Mark, Marks, Standing, read_marks
from attncourse.course.notebook import is_written, read, write_file
from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson

STATE = ".progress.json"


@dataclass(frozen=True)
class Progress:
    """Where a learner stands in one lesson.

    Attributes:
        lesson: The lesson.
        marks: One for every graded cell; none if the notebook is damaged.
        checked: Whether they come from `attncourse check`.
    """

    lesson: Lesson
    marks: Marks
    checked: bool


def progress(course: Course) -> list[Progress]:
    """Where the learner of a course stands, lesson by lesson; runs nothing."""
    records = _load(course)
    found = []
    for lesson in course.released():
        try:
            nb = read(course.notebook(lesson))
        except ValueError:
            found.append(Progress(lesson, Marks(), checked=False))
            continue
        marks = _recorded(records.get(lesson.name), _digest(nb))
        found.append(Progress(lesson, marks or read_marks(nb), checked=marks is not None))
    return found


def record(course: Course, path: Path, marks: Marks) -> None:
    """Remembers the marks of a check, if it was one of a notebook in the learner's folder."""
    for lesson in course.released():
        if course.notebook(lesson).samefile(path):
            records = _load(course)
            entries = [asdict(each) for each in marks]
            records[lesson.name] = {"digest": _digest(read(path)), "marks": entries}
            text = json.dumps(records, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
            write_file(course.notebooks / STATE, text.encode())


def render(rows: Iterable[Progress]) -> RenderableType:
    """Progress as a table for the terminal, with what is next below."""
    table = Table(
        "",
        gettext("Lesson"),
        gettext("Title"),
        Column(gettext("Points"), justify="right"),
        gettext("Seen in"),
    )
    coming = ""
    for row in rows:
        marks = row.marks
        started = any(each.standing != Standing.OPEN for each in marks)
        sign = Standing.PASSED if marks.next is None else Standing.PARTLY
        points = f"{marks.earned:g} / {marks.possible:g}"
        if marks.by_hand:
            points += gettext(" + {points:g} by hand", points=marks.by_hand)
        source = gettext("check") if row.checked else gettext("notebook")
        table.add_row(
            SIGNS[sign if started else Standing.OPEN],
            row.lesson.name,
            row.lesson.title,
            points if marks else gettext("unreadable"),
            source if started else "",
        )
        if not marks:
            coming = coming or gettext(
                "Next: take {lesson} out of the archive again", lesson=row.lesson.name
            )
        elif marks.next:
            values = {"lesson": row.lesson.name, "exercise": marks.next.exercise}
            coming = coming or gettext("Next: {lesson}, {exercise}", **values)
    return Group(table, Text(coming or gettext("Everything is solved.")))


def _recorded(entry: Any, digest: str) -> Marks | None:
    """The marks of the last check, unless the notebook changed since or the record is damaged."""
    try:
        if entry is None or entry["digest"] != digest:
            return None
        return Marks(
            Mark(**{**each, "standing": Standing(each["standing"])}) for each in entry["marks"]
        )
    except (KeyError, TypeError, ValueError):
        return None


def _load(course: Course) -> dict[str, Any]:
    try:
        records = json.loads((course.notebooks / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return records if isinstance(records, dict) else {}


def _digest(nb: NotebookNode) -> str:
    """Changes when anything changes that points can depend on."""
    relevant = [cell.source for cell in nb.cells if cell.cell_type == "code" or is_written(cell)]
    return hashlib.sha256("\0".join(relevant).encode()).hexdigest()
