"""What is graded, what is left alone, and what is on disk whenever a run ends."""

import copy
import dataclasses
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import nbformat
import pytest
from nbformat import NotebookNode

from attncourse.course.notebook import dumps, read, write_file
from attncourse.course.places import Course
from attncourse.grading import runner
from attncourse.grading.engine import Graded, Job, Processes, Result
from attncourse.grading.grader import digest
from attncourse.grading.plan import Plan, Submission
from attncourse.grading.record import Check, Record, Status
from attncourse.grading.results.journal import Journal
from attncourse.grading.runner import Settings, grade_class, students
from tests.grading.lesson import cell


class Ledger:
    """Stands for the gradebook: remembers what it was told, in order."""

    def __init__(self) -> None:
        self.written: list[tuple[str, bool]] = []

    def write(self, record: Record, *, before: Record | None = None) -> None:
        new = before is None or dataclasses.replace(before, submitted=record.submitted) != record
        self.written.append((record.student, new))


class Here:
    """An engine without processes: gives full points, or whatever it is told to give instead."""

    def __init__(self, **instead: Any) -> None:
        self.instead = instead
        self.asked: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def results(self, jobs: Iterable[Job]) -> Iterator[Result]:
        for job in jobs:
            name = job.submission.student
            self.asked.append(name)
            result = self.instead.get(name, Graded(full(job), "{}"))
            if isinstance(result, BaseException):
                raise result
            yield job, result


def full(job: Job) -> Record:
    checks = tuple(Check(each.grade_id, each.points, each.points) for each in job.plan.graded)
    known = digest(job.plan, job.submission, job.limits, job.sandbox)
    name = job.submission.student
    return Record(name, job.plan.lesson, Status.GRADED, checks=checks, digest=known, seed=job.seed)


@pytest.fixture
def handed_in(course: Course, plan: Plan, solved: NotebookNode) -> Course:
    for name in ("ada", "bob", "eve"):
        write_file(place(course, plan, name), dumps(solved).encode())
    return course


def place(course: Course, plan: Plan, name: str) -> Path:
    return course.root / "submitted" / name / plan.lesson / f"{plan.lesson}.ipynb"


def run(
    course: Course, plan: Plan, engine: Here, **settings: Any
) -> tuple[dict[str, Record], Ledger]:
    book = Ledger()
    names = students(course.root, plan.lesson)
    args = (plan, course.root, names, book, engine, Settings(**settings), lambda *_: None)
    return grade_class(*args), book  # type: ignore[arg-type]


def test_only_what_is_new_or_changed_is_graded_again(
    handed_in: Course, plan: Plan, solved: NotebookNode
) -> None:
    first = Here()
    run(handed_in, plan, first)
    assert first.asked == ["ada", "bob", "eve"]
    changed = copy.deepcopy(solved)
    cell(changed, "double").source += "  # better"
    write_file(place(handed_in, plan, "bob"), dumps(changed).encode())
    second = Here()
    found, book = run(handed_in, plan, second)
    assert second.asked == ["bob"]
    assert sorted(book.written) == [("ada", False), ("bob", True), ("eve", False)]
    assert sorted(found) == ["ada", "bob", "eve"]
    forced = Here()
    run(handed_in, plan, forced, force=True)
    assert forced.asked == ["ada", "bob", "eve"]


def test_another_seed_or_another_lesson_text_grades_everything_again(
    handed_in: Course, plan: Plan
) -> None:
    run(handed_in, plan, Here(), seed=1)
    again = Here()
    found, _ = run(handed_in, plan, again, seed=2)
    assert again.asked == ["ada", "bob", "eve"]
    assert {record.seed for record in found.values()} == {2}
    kept = Here()
    run(handed_in, plan, kept)
    assert kept.asked == [], "without one the seed stays what it was"
    steps = tuple(
        dataclasses.replace(step, points=9.0) if getattr(step, "points", 0) else step
        for step in plan.steps
    )
    changed = Here()
    run(handed_in, dataclasses.replace(plan, steps=steps), changed)
    assert changed.asked == ["ada", "bob", "eve"]


def test_a_run_that_is_stopped_keeps_what_it_showed_and_goes_on_from_there(
    handed_in: Course, plan: Plan
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(handed_in, plan, Here(bob=KeyboardInterrupt()))
    rest = Here()
    found, _ = run(handed_in, plan, rest)
    assert rest.asked == ["bob", "eve"]
    assert all(record.earned == record.possible for record in found.values())


def test_what_kills_the_grader_again_and_again_is_recorded_and_tried_at_the_next_run(
    handed_in: Course, plan: Plan
) -> None:
    found, _ = run(handed_in, plan, Here(bob="the grader's process died 3 times"))
    assert found["bob"].status is Status.CRASHED
    assert found["bob"].earned == 0 and len(found["bob"].checks) == len(plan.graded)
    assert found["eve"].status is Status.GRADED
    again = Here()
    run(handed_in, plan, again)
    assert again.asked == ["bob"]


def test_what_cannot_be_read_gets_a_record_once(handed_in: Course, plan: Plan) -> None:
    place(handed_in, plan, "bob").write_text("{")
    place(handed_in, plan, "eve").unlink()
    found, book = run(handed_in, plan, Here())
    assert found["bob"].status is Status.MALFORMED and found["bob"].reason
    assert found["eve"].status is Status.NOTHING and found["eve"].reason
    assert ("bob", True) in book.written
    _, book = run(handed_in, plan, Here())
    assert sorted(book.written) == [("ada", False), ("bob", False), ("eve", False)]


def test_a_notebook_at_which_reading_fails_costs_nobody_else(
    handed_in: Course, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = runner.read_submission

    def fail(folder: Path, plan: Plan, name: str) -> Submission:
        if name == "bob":
            raise OverflowError("half a character: \ud800")
        return read(folder, plan, name)

    monkeypatch.setattr(runner, "read_submission", fail)
    found, _ = run(handed_in, plan, Here())
    assert found["bob"].status is Status.CRASHED and "OverflowError" in found["bob"].detail
    assert found["eve"].status is Status.GRADED
    monkeypatch.undo()
    again = Here()
    run(handed_in, plan, again)
    assert again.asked == ["bob"]


def test_a_folder_whose_name_is_no_text_is_named_and_passed_over(
    handed_in: Course, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    bob = handed_in.root / "submitted" / "bob"
    bob.rename(bob.with_name(os.fsdecode("李雷".encode("gbk"))))
    found, _ = run(handed_in, plan, Here())
    assert sorted(found) == ["ada", "eve"]
    assert "not graded: 李雷;" in capsys.readouterr().err


def test_beside_a_record_without_a_notebook_stands_the_lesson_and_why(
    handed_in: Course, plan: Plan, solved: NotebookNode
) -> None:
    run(handed_in, plan, Here())
    place(handed_in, plan, "ada").write_text("{")
    cell(solved, "double").source += "  # better"
    write_file(place(handed_in, plan, "bob"), dumps(solved).encode())
    found, _ = run(handed_in, plan, Here(bob="the grader's process died 3 times"))
    for name in ("ada", "bob"):
        shown = read(handed_in.root / "autograded" / name / plan.lesson / f"{plan.lesson}.ipynb")
        assert shown.cells[0].source == f"**Not graded.** {found[name].reason}"
        assert cell(shown, "double").source == cell(plan.release, "double").source
        nbformat.validate(shown)


def test_a_corrected_timestamp_arrives_though_nothing_is_graded_again(
    handed_in: Course, plan: Plan
) -> None:
    first, _ = run(handed_in, plan, Here())
    notebook = place(handed_in, plan, "bob")
    os.utime(notebook, (1_772_000_000,) * 2)
    assert run(handed_in, plan, Here())[0]["bob"] == first["bob"], "a copy is no correction"
    notebook.with_name("timestamp.txt").write_text("2026-03-01 10:00:00.000000 UTC")
    again = Here()
    found, book = run(handed_in, plan, again)
    assert again.asked == [] and ("bob", False) in book.written
    assert found["bob"].submitted == "2026-03-01T10:00:00+00:00"
    assert Journal(handed_in.root, plan.lesson).load() == found


def test_a_damaged_record_is_as_good_as_none(handed_in: Course, plan: Plan) -> None:
    run(handed_in, plan, Here())
    path = handed_in.root / "grading" / plan.lesson / "records" / "bob.json"
    path.write_text(path.read_text()[:100])
    again = Here()
    run(handed_in, plan, again)
    assert again.asked == ["bob"]


def test_a_notebook_in_the_wrong_folder_is_found(handed_in: Course, plan: Plan) -> None:
    right = place(handed_in, plan, "eve")
    right.rename(right.parents[1] / "06-se (1).ipynb")
    right.parent.rmdir()
    found, _ = run(handed_in, plan, Here())
    assert found["eve"].status is Status.GRADED


def test_nobody_handed_in_anything(course: Course, plan: Plan) -> None:
    with pytest.raises(ValueError, match=r"submissions belong in submitted/<student>/06-se/"):
        students(course.root, plan.lesson)


def test_real_processes_grade_a_class(
    handed_in: Course, plan: Plan, solved: NotebookNode, release: NotebookNode
) -> None:
    wrong = copy.deepcopy(solved)
    cell(wrong, "squeeze").source = "def squeeze(x):\n    return x.sum(dim=(2, 3))"
    write_file(place(handed_in, plan, "bob"), dumps(wrong).encode())
    write_file(place(handed_in, plan, "eve"), dumps(release).encode())
    with Processes(2) as engine:
        found, _ = run(handed_in, plan, engine, seed=7)  # type: ignore[arg-type]
    points = {name: [check.earned for check in record.checks] for name, record in found.items()}
    assert points == {"ada": [2.0, 1.5, None], "bob": [0.0, 1.5, None], "eve": [0.0, 0.0, 0.0]}
    assert "sum" in found["bob"].checks[0].sentence
    path = handed_in.root / "autograded" / "bob" / plan.lesson / f"{plan.lesson}.ipynb"
    shown = cell(read(path), "check-squeeze")
    assert shown.outputs[-1].output_type == "error"
    records = handed_in.root / "grading" / plan.lesson / "records"
    assert {json.loads(each.read_text())["student"] for each in records.iterdir()} == set(found)


def test_workers_are_a_positive_number() -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        Processes(0)
