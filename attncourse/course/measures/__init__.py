"""Is it a good lesson? Rules that can be measured, each a small function.

The first line of a measure's docstring is the rule; what it yields are the places where a lesson
breaks it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from inspect import getdoc

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from attncourse.course.anatomy import Anatomy, figures
from attncourse.course.card import read_card, total_points
from attncourse.course.measures import form, outputs, teaching
from attncourse.course.notebook import read
from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson

Measure = Callable[[Anatomy], Iterator[str]]

MEASURES: tuple[Measure, ...] = (*form.MEASURES, *teaching.MEASURES, *outputs.MEASURES)


@dataclass(frozen=True)
class Finding:
    """A place where a lesson breaks a rule.

    Attributes:
        measure: The name of the measure that found it.
        rule: What the measure asks for.
        what: What it found instead.
    """

    measure: str
    rule: str
    what: str


def measure(lesson: Anatomy) -> list[Finding]:
    """Everything about a lesson that breaks a rule; none for a good one."""
    return [
        Finding(each.__name__, (getdoc(each) or "").splitlines()[0], what)
        for each in MEASURES
        for what in each(lesson)
    ]


def dissect(course: Course, lesson: Lesson) -> Anatomy:
    """The anatomy of a lesson's solution.

    Raises:
        ValueError: The solution is not a notebook.
    """
    places = (course.solution(lesson), course.notebook(lesson))
    return Anatomy(read(places[0]), tuple(path.parent for path in places))


def render(lessons: Iterable[tuple[Lesson, Anatomy]]) -> RenderableType:
    """The figures of some lessons as a table, with everything that breaks a rule below."""
    columns = ("cells", "words", "exercises", "plots", "points", "minutes", "CPU time", "findings")
    table = Table("lesson", *columns)
    notes: list[Text] = []
    for lesson, anatomy in lessons:
        nb, card = anatomy.nb, read_card(anatomy.nb)
        findings = measure(anatomy)
        text = (cell.source for _, cell in anatomy.numbered("markdown"))
        figures_of = (
            len(nb.cells),
            sum(len(source.split()) for source in text),
            len(anatomy.exercises),
            len(figures(nb.cells)),
            f"{total_points(nb):g}",
            card.rows.get("Minutes", "–"),
            card.rows.get("CPU time", "–"),
            len(findings),
        )
        table.add_row(lesson.name, *map(str, figures_of))
        notes += (Text(f"{lesson.name}: {each.rule} {each.what}") for each in findings)
    return Group(table, *notes)
