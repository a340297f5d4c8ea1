"""A student's archive holds what `make lab` needs and no answers."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from attncourse.course.archive import FILES, FOLDER, pack
from attncourse.course.notebook import dumps, read, write_file
from attncourse.course.places import Course
from attncourse.course.release import generate
from attncourse.course.syllabus import Lesson

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repository(course: Course) -> Course:
    """The tiny course with everything else that the real repository has."""
    for name in (*FILES, "README.md"):
        shutil.copy(ROOT / name, course.root)
    for name in ("attncourse", "tests"):
        shutil.copytree(ROOT / name, course.root / name)
    for name in ("docs/exercises.md", "docs/images/alignment.png"):
        write_file(course.root / name, b"")
    return course


@pytest.fixture
def unpacked(repository: Course, tmp_path: Path) -> Path:
    with zipfile.ZipFile(pack(repository, tmp_path / "out" / "course.zip")) as archive:
        archive.extractall(tmp_path)
    return tmp_path / FOLDER


def test_it_is_the_same_whenever_it_is_made(repository: Course, tmp_path: Path) -> None:
    first = pack(repository, tmp_path / "1.zip").read_bytes()
    assert pack(repository, tmp_path / "2.zip").read_bytes() == first


def test_it_holds_the_release_and_neither_solutions_nor_tests(
    unpacked: Path, repository: Course, lesson: Lesson
) -> None:
    assert {each.name for each in unpacked.iterdir()} == {
        *FILES, "README.md", "attncourse", "docs", "notebooks"
    }  # fmt: skip
    for name, content in generate(repository, [lesson]).items():
        assert (unpacked / "notebooks" / name).read_bytes() == content
    assert [each.name for each in (unpacked / "docs").iterdir()] == ["images"]
    assert not list(unpacked.rglob("__pycache__"))
    assert not list(unpacked.rglob("test_*"))


def test_it_is_not_made_of_a_lesson_that_leaks(repository: Course, lesson: Lesson) -> None:
    nb = read(repository.solution(lesson))
    nb.cells[0].source += "\nHint: `twice_the_number = number + number`"
    write_file(repository.solution(lesson), dumps(nb).encode())
    with pytest.raises(ValueError, match="would give away"):
        pack(repository, repository.root / "course.zip")
    assert not (repository.root / "course.zip").exists()


def test_a_course_alone_cannot_be_packed(course: Course, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"whole repository; absent: CHANGELOG\.md, LICENSE"):
        pack(course, tmp_path / "course.zip")


def test_its_readme_is_for_learners_and_its_links_lead_somewhere(unpacked: Path) -> None:
    readme = (unpacked / "README.md").read_text(encoding="utf-8")
    assert "make lab" in readme
    assert "nbgrader autograde" not in readme
    assert "make test" not in readme  # the tests stay in the repository
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", readme)
    assert links
    assert [link for link in links if not (unpacked / link).exists()] == []


def test_the_course_works_in_it(unpacked: Path) -> None:
    program = (
        "from attncourse.course.places import locate; from attncourse.course.progress import *;"
        "print(locate().root, progress(locate())[0].marks.possible)"
    )
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, cwd=unpacked, capture_output=True, text=True, check=True)
    assert run.stdout.split() == [str(unpacked), "3.0"]
