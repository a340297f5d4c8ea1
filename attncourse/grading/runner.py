"""Grading a class: which submissions are to be graded, and where every result goes.

A result goes into `autograded/`, the gradebook and the journal, in this order, before it is shown.
Whatever stops the run in between, the next one finds the submission ungraded, or all in place.
"""

import dataclasses
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from attncourse.catalogue import mark
from attncourse.course.notebook import write_file
from attncourse.exercises.core.reason import declared
from attncourse.grading.engine import Engine, Graded, Job
from attncourse.grading.exceptions import NothingSubmitted, SubmissionError
from attncourse.grading.grader import digest
from attncourse.grading.intake.submissions import (
    SUBMITTED,
    read_submission,
    shown,
    stated_time,
)
from attncourse.grading.plan import Plan
from attncourse.grading.record import By, Check, Record, Status
from attncourse.grading.results.autograded import place, ungraded
from attncourse.grading.results.gradebook import Gradebook
from attncourse.grading.results.journal import Journal
from attncourse.grading.sandbox.limits import Limits

LOST = mark(
    "Grading this notebook failed. That is not for you to mend: your instructor can see why."
)


@dataclass(frozen=True)
class Settings:
    """How a class is graded.

    Attributes:
        limits: What a learner's code may use.
        sandbox: Whether it runs in a sandbox.
        force: Whether to grade again what has not changed.
        seed: From which probes are drawn; None: the lesson's own, drawn at its first grading.
    """

    limits: Limits = dataclasses.field(default_factory=Limits)
    sandbox: bool = True
    force: bool = False
    seed: int | None = None


#: Called with a record and whether it was graded just now.
OnRecord = Callable[[Record, bool], None]
#: Called with what a sandbox is made of, once for each kind.
OnSandbox = Callable[[str], None]


def students(root: Path, lesson: str) -> list[str]:
    """Who has handed in something for the lesson in `submitted/`, be it in the wrong folder.

    A folder whose name is no text can be nobody's in a gradebook: it is named on stderr, no more.

    Raises:
        ValueError: Nobody has; the message says where submissions belong.
    """
    handed_in = (root / SUBMITTED).glob("*/*")
    mine = (path for path in handed_in if path.name.casefold().startswith(lesson.casefold()))
    names = sorted({path.parent.name for path in mine})
    found = [name for name in names if _is_text(name)]
    for name in (each for each in names if not _is_text(each)):
        print(f"not graded: {shown(name)}; its name in {SUBMITTED}/ is not UTF-8", file=sys.stderr)
    if not found:
        raise ValueError(
            f"there is nothing to grade: submissions belong in {SUBMITTED}/<student>/{lesson}/"
        )
    return found


def grade_class(
    plan: Plan,
    root: Path,
    names: Iterable[str],
    book: Gradebook,
    engine: Engine,
    settings: Settings,
    on_record: OnRecord,
    on_sandbox: OnSandbox = lambda sandbox: None,
) -> dict[str, Record]:
    """Grades what is new or changed.

    Args:
        plan: What the lesson asks.
        root: The folder with `submitted/`.
        names: Of the students.
        book: Where points go.
        engine: Where the work is done.
        settings: How.
        on_record: Told of each record when it is safe.
        on_sandbox: Told what keeps learners' code in.

    Returns:
        The record of every student named.

    Raises:
        SandboxUnavailable: Learners' code is to run in a sandbox, and cannot.
    """
    journal = Journal(root, plan.lesson)
    known = journal.load()
    seed = journal.seed(settings.seed)
    found: dict[str, Record] = {}
    sandboxes: set[str] = set()

    def keep(record: Record, *, fresh: bool) -> None:
        book.write(record, before=known.get(record.student))
        if fresh or record != known.get(record.student):
            journal.save(record)
        found[record.student] = record
        on_record(record, fresh)

    def keep_without(record: Record, *, fresh: bool) -> None:
        """Keeps a record; the notebook of an earlier attempt must not be shown beside it."""
        write_file(place(root, plan, record.student), ungraded(plan, record).encode())
        keep(record, fresh=fresh)

    def jobs() -> Iterator[Job]:
        for name in names:
            folder = root / SUBMITTED / name / plan.lesson
            before = known.get(name)
            try:
                submission = read_submission(folder, plan, name)
            except SubmissionError as error:
                record = refused(plan, name, error, seed)
                keep_without(record, fresh=record != before)
                continue
            except Exception as error:  # a defect of ours must not cost the rest of the class
                keep_without(lost(plan, name, ascii(error), seed), fresh=True)
                continue
            now = digest(plan, submission, settings.limits, settings.sandbox)
            same = before is not None and before.digest == now
            if before is not None and same and before.seed == seed and not settings.force:
                # A file's own time changes with every copy; what a timestamp says was corrected.
                stamp = submission.submitted if stated_time(folder) else before.submitted
                keep(dataclasses.replace(before, submitted=stamp), fresh=False)
            else:
                yield Job(plan, submission, seed, settings.limits, settings.sandbox)

    for job, result in engine.results(jobs()):
        name = job.submission.student
        if isinstance(result, Graded):
            if result.sandbox not in sandboxes:
                sandboxes.add(result.sandbox)
                on_sandbox(result.sandbox)
            write_file(place(root, plan, name), result.notebook.encode())
            keep(result.record, fresh=True)
        else:
            failed = lost(plan, name, result, job.seed, job.submission.submitted)
            keep_without(failed, fresh=True)
    return found


def refused(plan: Plan, student: str, error: SubmissionError, seed: int) -> Record:
    """The record of a submission that cannot be read."""
    status = Status.NOTHING if isinstance(error, NothingSubmitted) else Status.MALFORMED
    why = (declared("grading/intake", error.reason),)
    return Record(student, plan.lesson, status, why, error.detail, _nothing_earned(plan), seed=seed)


def lost(plan: Plan, student: str, why: str, seed: int, submitted: str = "") -> Record:
    """The record of a submission at which the grader itself failed."""
    return Record(
        student,
        plan.lesson,
        Status.CRASHED,
        (declared("grading/lost", LOST),),
        why,
        _nothing_earned(plan),
        digest="",  # so that the next run tries it again
        seed=seed,
        submitted=submitted,
    )


def tally(records: Iterable[Record]) -> str:
    """How many submissions ended how, in one line."""
    counts = Counter(record.status for record in records)
    return ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])


def _is_text(name: str) -> bool:
    """Whether a file's name can be written down; Python marks bytes of other encodings."""
    return not any("\ud800" <= each <= "\udfff" for each in name)


def _nothing_earned(plan: Plan) -> tuple[Check, ...]:
    return tuple(
        Check(each.grade_id, each.points, 0.0, By.JUDGE, ended=Status.MALFORMED)
        for each in plan.graded
    )
