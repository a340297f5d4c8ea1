"""Figures in one style, readable without colour vision and, through their words, without sight.

Every lesson draws with these functions and displays with `show`:

    from attncourse import plotting as plot

    ax = plot.alignment(weights, "3 mars 1998", "1998-03-03", guess=guess)
    plot.show(ax)

`heatmap`, `alignment`, `curves`, `losses`, `power_law`, `bars`, `gates` and `scatter` are charts:
they draw a learner's guess beside the result, and an alternative text is made from their data.
`picture` and `gating` draw images, and `panels` puts any of them side by side. `Sketch` draws boxes
and arrows; `attncourse.plotting.ideas` has the sketches that take long. `attention_view`,
`pixel_view` and `gate_view` are figures to explore with mouse, finger or keyboard. What a trained
network shows is said with `claim`, which holds on every machine or says that it does not.
"""

from attncourse.plotting.charts import bars, curves, gates, losses, power_law, scatter
from attncourse.plotting.claim import CLAIM_MIME, claim
from attncourse.plotting.data import FIGURE_MIME
from attncourse.plotting.explorer import Explorer
from attncourse.plotting.ideas import (
    alignment_model,
    alignment_step,
    query_key_value,
    squeeze_axial,
    transformer,
)
from attncourse.plotting.maps import alignment, gating, heatmap, picture
from attncourse.plotting.show import png, show
from attncourse.plotting.sketch import Shape, Sketch
from attncourse.plotting.style import COLOURS, MECHANISMS, panels
from attncourse.plotting.views import attention_view, gate_view, pixel_view

__all__ = [
    "CLAIM_MIME",
    "COLOURS",
    "FIGURE_MIME",
    "MECHANISMS",
    "Explorer",
    "Shape",
    "Sketch",
    "alignment",
    "alignment_model",
    "alignment_step",
    "attention_view",
    "bars",
    "claim",
    "curves",
    "gate_view",
    "gates",
    "gating",
    "heatmap",
    "losses",
    "panels",
    "picture",
    "pixel_view",
    "png",
    "power_law",
    "query_key_value",
    "scatter",
    "show",
    "squeeze_axial",
    "transformer",
]
