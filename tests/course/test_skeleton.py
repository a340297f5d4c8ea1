"""A new lesson's skeleton runs, is released, and breaks no rule but that it is to be filled in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from attncourse import cli
from attncourse.course import places, skeleton
from attncourse.course.measures import dissect, measure
from attncourse.course.places import Course
from attncourse.course.rehearsal import rehearse
from attncourse.course.release import CONFIG, generate_safely
from attncourse.course.skeleton import lay_out, planned
from attncourse.course.syllabus import GATES, LESSONS, Lesson

ROOT = Path(__file__).parents[2]
LESSON = Lesson(
    98, "tried-out", GATES, "Tried out", "Lay out a lesson, and throw it away.", ("se",)
)
NAMES = ("embed", "norm_channels", "Gate", "place_gate")


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A copy of the repository's code, with a lesson more in its syllabus, and importable."""
    for folder in ("attncourse", "benchmarks"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for name in (CONFIG, "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for module in (skeleton, places):
        monkeypatch.setattr(module, "LESSONS", (*LESSONS, LESSON))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Course(tmp_path)


def test_all_rooms_are_laid_out_and_measure_lists_what_is_to_be_filled_in(course: Course) -> None:
    written = lay_out(course, planned(LESSON.name), NAMES)
    assert all(written.values())
    rooms = course.rooms(LESSON).values()
    assert all(room.exists() for room in rooms)
    assert rehearse(course, LESSON).changed == ()
    found = measure(dissect(course, LESSON))
    assert {each.measure for each in found} == {"filled_in"}
    where = {each.what.partition(":")[0] for each in found}
    files = {path.relative_to(course.root).as_posix() for path in written if path.suffix == ".py"}
    assert {place for place in where if not place.startswith("cell")} == files
    assert len(where - files) > 30
    assert len(generate_safely(course, [LESSON])) == 2


def test_what_is_laid_out_is_in_style_and_works(course: Course) -> None:
    paths = list(lay_out(course, LESSON, NAMES, mechanism="TriedOutAttention"))
    for check in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *check, *paths]
        finished = subprocess.run(command, cwd=course.root, capture_output=True, text=True)
        assert finished.returncode == 0, finished.stdout
    program = (
        "import benchmarks.tried_out as b, attncourse.exercises.tried_out as ex\n"
        "cases = list(b.cases())\n"
        "print([e.examine(right).passed for e in ex.EXERCISES for right in e.right])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=course.root,
        env=os.environ,
        capture_output=True,
        text=True,
    )
    assert ran.stdout == "[True, True, True, True]\n", ran.stderr


def test_nothing_that_exists_is_touched(course: Course) -> None:
    there = course.rooms(LESSON)["mechanism"]
    there.write_text("mine")
    written = lay_out(course, LESSON)
    assert [path for path, new in written.items() if not new] == [there]
    assert there.read_text() == "mine"
    there.unlink()
    with pytest.raises(ValueError, match="98-tried-out has a notebook already"):
        lay_out(course, LESSON)
    assert not there.exists()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("6-se", "two digits and a slug"),
        ("06-SE", "two digits and a slug"),
        ("06_se", "two digits and a slug"),
        ("98-tried--out", "two digits and a slug"),
        ("98-../../x", "two digits and a slug"),
        ("se", "two digits and a slug"),
        ("06-gct", "number 06 is that of 06-se"),
        ("97-se", "the slug se is that of 06-se"),
        ("97-gct", "is not in the syllabus: add it to attncourse/course/syllabus.py"),
    ],
)
def test_a_name_that_the_syllabus_lacks_is_refused(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        planned(name)


@pytest.mark.parametrize("name", ["a b", "class", "../x", ""])
def test_answers_have_names_of_python(name: str, course: Course) -> None:
    with pytest.raises(ValueError, match="is no name of a function or class"):
        lay_out(course, LESSON, [name])
    if name:
        with pytest.raises(ValueError, match="is no name of a function or class"):
            lay_out(course, LESSON, mechanism=name)
    assert not course.solutions.exists()


@pytest.mark.parametrize("names", [("same", "same"), ("SEBlock", "se_block")])
def test_every_exercise_has_a_file(names: tuple[str, ...], course: Course) -> None:
    with pytest.raises(ValueError, match="two exercises would stand in one file"):
        lay_out(course, LESSON, names)
    assert not course.solutions.exists()


def test_the_command_says_what_it_wrote_and_what_it_kept(
    course: Course, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attncourse.course.places.locate", lambda: course)
    course.rooms(LESSON)["mechanism"].write_text("mine")
    with pytest.raises(SystemExit) as end:
        cli.main(["new", LESSON.name, *NAMES])
    assert not end.value.code
    lines = capsys.readouterr().out.splitlines()
    assert "kept  attncourse/nn/tried_out.py" in lines
    assert "wrote attncourse/exercises/tried_out/gate.py" in lines
