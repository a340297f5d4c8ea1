"""An attention map to explore: lines from target to source, head by head.

The view is HTML, SVG and a little script in one piece, so that it works in JupyterLab, in a saved
page and without a network. Where scripts are not allowed, it still shows the first head.
"""

import html
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any
from unicodedata import east_asian_width

import numpy as np

from attncourse.plotting.data import bundle, checked_alt, digest, summarise
from attncourse.plotting.style import COLOURS, SERIES, Numbers, numbers

FAINTEST = 0.01  # weights below it are not drawn
ROW, GAP = 28, 110  # pixels: height of a row of symbols, and the space between the two rows
NARROWEST = 260  # pixels: what keeps the lines of a few symbols apart

HERE = files("attncourse.plotting")
CSS = HERE.joinpath("explorer.css").read_text("utf-8")
SCRIPT = HERE.joinpath("explorer.js").read_text("utf-8")
HINT = "The row below looks at the row above. Point at a symbol to read its weights."


class Explorer:
    """What `attention_view` returns: a cell that ends with it shows it."""

    def __init__(self, page: str, data: dict[str, Any]) -> None:
        self.page = page
        self.data = data

    def __repr__(self) -> str:
        return summarise(self.data["alt"], self.data)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return bundle(self.page, self.data["alt"], self.data)


def attention_view(
    weights: Any,
    source: Sequence[str],
    target: Sequence[str],
    *,
    alt: str,
    heads: Sequence[str] | None = None,
) -> Explorer:
    """A view of attention weights to explore with mouse or keyboard.

    Pointing at a symbol, or reaching it with Tab and the arrow keys, leaves only its own lines
    and reads out the weights; buttons choose the head.

    Args:
        weights: (T, S), or (heads, T, S).
        source: the S symbols looked at.
        target: the T symbols that look.
        alt: one or two sentences that tell someone who cannot see the view what it shows.
        heads: a name for each head, by default "head 1", "head 2" …

    Raises:
        ValueError: if shapes and names do not fit each other, or ``alt`` is empty.
    """
    stack = numbers(weights)
    stack = stack[None] if stack.ndim == 2 else stack
    if stack.ndim != 3 or stack.shape[1:] != (len(target), len(source)):
        raise ValueError(
            f"weights must have shape (T, S) or (heads, T, S) with T = {len(target)} and "
            f"S = {len(source)}, got {numbers(weights).shape}"
        )
    names = list(heads or (f"head {index + 1}" for index in range(len(stack))))
    if len(names) != len(stack):
        raise ValueError(f"heads must be {len(stack)} names, got {len(names)}")
    line, words = checked_alt(alt), {"x": [" ".join(source)], "y": [" ".join(target)]}
    axes = [
        {"title": name, **words, "maps": [digest(head)]}
        for name, head in zip(names, stack, strict=True)
    ]
    return Explorer(_page(stack, source, target, line, names), {"alt": line, "axes": axes})


def _page(
    stack: Numbers, source: Sequence[str], target: Sequence[str], alt: str, names: Sequence[str]
) -> str:
    width = max(_width(source), _width(target), NARROWEST)
    above, below = _places(source, width), _places(target, width)
    buttons = [
        f'<button aria-pressed="{str(i == 0).lower()}" style="--colour: {_colour(i)}">'
        f"{html.escape(name)}</button>"
        for i, name in enumerate(names)
    ]
    groups = [
        f'<g data-head="{i}" display="{"none" if i else "inline"}">'
        + "".join(_lines(matrix, above, below))
        + "</g>"
        for i, matrix in enumerate(stack)
    ]
    height = 2 * ROW + GAP
    return "\n".join(
        [
            f'<div class="attention-view"><style>{CSS}</style>',
            *(buttons if len(buttons) > 1 else []),
            f'<svg width="{width:.0f}" height="{height}" role="group" '
            f'aria-label="{html.escape(alt)}">',
            *groups,
            *_symbols(source, above, "source", ROW / 2),
            *_symbols(target, below, "target", height - ROW / 2),
            f"</svg><output>{HINT}</output>",
            f"<script>{SCRIPT}</script></div>",
        ]
    )


def _lines(matrix: Numbers, above: Sequence[float], below: Sequence[float]) -> Iterable[str]:
    peak = matrix.max()
    for (t, s), weight in np.ndenumerate(matrix):
        if weight >= FAINTEST:
            yield (
                f'<line data-target="{t}" data-source="{s}" data-weight="{weight:.3f}" '
                f'x1="{below[t]:.0f}" y1="{ROW + GAP}" x2="{above[s]:.0f}" y2="{ROW}" '
                f'opacity="{weight / peak:.2f}"/>'
            )


def _symbols(
    symbols: Sequence[str], places: Sequence[float], side: str, height: float
) -> Iterable[str]:
    for at, (symbol, place) in enumerate(zip(symbols, places, strict=True)):
        text = html.escape("␣" if symbol.isspace() else symbol)
        size = _width([symbol]) - 2
        yield (
            f'<g data-side="{side}" data-at="{at}" tabindex="0" role="img" '
            f'aria-label="{side} {at + 1}: {text}">'
            f'<rect x="{place - size / 2:.0f}" y="{height - 11}" width="{size:.0f}" height="22" '
            f'rx="4"/><text x="{place:.0f}" y="{height}">{text}</text></g>'
        )


def _width(symbols: Sequence[str]) -> float:
    """Pixels that the symbols take side by side; a Chinese letter is as wide as two others."""
    return sum(10 + 8.5 * sum(1 + (east_asian_width(c) in "WF") for c in s) for s in symbols)


def _places(symbols: Sequence[str], width: float) -> list[float]:
    """Centres of the symbols, spread over the width."""
    stretch = width / _width(symbols)
    ends = np.cumsum([_width([symbol]) * stretch for symbol in symbols])
    return [end - _width([s]) * stretch / 2 for s, end in zip(symbols, ends, strict=True)]


def _colour(head: int) -> str:
    return COLOURS[SERIES[head % len(SERIES)]]
