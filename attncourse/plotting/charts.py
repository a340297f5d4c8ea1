"""Curves, bars and gates: mean over seeds, and how far the seeds lie apart."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from attncourse.plotting.style import COLOURS, SERIES, STYLE, numbers, panels

MARKERS = "os^Dvph"


@mpl.rc_context(STYLE)
def curves(
    x: Any,
    ys: Mapping[str, Any],
    *,
    ax: Axes | None = None,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    limits: tuple[float, float] | None = None,
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

    Raises:
        ValueError: if there are more than seven lines, or a line has not one value a position.
    """
    if len(ys) > len(SERIES):
        raise ValueError(f"at most {len(SERIES)} lines can be told apart, got {len(ys)}")
    ax = ax if ax is not None else panels()[0]
    positions = numbers(x)
    few = len(positions) <= 30
    for (name, values), series, marker in zip(ys.items(), SERIES, MARKERS, strict=False):
        seeds = np.atleast_2d(numbers(values))
        if seeds.ndim != 2 or seeds.shape[1:] != positions.shape:
            raise ValueError(
                f"{name!r} must have shape (N,) or (seeds, N) with N = {len(positions)} "
                f"positions, got {numbers(values).shape}"
            )
        colour = COLOURS[series]
        ax.plot(positions, seeds.mean(0), label=name, color=colour, marker=marker if few else "")
        if len(seeds) > 1:
            ax.fill_between(positions, seeds.min(0), seeds.max(0), color=colour, alpha=0.2, lw=0)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    if limits:
        air = 0.04 * (limits[1] - limits[0])
        ax.set_ylim(limits[0] - air, limits[1] + air)
    ax.grid(axis="y")
    if len(ys) > 1:
        ax.legend()
    return ax


@mpl.rc_context(STYLE)
def bars(
    values: Mapping[str, Any],
    *,
    ax: Axes | None = None,
    title: str = "",
    xlabel: str = "",
    limits: tuple[float, float] | None = None,
) -> Axes:
    """A bar for each entry, with its number; of several seeds the mean, and a dot for each seed.

    Args:
        values: name of a bar to its number, or to the numbers of several seeds.
        ax: axes to draw on; by default new ones, as high as the bars need.
        title: above the plot.
        xlabel: what the numbers are.
        limits: lower and upper end of the x axis.
    """
    ax = ax if ax is not None else panels(height=0.95 + 0.42 * len(values))[0]
    for place, (entry, series) in enumerate(zip(values.values(), cycle(SERIES), strict=False)):
        seeds = numbers(entry).ravel()
        ax.barh(place, seeds.mean(), height=0.6, color=COLOURS[series])
        if seeds.size > 1:
            spread = place + np.linspace(-0.15, 0.15, seeds.size)
            ax.plot(seeds, spread, "o", color="white", mec=COLOURS["black"], mew=1, clip_on=False)
        end = max(seeds.max(), seeds.mean(), 0)
        # Where it stands, the mean could be taken for the last seed's.
        text = ("mean " if seeds.size > 1 else "") + _short(seeds.mean())
        ax.annotate(text, (end, place), (6, 0), textcoords="offset points", va="center")
    ax.set_yticks(range(len(values)), list(values))
    ax.set(title=title, xlabel=xlabel)
    ax.margins(x=0.1)
    if limits:
        ax.set_xlim(limits)
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    return ax


def _short(number: float) -> str:
    if number >= 1000:
        return f"{number:,.0f}"
    if 0.001 <= number < 1:  # most are shares, which look alike with three decimals
        return f"{number:.3f}".rstrip("0").rstrip(".")
    return f"{number:.3g}"


@mpl.rc_context(STYLE)
def gates(
    values: Mapping[str, Any],
    *,
    ax: Axes | None = None,
    title: str = "",
    xlabel: str = "channel",
    ylabel: str = "gate",
) -> Axes:
    """Gates between 0 (shut) and 1 (open), a line of points for each entry.

    Args:
        values: name of an input to its gates, (C,), or to those of several such inputs, (N, C).
        ax: axes to draw on; by default new ones.
        title: above the plot.
        xlabel: what the gates belong to.
        ylabel: what the gates are.

    Raises:
        ValueError: if a gate lies outside of [0, 1], or the entries differ in size.
    """
    channels = {name: numbers(entry).shape[-1] for name, entry in values.items()}
    if len(set(channels.values())) != 1:
        raise ValueError(f"every entry must have a gate for the same channels, got {channels}")
    for name, entry in values.items():
        if not ((numbers(entry) >= 0) & (numbers(entry) <= 1)).all():
            raise ValueError(f"gates must lie in [0, 1], those of {name!r} do not")
    positions = np.arange(max(channels.values()))
    ax = curves(positions, values, ax=ax, title=title, xlabel=xlabel, ylabel=ylabel, limits=(0, 1))
    ax.axhline(0.5, color=COLOURS["grey"], linewidth=1, linestyle=(0, (4, 4)), zorder=0)
    ax.set_xlim(-0.5, len(positions) - 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(values) > 1:  # gates are everywhere between 0 and 1: no corner is free
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(values))
    return ax
