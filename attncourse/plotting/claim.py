"""Claims: what an experiment shows on every machine, said in a sentence and judged by numbers.

The same seed gives another network on another processor: after some hundred steps no digit of it
is the same, and other heads and channels do the work. What a lesson says of it must hold all the
same. A claim is such a sentence, with the numbers that it is about and the bound that they keep;
two runs of a lesson are compared by whether its claims hold, never by the numbers themselves.
"""

import html
from typing import Any

import numpy as np

from attncourse.plotting.style import COLOURS, Numbers, numbers

CLAIM_MIME = "application/vnd.attncourse.claim+json"
OTHERWISE = (
    "The networks of this run came out otherwise. If a check above has not passed yet, begin "
    "there; if all have, it was chance: train with other seeds and see."
)


def claim(
    sentence: str, values: Any, *, at_least: float | None = None, at_most: float | None = None
) -> None:
    """Display whether a sentence holds on this run, and keep the numbers that decide it.

        plot.claim("with the gate, every seed reads most digits", read["gate"], at_least=0.75)
        plot.claim("its worst seed beats the best without", min(gate) > max(without))

    Whatever the networks do, nothing is raised: a claim that does not hold says so, and no more.

    Args:
        sentence: what holds on every machine, without a number that training decides.
        values: numbers of any shape, all of which must keep the bounds, one for each seed as a
            rule; or, without bounds, truths, all of which must be true.
        at_least: the lower bound.
        at_most: the upper bound.

    Raises:
        ValueError: if the sentence is empty, if there are numbers without a bound or truths with
            one.
    """
    from IPython.display import display  # here: scripts that only save figures need no IPython

    display(Claim(sentence, values, at_least, at_most))  # type: ignore[no-untyped-call]


class Claim:
    """A judged claim as a notebook shows it; under `CLAIM_MIME` stands what decided it.

    Raises:
        ValueError: If nothing is said, or numbers have no bound, or truths have one.
    """

    def __init__(
        self, sentence: str, values: Any, at_least: float | None, at_most: float | None
    ) -> None:
        self.sentence = " ".join(sentence.split())
        if not self.sentence:
            raise ValueError("a claim must say in words what holds, got an empty sentence")
        truths = _are_truths(values)
        self.bounds = {"at least": at_least, "at most": at_most}
        if truths != (at_least is at_most is None):
            raise ValueError("numbers need at_least or at_most, and truths have neither")
        self.values = numbers(values).ravel()
        lower = 1.0 if truths else -np.inf if at_least is None else at_least
        upper = np.inf if at_most is None else at_most
        kept = (self.values >= lower) & (self.values <= upper)
        self.held = bool(self.values.size and np.isfinite(self.values).all() and kept.all())
        self.measured = "" if truths else _measured(self.values, self.bounds)

    def __repr__(self) -> str:
        if self.held:
            return f"✓ {self.sentence}{self.measured}"
        return f"✗ did not hold on this run: {self.sentence}{self.measured}\n  {OTHERWISE}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        data = {
            "claim": self.sentence,
            "held": self.held,
            "values": [round(v, 6) if np.isfinite(v) else None for v in self.values.tolist()],
            **{name: bound for name, bound in self.bounds.items() if bound is not None},
        }
        return {"text/html": self._page(), "text/plain": repr(self), CLAIM_MIME: data}

    def _page(self) -> str:
        sign, colour = ("✓", "green") if self.held else ("✗", "orange")
        said = html.escape(f"{self.sentence}{self.measured}")
        if not self.held:  # it is about networks, and blames nobody
            said = f"<em>Did not hold on this run:</em> {said}<br><small>{OTHERWISE}</small>"
        style = f"border-left: 3px solid {COLOURS[colour]}; padding-left: 0.6em"
        return f'<div style="{style}">{sign} {said}</div>'


def _are_truths(values: Any) -> bool:
    if hasattr(values, "detach"):
        return str(values.dtype) == "torch.bool"
    return np.asarray(values).dtype == bool


def _measured(values: Numbers, bounds: dict[str, float | None]) -> str:
    """The numbers from least to greatest, and what was claimed of them."""
    ends = (
        dict.fromkeys(f"{end:.3g}" for end in (values.min(), values.max())) if values.size else ()
    )
    claimed = " and ".join(f"{name} {b:g}" for name, b in bounds.items() if b is not None)
    return f" ({' to '.join(ends) or 'nothing measured'}; claimed: {claimed})"
