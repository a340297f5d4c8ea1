"""How a lesson is built: its headings and sections, its exercises, its prose, its figures."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from nbformat import NotebookNode

from attncourse.course.trained import CellFlow, follow

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) +(.+?)\s*$", re.MULTILINE)
DETAILS = re.compile(r"<details\b.*?</details>", re.DOTALL)
FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)
TABLE = re.compile(r"^\s*\|.*$", re.MULTILINE)
IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FIGURE = "application/vnd.attncourse.figure"  # the data behind a plot of `attncourse.plotting`
FIGURES = ("image/", FIGURE)  # what an output of a plot holds
EXERCISE = re.compile(r"exercise \d", re.IGNORECASE)
DOTS = re.compile(r"●○○|●●○|●●●")
EFFORT = re.compile(rf"^({DOTS.pattern}) · (\d+) minutes$", re.MULTILINE)


@dataclass(frozen=True)
class Effort:
    """What a task asks of a learner.

    Attributes:
        difficulty: From 1 to 3.
        minutes: How long it takes who has read the lesson so far.
    """

    difficulty: int
    minutes: int


@dataclass(frozen=True)
class Section:
    """A heading with the cells below it, up to the next heading of its level or above.

    Attributes:
        title: The heading's text, without a number before it.
        level: 1 for the title of the lesson.
        cells: From the heading on; of a text cell that holds other sections too, its part of it.
    """

    title: str
    level: int
    cells: tuple[NotebookNode, ...]

    @property
    def code(self) -> list[NotebookNode]:
        """Its code cells."""
        return [cell for cell in self.cells if cell.cell_type == "code"]

    @property
    def text(self) -> str:
        """All its Markdown."""
        return "\n\n".join(cell.source for cell in self.cells if cell.cell_type == "markdown")

    @property
    def effort(self) -> Effort | None:
        """What the line `●●○ · 10 minutes` below its heading says, or None without one."""
        found = EFFORT.search(self.text)
        return Effort(found[1].count("●"), int(found[2])) if found else None


@dataclass(frozen=True)
class Anatomy:
    """A lesson's notebook, taken apart.

    Attributes:
        nb: The solved and executed notebook.
        folders: Where it lies; a relative link must lead somewhere from one of them.
        files: What belongs to it in other rooms: the text of files, by their paths.
    """

    nb: NotebookNode
    folders: tuple[Path, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def sections(self) -> list[Section]:
        """Every section in order; one with subsections holds their cells too."""
        found = [
            (index, heading.start(), len(heading[1]), heading[2])
            for index, cell in self.numbered("markdown")
            for heading in HEADING.finditer(FENCE.sub(_blank, cell.source))
        ]
        sections = []
        for place, (index, at, level, title) in enumerate(found):
            below = (other[:2] for other in found[place + 1 :] if other[2] <= level)
            cells = self._between((index, at), next(below, (len(self.nb.cells), 0)))
            sections.append(Section(re.sub(r"^\d+[.):·]?\s+", "", title), level, tuple(cells)))
        return sections

    def _between(self, start: tuple[int, int], end: tuple[int, int]) -> Iterator[NotebookNode]:
        """The cells from one place to another, each a cell and a letter of its text."""
        for index in range(start[0], min(end[0] + 1, len(self.nb.cells))):
            cell = self.nb.cells[index]
            since = start[1] if index == start[0] else 0
            until = end[1] if index == end[0] else len(cell.source)
            if (since, until) == (0, len(cell.source)):
                yield cell
            elif until > since:
                yield NotebookNode(cell, source=cell.source[since:until])

    @property
    def exercises(self) -> list[Section]:
        """The sections whose heading begins with `Exercise` and a number."""
        return [section for section in self.sections if EXERCISE.match(section.title)]

    @cached_property
    def flow(self) -> list[tuple[int, NotebookNode, CellFlow]]:
        """What each code cell does with trained networks, with its index."""
        cells = list(self.numbered("code"))
        flows = follow(cell.source for _, cell in cells)
        return [(*pair, flow) for pair, flow in zip(cells, flows, strict=True)]

    def section(self, title: str) -> Section | None:
        """The first section whose title begins so, in whatever case."""
        wanted = title.lower()
        return next((each for each in self.sections if each.title.lower().startswith(wanted)), None)

    def numbered(self, kind: str) -> Iterator[tuple[int, NotebookNode]]:
        """The cells of a kind with their index."""
        return (pair for pair in enumerate(self.nb.cells) if pair[1].cell_type == kind)


def _blank(fence: re.Match[str]) -> str:
    """As many letters, none of which is a heading."""
    return " " * len(fence[0])


def figures(cells: Iterable[NotebookNode]) -> list[NotebookNode]:
    """The outputs of some cells that are images, or figures of `attncourse.plotting`."""
    return [
        output
        for cell in cells
        for output in cell.get("outputs", ())
        if any(kind.startswith(FIGURES) for kind in output.get("data", {}))
    ]


def prose(source: str) -> str:
    """What is read as running text: no headings, hints, tables, formulas, code or images."""
    for pattern in (FENCE, DETAILS, FORMULA, TABLE, HEADING, IMAGE):
        source = pattern.sub(" ", source)
    return source.strip()


def words(text: str) -> int:
    """How many words a text has; punctuation that stands alone is none."""
    return len(re.findall(r"\S*\w\S*", text))


def is_more_than_prose(source: str) -> bool:
    """Whether a text has a heading, hints, a table, a displayed formula, code or an image."""
    patterns = (FENCE, DETAILS, TABLE, HEADING, IMAGE)
    return "$$" in source or any(pattern.search(source) for pattern in patterns)
