"""The skeleton of a new lesson: a file in every room, with what is to be filled in marked.

What a person has to write is marked `FILL IN` and what belongs there; `attncourse measure` lists
the marks that are left. All else runs from the first minute: the notebook can be rehearsed.
"""

import keyword
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template

from attncourse.course.normalise import normalise
from attncourse.course.notebook import dumps, write_file
from attncourse.course.places import Course
from attncourse.course.skeleton.lesson import is_class, notebook
from attncourse.course.syllabus import LESSONS, Lesson

TEMPLATES = Path(__file__).parent / "rooms"
NAME = re.compile(r"(\d\d)-([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")
EXERCISES = ("first", "second", "third", "fourth")


def planned(name: str) -> Lesson:
    """The lesson of the syllabus with exactly this name.

    Args:
        name: Number and slug, as in `06-se`.

    Raises:
        ValueError: The name has another form, or the syllabus has no such lesson; the message says
            what it has, and what to do.
    """
    found = NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"a lesson is named by two digits and a slug, as in 06-se, not {name!r}")
    for lesson in LESSONS:
        if lesson.name == name:
            return lesson
        if lesson.number == int(found[1]):
            raise ValueError(f"number {found[1]} is that of {lesson.name}; no number is used twice")
        if lesson.slug == found[2]:
            raise ValueError(f"the slug {found[2]} is that of {lesson.name}")
    raise ValueError(
        f"{name} is not in the syllabus: add it to attncourse/course/syllabus.py, with its title, "
        "its promise and what it needs"
    )


def lay_out(
    course: Course, lesson: Lesson, exercises: Sequence[str] = (), *, mechanism: str = ""
) -> dict[Path, bool]:
    """Writes a file in every room of a lesson where there is none yet.

    Args:
        course: A whole repository.
        lesson: Whose rooms they are.
        exercises: The names of its exercises, in order: what the learner's functions, or classes,
            will be called.
        mechanism: The class in `attncourse.nn`; by default the slug as a class would be called.

    Returns:
        Every file by its path, and whether it was written; what was there stays as it was.

    Raises:
        ValueError: A name is none of Python's, two exercises would be in one file, or the lesson
            has a notebook already; then nothing is written.
    """
    names = tuple(exercises) or EXERCISES
    kind = mechanism or lesson.slug.title().replace("-", "")
    for name in (*names, kind):
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"{name!r} is no name of a function or class")
    if len({_snake(name) for name in names}) < len(names):
        raise ValueError(f"two exercises would stand in one file: {', '.join(names)}")
    if course.solution(lesson).exists():
        raise ValueError(f"{lesson.name} has a notebook already: {course.solution(lesson)}")
    written = {}
    for path, content in _files(course, lesson, names, kind):
        written[path] = not path.exists()
        if written[path]:
            write_file(path, content.encode())
    return written


def _files(
    course: Course, lesson: Lesson, names: Sequence[str], kind: str
) -> Iterator[tuple[Path, str]]:
    rooms = course.rooms(lesson)
    modules = {name: _snake(name) for name in names}
    package = f"attncourse.exercises.{lesson.module}"
    known = {
        "lesson": lesson.name,
        "module": lesson.module,
        "Class": kind,
        "imports": "\n".join(sorted(f"from {package}.{modules[n]} import {n}" for n in names)),
        "names": "\n".join(f"    {name}," for name in names),
    }
    yield course.solution(lesson), dumps(normalise(notebook(lesson, names, kind)))
    yield rooms["exercises"] / "__init__.py", _template("exercises", known)
    for name, module in modules.items():
        path = rooms["exercises"] / f"{module}.py"
        room = "exercise_module" if is_class(name) else "exercise"
        yield path, _template(room, known | {"name": name})
    for room in ("mechanism", "laws", "benchmark", "baseline"):
        yield rooms[room], _template(room, known)


def _template(name: str, known: dict[str, str]) -> str:
    return Template((TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")).substitute(known)


def _snake(name: str) -> str:
    """The name of the file for an exercise: `SEBlock` stands in `se_block.py`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
