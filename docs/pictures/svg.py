"""Boxes, frames and arrows as SVG, with arithmetic alone: the same bytes on every machine."""

from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

INK, PALE, EDGE = "#24292f", "#57606a", "#8c959f"
#: Fills, by what a box is about; each is told apart by its place and its words as well.
FILLS = {
    "attention": "#ddeafc",
    "ground": "#eceff2",
    "lessons": "#dcf3e0",
    "class": "#fdebd3",
    "ends": "#ffffff",
    "learner": "#fbdfe3",
}
FONT = "font-family=\"-apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\""
LINE = 15  # from one line of small text to the next
GAP = 3  # from the head of an arrow to where it points


@dataclass(frozen=True)
class Box:
    """A rectangle that arrows may begin and end at.

    Attributes:
        x: Its middle, from the left.
        y: Its middle, from the top.
        width: How wide it is.
        height: How high it is.
    """

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        """Its left side."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """Its right side."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """Its upper side."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """Its lower side."""
        return self.y + self.height / 2


@dataclass
class Picture:
    """A drawing that grows by calls; `str` gives the file.

    Attributes:
        title: What it shows, in a sentence for those who cannot see it.
        width: In pixels.
        height: In pixels.
    """

    title: str
    width: int
    height: int
    parts: list[str] = field(default_factory=list)

    def box(
        self,
        x: float,
        y: float,
        name: str,
        *lines: str,
        fill: str = "ends",
        size: tuple[float, float] = (150, 58),
    ) -> Box:
        """A rectangle about (x, y) with a name and small lines below it."""
        box = Box(x, y, *size)
        self.parts.append(
            f'<rect x="{_n(box.left)}" y="{_n(box.top)}" width="{_n(box.width)}" '
            f'height="{_n(box.height)}" rx="6" fill="{FILLS[fill]}" stroke="{EDGE}"/>'
        )
        first = y - LINE * len(lines) / 2
        self.text(x, first, name, bold=True)
        for number, line in enumerate(lines, start=1):
            self.text(x, first + LINE * number + 1, line, small=True)
        return box

    def frame(
        self, left: float, top: float, right: float, bottom: float, text: str, colour: str = PALE
    ) -> None:
        """A dashed border around what runs, or lies, in one place."""
        self.parts.append(
            f'<rect x="{_n(left)}" y="{_n(top)}" width="{_n(right - left)}" '
            f'height="{_n(bottom - top)}" rx="10" fill="none" stroke="{colour}" '
            'stroke-width="1.5" stroke-dasharray="6 4"/>'
        )
        self.text(left + 12, top + 15, text, small=True, anchor="start", colour=colour)

    def down(self, upper: Box, lower: Box, text: str = "") -> None:
        """An arrow from below a box to above another; several from one box fan out."""
        lean = max(-0.4, min(0.4, (lower.x - upper.x) / 900))
        x1, x2 = upper.x + lean * upper.width, lower.x - lean * lower.width
        self.line(x1, upper.bottom, x2, lower.top - GAP)
        if text:
            self.text(x2 + 8, (upper.bottom + lower.top) / 2, text, small=True, anchor="start")

    def around(self, upper: Box, lower: Box) -> None:
        """An arrow to a box far on the left, around the right and below all that lies between."""
        right, below = upper.right + 20, lower.bottom + 26
        self.line(
            *(upper.right, upper.y, right, upper.y, right, below),
            *(lower.x, below, lower.x, lower.bottom + GAP),
        )

    def across(self, left: Box, right: Box) -> None:
        """An arrow from a box to another on its right, with a step where their heights differ."""
        middle = (left.right + right.left) / 2
        end = (right.left - GAP, right.y)
        if left.y == right.y:
            self.line(left.right, left.y, *end)
        else:
            self.line(left.right, left.y, middle, left.y, middle, right.y, *end)

    def line(self, *points: float) -> None:
        """An arrow along points x, y, x, y …"""
        pairs = " ".join(f"{_n(x)},{_n(y)}" for x, y in zip(points[::2], points[1::2], strict=True))
        self.parts.append(
            f'<polyline points="{pairs}" fill="none" stroke="{PALE}" stroke-width="1.5" '
            'marker-end="url(#head)"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        bold: bool = False,
        small: bool = False,
        anchor: str = "middle",
        colour: str = "",
    ) -> None:
        """A line of text about a height y."""
        size, weight = (12 if small else 14), ' font-weight="600"' if bold else ""
        ink = colour or (PALE if small else INK)
        self.parts.append(
            f'<text x="{_n(x)}" y="{_n(y + 4)}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{ink}"{weight}>{escape(text)}</text>'
        )

    def __str__(self) -> str:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" '
            f"aria-label={quoteattr(self.title)} {FONT}>"
        )
        marker = (
            '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
            f'markerHeight="8" orient="auto-start-reverse"><path d="M0 1 10 5 0 9z" fill="{PALE}"/>'
            "</marker></defs>"
        )
        paper = f'<rect width="{self.width}" height="{self.height}" rx="8" fill="#ffffff"/>'
        return "\n".join([head, marker, paper, *self.parts, "</svg>", ""])


def _n(value: float) -> str:
    """A coordinate with as many digits as a pixel needs."""
    return f"{round(value, 1):g}"
