"""What can be explored: whom a word looks at, where a pixel looks, what a gate opens.

Each takes, before its own axes, an axis of heads, which become buttons, and before that an axis of
steps (seeds, inputs, kept steps of a training), which become a slider.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from unicodedata import east_asian_width

import numpy as np

from attncourse.plotting import words
from attncourse.plotting.data import digest
from attncourse.plotting.explorer import Explorer, frames, pack
from attncourse.plotting.maps import alignment, coloured_map, picture
from attncourse.plotting.style import WIDTH, Numbers, numbers, panels, styled

ROW, GAP = 28, 110  # pixels: height of a row of symbols, and the space between the two rows
NARROWEST = 260  # pixels: what keeps the lines of a few symbols apart
GOLD = np.array([255, 196, 0]) / 255  # of explorer.js, as the two that follow
DIMMED, STRENGTH = 0.6, 0.85


@styled()
def attention_view(
    weights: Any,
    source: Sequence[str],
    target: Sequence[str],
    *,
    heads: Sequence[str] | None = None,
    steps: Sequence[str] | None = None,
    alt: str | None = None,
) -> Explorer:
    """Attention weights to explore: point at a symbol, and only its own lines are left.

    Args:
        weights: (T, S), (heads, T, S), or with steps (steps, T, S) or (steps, heads, T, S).
        source: the S symbols looked at.
        target: the T symbols that look.
        heads: a name for each head, by default "head 1", "head 2" …
        steps: a name for each step.
        alt: by default made from the weights.

    Raises:
        ValueError: if shapes and names do not fit each other, ``alt`` is empty, or it is too large.
    """
    given = numbers(weights)
    if given.shape[-2:] != (len(target), len(source)):
        raise ValueError(
            f"weights must end with (T, S), T = {len(target)} and S = {len(source)}, "
            f"got {given.shape}"
        )
    stack, names = frames(given, 2, what="weights", heads=heads, steps=steps)
    width = max(_width(source), _width(target), NARROWEST)
    content = {
        "kind": "words",
        "source": [_visible(symbol) for symbol in source],
        "target": [_visible(symbol) for symbol in target],
        "above": _places(source, width),
        "below": _places(target, width),
        "source_widths": [round(_width([symbol]) - 2) for symbol in source],
        "target_widths": [round(_width([symbol]) - 2) for symbol in target],
        "width": round(width),
        "row": ROW,
        "gap": GAP,
        "weights": pack(stack),
        "heads": names,
        "steps": list(steps) if steps else None,
    }
    best = stack[-1, 0]
    labels = {"x": [" ".join(source)], "y": [" ".join(target)]}
    axes: list[dict[str, Any]] = [
        {"title": title, **labels, "maps": [digest(matrix)]}
        for title, matrix in _titled(stack, names, steps)
    ]
    still = alignment(best, source, target, title=_title(names, steps)).figure
    made = _to_explore(names, steps) + words.of_alignment(best, source, target)
    return Explorer(content, still.get_figure(root=True), alt=alt, made=made, axes=axes)


@styled()
def pixel_view(
    weights: Any,
    image: Any,
    *,
    size: tuple[int, int] | None = None,
    heads: Sequence[str] | None = None,
    steps: Sequence[str] | None = None,
    at: tuple[int, int] | None = None,
    alt: str | None = None,
) -> Explorer:
    """Attention between the places of a map, over the image: point at one, see where it looks.

    Args:
        weights: a row for each of N = h · w places, (N, N); or a pair of (h, h) and (w, w) for the
            rows and the columns of axial attention, whose weights meet as they are added there.
            With heads and steps as axes before.
        image: (H, W) or (3, H, W) between 0 and 1; with steps also one each, (steps, 3, H, W).
        size: (h, w) of the map; by default as the image's, or as the pair says.
        heads: a name for each head, by default "head 1", "head 2" …
        steps: a name for each step.
        at: the place (row, column) to begin with; by default one with a great weight elsewhere.
        alt: by default made from the weights.

    Raises:
        ValueError: if shapes and names do not fit each other, ``alt`` is empty, or it is too large.
    """
    shown = numbers(image)
    shown = shown[..., None, :, :] if shown.ndim == 2 else shown
    shown = shown[None] if shown.ndim == 3 else shown
    if shown.ndim != 4 or shown.shape[1] not in (1, 3) or len(shown) not in (1, len(steps or [""])):
        raise ValueError(
            "image must have shape (H, W), (3, H, W), or with an axis of steps before; "
            f"got {numbers(image).shape}"
        )
    parts = [numbers(part) for part in (weights if isinstance(weights, tuple) else (weights,))]
    if len(parts) == 2:
        size = size or (parts[0].shape[-1], parts[1].shape[-1])
    rows, columns = size or shown.shape[2:]
    wanted = [rows, columns] if len(parts) == 2 else [rows * columns]
    if len(parts) > 2 or [part.shape[-2:] for part in parts] != [(side, side) for side in wanted]:
        raise ValueError(
            f"weights must end with (N, N) for N = {rows} · {columns} places, or be a pair that "
            f"ends with ({rows}, {rows}) and ({columns}, {columns}); "
            f"got {', '.join(str(part.shape) for part in parts)}"
        )
    framed = [frames(part, 2, what="weights", heads=heads, steps=steps) for part in parts]
    stacks, names = [stack for stack, _ in framed], framed[0][1]
    first = [stack[-1, 0] for stack in stacks]
    asked = at or _far_looking(first, rows, columns)
    if not (0 <= asked[0] < rows and 0 <= asked[1] < columns):
        raise ValueError(f"at must be a place of {rows} rows and {columns} columns, got {at}")
    content = {
        "kind": "pixels",
        "size": [rows, columns],
        "at": list(asked),
        "image": pack(shown.clip(0, 1)) | _sizes(shown),
        "weights": pack(stacks[0]) if len(stacks) == 1 else None,
        "sides": [pack(stack) for stack in stacks] if len(stacks) == 2 else None,
        "heads": names,
        "steps": list(steps) if steps else None,
    }
    seen = _row(first, asked, rows, columns).reshape(rows, columns)
    axes = [
        {"title": title, "maps": [digest(matrix)]}
        for stack in stacks
        for title, matrix in _titled(stack, names, steps)
    ]
    made = (
        _to_explore(names, steps)
        + f"Over an image of {shown.shape[2]} by {shown.shape[3]} pixels, where the place at row "
        f"{asked[0]}, column {asked[1]} looks. {words.of_map(seen, None, None, 'weights')}"
    )
    still = picture(_gilded(shown[-1], seen), title=_title(names, steps))
    scale = np.divide(shown.shape[2:], (rows, columns))
    still.plot(*((np.add(asked, 0.5) * scale - 0.5)[::-1]), "s", ms=9, mfc="none", mec="w", mew=2)
    figure = still.figure.get_figure(root=True)
    return Explorer(content, figure, alt=alt, made=made, axes=axes)


@styled()
def gate_view(
    maps: Any,
    gates: Any,
    *,
    channels: Sequence[str] | None = None,
    heads: Sequence[str] | None = None,
    steps: Sequence[str] | None = None,
    at: tuple[int, int, int] | None = None,
    alt: str | None = None,
) -> Explorer:
    """Maps before and behind their gates: point at a channel or a place, and see what it opens.

    Args:
        maps: what is gated, (C, H, W), or an image that all channels of the gate are shown on,
            (1, H, W) or (H, W).
        gates: between 0 and 1; a gate for each channel, (C, 1, 1), for each place, (1, h, w), or
            for both, (C, h, w), where (h, w) may be coarser than (H, W). Or a pair, (C, h) and
            (C, w), of gates for rows and for columns, whose product it is. Maps and gates with
            heads and steps as axes before, gates at least.
        channels: a name for each channel.
        heads: a name for each head, or branch, by default "head 1", "head 2" …
        steps: a name for each step.
        at: channel, row and column to begin with; by default where most passes.
        alt: by default made from the gates.

    Raises:
        ValueError: if shapes and names do not fit each other, a gate lies outside of [0, 1],
            ``alt`` is empty, or it is too large.
    """
    if isinstance(gates, tuple):
        by_row, by_column = map(numbers, gates)
        opened = by_row[..., :, None] * by_column[..., None, :]
    else:
        opened = numbers(gates)
    given = numbers(maps)
    given = given[None] if given.ndim == 2 else given
    stack, names = frames(opened, 3, what="gates", heads=heads, steps=steps)
    shown = _as_frames(given, stack, bool(steps))
    count = max(stack.shape[2], shown.shape[2])
    (height, width), (of, rows, columns) = shown.shape[3:], stack.shape[2:]
    if {of, shown.shape[2]} - {1, count} or height < rows or width < columns:
        raise ValueError(
            f"gates (C, h, w) and maps (C, H, W) do not fit: {stack.shape[2:]}, {shown.shape[2:]}"
        )
    if stack.min() < 0 or stack.max() > 1:
        raise ValueError(
            f"gates must lie in [0, 1], got from {stack.min():.3g} to {stack.max():.3g}"
        )
    if channels is not None and len(channels) != count:
        raise ValueError(f"channels must be {count} names, got {len(channels)}")
    first = stack[-1, 0]
    passing = shown[-1, 0] * _enlarged(first, height, width)
    begin = at or tuple(map(int, np.unravel_index(passing.argmax(), passing.shape)))
    if not all(0 <= each < end for each, end in zip(begin, (count, height, width), strict=True)):
        raise ValueError(f"at must be (channel, row, column) below {(count, height, width)}: {at}")
    content = {
        "kind": "gates",
        "shape": [count, height, width],
        "maps": pack(shown),
        "channels": shown.shape[2],
        "seen": "image" if _is_image(shown, of) else "map",
        "gates": pack(stack),
        "gates_shape": [of, rows, columns],
        "at": list(begin),
        "names": list(channels) if channels else None,
        "heads": names,
        "steps": list(steps) if steps else None,
    }
    axes = [
        {"title": title, "maps": [digest(values.reshape(len(values), -1))]}
        for title, values in _titled(stack, names, steps)
    ]
    means = first.mean((1, 2))
    made = _to_explore(names, steps) + "Maps before and behind their gates. "
    if of > 1:
        made += words.of_gates({"the gate": means}, "channel") + " "
    if rows * columns > 1:
        made += words.of_map(first.mean(0), None, None, "the mean gate")
    still = _before_and_behind(shown[-1, 0], first, begin, _title(names, steps))
    return Explorer(content, still, alt=alt, made=made.rstrip(), axes=axes)


def _titled(
    stack: Numbers, names: Sequence[str] | None, steps: Sequence[str] | None
) -> Iterator[tuple[str, Numbers]]:
    """Every frame with its step and head as a title."""
    for step, of_step in enumerate(stack):
        for head, frame in enumerate(of_step):
            parts = [labels[i] for labels, i in ((steps, step), (names, head)) if labels]
            yield " · ".join(parts) or "weights", frame


def _title(names: Sequence[str] | None, steps: Sequence[str] | None) -> str:
    """Of the frame that stands for all: the last step, the first head."""
    return " · ".join([*(steps or ())[-1:], *(names or ())[:1]])


def _to_explore(names: Sequence[str] | None, steps: Sequence[str] | None) -> str:
    choices = [words.listed(labels) for labels in (steps, names) if labels]
    return f"To explore, for {'; '.join(choices)}. {_title(names, steps)}: " if choices else ""


def _width(symbols: Sequence[str]) -> float:
    """Pixels that the symbols take side by side; a Chinese letter is as wide as two others."""
    return sum(10 + 8.5 * sum(1 + (east_asian_width(c) in "WF") for c in s) for s in symbols)


def _places(symbols: Sequence[str], width: float) -> list[int]:
    """Centres of the symbols, spread over the width."""
    stretch = width / _width(symbols)
    ends = np.cumsum([_width([symbol]) * stretch for symbol in symbols])
    return [round(e - _width([s]) * stretch / 2) for s, e in zip(symbols, ends, strict=True)]


def _visible(symbol: str) -> str:
    return "␣" if symbol.isspace() else symbol


def _sizes(images: Numbers) -> dict[str, int]:
    return dict(zip(("channels", "height", "width"), images.shape[1:], strict=True))


def _row(parts: Sequence[Numbers], at: tuple[int, int], rows: int, columns: int) -> Numbers:
    """The weights of one place for all; in axial attention a row is the mean of its places."""
    if len(parts) == 1:
        return parts[0][at[0] * columns + at[1]]
    return np.add.outer(parts[0][at[0]] / columns, parts[1][at[1]] / rows).ravel()


def _far_looking(parts: Sequence[Numbers], rows: int, columns: int) -> tuple[int, int]:
    """The place with the greatest weight for another one."""
    elsewhere = [part - np.diag(part.diagonal()) for part in parts]
    peaks = [part.max(1) for part in elsewhere]
    best = peaks[0].argmax() if len(parts) == 1 else peaks[0].argmax() * columns + peaks[1].argmax()
    return int(best // columns), int(best % columns)


def _gilded(image: Numbers, weights: Numbers) -> Numbers:
    """The image, dimmed, with gold where the weights are; as explorer.js paints it."""
    height, width = image.shape[1:]
    peak = weights.max() or 1
    strength = STRENGTH * _enlarged(weights, height, width) / peak
    light = DIMMED * np.broadcast_to(image, (3, height, width))
    return light + strength * (GOLD[:, None, None] - light)


def _as_frames(maps: Numbers, gates: Numbers, has_steps: bool) -> Numbers:
    """Maps with axes of steps and heads as the gates have, of length 1 where they have none."""
    lead, (steps, heads) = maps.shape[:-3], gates.shape[:2]
    fits: dict[tuple[int, ...], tuple[int, int]] = {(): (1, 1)}
    if has_steps:
        fits |= {(steps,): (steps, 1), (steps, heads): (steps, heads)}
    else:
        fits[(heads,)] = (1, heads)
    if maps.ndim < 3 or lead not in fits:
        raise ValueError(
            f"maps must have shape (C, H, W), or axes before as the gates have; got {maps.shape}"
        )
    return maps.reshape(*fits[lead], *maps.shape[-3:])


def _enlarged(values: Numbers, height: int, width: int) -> Numbers:
    """A coarser map, (..., h, w), as (..., height, width), each place repeated."""
    rows = np.arange(height) * values.shape[-2] // height
    columns = np.arange(width) * values.shape[-1] // width
    return values[..., rows, :][..., columns]


def _is_image(maps: Numbers, gated: int) -> bool:
    """Whether maps are seen as one image: of grey, or in colours that are gated alike."""
    bright = maps.min() >= 0 and maps.max() <= 1
    return bool(bright) and (maps.shape[2] == 1 or (maps.shape[2] == 3 and gated == 1))


def _before_and_behind(maps: Numbers, gate: Numbers, at: tuple[int, ...], title: str) -> Any:
    """The channel to begin with, or the image: before, the gate, and behind."""
    height, width = maps.shape[1:]
    opened = _enlarged(gate[min(at[0], len(gate) - 1)], height, width)
    axes = panels(3, width=WIDTH, height=0.7 + WIDTH / 3.2 * height / width)
    if _is_image(maps[None, None], len(gate)):
        picture(maps, ax=axes[0])
        picture(maps * opened, ax=axes[2])
    else:
        values = maps[min(at[0], len(maps) - 1)]
        limits = 0, float(values.max()) or 1.0
        coloured_map(values, ax=axes[0], limits=limits)
        coloured_map(values * opened, ax=axes[2], limits=limits)
    coloured_map(opened, ax=axes[1], limits=(0, 1))
    for ax, name in zip(axes, ("before", "gate", "behind"), strict=True):
        ax.set(title=name, xticks=[], yticks=[])
    if title:
        axes[0].set_title(f"{title}: before")
    return axes[0].figure.get_figure(root=True)
