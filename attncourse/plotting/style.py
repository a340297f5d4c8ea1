"""The look of every figure: colours, fonts, sizes, and empty axes to draw on.

A mechanism has one colour through the whole course, `MECHANISMS`; what has no mechanism to compete
with is grey or black. The colours build on the palette of Okabe and Ito (2008) and stay apart under
the common forms of colour blindness within each of `TOGETHER`, the groups that meet in a figure.
Weights use a map from white to dark blue whose lightness falls evenly, so that equal steps look
equal, in grey too, and nothing looked at is nothing drawn.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray


@contextmanager
def quiet() -> Iterator[None]:
    """Without what matplotlib logs of fonts and of a home directory that cannot be written.

    Logged, that is on stderr, and nbgrader gives no points to a cell that writes there.
    """
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


with quiet():
    import matplotlib as mpl
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

if TYPE_CHECKING:  # where they are needed they are imported late: half a second that no setup waits
    from matplotlib.axes import Axes

Numbers = NDArray[np.float64]

COLOURS = {
    "blue": "#0072B2",
    "red": "#D55E00",
    "green": "#009E73",
    "orange": "#E69F00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "indigo": "#332288",
    "brown": "#6B3E1E",
    "magenta": "#A0308C",
    "mauve": "#B48AD8",
    "pine": "#0B5D3B",
    "lime": "#9ACD32",
    "wine": "#882255",
    "black": "#222222",
    "grey": "#7A7A7A",
    "silver": "#B5B5B5",
}
MECHANISMS = {
    # sequences
    "additive": "blue",
    "dot": "red",  # scaled or not, of one head or of many
    "general": "orange",
    "concat": "sky",
    "location": "brown",
    "local": "indigo",
    "vit": "indigo",
    "recurrence": "wine",
    # gates
    "se": "blue",
    "sk": "orange",
    "cbam": "red",
    "coordinate": "indigo",
    "triplet": "sky",
    "product": "brown",  # the gate that is a product of a channel's and a row's
    # dense maps
    "position": "magenta",
    "channel": "pine",
    "stand-alone": "mauve",
    "sea": "lime",
    # where to look
    "hard": "orange",
    "soft": "blue",
    "guided": "indigo",
    # what they are compared with
    "none": "grey",
    "mean": "silver",
    "convolution": "black",
}
TOGETHER = (
    ("additive", "dot", "general", "concat", "location", "local", "none", "mean"),
    ("additive", "dot", "vit", "recurrence", "convolution", "none", "mean"),
    ("se", "sk", "cbam", "coordinate", "triplet", "product", "convolution", "none", "mean"),
    ("position", "channel", "stand-alone", "sea", "se", "convolution", "none"),
    ("hard", "soft", "guided", "none", "mean"),
)
ALSO_CALLED = {
    "bahdanau": "additive",
    "bahdanau attention": "additive",
    "additive attention": "additive",
    "dot product": "dot",
    "dot-product": "dot",
    "scaled dot product": "dot",
    "multi-head": "dot",
    "multi-head attention": "dot",
    "self-attention": "dot",
    "transformer": "dot",
    "luong": "general",
    "vision transformer": "vit",
    "gru": "recurrence",
    "lstm": "recurrence",
    "squeeze-and-excitation": "se",
    "selective kernel": "sk",
    "coordinate attention": "coordinate",
    "triplet attention": "triplet",
    "product gate": "product",
    "position attention": "position",
    "channel attention": "channel",
    "stand-alone attention": "stand-alone",
    "stand-alone self-attention": "stand-alone",
    "sasa": "stand-alone",
    "seaformer": "sea",
    "squeeze-enhanced axial": "sea",
    "hard attention": "hard",
    "soft attention": "soft",
    "guided attention": "guided",
    "nothing": "none",
    "no gate": "none",
    "no attention": "none",
    "without": "none",
    "bare": "none",
    "fixed context": "none",
    "conv": "convolution",
}
# For lines that stand for no mechanism; eight, so that every head of a layer has its own.
SERIES = ("blue", "red", "green", "orange", "purple", "sky", "black", "indigo")
MARKERS = "os^Dvph*"
NEUTRAL = "#B9C4CC"  # of a bar without a meaning of its own
WEIGHTS = LinearSegmentedColormap.from_list(
    "weights", ["#FFFFFF", "#95CCEF", "#4395CE", "#005D9F", "#062D52"]
)
SIGNED = mpl.colormaps["PuOr_r"]

DPI = 100  # screen pixels an inch
WIDTH = 7.2  # inches: as wide as a line of text in a lesson
SHARPNESS = 2  # image pixels a screen pixel, for screens that have them

_CHINESE = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK JP",
    "Arial Unicode MS",
)


@contextmanager
def styled() -> Iterator[None]:
    """The course's style, while a figure is drawn; also a decorator of what draws one."""
    with quiet(), mpl.rc_context(_style()):
        yield


@cache
def _style() -> Any:
    from cycler import cycler

    return {
        "figure.dpi": DPI,
        "font.family": _fonts(),
        "font.size": 10,
        "text.color": COLOURS["black"],
        "axes.edgecolor": "#B0B0B0",
        "axes.labelcolor": COLOURS["black"],
        "axes.titlesize": 11,
        "axes.titlelocation": "left",
        "axes.titlepad": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=[COLOURS[name] for name in SERIES]),
        "grid.color": "#E8E8E8",
        "grid.linewidth": 0.8,
        "xtick.color": "#B0B0B0",
        "ytick.color": "#B0B0B0",
        "xtick.labelcolor": COLOURS["black"],
        "ytick.labelcolor": COLOURS["black"],
        "lines.linewidth": 2,
        "lines.markersize": 5,
        "legend.frameon": False,
    }


def _fonts() -> list[str]:
    """The font that comes with matplotlib, then those of this machine that have Chinese."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _CHINESE if name in installed)]


@styled()
def panels(
    columns: int = 1, rows: int = 1, *, width: float = WIDTH, height: float | None = None
) -> list[Axes]:
    """Empty axes side by side, to draw on with the functions of this package.

    The figure belongs to no window and to no list of open figures: nothing has to be closed.

    Args:
        columns: how many axes stand beside each other.
        rows: how many such rows there are.
        width: of the whole figure, in inches.
        height: of the whole figure, in inches; by default 3.2 a row, less where panels are narrow.

    Returns:
        ``rows * columns`` axes, row by row.
    """
    from matplotlib.figure import Figure

    if height is None:
        height = rows * max(2.4, min(3.2, 0.8 * width / columns))
    figure = Figure(figsize=(width, height), layout="constrained")
    return list(figure.subplots(rows, columns, squeeze=False).flat)


def mechanism(name: str) -> str | None:
    """The key in `MECHANISMS` of a mechanism's name, in whatever case; None for any other word."""
    key = name.lower()
    key = ALSO_CALLED.get(key, key)
    return key if key in MECHANISMS else None


def colour(name: str) -> str:
    """The colour, as ``#RRGGBB``, of a mechanism, or of a name in `COLOURS`.

    Raises:
        ValueError: if the name is neither; the message lists both.
    """
    key = mechanism(name)
    found = COLOURS.get(MECHANISMS[key] if key else name.lower())
    if found is None:
        raise ValueError(
            f"{name!r} is no mechanism and no colour; mechanisms are {', '.join(MECHANISMS)}, "
            f"colours {', '.join(COLOURS)}"
        )
    return found


def colours_of(
    names: Iterable[str], given: Mapping[str, str] | str | None, *, other: Iterable[str]
) -> list[str]:
    """A colour for each entry of a chart.

    Args:
        names: of the entries.
        given: what an entry is, by its name, or what all are: a mechanism or a colour.
        other: colours for the entries that are neither given nor a mechanism nor a colour.

    Raises:
        ValueError: if what is given names no entry, no mechanism and no colour.
    """
    names, spare = list(names), iter(other)
    if isinstance(given, str):
        return [colour(given)] * len(names)
    if unknown := (given or {}).keys() - set(names):
        raise ValueError(f"colours names {sorted(unknown)}, and the entries are {names}")
    meant = {name: (given or {}).get(name, name) for name in names}
    for name in given or {}:
        colour(meant[name])  # a misspelt one must not turn into just any colour
    known = {name: colour(word) for name, word in meant.items() if _is_colour(word)}
    free = (each for each in spare if each not in known.values())
    return [known[name] if name in known else next(free) for name in names]


def _is_colour(word: str) -> bool:
    return mechanism(word) is not None or word.lower() in COLOURS


def tint(colour: str, strength: float) -> tuple[float, float, float]:
    """A named or hexadecimal ``colour`` mixed with white; strength 1 leaves it as it is."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(COLOURS.get(colour, colour)))
    return red, green, blue


def numbers(values: Any) -> Numbers:
    """A tensor on any device, an array or a nested list as an array of floats."""
    if hasattr(values, "detach"):
        values = values.detach().double().cpu()
    return np.asarray(values, dtype=np.float64)
