"""Is it a good lesson? Rules that can be measured, each a small function.

The first line of a measure's docstring is the rule; what it yields are the places where a lesson
breaks it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from inspect import getdoc
from itertools import groupby

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from attncourse.course.anatomy import Anatomy, figures
from attncourse.course.card import read_card, total_points
from attncourse.course.measures import claims, drawing, form, outputs, rerun, teaching
from attncourse.course.notebook import read
from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson

Measure = Callable[[Anatomy], Iterator[str]]

MEASURES: tuple[Measure, ...] = (
    *form.MEASURES,
    *teaching.MEASURES,
    *outputs.MEASURES,
    *rerun.MEASURES,
    *claims.MEASURES,
)
# Not asked yet: the lessons written before these rules are brought to them one by one. A lesson is
# held to them with `measure(lesson, (*MEASURES, *PENDING))`.
PENDING: tuple[Measure, ...] = drawing.MEASURES


@dataclass(frozen=True)
class Breach:
    """A place where a lesson breaks a rule.

    Attributes:
        measure: The name of the measure that found it.
        rule: What the measure asks for.
        what: What it found instead.
    """

    measure: str
    rule: str
    what: str


def measure(lesson: Anatomy, rules: Iterable[Measure] = MEASURES) -> list[Breach]:
    """Everything about a lesson that breaks a rule; none for a good one."""
    return [
        Breach(each.__name__, (getdoc(each) or "").splitlines()[0], what)
        for each in rules
        for what in each(lesson)
    ]


def dissect(course: Course, lesson: Lesson) -> Anatomy:
    """The anatomy of a lesson's solution, with what belongs to it in other rooms.

    Raises:
        ValueError: The solution is not a notebook.
    """
    places = (course.solution(lesson), course.notebook(lesson))
    rooms = course.rooms(lesson).values()
    found = (file for room in rooms for file in (room, *room.glob("*.py")) if file.is_file())
    files = {path.relative_to(course.root).as_posix(): path.read_text("utf-8") for path in found}
    return Anatomy(read(places[0]), tuple(path.parent for path in places), files)


def render(lessons: Iterable[tuple[Lesson, Anatomy]]) -> RenderableType:
    """The figures of some lessons as a table, with everything that breaks a rule below."""
    names = ("cells", "words", "exercises", "plots", "points", "minutes", "CPU")
    columns = [Column(name, justify="right") for name in names]
    table = Table(Column("lesson", no_wrap=True), *columns, box=SIMPLE, pad_edge=False)
    notes: list[Text] = []
    for lesson, anatomy in lessons:
        table.add_row(lesson.name, *map(str, _figures(anatomy)))
        for rule, breaches in groupby(measure(anatomy), key=lambda each: each.rule):
            notes.append(Text.assemble((lesson.name, "bold"), f": {rule}"))
            notes += (Text(f"  {each.what}") for each in breaches)
    return Group(table, *notes)


def _figures(lesson: Anatomy) -> Iterator[object]:
    """What a maintainer compares between lessons."""
    card = read_card(lesson.nb)
    yield len(lesson.nb.cells)
    yield sum(len(cell.source.split()) for _, cell in lesson.numbered("markdown"))
    yield len(lesson.exercises)
    yield len(figures(lesson.nb.cells))
    yield f"{total_points(lesson.nb):g}"
    yield card.rows.get("Minutes", "–")
    yield card.rows.get("CPU time", "–")
