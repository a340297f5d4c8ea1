"""Figures in one style, readable without colour vision and, through their words, without sight.

Every lesson draws with these functions and displays with `show`:

    from attncourse import plotting as plot

    ax = plot.alignment(weights, "3 mars 1998", "1998-03-03")
    plot.show(ax, alt="Each digit of the day looks at the day in the source.")

`heatmap`, `alignment`, `curves`, `bars` and `gates` are plots, `panels` puts them side by side,
`Sketch` draws boxes and arrows, and `attention_view` is a map to explore with mouse or keyboard.
What a trained network shows is said with `claim`, which holds on every machine or says that it
does not.
"""

import logging

# matplotlib logs that it builds its cache of fonts, or that a home directory cannot be written.
# Logged, that is on stderr, and nbgrader gives no points to a cell that writes there.
logging.getLogger("matplotlib").setLevel(logging.ERROR)

from attncourse.plotting.charts import bars, curves, gates  # noqa: E402
from attncourse.plotting.claim import CLAIM_MIME, claim  # noqa: E402
from attncourse.plotting.data import FIGURE_MIME  # noqa: E402
from attncourse.plotting.explorer import AttentionView, attention_view  # noqa: E402
from attncourse.plotting.maps import alignment, heatmap  # noqa: E402
from attncourse.plotting.show import png, show  # noqa: E402
from attncourse.plotting.sketch import Shape, Sketch  # noqa: E402
from attncourse.plotting.style import COLOURS, panels  # noqa: E402

__all__ = [
    "CLAIM_MIME",
    "COLOURS",
    "FIGURE_MIME",
    "AttentionView",
    "Shape",
    "Sketch",
    "alignment",
    "attention_view",
    "bars",
    "claim",
    "curves",
    "gates",
    "heatmap",
    "panels",
    "png",
    "show",
]
