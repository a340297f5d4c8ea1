"""The look of every figure: colours, fonts, sizes, and empty axes to draw on.

Lines and bars use the palette of Okabe and Ito (2008), whose colours stay apart under the common
forms of colour blindness. Weights use a map from white to dark blue whose lightness falls evenly,
so that equal steps look equal, in grey too, and nothing looked at is nothing drawn.
"""

from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

COLOURS = {
    "blue": "#0072B2",
    "red": "#D55E00",
    "green": "#009E73",
    "orange": "#E69F00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "black": "#222222",
    "grey": "#7A7A7A",
}
SERIES = ("blue", "red", "green", "orange", "purple", "sky", "black")
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


def _fonts() -> list[str]:
    """The font that comes with matplotlib, then those of this machine that have Chinese."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _CHINESE if name in installed)]


STYLE: Any = {
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


@mpl.rc_context(STYLE)
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
    if height is None:
        height = rows * max(2.4, min(3.2, 0.8 * width / columns))
    figure = Figure(figsize=(width, height), layout="constrained")
    return list(figure.subplots(rows, columns, squeeze=False).flat)


def tint(colour: str, strength: float) -> tuple[float, float, float]:
    """A named or hexadecimal ``colour`` mixed with white; strength 1 leaves it as it is."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(COLOURS.get(colour, colour)))
    return red, green, blue


def numbers(values: Any) -> Numbers:
    """A tensor on any device, an array or a nested list as an array of floats."""
    if hasattr(values, "detach"):
        values = values.detach().double().cpu()
    return np.asarray(values, dtype=np.float64)
