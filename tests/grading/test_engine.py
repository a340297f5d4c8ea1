"""Processes that die, and those beside them."""

import os
import time
from multiprocessing import forkserver
from pathlib import Path

import pytest
from nbformat.v4 import new_notebook

from attncourse.grading import engine
from attncourse.grading.engine import Graded, Job, Processes
from attncourse.grading.plan import Plan, Submission
from attncourse.grading.record import Record, Status

PLAN = Plan("99-own", ())


def mortal(job: Job) -> Graded:
    """Stands for grading; one submission always kills the process."""
    student = job.submission.student
    if student == "killer":
        time.sleep(0.1)
        os._exit(9)
    time.sleep(0.3)
    return Graded(Record(student, PLAN.lesson, Status.GRADED), "{}")


def test_another_version_in_the_course_s_folder_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "attncourse" / "grading"
    other.mkdir(parents=True)
    for folder in (other.parent, other):
        (folder / "__init__.py").touch()
    (other / "engine.py").write_text("raise SystemExit('another version')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine, "grade", mortal)
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    job = Job(PLAN, Submission("ada", PLAN.lesson, {}, {}, (), "", new_notebook()), 1)
    with Processes(1) as processes:
        [(_, result)] = processes.results([job])
    assert isinstance(result, Graded)


@pytest.mark.parametrize("workers", [1, 2])
def test_who_kills_the_grader_harms_nobody_else(
    monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(engine, "grade", mortal)
    names = ["ada", "killer", "bob", "cleo", "dan", "eve"]
    jobs = [
        Job(PLAN, Submission(name, PLAN.lesson, {}, {}, (), "", new_notebook()), 1)
        for name in names
    ]
    with Processes(workers) as processes:
        found = {job.submission.student: result for job, result in processes.results(jobs)}
    assert sorted(found) == sorted(names)
    assert found.pop("killer") == "the grader's process died 3 times"
    assert all(isinstance(result, Graded) for result in found.values())
