"""A sketch: the idea of a lesson in one picture, of boxes, cells and arrows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncourse.plotting.style import COLOURS, WEIGHTS, WIDTH, numbers, styled, tint

if TYPE_CHECKING:
    from matplotlib.patches import Patch

Point = tuple[float, float]
UNIT = WIDTH / 10  # inches: a sketch of ten units is as wide as a lesson


@dataclass(frozen=True)
class Shape:
    """Something drawn at a place, from which and to which arrows go."""

    centre: Point
    size: Point
    patch: Patch

    @property
    def top(self) -> Point:
        """Middle of the upper edge."""
        return self.centre[0], self.centre[1] + self.size[1] / 2

    @property
    def bottom(self) -> Point:
        """Middle of the lower edge."""
        return self.centre[0], self.centre[1] - self.size[1] / 2

    @property
    def left(self) -> Point:
        """Middle of the left edge."""
        return self.centre[0] - self.size[0] / 2, self.centre[1]

    @property
    def right(self) -> Point:
        """Middle of the right edge."""
        return self.centre[0] + self.size[0] / 2, self.centre[1]


class Sketch:
    """A sheet to draw on, measured in units of which ten are as wide as a lesson.

    The origin is the lower left corner. Places are centres. Colours are the names in
    `attncourse.plotting.COLOURS`.

    Args:
        width: in units.
        height: in units.
        alt: what the sketch shows, for those who cannot see it; may be given when it is shown.

    Example:
        >>> sketch = Sketch(6, 2)
        >>> query = sketch.box("query", (1, 1), colour="red")
        >>> key = sketch.box("key", (4, 1))
        >>> sketch.arrow(query, key, text="compare")
    """

    @styled()
    def __init__(self, width: float, height: float, *, alt: str = "") -> None:
        from matplotlib.figure import Figure

        self.alt = alt
        self.figure = Figure(figsize=(UNIT * width, UNIT * height))
        self.axes = self.figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
        self.axes.set_axis_off()

    def box(self, text: str, at: Point, *, size: Point = (1.4, 0.6), colour: str = "blue") -> Shape:
        """A rounded box with a text in it."""
        return self._add(text, at, size, colour, _rounded(at, size))

    def circle(self, text: str, at: Point, *, radius: float = 0.25, colour: str = "grey") -> Shape:
        """A circle, for an operation such as + or ×."""
        from matplotlib.patches import Circle

        return self._add(text, at, (2 * radius, 2 * radius), colour, Circle(at, radius))

    def cells(
        self,
        values: Any,
        at: Point,
        *,
        cell: float = 0.3,
        colour: str | None = None,
        text: str = "",
    ) -> Shape:
        """A vector or a matrix as small squares, the darker the greater the value.

        Args:
            values: (N,) for a row, (N, 1) for a column, (N, M) for a matrix.
            at: centre of the whole.
            cell: side of a square.
            colour: of the greatest value; by default the map for weights.
            text: below the squares.
        """
        from matplotlib.patches import Rectangle

        matrix = np.atleast_2d(numbers(values))
        shares = (matrix - min(0, matrix.min())) / (np.ptp([0, *matrix.flat]) or 1)
        rows, columns = matrix.shape
        size = columns * cell, rows * cell
        left, top = at[0] - size[0] / 2, at[1] + size[1] / 2
        for (row, column), share in np.ndenumerate(shares):
            face = tint(colour, 0.1 + 0.9 * share) if colour else WEIGHTS(share)
            corner = left + column * cell, top - (row + 1) * cell
            self.axes.add_patch(Rectangle(corner, cell, cell, fc=face, ec="white", lw=1.5))
        outline = Rectangle((left, top - size[1]), *size, fill=False, ec=COLOURS["grey"], lw=1)
        self.axes.add_patch(outline)
        if text:
            self.text(text, (at[0], at[1] - size[1] / 2 - 0.22))
        return Shape(at, size, outline)

    def arrow(
        self,
        start: Shape | Point,
        end: Shape | Point,
        *,
        text: str = "",
        weight: float = 0.3,
        bend: float = 0,
        colour: str = "black",
    ) -> None:
        """An arrow from edge to edge.

        Args:
            start: a shape, or a point such as ``shape.top``.
            end: where the head is.
            text: at the middle of the arrow.
            weight: from 0, a hair, to 1, thick and dark; for attention weights.
            bend: how far the arrow bows to its right, as a share of its length.
            colour: of the arrow.
        """
        from matplotlib.patches import FancyArrowPatch

        (tail, start_patch), (head, end_patch) = _end(start), _end(end)
        arrow = FancyArrowPatch(
            tail,
            head,
            patchA=start_patch,
            patchB=end_patch,
            shrinkA=3 if start_patch else 0,
            shrinkB=3 if end_patch else 0,
            arrowstyle="-|>",
            connectionstyle=f"arc3,rad={bend}",
            mutation_scale=9 + 6 * weight,
            linewidth=0.6 + 4 * weight,
            color=tint(colour, min(1, 0.3 + 2 * weight)),
            joinstyle="miter",
            zorder=0.9,
        )
        self.axes.add_patch(arrow)
        if text:
            across = bend / 2 * np.array([head[1] - tail[1], tail[0] - head[0]])
            place = np.add(tail, head) / 2 + across
            self.text(text, (place[0], place[1]), on_white=True)

    def line(self, *points: Point, colour: str = "black", weight: float = 0.2) -> None:
        """A line through some points, without a head; its weight as an arrow's."""
        self.axes.plot(
            *np.transpose(points),
            color=tint(colour, min(1, 0.3 + 2 * weight)),
            linewidth=0.6 + 4 * weight,
            zorder=0.8,
        )

    def text(
        self,
        text: str,
        at: Point,
        *,
        size: float = 10,
        colour: str = "black",
        on_white: bool = False,
    ) -> None:
        """Words, centred at a place; ``on_white`` keeps lines behind them away."""
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5} if on_white else None
        self.axes.text(
            *at, text, size=size, color=COLOURS[colour], ha="center", va="center", bbox=box
        )

    def frame(self, shapes: Iterable[Shape], *, text: str = "", colour: str = "grey") -> Shape:
        """A dashed frame around shapes that belong together, its text above."""
        edges = np.array(
            [[*shape.left, *shape.bottom, *shape.right, *shape.top] for shape in shapes]
        )
        left, bottom = edges[:, 0].min() - 0.2, edges[:, 3].min() - 0.2
        right, top = edges[:, 4].max() + 0.2, edges[:, 7].max() + 0.2
        centre, size = ((left + right) / 2, (bottom + top) / 2), (right - left, top - bottom)
        patch = _rounded(centre, size)
        patch.set(fill=False, linestyle=(0, (4, 3)), edgecolor=COLOURS[colour], zorder=0.5)
        self.axes.add_patch(patch)
        if text:
            self.text(text, (centre[0], top + 0.2), colour=colour)
        return Shape(centre, size, patch)

    def _add(self, text: str, at: Point, size: Point, colour: str, patch: Patch) -> Shape:
        patch.set(facecolor=tint(colour, 0.15), edgecolor=COLOURS[colour], linewidth=1.4)
        self.axes.add_patch(patch)
        self.text(text, at)
        return Shape(at, size, patch)


def _rounded(centre: Point, size: Point) -> Patch:
    from matplotlib.patches import FancyBboxPatch

    corner = centre[0] - size[0] / 2, centre[1] - size[1] / 2
    return FancyBboxPatch(corner, size[0], size[1], boxstyle="round,pad=0,rounding_size=0.12")


def _end(end: Shape | Point) -> tuple[Point, Patch | None]:
    return (end.centre, end.patch) if isinstance(end, Shape) else (end, None)
