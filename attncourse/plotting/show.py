"""Displaying a figure: the picture, what it says in words, and the numbers that it draws."""

from __future__ import annotations

import base64
import html
import io
import sys
import warnings
from typing import TYPE_CHECKING, Any

from PIL import Image

from attncourse.plotting import words
from attncourse.plotting.data import bundle, checked_alt, describe, summarise
from attncourse.plotting.sketch import Sketch
from attncourse.plotting.style import DPI, SHARPNESS, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attncourse.plotting.explorer import Explorer


def show(drawing: Figure | Axes | Sketch | Explorer, *, alt: str | None = None) -> None:
    """Display a figure below the cell and close it.

    Args:
        drawing: a figure, any axes of it, a sketch, or an explorer, which has its text already.
        alt: one or two sentences that tell someone who cannot see the figure what it shows; by
            default made from what was drawn, which tells no result before the cell has run.

    Raises:
        ValueError: if ``alt`` is empty, or nothing is known of the drawing and it has to be given.
    """
    from IPython.display import display  # here: scripts that only save figures need no IPython

    if hasattr(drawing, "_repr_mimebundle_"):
        display(drawing)  # type: ignore[no-untyped-call]
        return
    if alt is None and isinstance(drawing, Sketch):
        alt = drawing.alt
    figure: Figure = drawing.figure.get_figure(root=True)
    display(Picture(figure, alt))  # type: ignore[no-untyped-call]
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:  # a figure made there would be displayed a second time
        pyplot.close(figure)


@styled()
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


def image_tag(figure: Figure, alt: str) -> str:
    """The figure as an image in HTML.

    HTML, because neither JupyterLab nor nbconvert gives an ``alt`` to a bare PNG.
    """
    content = png(figure)
    with Image.open(io.BytesIO(content)) as image:
        width = image.width // SHARPNESS
    source = f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
    return f'<img alt="{html.escape(alt)}" width="{width}" src="{source}">'


class Picture:
    """A drawn figure as a notebook shows it: an image with its alternative text.

    Below it stands how far off a guess was. Beside it stand its words, for terminals, and the
    plotted numbers under `FIGURE_MIME`, by which two runs of a lesson are compared; an alternative
    text made of these numbers is not compared once more.

    Raises:
        ValueError: If nothing says in words what the figure shows.
    """

    def __init__(self, figure: Figure, alt: str | None) -> None:
        verdict = words.guessed_on(figure)
        given = None if alt is None else checked_alt(alt)
        shown = given or words.shown_on(figure)
        if not shown:
            raise ValueError("alt must say in words what the figure shows: nothing is known of it")
        self.alt = f"{shown} {verdict}".rstrip()
        self.data = ({"alt": given} if given else {}) | describe(figure)
        below = f"<p>{html.escape(verdict)}</p>" if verdict else ""
        self.page = image_tag(figure, self.alt) + below

    def __repr__(self) -> str:
        return summarise(self.alt, self.data)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return bundle(self.page, self.alt, self.data)
