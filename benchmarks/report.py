"""The tables of docs/benchmarks.md (CPU) and docs/benchmarks-gpu.md, a section a mechanism."""

import re
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from statistics import median

from benchmarks.measure import quartiles

DOCS = Path(__file__).parents[1] / "docs"
INTRODUCTION = """\
# Benchmarks{on}

Written by `python -m benchmarks`; do not edit. Each mechanism is measured in one interleaved run
against the forms that people use (`benchmarks/baselines/`), with equal weights and equal results.
*Ratio* is the median over rounds of the other's time divided by ours, with quartiles; *target* is
what ours must reach, and *stretch* what is aimed at. *(c)* compares ours under `torch.compile` with
the other as it is. *Peak* is the memory of one run beyond its inputs, ours / theirs. *Floor* is the
share of our time that the unavoidable work alone takes.
"""
HEAD = """\
| case | pass | against | ours, ms | theirs, ms | ratio | target | peak, MB | floor |
|---|---|---|---:|---:|---|---|---|---:|
"""


@dataclass(frozen=True)
class Row:
    """Ours against another form in one pass: seconds in each round, and what was aimed at."""

    case: str
    what: str
    against: str
    ours: list[float]
    theirs: list[float]
    _: KW_ONLY
    target: float | None = None
    stretch: float | None = None
    floor: list[float] | None = None
    peaks: tuple[int, int] | None = None
    memory: float | None = None

    @property
    def fast(self) -> bool:
        """Whether ours is as many times as fast as it must be."""
        return self.target is None or self.ratio[1] >= self.target

    @property
    def small(self) -> bool:
        """Whether ours needs no more than its share of the other's memory."""
        return not self.peaks or not self.memory or self.peaks[0] <= self.memory * self.peaks[1]

    @property
    def ratio(self) -> tuple[float, float, float]:
        """How many times as fast ours is, round by round: quartiles."""
        return quartiles([t / o for t, o in zip(self.theirs, self.ours, strict=True)])

    def __str__(self) -> str:
        low, ratio, high = self.ratio
        cells = [
            self.case,
            self.what,
            self.against,
            f"{1e3 * median(self.ours):.2f}",
            f"{1e3 * median(self.theirs):.2f}",
            f"**{ratio:.2f}** ({low:.2f}–{high:.2f})",
            self._target(),
            self._peak(),
            f"{median(self.floor) / median(self.ours):.0%}" if self.floor else "",
        ]
        return f"| {' | '.join(cells)} |"

    def _target(self) -> str:
        must = f"≥ {self.target:g} {'✓' if self.fast else '✗'}" if self.target else ""
        return f"{must} (stretch {self.stretch:g})".strip() if self.stretch else must

    def _peak(self) -> str:
        peak = " / ".join(f"{size / 1e6:.1f}" for size in self.peaks or ())
        return f"{peak}, ≤ {self.memory:.0%} {'✓' if self.small else '✗'}" if self.memory else peak


def write(slug: str, rows: list[Row], conditions: str, *, gpu: bool) -> Path:
    """Put a mechanism's section in its place, and leave the others as they are."""
    path = DOCS / ("benchmarks-gpu.md" if gpu else "benchmarks.md")
    sections = {}
    if path.exists():
        parts = re.split(r"^## (.+)\n", path.read_text(), flags=re.MULTILINE)[1:]
        sections = dict(zip(parts[::2], parts[1::2], strict=True))
    table = HEAD + "".join(f"{row}\n" for row in rows)
    sections[slug] = f"\n{conditions}\n\n{table}"
    body = "".join(f"\n## {name}\n\n{text.strip()}\n" for name, text in sorted(sections.items()))
    path.write_text(INTRODUCTION.format(on=" on a GPU" if gpu else "") + body)
    return path
