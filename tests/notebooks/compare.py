"""Stored outputs against computed ones: words exactly, numbers within a tolerance.

Threads and instruction sets change the last digits of a float, and every version of matplotlib the
bytes of a picture. So numbers within text are compared as numbers, and figures by what they plot.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from attncourse.plotting import FIGURE_MIME

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|nan\b|inf\b)")
INTEGER = re.compile(r"[-+]?\d+")
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
        return math.isclose(*pair, rel_tol=self.share, abs_tol=self.absolute)


def differences(stored: list[Any], computed: list[Any], tolerance: Tolerance) -> Iterator[str]:
    """What is different between the outputs of a cell in the notebook and in this run."""
    before, now = _by_kind(stored), _by_kind(computed)
    for text in now.pop("stderr", []):
        yield f"it writes to stderr, for which nbgrader takes the points of a cell:\n{text}"
    for kind in sorted((before.keys() | now.keys()) - {"stderr"}):
        if len(before[kind]) != len(now[kind]):
            yield f"{kind}: {len(before[kind])} stored, {len(now[kind])} computed"
        elif kind in PICTURES:
            yield f"{kind} has no data to compare: display it with attncourse.plotting.show"
        else:
            for old, new in zip(before[kind], now[kind], strict=True):
                yield from _compare(kind, old, new, tolerance)


def _by_kind(outputs: list[Any]) -> dict[str, list[Any]]:
    """Contents of the outputs, sorted by what they are; of a figure only its data."""
    kinds = defaultdict(list)
    for output in outputs:
        if output["output_type"] == "stream":
            kinds[output["name"]].append(output["text"])
        elif output["output_type"] == "error":
            kinds["error"].append(f"{output['ename']}: {output['evalue']}")
        elif FIGURE_MIME in output["data"]:
            kinds["figure"].append(output["data"][FIGURE_MIME])
        else:
            for mime, content in output["data"].items():
                if mime != WIDGET:
                    kinds[mime].append(content)
    return kinds


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
