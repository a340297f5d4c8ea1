"""The form of a lesson: its length, its cells, its headings and sections."""

from collections.abc import Iterator

from attncourse.course.anatomy import (
    FORMULA,
    TABLE,
    Anatomy,
    figures,
    is_more_than_prose,
    prose,
    words,
)
from attncourse.course.leaks import HIDDEN, SOLUTION, answer_lines, region
from attncourse.course.notebook import is_answer, is_written

OPEN = "FILL IN"  # with what belongs there; see `attncourse.course.skeleton`
TEMPLATE = (
    "You will be able to",
    "Setup",
    "The itch",
    "The idea in one picture",
    "Symbols and shapes",
    "By hand",
    "Exercise 1",
    "The whole module",
    "See it attend",
    "Break it",
    "What it costs",
    "Paper, official code, ours",
    "Written question",
    "Stretch",
    "Recap",
    "Further reading",
)


def length(lesson: Anatomy) -> Iterator[str]:
    """A lesson has 45 to 70 cells."""
    if not 45 <= len(lesson.nb.cells) <= 70:
        yield f"{len(lesson.nb.cells)} cells"


def text_before_code(lesson: Anatomy) -> Iterator[str]:
    """Text stands directly before at least 85 % of the code cells."""
    cells = lesson.nb.cells
    places = [index for index, _ in lesson.numbered("code")]
    bare = [index for index in places if index == 0 or cells[index - 1].cell_type != "markdown"]
    if len(bare) > 0.15 * len(places):
        numbers = ", ".join(str(index + 1) for index in bare)
        yield f"{len(bare)} of {len(places)} code cells follow no text: cells {numbers}"


def code_in_a_row(lesson: Anatomy) -> Iterator[str]:
    """Never more than two code cells follow each other."""
    kinds = [cell.cell_type for cell in lesson.nb.cells]
    for index in range(2, len(kinds)):
        if kinds[index - 2 : index + 1] == ["code"] * 3:
            yield f"cell {index + 1} is the third code cell in a row"


def code_length(lesson: Anatomy) -> Iterator[str]:
    """A code cell has at most 25 lines; hidden tests do not count."""
    for index, cell in lesson.numbered("code"):
        hidden = region(cell.source, HIDDEN)
        markers = sum(marker in cell.source for marker in (*SOLUTION, *HIDDEN))
        lines = len(cell.source.splitlines()) - len(hidden or []) - markers
        if lines > 25:
            yield f"cell {index + 1} has {lines} lines"


def answer_length(lesson: Anatomy) -> Iterator[str]:
    """An answer has 3 to 12 lines."""
    for index, cell in lesson.numbered("code"):
        lines = len([line for line in answer_lines(cell) if line.strip()])
        if is_answer(cell) and not 3 <= lines <= 12:
            yield f"the answer in cell {index + 1} has {lines} lines"


def text_length(lesson: Anatomy) -> Iterator[str]:
    """A text cell has 20 to 120 words; fewer if it is a heading, table, formula or hints."""
    for index, cell in lesson.numbered("markdown"):
        count = words(prose(cell.source))
        short = count < 20 and not is_more_than_prose(cell.source)
        if not is_written(cell) and (short or count > 120):
            yield f"cell {index + 1} has {count} words"


def heading_tree(lesson: Anatomy) -> Iterator[str]:
    """One title, in the first cell; no heading skips a level."""
    levels = [section.level for section in lesson.sections]
    if levels.count(1) != 1 or levels[0] != 1 or lesson.sections[0].cells[0] != lesson.nb.cells[0]:
        yield "the title is not the one heading of level 1, in the first cell"
    before = 1
    for section in lesson.sections:
        if section.level > before + 1:
            yield f"'{section.title}' is of level {section.level} below level {before}"
        before = section.level


def template(lesson: Anatomy) -> Iterator[str]:
    """The sections are those of the template, in its order."""
    titles = [section.title.lower() for section in lesson.sections]
    last = -1
    for wanted in TEMPLATE:
        places = [n for n, title in enumerate(titles) if title.startswith(wanted.lower())]
        if not places:
            yield f"there is no section '{wanted}'"
        elif places[0] < last:
            yield f"'{wanted}' stands too early"
        last = max([last, *places[:1]])


def filled_in(lesson: Anatomy) -> Iterator[str]:
    """Nothing of the skeleton is left to be filled in, in any room."""
    cells = ((f"cell {index}", cell.source) for index, cell in enumerate(lesson.nb.cells, start=1))
    for place, source in (*cells, *lesson.files.items()):
        for line in source.splitlines():
            if OPEN in line:
                yield f"{place}: {line[line.index(OPEN) :].strip()}"


def setup(lesson: Anatomy) -> Iterator[str]:
    """The set-up is one cell of at most 10 lines."""
    section = lesson.section("Setup")
    lines = [len(cell.source.splitlines()) for cell in section.code] if section else []
    if section and (len(lines) != 1 or lines[0] > 10):
        yield f"{len(lines)} cells with {sum(lines)} lines"


def picture(lesson: Anatomy) -> Iterator[str]:
    """The idea is a picture with at most 120 words and no formula."""
    section = lesson.section("The idea in one picture")
    if section is None:
        return
    if not figures(section.cells):
        yield "it has no figure"
    if FORMULA.search(section.text):
        yield "it has a formula"
    if (count := words(prose(section.text))) > 120:
        yield f"it has {count} words"


def symbols(lesson: Anatomy) -> Iterator[str]:
    """Symbols and shapes stand in a table."""
    section = lesson.section("Symbols and shapes")
    if section and not TABLE.search(section.text):
        yield "there is no table"


MEASURES = (
    length,
    text_before_code,
    code_in_a_row,
    code_length,
    answer_length,
    text_length,
    heading_tree,
    template,
    filled_in,
    setup,
    picture,
    symbols,
)
