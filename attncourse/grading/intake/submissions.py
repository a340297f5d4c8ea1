"""Taking in what a learner handed in: finding the notebook in a folder, reading it, matching it.

Nothing in the folder is trusted. Links are not followed, only plain files are opened, and a time
that a learner could have written counts only as far as it is plausible.
"""

import contextlib
import dataclasses
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from attncourse.course.notebook import grade_id
from attncourse.grading.exceptions import NothingSubmitted, UnreadableSubmission
from attncourse.grading.intake.matching import match
from attncourse.grading.intake.reading import LARGEST, parse
from attncourse.grading.plan import Plan, Submission

DEEPEST = 3  # folders in a folder in which a notebook is looked for
MOST_FILES = 2000
MOST_NOTEBOOKS = 10  # of one learner for one lesson
OLDEST = timedelta(days=365)  # between handing in and the last change of the file
SUBMITTED, TIMESTAMP = "submitted", "timestamp.txt"
NOTEBOOK = re.compile(r"\.ipynb(\.(txt|json))?$", re.IGNORECASE)
# What browsers, desktops and people add to a name.
ADDED = re.compile(r"\(\d+\)|cop(?:y\d*|ie)|kopie|副本|final|-\d+$|[\W_]+")


def read_submission(folder: Path, plan: Plan, student: str) -> Submission:
    """Reads what a learner handed in for a lesson.

    Args:
        folder: `submitted/<student>/<lesson>`, whatever is in it.
        plan: What the lesson asks.
        student: Whose it is.

    Returns:
        The submission of the notebook that answers most, with notes about what was put right.

    Raises:
        NothingSubmitted: There is no notebook.
        UnreadableSubmission: There is one, but it cannot be read.
    """
    expected = folder / f"{plan.lesson}.ipynb"
    files = list(islice(_files(folder), MOST_FILES))
    if not files and not folder.exists():  # a folder too few, or one with another name
        folder = folder.parent
        around = islice(_files(folder), MOST_FILES)
        files = [p for p in around if plan.lesson in p.relative_to(folder).as_posix().lower()]
    notebooks = [path for path in files if NOTEBOOK.search(path.name)]
    named = sorted(notebooks, key=lambda path: _rank(path, folder, plan.lesson))
    if not named:
        names = [shown(path.name) for path in files if path.name != TIMESTAMP]
        raise NothingSubmitted(
            f"There is no notebook of lesson {plan.lesson} in what you handed in.",
            f"found: {', '.join(names[:5]) or 'nothing'}",
        )
    readable: list[Submission] = []
    damaged: list[UnreadableSubmission] = []
    for path in named[:MOST_NOTEBOOKS]:
        try:
            submission = read_file(path, plan, student, _home(path, folder, expected.parent))
            readable.append(_noted(submission, path, folder, expected))
        except UnreadableSubmission as error:
            damaged.append(error)
    if not readable:
        raise damaged[0]
    chosen = max(readable, key=lambda each: _answered(each, plan))  # the first of equal ones
    return dataclasses.replace(chosen, notes=(*chosen.notes, *_beside(files, len(named))))


def read_file(path: Path, plan: Plan, student: str, home: Path | None = None) -> Submission:
    """Reads one notebook, whatever it is called.

    Args:
        path: The notebook.
        plan: What the lesson asks.
        student: Whose it is.
        home: The folder whose `timestamp.txt` counts; by default the notebook's own.

    Raises:
        UnreadableSubmission: It cannot be read.
    """
    content = read_plain(path)
    notebook, notes = parse(content)
    return match(
        plan,
        notebook,
        student=student,
        digest=hashlib.sha256(content).hexdigest(),
        submitted=handed_in(home or path.parent, path),
        notes=notes,
    )


def read_plain(path: Path, *, largest: int = LARGEST) -> bytes:
    """The bytes of a plain file.

    Args:
        path: A file of a learner's.
        largest: Bytes that it may have.

    Raises:
        UnreadableSubmission: It is a link, no plain file, too large, or cannot be read.
    """
    # Not to follow a link, and not to wait for the other end of a pipe.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        status = path.lstat()
        if not _is_safe(status):
            raise _special(path, status)
        descriptor = os.open(path, flags)
    except OSError as error:
        raise UnreadableSubmission(
            f"{shown(path.name)} cannot be read.", f"{error.strerror}"
        ) from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not _is_safe(status):
            raise _special(path, status)
        content = file.read(largest + 1)
    if len(content) > largest:
        raise UnreadableSubmission(
            f"{shown(path.name)} is larger than {largest // 2**20} MB. "
            "Please clear its outputs, save it and hand it in once more.",
            f"more than {largest} bytes",
        )
    return content


def _is_safe(status: os.stat_result) -> bool:
    """Whether this is a file that stands for itself: plain, and under one name only."""
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _special(path: Path, status: os.stat_result) -> UnreadableSubmission:
    kind = stat.filemode(status.st_mode)[0]  # as `ls -l` shows it
    return UnreadableSubmission(
        f"{shown(path.name)} is not a plain file. Please hand in the notebook itself.",
        f"type {kind}, {status.st_nlink} names",
    )


def shown(name: str) -> str:
    """The name of a file that a stranger chose, as text that can be stored and printed."""
    raw = os.fsencode(name)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("gb18030", "replace")
    return "".join(each if each.isprintable() else "�" for each in text)


def _files(folder: Path, depth: int = 0) -> Iterator[Path]:
    """What lies in a folder and in those below it; links are named, never followed."""
    if folder.is_symlink():
        raise UnreadableSubmission(
            "Your folder is a link. Please hand in the files themselves.", "a link"
        )
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda each: (not NOTEBOOK.search(each.name), each.name))
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if not entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)
        elif depth < DEEPEST:
            if NOTEBOOK.search(entry.name):
                yield Path(entry.path)
            yield from _files(Path(entry.path), depth + 1)


def _rank(path: Path, folder: Path, lesson: str) -> tuple[bool, bool, int, str]:
    """Sorts the most likely notebook first."""
    stem = NOTEBOOK.sub("", path.name)
    alike = ADDED.sub("", stem.lower()) == ADDED.sub("", lesson)
    deep = len(path.relative_to(folder).parts)
    return path.name != f"{lesson}.ipynb", not alike, deep, path.name


def _home(path: Path, folder: Path, wanted: Path) -> Path:
    """The lesson's folder: the outermost one, since those in it are the learner's own."""
    deeper = path.relative_to(folder).parts[:-1]
    return folder / deeper[0] if deeper and folder != wanted else folder


def _noted(submission: Submission, path: Path, folder: Path, expected: Path) -> Submission:
    if path == expected:
        return submission
    found, wanted = (shown(str(each.relative_to(folder))) for each in (path, expected))
    note = f"Your notebook was found as {found} instead of {wanted}."
    return dataclasses.replace(submission, notes=(note, *submission.notes))


def handed_in(folder: Path, notebook: Path) -> str:
    """When a notebook was handed in, ISO 8601 in UTC; empty if nothing tells.

    `timestamp.txt` is written by nbgrader's exchange and by `attncourse collect`, on the server,
    into the lesson's folder; what is called so in a folder below was handed in. Where it is missing
    or cannot be right, the file's own time is all that is left.
    """
    saved = _saved(notebook)
    stated = stated_time(folder)
    if stated and stated <= datetime.now(UTC) and (not saved or saved <= stated + OLDEST):
        return stated.isoformat()
    return saved.isoformat() if saved else ""


def _saved(path: Path) -> datetime | None:
    """When a file was changed; None for a year that no calendar has."""
    with contextlib.suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    return None


def stated_time(folder: Path) -> datetime | None:
    """What `timestamp.txt` says; None if there is none, or it is garbage."""
    with contextlib.suppress(UnreadableSubmission, ValueError, OverflowError):
        words = read_plain(folder / TIMESTAMP, largest=200).decode().strip().removesuffix(" UTC")
        stated = datetime.fromisoformat(words)
        return stated.replace(tzinfo=stated.tzinfo or UTC).astimezone(UTC)
    return None


def _answered(submission: Submission, plan: Plan) -> int:
    """How many answers, in code and in words, are not as released."""
    released = {grade_id(cell): cell.source.strip() for cell in plan.release.cells}
    given = {**submission.written, **submission.answers}
    return sum(text.strip() not in ("", released[name]) for name, text in given.items())


def _beside(files: list[Path], notebooks: int) -> Iterator[str]:
    """Notes about what lies beside the notebook and has no part in grading."""
    if notebooks > 1:
        yield f"You handed in {notebooks} notebooks; the one with most answers was graded."
    if modules := [shown(path.name) for path in files if path.suffix == ".py"]:
        yield f"A notebook is graded alone, without files beside it: {', '.join(modules[:3])}."
    plain = (path.lstat() for path in files)
    kinds = zip(files, plain, strict=True)
    if strange := [shown(p.name) for p, s in kinds if not (_is_safe(s) or stat.S_ISDIR(s.st_mode))]:
        yield f"Links and special files were not opened: {', '.join(strange[:3])}."
