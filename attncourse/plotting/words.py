"""What a chart shows, in words made from its data; kept beside its axes until it is displayed.

So that no text in a lesson's code tells a result before the cell has run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from attncourse.plotting.style import Numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FLAT = 0.15  # a line that changes by less than this share of what is drawn stays as it is
LONGEST = 12  # rows or entries that are read out one by one

_SHOWN: WeakKeyDictionary[Axes, list[str]] = WeakKeyDictionary()
_GUESSED: WeakKeyDictionary[Axes, list[str]] = WeakKeyDictionary()


def tell(ax: Axes, shown: str, guessed: str = "") -> None:
    """Keep with the axes what was drawn on them, and how far off a guess was."""
    _SHOWN.setdefault(ax, []).append(shown)
    if guessed:
        _GUESSED.setdefault(ax, []).append(guessed)


def shown_on(figure: Figure) -> str:
    """What was drawn, axes by axes, each under its title; empty if nobody told."""
    told = [(_title(ax), " ".join(_SHOWN[ax])) for ax in figure.axes if ax in _SHOWN]
    return " ".join(f"{title}: {text}" if title else text for title, text in told)


def guessed_on(figure: Figure) -> str:
    """How far off the guesses were that were drawn; empty without one."""
    return " ".join(text for ax in figure.axes for text in _GUESSED.get(ax, ()))


def short(number: float) -> str:
    """A number as one reads it: three digits, thousands apart."""
    if abs(number) >= 1000:
        return f"{number:,.0f}"
    if 0.001 <= abs(number) < 1:  # most are shares, which look alike with three decimals
        return f"{number:.3f}".rstrip("0").rstrip(".")
    return f"{number + 0.0:.3g}"


def listed(parts: Iterable[str]) -> str:
    """Words in a row: "a, b and c"."""
    *before, last = parts
    return f"{', '.join(before)} and {last}" if before else last


def of_bars(values: Mapping[str, Numbers], xlabel: str) -> str:
    """Every bar with its number, and how far its seeds lie apart."""
    return f"Bars{_of(xlabel)}: {listed(f'{name} {_spread(v)}' for name, v in values.items())}."


def of_lines(x: Numbers, means: Mapping[str, Numbers], xlabel: str, ylabel: str) -> str:
    """Where every line begins, ends, and turns."""
    span = np.ptp([value for line in means.values() for value in line]) or 1
    over = f" against {xlabel}" if xlabel else ""
    lines = "; ".join(f"{name} {_course(x, line, span)}" for name, line in means.items())
    return f"Lines{_of(ylabel)}{over}, from {short(x[0])} to {short(x[-1])}: {lines}."


def of_gates(means: Mapping[str, Numbers], xlabel: str) -> str:
    """Which gates are open, that is over one half, for every entry."""
    entries = [f"{name} opens {_runs(np.flatnonzero(gate > 0.5))}" for name, gate in means.items()]
    size = len(next(iter(means.values())))
    return f"Gates, each over its {xlabel} of {size}: {'; '.join(entries)}."


def of_map(
    matrix: Numbers, rows: Sequence[str] | None, columns: Sequence[str] | None, label: str
) -> str:
    """The greatest value of a map, the least, and in a map of a few rows the greatest of each."""
    if not np.isfinite(matrix).any():
        return f"Map{_of(label)}, empty."
    height, width = matrix.shape
    top = np.unravel_index(np.nanargmax(matrix), matrix.shape)
    least = short(float(np.nanmin(matrix)))
    text = (
        f"Map{_of(label)}, {height} {'row' if height == 1 else 'rows'} of {width}: greatest "
        f"{short(matrix[top])} at row {named(rows, top[0])}, column {named(columns, top[1])}; "
        f"least {least}."
    )
    if rows is not None and 1 < height <= LONGEST and np.isfinite(matrix).all():
        peaks = (
            f"{name} at {named(columns, int(row.argmax()))} ({short(row.max())})"
            for name, row in zip(rows, matrix, strict=True)
        )
        text += f" Each row is greatest: {', '.join(peaks)}."
    return text


def of_alignment(weights: Numbers, source: Sequence[str], target: Sequence[str]) -> str:
    """Where every target symbol looks most."""
    looks = [
        f"{_seen(symbol)} at {_seen(source[place])} (place {place}, {row[place]:.2f})"
        for symbol, row in zip(target, weights, strict=True)
        for place in [int(row.argmax())]
    ]
    if len(looks) > LONGEST:
        looks = [*looks[:LONGEST], f"and {len(looks) - LONGEST} more"]
    return f"Attention map; most looks, row by row: {', '.join(looks)}."


def of_points(points: Mapping[str, Numbers], xlabel: str, ylabel: str) -> str:
    """Every point with its place."""
    places = (f"{name} at {short(at[0])}, {short(at[1])}" for name, at in points.items())
    return f"Points of {ylabel or 'height'} over {xlabel or 'width'}: {listed(places)}."


def named(labels: Sequence[str] | None, place: Any) -> str:
    """The label of a row or column, or its number counted from 0."""
    return str(place) if labels is None else _seen(labels[place])


def _spread(values: Numbers) -> str:
    mean = short(values.mean())
    if values.size < 2:
        return mean
    return f"{mean} ({short(values.min())} to {short(values.max())} over {values.size} seeds)"


def _course(x: Numbers, line: Numbers, span: float) -> str:
    start, end = line[0], line[-1]
    if np.ptp(line) < FLAT * span:
        return f"stays near {short(line.mean())}"
    text = f"goes from {short(start)} to {short(end)}"
    for word, turn in (("least", int(line.argmin())), ("greatest", int(line.argmax()))):
        beyond = max(min(start, end) - line[turn], line[turn] - max(start, end))
        if beyond >= FLAT * span:
            text += f", {word} {short(line[turn])} at {short(x[turn])}"
    return text


def _runs(places: NDArray[np.intp]) -> str:
    """Whole numbers as ranges: "0 to 7, 12"."""
    if len(places) == 0:
        return "none"
    parts = np.split(places, np.flatnonzero(np.diff(places) != 1) + 1)
    ranges = (str(part[0]) if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts)
    return ", ".join(ranges)


def _of(label: str) -> str:
    return f" of {label}" if label else ""


def _title(ax: Axes) -> str:
    return "".join(ax.get_title(place) for place in ("left", "center", "right"))


def _seen(symbol: str) -> str:
    return "a blank" if symbol.isspace() else symbol
