"""Grading on the terminal: a line for every submission, a bar with an estimate, then the sum."""

import os
import secrets
import sys
from collections.abc import Sequence
from json import dumps, loads
from pathlib import Path

from rich.console import Console, Group
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from attncourse.course.marks import SIGNS, Standing
from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson
from attncourse.grading.engine import Cluster, Engine, Processes
from attncourse.grading.exceptions import SandboxUnavailable, UnreadableSubmission
from attncourse.grading.grader import Grader
from attncourse.grading.intake.submissions import read_file
from attncourse.grading.plan import Plan
from attncourse.grading.record import By, Check, Record, Status
from attncourse.grading.results.gradebook import Gradebook
from attncourse.grading.results.products import Products, write_products
from attncourse.grading.runner import Settings, grade_class, refused, students, tally
from attncourse.grading.sandbox.backends import Backend

UNSANDBOXED = Text(
    "Learners' code runs without a sandbox: it can read solutions, change grades, use the network.",
    "yellow",
)
REFUSED = 2  # as for other input that cannot be worked with
STOPPED = 130  # as a shell reports a command that Ctrl-C ended


def grade_lesson(
    course: Course,
    lesson: Lesson,
    engine: Engine,
    url: str,
    settings: Settings,
    only: Sequence[str] = (),
) -> int:
    """Grades the submissions to one lesson, and writes all that follows from it.

    Args:
        course: The course, with `submitted/` in its folder.
        lesson: One of its lessons.
        engine: Where the work is done.
        url: The gradebook.
        settings: How.
        only: Names of students; none means all.

    Returns:
        0 if every submission was graded to its end or refused with a reason, 1 if the grader
        itself failed at one, 2 if there can be no sandbox, 130 if the run was stopped.

    Raises:
        ValueError: There is nothing to grade, or a name is none of a student's.
    """
    console = Console()
    plan = Plan.of(lesson, course)
    names = students(course.root, lesson.name)
    if unknown := sorted(set(only) - set(names)):
        raise ValueError(f"nothing was handed in by {', '.join(unknown)}")
    names = [name for name in names if not only or name in only]
    new = 0
    with engine:
        engine.warm(plan, settings.limits, settings.sandbox)
        with Gradebook(course, lesson, url) as book, _bar(console) as bar:
            task = bar.add_task(lesson.name, total=len(names))

            def tell(record: Record, fresh: bool) -> None:
                nonlocal new
                if fresh:
                    new += 1
                    bar.print(line(record))
                bar.advance(task)

            def tell_sandbox(sandbox: str) -> None:
                sandboxed = Text(f"Learners' code runs in {sandbox}.", "dim")
                bar.print(UNSANDBOXED if sandbox == Backend.NONE else sandboxed)

            try:
                found = grade_class(
                    plan, course.root, names, book, engine, settings, tell, tell_sandbox
                )
            except (SandboxUnavailable, KeyboardInterrupt) as stop:
                bar.stop()
                return _stopped(console, stop)
            bar.stop()
            console.print(tally(found.values()), "" if new else "– nothing new, nothing changed")
            console.print(_finish(plan, course, book), soft_wrap=True)
    lost = (each for each in found.values() if each.status is Status.CRASHED and not each.digest)
    return int(any(lost))


def _stopped(console: Console, stop: BaseException) -> int:
    if isinstance(stop, SandboxUnavailable):
        console.print(str(stop), markup=False, style="yellow")
        return REFUSED
    console.print("Stopped. What is shown above is kept; run again to go on.")
    return STOPPED


def renew(course: Course, lesson: Lesson, url: str) -> None:
    """Writes feedback, table and report again, with what people have graded since."""
    plan = Plan.of(lesson, course)
    with Gradebook(course, lesson, url) as book:
        Console().print(_finish(plan, course, book), soft_wrap=True)


def _finish(plan: Plan, course: Course, book: Gradebook) -> Text:
    book.penalize()
    return summary(write_products(plan, course.root, book))


def summary(products: Products) -> Text:
    """What was made of the records, and whose were left out."""
    wrote = [f"wrote {os.path.relpath(path)}" for path in products.paths]
    left_out = [Text(f"left out: {who}, {why}", "yellow") for who, why in products.left_out.items()]
    return Text("\n").join([*map(Text, wrote), *left_out])


def grade_file(
    course: Course, lesson: Lesson, path: Path, settings: Settings, *, json: bool
) -> int:
    """Grades one notebook by itself and prints the result; nothing is written.

    Args:
        course: The course.
        lesson: The notebook's.
        path: The notebook.
        settings: How.
        json: Whether to print the record, for other programs.

    Returns:
        0 if all points of the checks were earned, 1 if not, 2 if its code cannot run in a sandbox.
    """
    try:
        record = _record(Plan.of(lesson, course), path, settings)
    except SandboxUnavailable as refusal:
        print(refusal, file=sys.stderr)
        return REFUSED
    if json:
        facts = {"file": str(path), "earned": record.earned, "possible": record.possible}
        facts |= {"by_hand": by_hand(record)} | loads(record.to_json())
        print(dumps(facts, ensure_ascii=False, indent=2))
    else:
        Console().print(checks(record))
    return int(any(check.earned != check.possible for check in record.checks if _counts(check)))


def _record(plan: Plan, path: Path, settings: Settings) -> Record:
    seed = secrets.randbelow(2**31) if settings.seed is None else settings.seed
    try:
        submission = read_file(path, plan, "")
    except UnreadableSubmission as error:
        return refused(plan, "", error, seed)
    with Grader(plan, limits=settings.limits, sandbox=settings.sandbox) as grader:
        return grader.grade(submission, seed=seed)


def checks(record: Record) -> Group:
    """A record as a table, with what the learner is told."""
    table = Table("", "Check", Column("Points", justify="right"), "What is missing")
    for check in record.checks:
        full = check.earned == check.possible
        earned = "–" if check.earned is None else f"{check.earned:g}"
        sign = SIGNS[
            Standing.PASSED if full else Standing.FAILED if _counts(check) else Standing.BY_HAND
        ]
        table.add_row(sign, check.grade_id, f"{earned} / {check.possible:g}", Text(check.sentence))
    told = [f"{record.status}: {record.reason}"] if record.reason else []
    return Group(table, *(Text(each, "yellow") for each in [*told, *record.notes]))


def _counts(check: Check) -> bool:
    return check.by is not By.HAND


def line(record: Record) -> Text:
    """A record in one line."""
    later = by_hand(record)
    possible = record.possible - later
    full = record.earned == possible
    standing = Standing.PASSED if full else Standing.PARTLY if record.earned else Standing.FAILED
    points = f" {record.student}  {record.earned:g} / {possible:g}"
    points += f", {later:g} by hand" if later else ""
    status = "" if record.status is Status.GRADED else f"  {record.status}: {record.reason}"
    return Text.assemble(SIGNS[standing], points, (status, "yellow"))


def by_hand(record: Record) -> float:
    """Points that people give."""
    return sum(check.possible for check in record.checks if not _counts(check))


def default_workers() -> int:
    """A process for each core that this one may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def engine_for(workers: int | None, scheduler: str | None) -> Engine:
    """Processes of this machine, or a cluster if its scheduler is named."""
    if scheduler:
        return Cluster(scheduler)
    return Processes(default_workers() if workers is None else workers)


def _bar(console: Console) -> Progress:
    counts = MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    return Progress(TextColumn("{task.description}"), BarColumn(), *counts, console=console)
