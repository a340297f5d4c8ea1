"""Maps of numbers: a matrix as colours, the attention map of a sentence, pictures and gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from attncourse.plotting import guesses, words
from attncourse.plotting.style import (
    COLOURS,
    DPI,
    SIGNED,
    WEIGHTS,
    WIDTH,
    Numbers,
    numbers,
    panels,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

# What a channel of light looks like: these are the lights themselves, and no colours of lines.
LIGHTS = {"red": "#FF2A1F", "green": "#22D64B", "blue": "#3D6BFF"}


@styled()
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
    guess: Any = None,
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
        guess: framed by dashes, see `attncourse.plotting.guesses.of_map`.

    Raises:
        ValueError: if the values are no matrix, the labels do not fit its shape, or the guess
            cannot be read.
    """
    matrix = numbers(values)
    if matrix.ndim != 2 or matrix.size == 0:
        raise ValueError(f"values must be a matrix (rows, columns), got shape {matrix.shape}")
    for name, labels, size in (("rows", rows, len(matrix)), ("columns", columns, matrix.shape[1])):
        if labels is not None and len(labels) != size:
            raise ValueError(
                f"{name} must be {size} labels for shape {matrix.shape}, got {len(labels)}"
            )
    places, verdict = guesses.of_map(guess, matrix, rows, columns)
    image = coloured_map(
        matrix, rows, columns, ax=ax, limits=limits or _limits(matrix, signed), signed=signed
    )
    ax = image.axes
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    if written or (written is None and matrix.size <= 60):
        _write(image, matrix)
    if bar:
        _colour_bar(image, label)
    _frame(ax, places)
    words.tell(ax, words.of_map(matrix, rows, columns, label), verdict)
    return ax


@styled()
def alignment(
    weights: Any,
    source: Sequence[str],
    target: Sequence[str],
    *,
    ax: Axes | None = None,
    title: str = "",
    limits: tuple[float, float] | None = None,
    bar: bool = True,
    guess: Any = None,
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
        guess: framed by dashes, see `attncourse.plotting.guesses.of_map`.

    Raises:
        ValueError: if the weights are not of shape (T, S), or the guess cannot be read.
    """
    matrix = numbers(weights)
    if matrix.shape != (len(target), len(source)):
        raise ValueError(
            f"weights must have shape (T, S) = ({len(target)}, {len(source)}), "
            f"a row for each target symbol, got {matrix.shape}"
        )
    places, verdict = guesses.of_map(guess, matrix, list(target), list(source))
    image = coloured_map(matrix, target, source, ax=ax, limits=limits or _limits(matrix, False))
    ax = image.axes
    ax.set(title=title, xlabel="source", ylabel="target")
    if bar:
        _colour_bar(image, "attention weight")
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    if _longest(source) > 2:
        for tick in ax.get_xticklabels():
            tick.set(rotation=50, ha="left", rotation_mode="anchor")
    ax.set_xticks(np.arange(0.5, len(source) - 1), minor=True)
    ax.set_yticks(np.arange(0.5, len(target) - 1), minor=True)
    ax.grid(which="minor")
    ax.tick_params(which="both", length=0)
    _frame(ax, places)
    words.tell(ax, words.of_alignment(matrix, source, target), verdict)
    return ax


@styled()
def picture(
    image: Any, *, ax: Axes | None = None, title: str = "", colour: str | None = None
) -> Axes:
    """An image as one sees it, without ticks.

    Args:
        image: (H, W), or (3, H, W) for red, green and blue, between 0 and 1.
        ax: axes to draw on; by default new ones, half as wide as a lesson.
        title: above the image.
        colour: "red", "green" or "blue": draw the only channel in the light that it measures.

    Raises:
        ValueError: if the image has another shape, or there is no such light.
    """
    values = numbers(image)
    if values.ndim == 3 and len(values) == 1:
        values = values[0]
    if not (values.ndim == 2 or (values.ndim == 3 and len(values) == 3)) or values.size == 0:
        raise ValueError(f"image must have shape (H, W) or (3, H, W), got {values.shape}")
    if colour is not None and (colour not in LIGHTS or values.ndim == 3):
        raise ValueError(
            f"colour must be one of {', '.join(LIGHTS)}, for an image of one channel; "
            f"got {colour!r} for shape {values.shape}"
        )
    height, width = values.shape[-2:]
    if ax is None:
        ax = panels(width=WIDTH / 2, height=0.5 + WIDTH / 2 * height / width)[0]
    shades = LinearSegmentedColormap.from_list("light", ["#000000", LIGHTS.get(colour or "", "w")])
    shown = values.clip(0, 1) if values.ndim == 2 else values.clip(0, 1).transpose(1, 2, 0)
    ax.imshow(shown, cmap=shades, vmin=0, vmax=1, interpolation="nearest")
    ax.set(title=title, xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    of = f" in {colour}" if colour else ""
    words.tell(ax, f"A picture{of} of {height} by {width} pixels.")
    return ax


@styled()
def gating(image: Any, gate: Any, *, title: str = "") -> Axes:
    """What a gate does to an image: the image, the gate, and their product.

    Args:
        image: (3, H, W), or (H, W), between 0 and 1.
        gate: between 0 and 1: a gate for each channel, (3,) or (3, 1, 1); for each place, (H, W);
            for both, (3, H, W); or for each place of a coarser map, (h, w) or (3, h, w).
        title: above the image.

    Raises:
        ValueError: if the shapes do not fit each other.
    """
    values = numbers(image)
    values = values[None] if values.ndim == 2 else values
    opened = numbers(gate)
    per_channel = opened.size == len(values) and opened.shape[0] == len(values)
    opened = opened.reshape(-1, 1, 1) if per_channel else opened
    opened = opened[None] if opened.ndim == 2 else opened
    if values.ndim != 3 or opened.ndim != 3 or len(opened) not in (1, len(values)):
        raise ValueError(
            "gate must have a number for each channel, (C,), or for each place, (h, w) or "
            f"(C, h, w), of an image (C, H, W); got {numbers(gate).shape} for {values.shape}"
        )
    height, width = values.shape[1:]
    rows = np.arange(height) * opened.shape[1] // height
    columns = np.arange(width) * opened.shape[2] // width
    before, between, after = panels(3, width=WIDTH, height=0.6 + WIDTH / 3.2 * height / width)
    picture(values, ax=before, title=title or "image")
    picture(values * opened[:, rows][:, :, columns], ax=after, title="image × gate")
    if per_channel:
        names = list(LIGHTS) if len(values) == 3 else [str(c) for c in range(len(values))]
        bars = dict(zip(names, opened.ravel().tolist(), strict=True))
        between.bar(range(len(bars)), list(bars.values()), color=[LIGHTS.get(n) for n in names])
        between.set_xticks(range(len(bars)), names)
        between.set(title="gate", ylim=(0, 1), box_aspect=height / width)
        shut = words.listed(f"{name} {words.short(value)}" for name, value in bars.items())
        words.tell(between, f"A gate for each channel: {shut}.")
    else:
        drawn = opened.mean(0)
        image_of_gate = coloured_map(drawn, ax=between, limits=(0, 1))
        image_of_gate.set_extent((-0.5, width - 0.5, height - 0.5, -0.5))
        between.set(title="gate", xticks=[], yticks=[])
        words.tell(between, words.of_map(drawn, None, None, "gates"))
    return before


def coloured_map(
    matrix: Numbers,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    *,
    ax: Axes | None,
    limits: tuple[float, float],
    signed: bool = False,
) -> AxesImage:
    """The coloured cells with their labels, and nothing said of them yet."""
    ax = ax if ax is not None else _fitting_axes(matrix.shape, rows, columns)
    colours, (low, high) = SIGNED if signed else WEIGHTS, limits
    image = ax.imshow(matrix, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    ax.spines[:].set_visible(True)
    ax.tick_params(length=0)
    if rows is not None:
        ax.set_yticks(range(len(rows)), [_visible(text) for text in rows])
    if columns is not None:
        ax.set_xticks(range(len(columns)), [_visible(text) for text in columns])
    return image


def _frame(ax: Axes, places: Sequence[tuple[int, int]]) -> None:
    """A dashed frame around each guessed cell."""
    from matplotlib.patches import Rectangle

    for row, column in places:
        corner = column - 0.5, row - 0.5
        for ink, style in (("white", "-"), (COLOURS["red"], (0, (3, 2)))):
            ax.add_patch(Rectangle(corner, 1, 1, fill=False, ec=ink, ls=style, lw=1.8))


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
