"""Stored outputs against computed ones: words exactly, numbers within a tolerance.

Threads and instruction sets change the last digits of a float, and every version of matplotlib the
bytes of a picture. So numbers within text are compared as numbers, and figures by what they plot.

Where a network was trained, these last digits have become another network. A cell with claims is
compared by them, and otherwise by its form: words, lines, what is drawn and how it is labelled.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from attncourse.plotting import CLAIM_MIME, FIGURE_MIME

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|nan\b|inf\b)")
INTEGER = re.compile(r"[-+]?\d+")
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
PICTURES = {"image/png", "image/jpeg", "image/svg+xml"}
WIDGET = "application/vnd.jupyter.widget-view+json"  # an id, new in every run
TAG = "tolerance="


@dataclass(frozen=True)
class Tolerance:
    """How far a float may be off, as a share of it or absolutely; an integer may not."""

    share: float = 1e-3
    absolute: float = 1e-6
    exact_integers: bool = True

    @classmethod
    def of(cls, tags: list[str]) -> "Tolerance":
        """What a tag such as ``tolerance=0.05`` asks for: any number may be off by 0.05, or 5 %."""
        for tag in tags:
            if tag.startswith(TAG):
                value = float(tag.removeprefix(TAG))
                return cls(value, value, exact_integers=False)
        return cls()

    @property
    def is_form(self) -> bool:
        """Whether a number may be any other, so that only the form is left to compare."""
        return math.isinf(self.share)

    def for_plotted(self, text: str) -> "Tolerance":
        """The same share, but of the greatest number of an array: what an eye could see."""
        greatest = max((abs(float(number)) for number in NUMBER.findall(text)), default=0)
        absolute = max(self.absolute, self.share * greatest)
        return replace(self, absolute=absolute, exact_integers=False)

    def allows(self, stored: str, computed: str) -> bool:
        if stored == computed:
            return True
        if self.exact_integers and INTEGER.fullmatch(stored) and INTEGER.fullmatch(computed):
            return False
        pair = float(stored), float(computed)
        if self.is_form:
            return math.isfinite(pair[0]) == math.isfinite(pair[1])
        return math.isclose(*pair, rel_tol=self.share, abs_tol=self.absolute)


FORM = Tolerance(math.inf, math.inf, exact_integers=False)


def differences(stored: list[Any], computed: list[Any], tolerance: Tolerance) -> Iterator[str]:
    """What is different between the outputs of a cell in the notebook and in this run."""
    before, now = _by_kind(stored), _by_kind(computed)
    if "claim" in before:
        tolerance = FORM
    for text in now.pop("stderr", []):
        yield f"it writes to stderr, for which nbgrader takes the points of a cell:\n{text}"
    for kind in sorted((before.keys() | now.keys()) - {"stderr"}):
        if len(before[kind]) != len(now[kind]):
            yield f"{kind}: {len(before[kind])} stored, {len(now[kind])} computed"
        elif kind in PICTURES:
            yield f"{kind} has no data to compare: display it with attncourse.plotting.show"
        else:
            compare = {"claim": _compare_claims, "figure": _compare_figures}.get(kind, _compare)
            for old, new in zip(before[kind], now[kind], strict=True):
                yield from compare(kind, old, new, tolerance)


def _by_kind(outputs: list[Any]) -> dict[str, list[Any]]:
    """Contents of the outputs, sorted by what they are; of a figure only its data."""
    kinds = defaultdict(list)
    for output in outputs:
        if output["output_type"] == "stream":
            kinds[output["name"]].append(output["text"])
        elif output["output_type"] == "error":
            kinds["error"].append(f"{output['ename']}: {output['evalue']}")
        elif CLAIM_MIME in output["data"]:
            kinds["claim"].append(output["data"][CLAIM_MIME])
        elif FIGURE_MIME in output["data"]:
            kinds["figure"].append(output["data"][FIGURE_MIME])
        else:
            for mime, content in output["data"].items():
                if mime != WIDGET:
                    kinds[mime].append(content)
    return kinds


def _compare_claims(where: str, old: Any, new: Any, tolerance: Tolerance) -> Iterator[str]:
    """The same claim, with the same bounds, must hold of what was computed now."""
    measured = {"held", "values"}
    fixed = [{key: each[key] for key in each.keys() - measured} for each in (old, new)]
    yield from _compare(where, *fixed, Tolerance())
    if len(old["values"]) != len(new["values"]):
        yield f"{where}: of {len(old['values'])} numbers stored, of {len(new['values'])} computed"
    for name, each in {"as stored": old, "as computed": new}.items():
        if not each["held"]:
            yield f"{where}: {each['claim']!r} does not hold {name}: {each['values']}"


def _compare_figures(where: str, old: Any, new: Any, tolerance: Tolerance) -> Iterator[str]:
    """Where only the form counts, an alternative text may tell what the numbers are."""
    if tolerance.is_form:
        old, new = ({key: each[key] for key in each.keys() - {"alt"}} for each in (old, new))
    yield from _compare(where, old, new, tolerance)


def _compare(where: str, old: Any, new: Any, tolerance: Tolerance) -> Iterator[str]:
    """Walk two contents side by side; a list of strings holds the rows of one array."""
    if isinstance(old, str) and isinstance(new, str):
        yield from _compare_text(where, old, new, tolerance)
    elif isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for key in old:
            yield from _compare(f"{where}, {key}", old[key], new[key], tolerance)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        if all(isinstance(row, str) for row in old + new):
            text = "\n".join(old)
            plotted = tolerance.for_plotted(text)
            yield from _compare_text(where, text, "\n".join(new), plotted)
        else:
            for index, (left, right) in enumerate(zip(old, new, strict=True), start=1):
                yield from _compare(f"{where} {index}", left, right, tolerance)
    elif old != new:
        yield f"{where}: stored\n{old}\ncomputed\n{new}"


def _compare_text(where: str, old: str, new: str, tolerance: Tolerance) -> Iterator[str]:
    if tolerance.is_form:
        old, new = THOUSANDS.sub("", old), THOUSANDS.sub("", new)
    if _words(old) != _words(new):
        yield f"{where}: stored\n{old}\ncomputed\n{new}"
        return
    numbers = zip(NUMBER.findall(old), NUMBER.findall(new), strict=True)
    wrong = ((left, right) for left, right in numbers if not tolerance.allows(left, right))
    for left, right in islice(wrong, 3):
        yield f"{where}: {left} stored, {right} computed"


def _words(text: str) -> str:
    """The text without its numbers, and without the blanks that align them."""
    return re.sub(r"[ \t]*\0[ \t]*", "\0", NUMBER.sub("\0", text))
