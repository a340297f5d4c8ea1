"""The students' archive: everything that `make lab` needs, and nothing that gives answers away."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from attncourse.course.places import Course
from attncourse.course.release import CONFIG, generate_safely

FOLDER = "attncourse-course"
FILES = (
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "environment.yml",
    "pyproject.toml",
    "requirements.lock",
    CONFIG,
)
README = "README.md"
# What the README says to people who have the repository.
NOT_FOR_LEARNERS = ("For instructors", "For maintainers")
TESTS = re.compile(r"^ *make test .*\n", re.MULTILINE)
# The oldest time that a zip file can hold: the archive is the same whenever it is made.
TIME = (1980, 1, 1, 0, 0, 0)


def pack(course: Course, path: Path) -> Path:
    """Writes the students' archive, the same bytes for the same course.

    Args:
        course: A course with solutions, in a whole repository.
        path: Where the zip file goes.

    Returns:
        That path.

    Raises:
        ValueError: There are no solutions, their release would give them away, or the course is
            not in a whole repository.
    """
    absent = [name for name in (*FILES, README) if not (course.root / name).is_file()]
    if absent:
        raise ValueError(
            f"the archive is packed in a whole repository; absent: {', '.join(absent)}"
        )
    files = sorted(_content(course))
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}", TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return path


def _content(course: Course) -> Iterator[tuple[str, bytes]]:
    # Generated, not copied: a notebook that a maintainer tried out must not slip in.
    for name, content in generate_safely(course, course.select(())).items():
        yield f"notebooks/{name}", content
    for name in FILES:
        yield name, (course.root / name).read_bytes()
    readme = (course.root / README).read_text(encoding="utf-8")
    yield README, _for_learners(readme).encode()
    for folder in ("attncourse", "docs/images"):
        for path in (course.root / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(course.root).as_posix(), path.read_bytes()


def _for_learners(readme: str) -> str:
    sections = re.split(r"^(?=## )", TESTS.sub("", readme), flags=re.MULTILINE)
    others = tuple(f"## {heading}\n" for heading in NOT_FOR_LEARNERS)
    return "".join(each for each in sections if not each.startswith(others)).rstrip() + "\n"
