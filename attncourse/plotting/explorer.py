"""A figure to explore with mouse, finger or keyboard, in JupyterLab and in a saved page.

HTML, a stylesheet and a script in one piece, which ask no server and no network. Where no script
may run, as in a notebook that is not trusted, a picture of the best single view stands there. The
functions that make explorers are in `attncourse.plotting.views`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from attncourse.plotting.data import bundle, checked_alt, summarise
from attncourse.plotting.show import image_tag
from attncourse.plotting.style import COLOURS, SERIES, Numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST = 200_000  # bytes of data in a page

HERE = files("attncourse.plotting")
CSS = HERE.joinpath("explorer.css").read_text("utf-8")
SCRIPT = HERE.joinpath("explorer.js").read_text("utf-8")


class Explorer:
    """A figure to explore; a cell that ends with one shows it.

    Args:
        content: what ``explorer.js`` draws, ready for JSON; "kind" says how.
        still: the best single view, for pages that run no script.
        alt: the author's alternative text, which replaces the one made from the data.
        made: the alternative text made from the data.
        axes: the plotted numbers, by which two runs of a lesson are compared.

    Raises:
        ValueError: if the content is too large for a page, or ``alt`` is empty.
    """

    def __init__(
        self,
        content: dict[str, Any],
        still: Figure,
        *,
        alt: str | None,
        made: str,
        axes: list[dict[str, Any]],
    ) -> None:
        given = None if alt is None else checked_alt(alt)
        self.alt = given or made
        self.data = ({"alt": given} if given else {}) | {"axes": axes}
        heads = content.get("heads") or [""]
        colours = [COLOURS[SERIES[i % len(SERIES)]] for i in range(len(heads))]
        packed = json.dumps(content | {"alt": self.alt, "colours": colours}, ensure_ascii=False)
        if len(packed.encode()) > LARGEST:
            raise ValueError(
                f"to explore this takes {len(packed.encode()) // 1000} kB in the page, and at most "
                f"{LARGEST // 1000} kB are allowed: give fewer steps or heads, or a coarser map"
            )
        inside = packed.replace("<", "\\u003c")  # nothing in it may end the script
        self.page = "\n".join(
            [
                f'<div class="attncourse-explorer"><style>{CSS}</style>',
                image_tag(still, self.alt),
                f'<script type="application/json">{inside}</script>',
                f"<script>{SCRIPT}</script></div>",
            ]
        )

    def __repr__(self) -> str:
        return summarise(self.alt, self.data)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return bundle(self.page, self.alt, self.data)


def pack(values: Numbers) -> dict[str, Any]:
    """Numbers as integers from 0 to 255, and what the least and the greatest stand for."""
    low, high = min(0.0, float(values.min())), float(values.max())
    steps = np.rint((values - low) / ((high - low) or 1) * 255).astype(np.uint8)
    # A tenth of a per mille is finer than a byte: the same run gives the same page elsewhere.
    ends = {"low": float(f"{low:.4g}"), "high": float(f"{high:.4g}")}
    return {"bytes": base64.b64encode(steps.tobytes()).decode("ascii"), **ends}


def frames(
    values: Numbers,
    inner: int,
    *,
    what: str,
    heads: Sequence[str] | None,
    steps: Sequence[str] | None,
) -> tuple[Numbers, list[str] | None]:
    """Numbers with an axis of steps and one of heads before their own, and the heads' names.

    Args:
        values: (*inner), (heads, *inner), (steps, *inner) or (steps, heads, *inner).
        inner: how many axes the numbers of one frame have.
        what: the name of the argument, for messages.
        heads: a name for each head; by default "head 1", "head 2" …
        steps: a name for each step; without them there is no axis of steps.

    Raises:
        ValueError: if there are too few or too many axes, or names of another number.
    """
    wanted = inner + bool(steps)
    if values.ndim not in (wanted, wanted + 1) or values.size == 0:
        raise ValueError(
            f"{what} must have {wanted} axes, or {wanted + 1} with one of heads"
            f"{' behind that of steps' if steps else ''}; got shape {values.shape}"
        )
    has_heads = values.ndim > wanted
    values = values if steps else values[None]
    values = values if has_heads else values[:, None]
    for name, given, size in (("steps", steps, values.shape[0]), ("heads", heads, values.shape[1])):
        if given and len(given) != size:
            raise ValueError(f"{name} must be {size} names, got {len(given)}")
    default = [f"head {index + 1}" for index in range(values.shape[1])] if has_heads else None
    return values, list(heads) if heads else default
