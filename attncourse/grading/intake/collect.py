"""From what a learning platform lets instructors download to `submitted/`.

Whose a file is and for which lesson, its name says; when it was handed in, the archive says, for
the platform packed it. Nothing that a learner packed decides about a time or a place on this disk.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from rich.table import Table
from rich.text import Text

from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson
from attncourse.grading.exceptions import UnreadableSubmission
from attncourse.grading.intake.archives import WANTED, Member, members
from attncourse.grading.intake.roster import Roster, as_student, is_student
from attncourse.grading.intake.submissions import (
    SUBMITTED,
    TIMESTAMP,
    read_plain,
    shown,
    stated_time,
)

# Ada Lovelace_123456_assignsubmission_file_/06-se.ipynb; newer ones without the last underscore,
# and flat ones with an underscore instead of the slash.
MOODLE = re.compile(
    r"(?P<student>[^/]+?)_(?P<number>\d+)_assignsubmission_file(?:_?/|_)(?P<file>.+)$"
)
# lovelaceada_12345_678910_06-se-1.ipynb, or lovelaceada_LATE_12345_678910_06-se.ipynb
CANVAS = re.compile(r"(?P<student>[^/_]+)(?P<late>_LATE)?_(?P<number>\d+)_\d+_(?P<file>[^/].*)$")
LAYOUTS = (MOODLE, CANVAS)
OWNER = ".owner"  # beside the timestamp, whose form is nbgrader's: a `_Found.person`
NAMESAKES = "two people are called so; give a --roster that tells them apart"
TIME_FORMAT = "%Y-%m-%d %H:%M:%S.%f UTC"  # nbgrader's


class State(StrEnum):
    """Whether a file is in `submitted/` now."""

    COLLECTED = "✓"
    PASSED_OVER = "·"
    REFUSED = "✗"


STYLES = {State.COLLECTED: "green", State.PASSED_OVER: "dim", State.REFUSED: "red"}


@dataclass(frozen=True)
class Row:
    """What became of one file.

    Attributes:
        archive: Name of the archive.
        path: Path in it; empty for the archive itself.
        outcome: What was done with it, or why nothing was.
        state: Whether it is in `submitted/` now, need not be, or should be.
        student: Whose it is, if that is known.
        lesson: Number and slug, if known.
        time: When it was handed in.
    """

    archive: str
    path: str
    outcome: str
    state: State = State.REFUSED
    student: str = ""
    lesson: str = ""
    time: datetime | None = None


@dataclass(frozen=True)
class _Layout:
    """Where the names in one archive say whose a file is: at its root, never further inside.

    Attributes:
        pattern: Of the platform; None if no known one made this archive.
        top: The folder in which everything lies, with its slash; empty if there is none.
        why: What is wrong, where nothing fits.
    """

    pattern: re.Pattern[str] | None = None
    top: str = ""
    why: str = "its name does not say whose it is; give a --pattern"

    @classmethod
    def of(cls, names: Iterable[str], patterns: Sequence[re.Pattern[str]]) -> Self:
        """Settles what most of an archive's own names fit, so that no single one decides.

        Args:
            names: Paths in the outermost archive.
            patterns: That may fit them.
        """
        paths = {_plain(name) for name in names}
        first = {path.partition("/")[0] for path in paths}
        in_one = len(first) == 1 and all("/" in path for path in paths)
        for top in ("", f"{min(first)}/") if in_one else ("",):
            fitting = [sum(bool(p.match(path[len(top) :])) for path in paths) for p in patterns]
            most = max(fitting)
            if most and fitting.count(most) > 1:
                return cls(why="Moodle and Canvas could both have named it so; give a --pattern")
            if most:
                return cls(patterns[fitting.index(most)], top)
        return cls()

    def match(self, name: str) -> re.Match[str]:
        """Whose a file is, as groups.

        Raises:
            ValueError: Its name does not say so.
        """
        found = self.pattern and self.pattern.match(_plain(name).removeprefix(self.top))
        if not found:
            raise ValueError(self.why)
        return found


@dataclass(frozen=True)
class _Found:
    """A notebook, put by until all archives have been read.

    Attributes:
        number: Of its row.
        row: Where it comes from.
        person: The owner's id where that is certain, else what the platform says of the owner; two
            of whom it says different things are two people, be the id made of it the same.
        time: When it was handed in.
        staged: Where its content lies.
    """

    number: int
    row: Row
    person: str
    time: datetime
    staged: Path


def collect(
    archives: Iterable[Path],
    course: Course,
    *,
    lesson: Lesson | None = None,
    pattern: str = "",
    roster: Roster | None = None,
) -> list[Row]:
    """Takes notebooks out of archives and lays them where they are graded.

    Of several by the same learner the latest counts, also before one that is there already.

    Args:
        archives: Zip or tar files as downloaded.
        course: Where `submitted/` is.
        lesson: The lesson that all notebooks are of; by default their names say it.
        pattern: A regular expression with the groups `student` and, if need be, `number` and
            `file`, for platforms that are neither Moodle nor Canvas. It is held to the beginning of
            a path in the archive; a folder around everything may be left out.
        roster: Who is in the class; without it, ids are made of the platform's names.

    Returns:
        A row for every file that was looked at.

    Raises:
        ValueError: The pattern is no regular expression, or has no group `student`.
    """
    patterns = (_compiled(pattern),) if pattern else LAYOUTS
    rows: list[Row] = []
    found: dict[tuple[str, str], list[_Found]] = {}
    submitted = course.root / SUBMITTED
    submitted.mkdir(exist_ok=True)
    # Beside its goal, so that what is staged can be moved there in one step.
    with TemporaryDirectory(dir=submitted, prefix=".collecting-") as folder:
        for archive in archives:
            listed: list[tuple[Member, Path]] = []
            for number, member in enumerate(members(archive), start=len(rows)):
                staged = Path(folder, f"{number}.ipynb")
                if WANTED.search(member.path) and not member.problem:
                    staged.write_bytes(member.content)
                listed.append((replace(member, content=b""), staged))
            sound = (member.outer for member, _ in listed if not member.problem)
            layout = _Layout.of(sound, patterns)
            for member, content in listed:
                if not member.problem and not WANTED.search(member.path):
                    rows.append(Row(archive.name, member.path, "no notebook", State.PASSED_OVER))
                    continue
                try:
                    row, person = _recognise(archive, member, course, layout, lesson, roster)
                except ValueError as error:
                    rows.append(Row(archive.name, member.path, str(error), time=member.time))
                    continue
                staged = Path(folder, str(len(rows)), f"{row.lesson}.ipynb")
                staged.parent.mkdir()
                content.rename(staged)
                new = _Found(len(rows), row, person, member.time, staged)
                found.setdefault((row.student, row.lesson), []).append(new)
                rows.append(row)
        for same in found.values():
            for each, row in zip(same, _settle(same, submitted), strict=True):
                rows[each.number] = row
    return rows


def render(rows: Iterable[Row]) -> Table:
    """What was collected and what was not, as a table for the terminal."""
    table = Table("", "student", "lesson", "handed in", "file", "")
    for row in sorted(rows, key=lambda each: (list(State).index(each.state), each.student)):
        when = row.time.astimezone().strftime("%Y-%m-%d %H:%M") if row.time else ""
        where = f"{row.archive}: {row.path}" if row.path else row.archive
        texts = (row.student, row.lesson, when, where, row.outcome)
        table.add_row(Text(row.state, STYLES[row.state]), *(Text(shown(each)) for each in texts))
    return table


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    if "student" not in compiled.groupindex:
        raise ValueError(f"{pattern!r} needs a group (?P<student>…)")
    return compiled


def _recognise(
    archive: Path,
    member: Member,
    course: Course,
    layout: _Layout,
    lesson: Lesson | None,
    roster: Roster | None,
) -> tuple[Row, str]:
    """Whose notebook this is, and for which lesson.

    Raises:
        ValueError: It is none, or nothing says so.
    """
    if member.problem:
        raise ValueError(member.problem)
    match = layout.match(member.outer)
    groups = match.groupdict("")
    called, number = groups["student"].strip(), groups.get("number", "")
    if roster:
        student = roster.find(number, called)
    else:
        # Canvas's numbers are a person's for ever; Moodle's belong to one assignment.
        student = as_student(called, number if match.re is CANVAS else "")
    if not is_student(student):
        raise ValueError(f"{called!r} cannot name a folder; give a --roster")
    file = groups.get("file", "") + member.inside
    name = lesson.name if lesson else _lesson(course, file, archive.name)
    late = "collected; late, says the platform" if groups.get("late") else "collected"
    row = Row(archive.name, member.path, late, State.COLLECTED, student, name, member.time)
    # A roster says who two names are, and Canvas's number is in the id; else it takes both.
    known = roster or match.re is CANVAS
    return row, student if known else f"{called} {number}".strip()


def _plain(name: str) -> str:
    """A path without steps that go nowhere."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _lesson(course: Course, *names: str) -> str:
    """The one lesson that a name speaks of; a file's own name before its archive's."""
    for name in names:
        plain = re.sub(r"[\W_]+", "-", name.lower())
        spoken = [each.name for each in course.released() if each.name in plain]
        if len(spoken) == 1:
            return spoken[0]
    raise ValueError("its name does not say which lesson it is of; give --lesson")


def _settle(same: list[_Found], submitted: Path) -> list[Row]:
    """Lays the latest notebook of one learner for one lesson in place; a row for each, in order."""
    if len({each.person for each in same}) > 1:
        return [_refused(each.row, NAMESAKES) for each in same]
    time = max(each.time for each in same)
    latest = [each for each in same if each.time == time]
    # Handed in together: reading them will show which of them is answered.
    for count, each in enumerate(latest[1:], start=2):
        each.staged.rename(latest[0].staged.with_name(f"{each.row.lesson} ({count}).ipynb"))
    placed = _place(latest[0], submitted / latest[0].row.student / latest[0].row.lesson)
    older = f"there is a newer one, {latest[0].row.path}"
    return [
        replace(each.row, state=placed.state, outcome=placed.outcome)
        if each in latest
        else replace(each.row, state=State.PASSED_OVER, outcome=older)
        for each in same
    ]


def _place(found: _Found, folder: Path) -> Row:
    """Moves a notebook to where it is graded, unless what is there is as new."""
    staged = found.staged.parent
    if folder.is_symlink() or folder.parent.is_symlink():
        return _refused(found.row, f"{folder} is a link")
    owner = _owner(folder)
    if owner and found.person not in (owner, found.row.student):
        return _refused(found.row, NAMESAKES)
    there = stated_time(folder)
    if there and there >= found.time:
        if _is_same(folder / found.staged.name, found.staged):
            return replace(found.row, outcome="already collected")
        newer = f"one of {there:%Y-%m-%d %H:%M} UTC is there already"
        return replace(found.row, state=State.PASSED_OVER, outcome=newer)
    (staged / TIMESTAMP).write_text(found.time.strftime(TIME_FORMAT))
    (staged / OWNER).write_text(found.person, encoding="utf-8")
    for notebook in staged.glob("*.ipynb"):
        os.utime(notebook, (found.time.timestamp(),) * 2)
    folder.parent.mkdir(exist_ok=True)
    if folder.exists():
        folder.rename(staged.with_name(f"{staged.name}-before"))
    staged.rename(folder)
    return found.row


def _owner(folder: Path) -> str:
    """Whose notebook was laid here; empty if that is not known."""
    try:
        return read_plain(folder / OWNER, largest=10_000).decode("utf-8", "replace")
    except UnreadableSubmission:
        return ""


def _is_same(there: Path, new: Path) -> bool:
    try:
        return read_plain(there) == new.read_bytes()
    except UnreadableSubmission:
        return False


def _refused(row: Row, why: str) -> Row:
    return replace(row, outcome=why, state=State.REFUSED)
