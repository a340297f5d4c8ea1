"""Who grades makes no difference: one process or two, a cluster, a rerun, plain nbgrader."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook as Nbgrader

from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson
from attncourse.grading import console
from attncourse.grading.engine import Cluster, Engine, Processes
from attncourse.grading.grader import Grader
from attncourse.grading.intake.submissions import read_file
from attncourse.grading.plan import Plan
from attncourse.grading.record import Record
from attncourse.grading.results.journal import Journal
from attncourse.grading.runner import Settings
from tests.grading.a_class import SEED, AClass, a_class
from tests.grading.dask_cluster import dask_cluster
from tests.grading.postgres import postgres, programs

REPOSITORY = Course(Path(__file__).parents[2])
HONEST = ("ada", "bob", "eve", "leo", "zoe")


@pytest.fixture
def graded(course: Course, lesson: Lesson, solved: object, release: object) -> AClass:
    return a_class(course, lesson, solved, release)


def grade(a: AClass, engine: Engine, url: str = "", **settings: object) -> dict[str, Record]:
    """The records of a run, without what differs between any two: time."""
    how = Settings(**{"seed": SEED, "force": True, **settings})
    assert console.grade_lesson(a.course, a.lesson, engine, url or a.url, how) == 0
    return {name: timeless(each) for name, each in Journal(a.root, a.lesson.name).load().items()}


def timeless(record: Record) -> Record:
    checks = tuple(dataclasses.replace(check, seconds=0.0) for check in record.checks)
    return dataclasses.replace(record, checks=checks, seconds=0.0, spent=0.0)


@pytest.mark.slow
def test_one_process_or_two_or_a_cluster_or_a_rerun_give_the_same_records(
    graded: AClass, tmp_path: Path
) -> None:
    alone = grade(graded, Processes(1))
    assert [record.earned for record in alone.values()] == [3.5, 1.5, 1.5, 1.5, 0.0, 0.0, 3.5]
    points = graded.points()
    assert grade(graded, Processes(2)) == alone
    assert grade(graded, Processes(2), seed=None) == alone, "from the seed that was recorded"
    with dask_cluster(tmp_path) as cluster:
        assert grade(graded, Cluster(cluster.address)) == alone
    assert graded.points() == points


@pytest.mark.slow
def test_plain_nbgrader_gives_the_same_points_to_all_honest_submissions(graded: AClass) -> None:
    grade(graded, Processes(2))
    ours = by_machine(graded.url)
    plain = graded.root / "plain.db"
    graded_by_nbgrader(graded, plain)
    theirs = by_machine(f"sqlite:///{plain}")
    assert {name: theirs[name] for name in HONEST} == {name: ours[name] for name in HONEST}


@pytest.mark.parametrize("solved_lesson", REPOSITORY.solved(), ids=lambda each: each.name)
def test_the_solution_of_a_lesson_earns_all_its_points(solved_lesson: Lesson) -> None:
    """What the sandbox takes away may be nothing that asking an exercise needs."""
    plan = Plan.of(solved_lesson, REPOSITORY)
    submission = read_file(REPOSITORY.solution(solved_lesson), plan, "ada")
    with Grader(plan) as grader:
        record = grader.grade(submission, seed=SEED)
    missing = {c.grade_id: c.earned for c in record.checks if c.earned not in (None, c.possible)}
    assert missing == {}


def by_machine(url: str) -> dict[str, dict[str, float | None]]:
    """What a machine gave, by student and cell."""
    with Nbgrader(url, "attncourse") as book:
        return {
            submission.student_id: {
                grade.name: grade.auto_score
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            for submission in book.assignment_submissions("06-se")
        }


def graded_by_nbgrader(a: AClass, database: Path) -> None:
    with console.Gradebook(a.course, a.lesson, f"sqlite:///{database}"):
        pass  # knows the lesson now
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for name in HONEST:
        command = [sys.executable, "-m", "nbgrader", "autograde", a.lesson.name, "--force"]
        where = [f"--student={name}", f"--db=sqlite:///{database}"]
        done = subprocess.run(
            [*command, *where], cwd=a.root, env=os.environ | {"PATH": here}, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()


@pytest.mark.slow
def test_a_gradebook_in_postgresql_holds_the_same(graded: AClass) -> None:
    where = programs()
    if where is None:
        pytest.skip("PostgreSQL is not installed")
    grade(graded, Processes(2))
    expected = graded.points()
    with postgres(where) as url:
        grade(graded, Processes(2), url)
        there = dataclasses.replace(graded, url=url)
        assert there.points() == expected
        grade(graded, Processes(2), url, force=False)
        assert there.points() == expected


def test_a_cluster_that_is_not_there_is_named(graded: AClass) -> None:
    with pytest.raises(ValueError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
        grade(graded, Cluster("tcp://127.0.0.1:9"))
