"""Maps of numbers: a matrix as colours, and the attention map of a sentence."""

from collections.abc import Sequence
from typing import Any
from unicodedata import east_asian_width

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from attncourse.plotting.style import (
    COLOURS,
    DPI,
    SIGNED,
    STYLE,
    WEIGHTS,
    WIDTH,
    Numbers,
    numbers,
    panels,
)


@mpl.rc_context(STYLE)
def heatmap(
    values: Any,
    *,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    ax: Axes | None = None,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    label: str = "",
    limits: tuple[float, float] | None = None,
    signed: bool = False,
    written: bool | None = None,
    bar: bool = True,
) -> Axes:
    """A matrix as a map of colours.

    Args:
        values: the matrix, (rows, columns).
        rows: a label for each row.
        columns: a label for each column.
        ax: axes to draw on; by default new ones, sized for the matrix.
        title: above the map.
        xlabel: what the columns are.
        ylabel: what the rows are.
        label: what the values are, beside the colour bar.
        limits: values of the first and the last colour; by default zero, or the least value where
            that is below zero, and the greatest. Maps to be compared need the same limits.
        signed: take a map that is white at zero; its default limits are symmetric.
        written: write the numbers into the cells; by default where there are at most 60.
        bar: put a colour bar at the right.

    Raises:
        ValueError: if the values are no matrix, or the labels do not fit its shape.
    """
    matrix = numbers(values)
    if matrix.ndim != 2 or matrix.size == 0:
        raise ValueError(f"values must be a matrix (rows, columns), got shape {matrix.shape}")
    for name, labels, size in (("rows", rows, len(matrix)), ("columns", columns, matrix.shape[1])):
        if labels is not None and len(labels) != size:
            raise ValueError(
                f"{name} must be {size} labels for shape {matrix.shape}, got {len(labels)}"
            )
    if ax is None:
        ax = _fitting_axes(matrix.shape, rows, columns)
    low, high = limits or _limits(matrix, signed)
    colours = SIGNED if signed else WEIGHTS
    image = ax.imshow(matrix, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.spines[:].set_visible(True)
    ax.tick_params(length=0)
    if rows is not None:
        ax.set_yticks(range(len(rows)), [_visible(text) for text in rows])
    if columns is not None:
        ax.set_xticks(range(len(columns)), [_visible(text) for text in columns])
    if written or (written is None and matrix.size <= 60):
        _write(image, matrix)
    if bar:
        _colour_bar(image, label)
    return ax


@mpl.rc_context(STYLE)
def alignment(
    weights: Any,
    source: Sequence[str],
    target: Sequence[str],
    *,
    ax: Axes | None = None,
    title: str = "",
    limits: tuple[float, float] | None = None,
    bar: bool = True,
) -> Axes:
    """An attention map: how much each target symbol looks at each source symbol.

    Args:
        weights: attention weights, (T, S).
        source: the S symbols looked at: the characters of a string, or a list of words.
        target: the T symbols that look.
        ax: axes to draw on; by default new ones, sized for the sentence.
        title: above the map.
        limits: values of the first and the last colour; by default zero and the greatest weight.
        bar: put a colour bar at the right.

    Raises:
        ValueError: if the weights are not of shape (T, S).
    """
    matrix = numbers(weights)
    if matrix.shape != (len(target), len(source)):
        raise ValueError(
            f"weights must have shape (T, S) = ({len(target)}, {len(source)}), "
            f"a row for each target symbol, got {matrix.shape}"
        )
    ax = heatmap(
        matrix,
        rows=list(target),
        columns=list(source),
        ax=ax,
        title=title,
        xlabel="source",
        ylabel="target",
        label="attention weight",
        limits=limits,
        written=False,
        bar=bar,
    )
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    if _longest(source) > 2:
        for tick in ax.get_xticklabels():
            tick.set(rotation=50, ha="left", rotation_mode="anchor")
    ax.set_xticks(np.arange(0.5, len(source) - 1), minor=True)
    ax.set_yticks(np.arange(0.5, len(target) - 1), minor=True)
    ax.grid(which="minor")
    ax.tick_params(which="both", length=0)
    return ax


def _limits(matrix: Numbers, signed: bool) -> tuple[float, float]:
    peak = float(np.nanmax(np.abs(matrix) if signed else matrix))
    low = -peak if signed else min(0.0, float(np.nanmin(matrix)))
    return (low, peak) if peak > low else (low, low + 1)


def _fitting_axes(
    shape: tuple[int, ...], rows: Sequence[str] | None, columns: Sequence[str] | None
) -> Axes:
    """Axes whose cells are square and large enough for a letter, where the width allows it."""
    height, width = shape
    left = 0.75 + 0.09 * _longest(rows or ())
    top = 0.75 + 0.08 * _longest(columns or ())
    cell = min(0.5, (WIDTH - left - 0.8) / width, 7 / height)
    return panels(width=left + 0.8 + cell * width, height=top + cell * height)[0]


def _colour_bar(image: AxesImage, label: str) -> None:
    """A bar as high as the map, also where equal cells make the map lower than its axes."""
    ax = image.axes
    width = ax.get_window_extent().width / DPI  # inches, before the final layout
    place = ax.inset_axes((1 + 0.1 / width, 0, 0.13 / width, 1))
    bar = ax.figure.colorbar(image, cax=place, label=label)
    bar.outline.set_visible(False)
    place.tick_params(length=0)


def _longest(labels: Sequence[str]) -> int:
    """Width of the longest label in columns of a terminal, where a Chinese letter takes two."""
    return max((sum(1 + (east_asian_width(c) in "WF") for c in text) for text in labels), default=0)


def _visible(text: str) -> str:
    """A label that can be seen: a lone blank becomes an open box."""
    return "␣" if text.isspace() else text


def _write(image: AxesImage, matrix: Numbers) -> None:
    """Each number in its cell, dark on light and light on dark."""
    light = image.to_rgba(matrix)[..., :3] @ np.array([0.299, 0.587, 0.114]) > 0.55
    for (row, column), value in np.ndenumerate(matrix):
        colour = COLOURS["black"] if light[row, column] else "white"
        image.axes.text(column, row, f"{value:.2g}", ha="center", va="center", color=colour)
