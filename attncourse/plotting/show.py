"""Displaying a figure: the picture, what it says in words, and the numbers that it draws."""

import base64
import html
import io
import sys
import warnings
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from attncourse.plotting.data import bundle, checked_alt, describe, summarise
from attncourse.plotting.sketch import Sketch
from attncourse.plotting.style import DPI, SHARPNESS, STYLE


def show(drawing: Figure | Axes | Sketch, *, alt: str) -> None:
    """Display a figure below the cell and close it.

    Args:
        drawing: a figure, any axes of it, or a sketch.
        alt: one or two sentences that tell someone who cannot see the figure what it shows.

    Raises:
        ValueError: if ``alt`` is empty.
    """
    from IPython.display import display  # here: scripts that only save figures need no IPython

    figure = drawing if isinstance(drawing, Figure) else drawing.figure.get_figure(root=True)
    display(Picture(figure, alt))  # type: ignore[no-untyped-call]
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:  # a figure made there would be displayed a second time
        pyplot.close(figure)


@mpl.rc_context(STYLE)
def png(figure: Figure) -> bytes:
    """The figure as a PNG of 256 colours, without margins; the same bytes for the same figure.

    Letters that no font of this machine has become boxes. matplotlib would warn of each on stderr,
    and nbgrader gives no points to a cell that writes there.
    """
    drawn, small = io.BytesIO(), io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        figure.savefig(drawn, dpi=SHARPNESS * DPI, bbox_inches="tight", pad_inches=0.05)
    with Image.open(drawn) as image:  # a third of the size, and nobody sees the difference
        image.convert("RGB").quantize(dither=Image.Dither.NONE).save(small, format="PNG")
    return small.getvalue()


class Picture:
    """A drawn figure as a notebook shows it: an image with its alternative text.

    The image is carried in HTML because neither JupyterLab nor nbconvert gives an ``alt`` to a
    bare PNG. Beside it stand its words, for terminals, and the plotted numbers under
    `FIGURE_MIME`, by which two runs of a lesson are compared.
    """

    def __init__(self, figure: Figure, alt: str) -> None:
        self.data = describe(figure, checked_alt(alt))
        self.png = png(figure)
        self.width = Image.open(io.BytesIO(self.png)).width // SHARPNESS

    def __repr__(self) -> str:
        return summarise(self.data)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        source = f"data:image/png;base64,{base64.b64encode(self.png).decode('ascii')}"
        image = f'<img alt="{html.escape(self.data["alt"])}" width="{self.width}" src="{source}">'
        return bundle(image, self.data)
