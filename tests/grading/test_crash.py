"""Whatever is killed at whatever moment: after a rerun every grade is there, and is the same.

`CRASH_ROUNDS=200` runs as many rounds as a release deserves; the suite runs a few.
"""

import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson
from attncourse.grading.engine import Cluster, Engine, Processes
from tests.grading.a_class import AClass, a_class
from tests.grading.dask_cluster import DaskCluster, dask_cluster

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "10"))
STUDENTS = {"ada", "bob", "eve", "kim", "leo", "max", "zoe"}
SHOWN = re.compile(r"^\S (\w+)  [\d.]+ / ", re.MULTILINE)
PATIENCE = 240  # seconds for a run on a busy machine


@pytest.fixture
def graded(course: Course, lesson: Lesson, solved: object, release: object) -> AClass:
    return a_class(course, lesson, solved, release)


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask")) as cluster:
        yield cluster


def ended(pid: int) -> int:
    """The exit code of a child, or minus the signal that ended it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(pid, signal.SIGKILL)
    raise AssertionError("the run did not come to its end")


def rehearse(graded: AClass, engine: Callable[[], Engine], tmp_path: Path) -> tuple[Path, float]:
    """An undisturbed run: leaves a gradebook that knows only the lesson, and says how long."""
    graded.points()
    blank = tmp_path / "blank.db"
    shutil.copy(graded.root / "gradebook.db", blank)
    log = tmp_path / "undisturbed"
    assert ended(graded.grade(engine, log)) == 0, log.read_text()  # pays what is slow only once
    graded.forget(blank)
    started = time.monotonic()
    assert ended(graded.grade(engine, log)) == 0, log.read_text()
    assert set(SHOWN.findall(log.read_text())) == STUDENTS
    return blank, time.monotonic() - started


def kill(processes: list[psutil.Process], draw: random.Random) -> bool:
    """Kills one of these without a warning; False if there was none."""
    if not processes:
        return False
    try:
        draw.choice(processes).kill()
    except psutil.NoSuchProcess:
        return False
    return True


def rounds(
    graded: AClass,
    engine: Callable[[], Engine],
    others: Callable[[int], list[psutil.Process]],
    count: int,
    tmp_path: Path,
) -> dict[str, int]:
    """Kills the runner, or one of the others, at a random moment; then looks at everything."""
    blank, whole = rehearse(graded, engine, tmp_path)
    undisturbed = graded.points()
    assert set(undisturbed) == STUDENTS
    draw = random.Random(count)
    killed = {"runner": 0, "other": 0}
    for number in range(count):
        graded.forget(blank)
        log = tmp_path / "log"
        runner = graded.grade(engine, log)
        time.sleep(draw.uniform(0, whole))
        if draw.random() < 0.6:
            os.kill(runner, signal.SIGKILL)
            killed["runner"] += ended(runner) == -signal.SIGKILL
        else:
            killed["other"] += kill(others(runner), draw)
            assert ended(runner) == 0, f"round {number}: {log.read_text()}"
        shown = set(SHOWN.findall(log.read_text()))
        again = tmp_path / "again"
        assert ended(graded.grade(engine, again)) == 0, f"round {number}: {again.read_text()}"
        assert not shown & set(SHOWN.findall(again.read_text())), "a grade that was shown was lost"
        assert graded.points() == undisturbed, f"round {number}"
        for student in STUDENTS:
            page = graded.root / "feedback" / student / "06-se" / "06-se.html"
            assert page.stat().st_size, f"round {number}: {student} got no feedback"
    return killed


@pytest.mark.slow
def test_grades_survive_kills_on_a_cluster(
    graded: AClass, cluster: DaskCluster, tmp_path: Path
) -> None:
    killed = rounds(
        graded, lambda: Cluster(cluster.address), lambda _: cluster.processes(), ROUNDS, tmp_path
    )
    print(killed)
    assert sum(killed.values()) > ROUNDS / 2, "most rounds kill something"


@pytest.mark.slow
def test_grades_survive_kills_on_one_machine(graded: AClass, tmp_path: Path) -> None:
    def others(runner: int) -> list[psutil.Process]:
        return psutil.Process(runner).children(recursive=True)

    before = {each.pid for each in psutil.process_iter()}
    killed = rounds(graded, lambda: Processes(2), others, max(2, ROUNDS // 10), tmp_path)
    print(killed)
    deadline = time.monotonic() + 30
    while left := orphans(before):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def orphans(before: set[int]) -> list[str]:
    """Processes of ours that began since and that nobody waits for."""
    found = []
    for each in psutil.process_iter(["pid", "ppid", "cmdline"]):
        words = " ".join(each.info["cmdline"] or ())
        if each.pid not in before and each.info["ppid"] == 1 and "attncourse" in words:
            found.append(words)
    return found
