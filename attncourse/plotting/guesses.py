"""What a learner guessed before the run: read, set beside the result, and judged in a sentence.

A guess is kind to write: a number, a list, a name to choose, or a mapping from names. Nothing,
``None`` or ``...``, is no guess, and then a figure is drawn as it is without one. Each function
takes a guess with the data it is about, and returns what to draw dashed and what to say; the
sentence is empty where nothing was guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from attncourse.plotting.style import Numbers, numbers
from attncourse.plotting.words import FLAT, listed, named, short

SHAPES = ("rises", "falls", "stays")


def is_guess(guess: Any) -> bool:
    """Whether something was guessed at all."""
    return guess is not None and guess is not ...


def of_bars(guess: Any, means: Mapping[str, float]) -> tuple[dict[str, float], str]:
    """Guessed lengths of bars.

    Args:
        guess: the number of the first bar; a list of numbers, one a bar; a number for each name in
            a mapping; the name of the longest bar; or all names, the longest first.
        means: name of a bar to its number.

    Returns:
        Name of a bar to its guessed length, and how far off that is. Where bars were put in order,
        the guessed length is the one that stands at this place of the true order.

    Raises:
        ValueError: if the guess is none of these.
    """
    if not is_guess(guess):
        return {}, ""
    names = list(means)
    best = sorted(names, key=lambda name: -means[name])
    if isinstance(guess, str):
        _check_names([guess], names, "bar")
        found = f"the longest bar is {best[0]} with {short(means[best[0]])}"
        return {guess: means[best[0]]}, _chosen(guess, guess == best[0], found)
    if _is_list(guess) and all(isinstance(each, str) for each in guess):
        _check_names(guess, names, "bar")
        if sorted(guess) != sorted(names):
            raise ValueError(f"guess must put all bars in order, each once: {', '.join(names)}")
        right = sum(ours == theirs for ours, theirs in zip(guess, best, strict=True))
        drawn = {name: means[place] for name, place in zip(guess, best, strict=True)}
        return drawn, f"{right} of {len(names)} stand where you put them; found: {', '.join(best)}."
    drawn = _by_name(guess, names, "bar")
    return drawn, _far(drawn, {name: float(means[name]) for name in drawn})


def of_lines(
    guess: Any,
    x: Numbers,
    means: Mapping[str, Numbers],
    *,
    limits: tuple[float, float] | None = None,
    blocks: bool = False,
) -> tuple[dict[str, Numbers], str]:
    """Guessed lines.

    Args:
        guess: of the first line a level, numbers spread evenly from its start to its end, or
            "rises", "falls" or "stays"; a mapping from names to such; or the name of the line that
            is highest at its end.
        x: the positions, (N,), at which guesses are read.
        means: name of a line to its values, (N,).
        limits: the lowest and highest values drawn, where they are fixed.
        blocks: let numbers of a guess stand for blocks of positions, and not for a line's corners.

    Returns:
        Name of a line to its guess at each position, and how far off that is.

    Raises:
        ValueError: if the guess is none of these.
    """
    if not is_guess(guess):
        return {}, ""
    names = list(means)
    if isinstance(guess, str) and guess not in SHAPES:
        _check_names([guess], names, "line", *SHAPES)
        best = max(names, key=lambda name: means[name][-1])
        found = f"the highest at the end is {best} with {short(means[best][-1])}"
        flat = np.full(len(x), means[best][-1])
        return {guess: flat}, _chosen(guess, guess == best, found)
    if not isinstance(guess, Mapping):
        guess = {names[0]: guess}
    _check_names(guess, names, "line")
    values = np.concatenate([*means.values(), limits or ()])
    drawn, said = {}, []
    for name, each in guess.items():
        if not is_guess(each):
            continue
        if isinstance(each, str):
            drawn[name], sentence = _shape(name, each, means[name], values)
        else:
            drawn[name] = _line(name, each, x, blocks)
            sentence = _line_off(name, drawn[name], means[name], x)
        said.append(sentence)
    return drawn, " ".join(said)


def of_map(
    guess: Any,
    matrix: Numbers,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> tuple[list[tuple[int, int]], str]:
    """Guessed places of a map.

    Args:
        guess: a place (row, column), each a number or a label; a list of places; a list with the
            column of every row; a whole map of the same shape; a number, the greatest value; or
            the label of the row or column with the greatest sum.
        matrix: the map, (rows, columns).
        rows: a label for each row.
        columns: a label for each column.

    Returns:
        The guessed places, those over half of the greatest for a whole map, and how far off.

    Raises:
        ValueError: if the guess is none of these.
    """
    if not is_guess(guess):
        return [], ""
    if isinstance(guess, str):
        return _label_guess(guess, matrix, rows, columns)
    if _is_number(guess):
        peak = float(np.nanmax(matrix))
        return [], _far({"the greatest value": float(guess)}, {"the greatest value": peak})
    if getattr(guess, "ndim", None) == 2 or (_is_list(guess) and isinstance(guess[0], list)):
        return _whole_map(guess, matrix, rows, columns)
    if isinstance(guess, tuple):
        guess = [guess]
    guess = list(guess) if _is_list(guess) or hasattr(guess, "__len__") else [guess]
    if guess and all(isinstance(place, tuple) and len(place) == 2 for place in guess):
        places = [
            (_place(row, rows, len(matrix), "row"), _place(c, columns, matrix.shape[1], "column"))
            for row, c in guess
        ]
        return places, _places_off(places, matrix, rows, columns)
    if len(guess) == len(matrix):
        chosen = [_place(each, columns, matrix.shape[1], "column") for each in guess]
        hits = int((matrix.argmax(1) == chosen).sum())
        verdict = f"In {hits} of {len(matrix)} rows the greatest is where you guessed."
        return list(enumerate(chosen)), verdict
    raise ValueError(
        "guess must be a place (row, column), a list of places, a column for each of the "
        f"{len(matrix)} rows, a map of shape {matrix.shape}, a number or a label; got {guess!r}"
    )


def of_points(guess: Any, points: Mapping[str, Numbers]) -> tuple[dict[str, Numbers], str]:
    """Guessed places of points.

    Args:
        guess: a pair (x, y) for each name in a mapping, or the name of the highest point.
        points: name of a point to its place (x, y).

    Returns:
        Name of a point to its guessed place, and how far off that is.

    Raises:
        ValueError: if the guess is none of these.
    """
    if not is_guess(guess):
        return {}, ""
    names = list(points)
    if isinstance(guess, str):
        _check_names([guess], names, "point")
        best = max(names, key=lambda name: points[name][1])
        found = f"the highest point is {best} with {short(points[best][1])}"
        return {guess: points[best]}, _chosen(guess, guess == best, found)
    if not isinstance(guess, Mapping):
        raise ValueError(f"guess must be a name or {{name: (x, y)}}, got {guess!r}")
    _check_names(guess, names, "point")
    drawn = {}
    for name, place in guess.items():
        if is_guess(place):
            if not _is_list(place) or len(place) != 2:
                raise ValueError(f"the guess for {name!r} must be a pair (x, y), got {place!r}")
            drawn[name] = np.array([_number(part, f"the guess for {name!r}") for part in place])
    said = [
        f"Your guess for {name} was ({', '.join(map(short, place))}); "
        f"found ({', '.join(map(short, points[name]))})."
        for name, place in drawn.items()
    ]
    return drawn, " ".join(said)


def _by_name(guess: Any, names: Sequence[str], kind: str) -> dict[str, float]:
    if isinstance(guess, Mapping):
        _check_names(guess, names, kind)
        given = {name: value for name, value in guess.items() if is_guess(value)}
    elif _is_number(guess):
        given = {names[0]: guess}
    elif _is_list(guess) or getattr(guess, "ndim", None) == 1:
        values = list(guess)
        if len(values) != len(names):
            raise ValueError(
                f"guess must have a number for each of the {len(names)} {kind}s "
                f"({', '.join(names)}), got {len(values)}"
            )
        given = dict(zip(names, values, strict=True))
        given = {name: value for name, value in given.items() if is_guess(value)}
    else:
        raise ValueError(
            f"guess must be a number, a list of {len(names)} numbers, a name or {{name: number}}, "
            f"got {guess!r}"
        )
    return {name: _number(value, f"the guess for {name!r}") for name, value in given.items()}


def _check_names(given: Iterable[str], names: Sequence[str], kind: str, *others: str) -> None:
    for name in given:
        if name not in names:
            choices = ", ".join([*names, *others])
            raise ValueError(f"guess names {name!r}, and no {kind} is called so: {choices}")


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, Real) or getattr(value, "ndim", None) == 0


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0


def _number(value: Any, what: str) -> float:
    if not _is_number(value) or not np.isfinite(found := float(value)):
        raise ValueError(f"{what} must be a number, got {value!r}")
    return found


def _far(drawn: Mapping[str, float], truth: Mapping[str, float]) -> str:
    if not drawn:
        return ""
    off = {name: guessed - truth[name] for name, guessed in drawn.items()}
    if len(off) == 1:
        ((name, away),) = off.items()
        guessed, found = short(drawn[name]), short(truth[name])
        side = f"{short(abs(away))} too {'high' if away > 0 else 'low'}"
        apart = "right" if guessed == found else side
        return f"Your guess for {name} was {guessed}; found {found}: {apart}."
    worst = max(off, key=lambda name: abs(off[name]))
    mean = short(sum(map(abs, off.values())) / len(off))
    return (
        f"Your {len(off)} guesses are {mean} off on average, the one for {worst} most: "
        f"{short(drawn[worst])} guessed, {short(truth[worst])} found."
    )


def _chosen(name: str, right: bool, found: str) -> str:
    return f"You guessed {name}, {'and' if right else 'but'} {found}."


def _shape(name: str, shape: str, line: Numbers, values: Numbers) -> tuple[Numbers, str]:
    if shape not in SHAPES:
        raise ValueError(
            f"the guess for {name!r} must be {listed(SHAPES)}, or numbers; got {shape!r}"
        )
    start, change, scale = line[0], line[-1] - line[0], np.abs(values).max() or 1
    is_flat = abs(change) < FLAT * scale
    true = "stays" if is_flat else "rises" if change > 0 else "falls"
    end = {"rises": values.max(), "falls": min(0, values.min()), "stays": start}[shape]
    path = "" if is_flat else f" from {short(start)} to {short(line[-1])}"
    so = "and so it does" if true == shape else f"but it {true}{path}"
    return np.linspace(start, end, len(line)), f"You guessed that {name} {shape}, {so}."


def _line(name: str, guess: Any, x: Numbers, blocks: bool) -> Numbers:
    if _is_number(guess):
        return np.full(len(x), _number(guess, f"the guess for {name!r}"))
    if not (_is_list(guess) or getattr(guess, "ndim", None) == 1) or len(guess) > len(x):
        raise ValueError(
            f"the guess for {name!r} must be a number, at most {len(x)} numbers, or "
            f"{listed(SHAPES)}; got {guess!r}"
        )
    corners = [_number(each, f"the guess for {name!r}") for each in guess]
    if blocks or len(corners) == 1:
        return np.array([corners[i * len(corners) // len(x)] for i in range(len(x))])
    return np.interp(x, np.linspace(x[0], x[-1], len(corners)), corners)


def _line_off(name: str, drawn: Numbers, line: Numbers, x: Numbers) -> str:
    apart = np.abs(drawn - line)
    worst = int(apart.argmax())
    return (
        f"Your line for {name} is {short(apart.mean())} off on average, at {short(x[worst])} most: "
        f"{short(drawn[worst])} guessed, {short(line[worst])} found."
    )


def _label_guess(
    guess: str, matrix: Numbers, rows: Sequence[str] | None, columns: Sequence[str] | None
) -> tuple[list[tuple[int, int]], str]:
    sides = [
        (name, list(labels), matrix.sum(axis))
        for name, labels, axis in (("column", columns, 0), ("row", rows, 1))
        if labels is not None and guess in labels
    ]
    if not sides:
        known = [*(rows or ()), *(columns or ())]
        raise ValueError(f"guess names {guess!r}, and no row and no column is called so: {known}")
    side, labels, sums = sides[0]
    at = _place(guess, labels, len(labels), side)
    found = f"the {side} with the greatest sum is {labels[int(sums.argmax())]}"
    span = range(matrix.shape[0 if side == "column" else 1])
    places = [(i, at) if side == "column" else (at, i) for i in span]
    return places, _chosen(guess, at == int(sums.argmax()), found)


def _whole_map(
    guess: Any, matrix: Numbers, rows: Sequence[str] | None, columns: Sequence[str] | None
) -> tuple[list[tuple[int, int]], str]:
    try:
        drawn = numbers(guess)
    except (TypeError, ValueError):
        raise ValueError(f"a map as a guess must be rows of numbers, got {guess!r}") from None
    if drawn.shape != matrix.shape:
        raise ValueError(f"a map as a guess must have shape {matrix.shape}, got {drawn.shape}")
    apart = np.abs(drawn - matrix)
    row, column = np.unravel_index(apart.argmax(), apart.shape)
    verdict = (
        f"Your map is {short(apart.mean())} off on average, most at row {named(rows, row)}, column "
        f"{named(columns, column)}: {short(drawn[row, column])} guessed, "
        f"{short(matrix[row, column])} found."
    )
    return [(int(r), int(c)) for r, c in np.argwhere(drawn > drawn.max() / 2)], verdict


def _places_off(
    places: Sequence[tuple[int, int]],
    matrix: Numbers,
    rows: Sequence[str] | None,
    columns: Sequence[str] | None,
) -> str:
    order = np.argsort(-matrix, axis=None)[: len(places)]
    greatest = {tuple(map(int, np.unravel_index(at, matrix.shape))) for at in order}
    top = np.unravel_index(order[0], matrix.shape)
    where = f"row {named(rows, top[0])}, column {named(columns, top[1])}"
    if len(places) == 1:
        ((row, column),) = places
        guessed = f"row {named(rows, row)}, column {named(columns, column)}"
        return _chosen(guessed, places[0] in greatest, f"the greatest is at {where}")
    hits = len(greatest & set(places))
    return (
        f"{hits} of your {len(places)} places are among the {len(places)} greatest; "
        f"the greatest is at {where}."
    )


def _place(given: Any, labels: Sequence[str] | None, size: int, side: str) -> int:
    if isinstance(given, str):
        found = [at for at, label in enumerate(labels or ()) if label == given]
        if len(found) != 1:
            how = "no" if not found else f"{len(found)}"
            raise ValueError(
                f"guess names {given!r}, and {how} {side}s are called so: count from 0"
            )
        return found[0]
    if not _is_number(given) or int(given) != given or not 0 <= given < size:
        raise ValueError(f"a {side} in guess must be a number from 0 to {size - 1}, got {given!r}")
    return int(given)
