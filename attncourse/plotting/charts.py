"""Curves, bars, gates and points: mean over seeds, how far the seeds lie apart, and a guess."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from attncourse.plotting import guesses, words
from attncourse.plotting.style import (
    COLOURS,
    MARKERS,
    NEUTRAL,
    SERIES,
    Numbers,
    colours_of,
    numbers,
    panels,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Colours = Mapping[str, str] | str | None
GUESSED: Any = {"color": COLOURS["black"], "linestyle": (0, (3, 2)), "linewidth": 1.4}


@styled()
def curves(
    x: Any,
    ys: Mapping[str, Any],
    *,
    ax: Axes | None = None,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    limits: tuple[float, float] | None = None,
    colours: Colours = None,
    guess: Any = None,
) -> Axes:
    """A line for each entry of ``ys``; of several seeds the mean, in a band from least to most.

    Args:
        x: positions, (N,).
        ys: name of a line to its values, (N,) or (seeds, N).
        ax: axes to draw on; by default new ones.
        title: above the plot.
        xlabel: what the positions are.
        ylabel: what the values are.
        limits: lower and upper end of the y axis.
        colours: which mechanism or colour a line is, by its name, or all are; a name that is one
            of a mechanism or a colour need not be given.
        guess: drawn dashed, see `attncourse.plotting.guesses.of_lines`.

    Raises:
        ValueError: if there are more than eight lines, a line has not one value a position, or
            colours or guess cannot be read.
    """
    positions = numbers(x)
    ax, means = _lines(positions, ys, ax, colours)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    if limits:
        air = 0.04 * (limits[1] - limits[0])
        ax.set_ylim(limits[0] - air, limits[1] + air)
    drawn, verdict = guesses.of_lines(guess, positions, means, limits=limits)
    _dash(ax, positions, drawn)
    if len(ax.lines) > 1:
        ax.legend()
    words.tell(ax, words.of_lines(positions, means, xlabel, ylabel), verdict)
    return ax


@styled()
def power_law(
    x: Any,
    ys: Mapping[str, Any],
    *,
    ax: Axes | None = None,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    colours: Colours = None,
    guess: Any = None,
) -> Axes:
    """Growth on two logarithmic axes, where a power law is a straight line, its power the slope.

    The legend gives each line's power, fitted to all its points.

    Args:
        x: sizes, (N,), positive, at least two different ones.
        ys: name of a line to its values, (N,) or (seeds, N), positive.
        ax: axes to draw on; by default new ones.
        title: above the plot.
        xlabel: what the sizes are.
        ylabel: what the values are.
        colours: see `curves`.
        guess: a power for the first line, a power for each of several names in a mapping, or the
            name of the steepest line; drawn dashed from the line's first point.

    Raises:
        ValueError: if a size or a value is not positive, or as in `curves`.
    """
    sizes = numbers(x)
    everything = np.concatenate([sizes.ravel(), *(numbers(line).ravel() for line in ys.values())])
    if not (everything > 0).all() or np.unique(sizes).size < 2:
        raise ValueError("a power law needs positive numbers, at two different sizes or more")
    ax, means = _lines(sizes, ys, ax, colours)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel, xscale="log", yscale="log")
    ax.set_xticks(sizes, [f"{size:g}" for size in sizes])
    ax.minorticks_off()
    powers = {
        name: float(np.polyfit(np.log(sizes), np.log(line), 1)[0]) for name, line in means.items()
    }
    for line, (name, power) in zip(ax.lines, powers.items(), strict=True):
        line.set_label(f"{name}: power {power:.1f}")
    guessed, verdict = guesses.of_bars(guess, powers)
    _dash(ax, sizes, {n: means[n][0] * (sizes / sizes[0]) ** p for n, p in guessed.items()})
    ax.legend()
    found = words.listed(f"{name} as the power {power:.1f}" for name, power in powers.items())
    what = f"{ylabel or 'Values'} against {xlabel or 'size'}, both axes logarithmic"
    words.tell(ax, f"{what}: {found}.", verdict)
    return ax


@styled()
def losses(
    values: Mapping[str, Any],
    *,
    ax: Axes | None = None,
    title: str = "",
    ylabel: str = "loss",
    colours: Colours = None,
    guess: Any = None,
) -> Axes:
    """Loss against step: each as it was, pale, and over it the mean of the steps around.

    Args:
        values: name of a training to its losses, (steps,), or (seeds, steps), which are averaged.
        ax: axes to draw on; by default new ones.
        title: above the plot.
        ylabel: what the values are.
        colours: see `curves`.
        guess: drawn dashed, see `attncourse.plotting.guesses.of_lines`.

    Raises:
        ValueError: if the trainings differ in steps, or as in `curves`.
    """
    means = {name: np.atleast_2d(numbers(entry)).mean(0) for name, entry in values.items()}
    steps = np.arange(1.0, max(map(len, means.values())) + 1)
    smooth = {name: _smooth(line) for name, line in means.items()}
    ax, smooth = _lines(steps, smooth, ax, colours)
    for line, raw in zip(list(ax.lines), means.values(), strict=True):
        ax.plot(steps, raw, color=line.get_color(), alpha=0.25, linewidth=1, zorder=1)
    ax.set(title=title, xlabel="step", ylabel=ylabel)
    ax.set_ylim(bottom=min(0, *(line.min() for line in means.values())))
    drawn, verdict = guesses.of_lines(guess, steps, smooth)
    _dash(ax, steps, drawn)
    if len(values) > 1 or drawn:
        ax.legend()
    words.tell(ax, words.of_lines(steps, smooth, "step", ylabel), verdict)
    return ax


@styled()
def bars(
    values: Mapping[str, Any],
    *,
    ax: Axes | None = None,
    title: str = "",
    xlabel: str = "",
    limits: tuple[float, float] | None = None,
    colours: Colours = None,
    guess: Any = None,
) -> Axes:
    """A bar for each entry, with its number; of several seeds the mean, and a dot for each seed.

    A bar has the colour of its mechanism; one that is none has no colour of its own.

    Args:
        values: name of a bar to its number, or to the numbers of several seeds.
        ax: axes to draw on; by default new ones, as high as the bars need.
        title: above the plot.
        xlabel: what the numbers are.
        limits: lower and upper end of the x axis.
        colours: see `curves`.
        guess: drawn dashed, see `attncourse.plotting.guesses.of_bars`.

    Raises:
        ValueError: if there is no bar, or colours or guess cannot be read.
    """
    entries = {name: numbers(entry).ravel() for name, entry in values.items()}
    if not entries or not all(map(len, entries.values())):
        raise ValueError("bars need at least one entry, and a number in each")
    means = {name: float(entry.mean()) for name, entry in entries.items()}
    guessed, verdict = guesses.of_bars(guess, means)
    faces = colours_of(entries, colours, other=repeat(NEUTRAL))
    ax = ax if ax is not None else panels(height=0.95 + 0.42 * len(entries))[0]
    for place, (name, face) in enumerate(zip(entries, faces, strict=True)):
        seeds = entries[name]
        ax.barh(place, means[name], height=0.6, color=face)
        if seeds.size > 1:
            spread = place + np.linspace(-0.15, 0.15, seeds.size)
            ax.plot(seeds, spread, "o", color="white", mec=COLOURS["black"], mew=1, clip_on=False)
        if name in guessed:
            ax.barh(place, guessed[name], height=0.82, fill=False, ec=COLOURS["black"], ls="--")
        # Right of everything, and with a word: the mean could be taken for the last seed's.
        end = max(seeds.max(), guessed.get(name, 0), 0)
        text = ("mean " if seeds.size > 1 else "") + words.short(means[name])
        ax.annotate(text, (end, place), (6, 0), textcoords="offset points", va="center")
    ax.set_yticks(range(len(entries)), list(entries))
    ax.set(title=title, xlabel=xlabel)
    ax.margins(x=0.1)
    if limits:
        shown = [*limits, *guessed.values()]  # a guess may lie outside of what is possible
        ax.set_xlim(min(shown), max(shown))
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    if guessed:
        dashed = ax.plot([], [], label="your guess", **GUESSED)
        ax.legend(handles=dashed, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)
    words.tell(ax, words.of_bars(entries, xlabel), verdict)
    return ax


@styled()
def gates(
    values: Mapping[str, Any],
    *,
    ax: Axes | None = None,
    title: str = "",
    xlabel: str = "channel",
    ylabel: str = "gate",
    colours: Colours = None,
    guess: Any = None,
) -> Axes:
    """Gates between 0 (shut) and 1 (open), a line of points for each entry.

    Args:
        values: name of an input to its gates, (C,), or to those of several such inputs, (N, C).
        ax: axes to draw on; by default new ones.
        title: above the plot.
        xlabel: what the gates belong to.
        ylabel: what the gates are.
        colours: see `curves`.
        guess: see `attncourse.plotting.guesses.of_lines`; several numbers stand for blocks of
            channels, so that ``[1, 0, 0]`` opens the first third.

    Raises:
        ValueError: if a gate lies outside of [0, 1], or the entries differ in size.
    """
    from matplotlib.ticker import MaxNLocator

    channels = {name: numbers(entry).shape[-1] for name, entry in values.items()}
    if len(set(channels.values())) != 1:
        raise ValueError(f"every entry must have a gate for the same channels, got {channels}")
    for name, entry in values.items():
        if not ((numbers(entry) >= 0) & (numbers(entry) <= 1)).all():
            raise ValueError(f"gates must lie in [0, 1], those of {name!r} do not")
    positions = np.arange(max(channels.values()))
    ax, means = _lines(positions, values, ax, colours)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel, ylim=(-0.04, 1.04))
    ax.axhline(0.5, color=COLOURS["grey"], linewidth=1, linestyle=(0, (4, 4)), zorder=0)
    ax.set_xlim(-0.5, len(positions) - 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    drawn, verdict = guesses.of_lines(guess, positions, means, limits=(0, 1), blocks=True)
    _dash(ax, positions, drawn)
    if len(values) > 1 or drawn:  # gates are everywhere between 0 and 1: no corner is free
        count = len(values) + len(drawn)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(count, 4))
    words.tell(ax, words.of_gates(means, xlabel), verdict)
    return ax


@styled()
def scatter(
    points: Mapping[str, Any],
    *,
    ax: Axes | None = None,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    colours: Colours = None,
    guess: Any = None,
) -> Axes:
    """A dot for each entry, its name beside it, never on a dot or on another name.

    Args:
        points: name of a dot to its place (x, y).
        ax: axes to draw on; by default new ones.
        title: above the plot.
        xlabel: what lies to the right.
        ylabel: what lies above.
        colours: see `curves`.
        guess: drawn as dashed rings, see `attncourse.plotting.guesses.of_points`.

    Raises:
        ValueError: if a place is no pair of numbers, or colours or guess cannot be read.
    """
    places = {name: numbers(place).ravel() for name, place in points.items()}
    for name, place in places.items():
        if place.shape != (2,):
            raise ValueError(f"{name!r} must have a place (x, y), got shape {place.shape}")
    guessed, verdict = guesses.of_points(guess, places)
    faces = colours_of(places, colours, other=repeat(COLOURS["grey"]))
    ax = ax if ax is not None else panels()[0]
    for (name, (x, y)), face in zip(places.items(), faces, strict=True):
        ax.plot(x, y, "o", color=face, markersize=9, mec="white", mew=0.8)
        if name in guessed:
            ax.plot(*np.transpose([(x, y), guessed[name]]), **GUESSED | {"zorder": 1})
            ax.plot(*guessed[name], "o", mfc="white", mec=COLOURS["black"], ms=11, zorder=1.5)
    ax.margins(0.15)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.grid()
    _beside(ax, places, [*places.values(), *guessed.values()])
    words.tell(ax, words.of_points(places, xlabel, ylabel), verdict)
    return ax


def _lines(
    positions: Numbers, ys: Mapping[str, Any], ax: Axes | None, colours: Colours
) -> tuple[Axes, dict[str, Numbers]]:
    """The lines and bands, and each line's mean over seeds."""
    if not 0 < len(ys) <= len(SERIES):
        raise ValueError(f"from 1 to {len(SERIES)} lines can be told apart, got {len(ys)}")
    inks = colours_of(ys, colours, other=(COLOURS[name] for name in SERIES * 2))
    ax = ax if ax is not None else panels()[0]
    few, means = len(positions) <= 30, {}
    for (name, values), ink, marker in zip(ys.items(), inks, MARKERS, strict=False):
        seeds = np.atleast_2d(numbers(values))
        if seeds.ndim != 2 or seeds.shape[1:] != positions.shape:
            raise ValueError(
                f"{name!r} must have shape (N,) or (seeds, N) with N = {len(positions)} "
                f"positions, got {numbers(values).shape}"
            )
        means[name] = seeds.mean(0)
        mark = marker if few else ""
        ax.plot(positions, means[name], label=name, gid=name, color=ink, marker=mark)
        if len(seeds) > 1:
            ax.fill_between(positions, seeds.min(0), seeds.max(0), color=ink, alpha=0.2, lw=0)
    ax.grid(axis="y")
    return ax, means


def _dash(ax: Axes, positions: Numbers, drawn: Mapping[str, Numbers]) -> None:
    """Guessed lines, each dashed in the colour of the line that it is about."""
    inks = {line.get_gid(): line.get_color() for line in ax.lines}
    for name, line in drawn.items():
        ax.plot(positions, line, label=f"{name}, guessed", **GUESSED | {"color": inks[name]})


def _smooth(line: Numbers) -> Numbers:
    """The mean of the steps around each step, of a tenth of them all."""
    reach = max(1, len(line) // 20)
    sums = np.concatenate([[0.0], np.cumsum(line)])
    ends = np.minimum(np.arange(len(line)) + reach + 1, len(line))
    starts = np.maximum(np.arange(len(line)) - reach, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def _beside(ax: Axes, places: Mapping[str, Numbers], dots: list[Numbers]) -> None:
    """Writes each name at the first of eight sides of its dot where nothing stands yet."""
    figure = ax.figure.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # now places in pixels are known
    taken = [(*(at - 8), *(at + 8)) for at in ax.transData.transform(dots)]
    for name, at in places.items():
        x, y = ax.transData.transform(at)
        text = ax.annotate(name, (at[0], at[1]), (0, 0), textcoords="offset points")
        box = text.get_window_extent()
        sides = [
            (x + dx * (11 + box.width / 2), y + dy * (11 + box.height / 2))
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
        ]
        spots = [
            (cx - box.width / 2, cy - box.height / 2, cx + box.width / 2, cy + box.height / 2)
            for cx, cy in sides
        ]
        spot = next((each for each in spots if not any(_meet(each, t) for t in taken)), spots[0])
        taken.append(spot)
        text.set(position=((np.subtract(spot[:2], (x, y))) * 72 / figure.dpi))


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    apart = one[0] > other[2] or other[0] > one[2] or one[1] > other[3] or other[1] > one[3]
    return not apart
