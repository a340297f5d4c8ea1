"""What a figure draws, as numbers and words.

Pictures of the same plot differ in bytes between machines; the numbers behind them do not, up to
rounding. They travel with the picture, a row of numbers a string, so that a change reads well in a
diff of the notebook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_rgb

from attncourse.plotting.style import numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.collections import Collection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

FIGURE_MIME = "application/vnd.attncourse.figure+json"
LIMIT = 32  # rows and columns; what is larger is averaged in blocks


def checked_alt(alt: str) -> str:
    """``alt`` on one line.

    Raises:
        ValueError: if nothing is left of it.
    """
    line = " ".join(alt.split())
    if not line:
        raise ValueError("alt must say in words what the figure shows, got an empty text")
    return line


def describe(figure: Figure) -> dict[str, Any]:
    """The plotted data of a figure, ready for JSON."""
    axes = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    return {"axes": [_axes(ax) for ax in axes]}


def summarise(alt: str, data: dict[str, Any]) -> str:
    """A figure in words: the alternative text, then what each axes hold."""
    lines = [alt]
    for axes in data["axes"]:
        counts = [
            f"{len(axes[kind])} {kind if len(axes[kind]) > 1 else kind.removesuffix('s')}"
            for kind in ("lines", "areas", "bars", "maps", "shapes", "texts")
            if kind in axes
        ]
        lines.append(f"[{axes.get('title', 'figure')}: {', '.join(counts) or 'empty'}]")
    return "\n".join(lines)


def bundle(page: str, alt: str, data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A figure as an output of a notebook: its HTML, words and data, and the metadata of these."""
    content = {"text/html": page, "text/plain": summarise(alt, data), FIGURE_MIME: data}
    return content, {"text/html": {"alt": alt}}


def digest(values: Any) -> list[str]:
    """Rows of numbers, rounded to the hundred-thousandth part of the greatest.

    A large array is given as means of blocks, and the spread of its values, which tells apart
    arrays whose blocks have equal means.
    """
    array = numbers(np.ma.filled(np.ma.asarray(values, dtype=float), np.nan))
    if array.size == 0:
        return []
    rows = array.reshape(len(array), -1) if array.ndim > 1 else array.reshape(1, -1)
    means = _block_means(_block_means(rows, 0), 1)
    peak = np.max(np.abs(means), initial=0, where=np.isfinite(means))
    rounded = means.round(5 - int(np.ceil(np.log10(peak)))) if peak else means
    lines = [" ".join(f"{value + 0.0:.12g}" for value in row) for row in rounded]
    if means.shape != rows.shape:
        lines.append(f"shape {array.shape}, standard deviation {array.std():.5g}")
    return lines


def _block_means(rows: Any, axis: int) -> Any:
    size = rows.shape[axis]
    if size <= LIMIT:
        return rows
    edges = np.linspace(0, size, LIMIT + 1).astype(int)
    sums = np.add.reduceat(rows, edges[:-1], axis)
    return sums / np.expand_dims(np.diff(edges), 1 - axis)


def _axes(ax: Axes) -> dict[str, Any]:
    from matplotlib.patches import Rectangle

    bars = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    shapes = [patch for patch in ax.patches if not isinstance(patch, Rectangle)]
    everything = {
        "title": "".join(ax.get_title(place) for place in ("left", "center", "right")),
        "x": _axis(ax.xaxis),
        "y": _axis(ax.yaxis),
        "lines": [_line(line) for line in ax.lines],
        "areas": [_area(collection) for collection in ax.collections],
        "bars": [digest((*bar.get_bbox().bounds, *to_rgb(bar.get_facecolor()))) for bar in bars],
        "maps": [digest(image.get_array()) for image in ax.images],
        "shapes": [f"{type(shape).__name__} {shape.get_linewidth():.3g}" for shape in shapes],
        "texts": [[text.get_text(), *digest(text.get_position())] for text in ax.texts],
    }
    return {kind: content for kind, content in everything.items() if content}


def _axis(axis: Axis) -> list[str]:
    """Its label, and the words at its ticks where these are fixed."""
    from matplotlib.ticker import FixedLocator

    fixed = isinstance(axis.get_major_locator(), FixedLocator)
    words = " ".join(tick.get_text() for tick in axis.get_ticklabels()) if fixed else ""
    return [text for text in (axis.get_label_text(), words) if text]


def _line(line: Line2D) -> list[str]:
    name = str(line.get_label())
    return [
        *([name] if not name.startswith("_") else []),
        *digest(line.get_xdata(orig=False)),
        *digest(line.get_ydata(orig=False)),
    ]


def _area(collection: Collection) -> list[str]:
    """Outlines of a filled area, places of the points of a scatter plot, and their values."""
    parts = [path.vertices for path in collection.get_paths()]
    parts += [
        part for part in (collection.get_offsets(), collection.get_array()) if part is not None
    ]
    return [row for part in parts for row in digest(part)]
