"""Run a lesson's claims with other seeds, on simulated machines, and with planted faults.

    python -m benchmarks.claims 06-se             # three runs of its seeds on every machine
    python -m benchmarks.claims 06-se --faults    # each fault, and which claims notice it

A lesson names its seeds in one place, and this tool moves them. Checks of answers are left out.
"""

import argparse
import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from attncourse.course.kernel import execute
from attncourse.course.marks import error_of
from attncourse.course.measures.claims import claims
from attncourse.course.notebook import is_check, python, read
from attncourse.course.places import Course, locate
from attncourse.course.syllabus import Lesson
from attncourse.course.trained import follow
from benchmarks.faults import NO_TRAINING, UNTRAINED, Fault, faults
from benchmarks.machines import HERE, MACHINES, simulated

APART = 100  # from the seeds of one run to those of the next
RUNS = 3
LONGEST_CELL = 900  # seconds


@dataclass
class Row:
    """A claim on one machine: what was measured in all runs, and how often it held.

    Attributes:
        values: All that was judged; truths are ones and zeros.
        bounds: `at least` and `at most`, as far as the claim has them.
        held: For each run, whether it held.
    """

    values: list[float | None] = field(default_factory=list)
    bounds: dict[str, float] = field(default_factory=dict)
    held: list[bool] = field(default_factory=list)

    def worst(self) -> str:
        """The values nearest to the bounds, or beyond."""
        numbers = [value for value in self.values if value is not None]
        if len(numbers) < len(self.values) or not numbers:
            return "nothing"
        ends = {"at least": min, "at most": max}
        if not self.bounds:
            return f"{sum(numbers):g} of {len(numbers)} true"
        return ", ".join(
            f"{ends[name](numbers):.3g} ({name} {bound:g})" for name, bound in self.bounds.items()
        )


def main() -> int:
    """Exit with 1 if a claim did not hold, or with faults, if one went unnoticed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.claims",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("lessons", nargs="*", help="names of lessons (default: all)")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"default: {RUNS}")
    names = (HERE, *simulated())
    parser.add_argument("--machines", nargs="*", default=names, choices=names)
    parser.add_argument("--faults", action="store_true", help="plant faults instead")
    options = parser.parse_args()
    course = locate()
    good = True
    for lesson in course.select(options.lessons):
        print(f"## {lesson.name}\n", flush=True)
        lines, passed = (
            table_of_faults(course, lesson)
            if options.faults
            else table_of_seeds(course, lesson, options.machines, options.runs)
        )
        print("\n".join(lines), end="\n\n", flush=True)
        good &= passed
    return 0 if good else 1


def table_of_seeds(
    course: Course, lesson: Lesson, machines: Iterable[str], runs: int
) -> tuple[list[str], bool]:
    """Claim × machine: the worst value over all seeds; and whether every claim held."""
    table: dict[str, dict[str, Row]] = defaultdict(lambda: defaultdict(Row))
    for machine in machines:
        for run in range(runs):
            for claim in run_claims(course, lesson, run=run, machine=machine):
                row = table[claim["claim"]][machine]
                row.values += claim["values"]
                row.held.append(claim["held"])
                row.bounds = {k: claim[k] for k in ("at least", "at most") if k in claim}
    machines = list(dict.fromkeys(machine for rows in table.values() for machine in rows))
    lines = ["| claim | " + " | ".join(machines) + " |", "|---" * (1 + len(machines)) + "|"]
    for claim, rows in table.items():
        cells = (f"{rows[m].worst()}, {sum(rows[m].held)}/{len(rows[m].held)}" for m in machines)
        lines.append(f"| {claim} | {' | '.join(cells)} |")
    return lines, all(all(row.held) for rows in table.values() for row in rows.values())


def table_of_faults(course: Course, lesson: Lesson) -> tuple[list[str], bool]:
    """Claim × fault: whether it noticed; and whether each fault was, and each claim could."""
    names = list(faults(lesson.slug))
    noticed = {
        name: [not claim["held"] for claim in run_claims(course, lesson, fault=name)]
        for name in names
    }
    sentences = [claim["claim"] for claim in claims(read(course.solution(lesson)).cells)]
    lines = ["| claim | " + " | ".join(names) + " |", "|---" * (1 + len(names)) + "|"]
    by_claim = list(zip(sentences, *noticed.values(), strict=True))
    for sentence, *seen in by_claim:
        lines.append(f"| {sentence} | {' | '.join('fails' if s else 'holds' for s in seen)} |")
    each_fails = all(any(seen) for _, *seen in by_claim)
    return lines, each_fails and all(any(seen) for seen in noticed.values())


def run_claims(
    course: Course, lesson: Lesson, *, run: int = 0, machine: str = HERE, fault: str = ""
) -> list[dict[str, Any]]:
    """Runs a lesson and gives back its claims as they were judged.

    Args:
        course: A course with solutions.
        lesson: One that has a solution.
        run: Moves the lesson's seeds by this many hundreds.
        machine: A name in `MACHINES`.
        fault: A name in the lesson's `faults`, or nothing.

    Raises:
        ValueError: A cell fails, a fault does not fit the lesson, or it has no one place for seeds.
    """
    path = course.solution(lesson)
    nb = deepcopy(read(path))
    nb.cells = [cell for cell in nb.cells if cell.cell_type == "code" and not is_check(cell)]
    while nb.cells and not claims(nb.cells[-1:]):
        nb.cells.pop()  # what follows the last claim bears on none
    if run:
        move_seeds(nb.cells, run * APART)
    if fault:
        plant(nb.cells, faults(lesson.slug)[fault])
    if fault == UNTRAINED:
        nb.cells.insert(0, new_code_cell(NO_TRAINING))
    execute(nb, path.parent, cell_timeout=LONGEST_CELL, environment=MACHINES[machine])
    for cell in nb.cells:
        if error := error_of(cell):
            raise ValueError(f"{lesson.name}: {error.ename}: {error.evalue} in\n{cell.source}")
    return claims(nb.cells)


def move_seeds(cells: Sequence[NotebookNode], by: int) -> None:
    """Adds to the seeds of a lesson where they are assigned to the name `seeds`."""
    flows = follow(cell.source for cell in cells)
    places = [
        (cell, value) for cell, flow in zip(cells, flows, strict=True) for value in flow.seeds
    ]
    if len(places) != 1:
        raise ValueError(f"`seeds` is assigned in {len(places)} places, not in one")
    ((cell, value),) = places
    seeds = list(eval(ast.unparse(value), {"__builtins__": {"range": range, "list": list}}))
    replace_code(cell, value, repr([seed + by for seed in seeds]))


def replace_code(cell: NotebookNode, node: ast.expr, code: str) -> None:
    """Puts other code in the place of an expression of a cell."""
    lines = [line.encode() for line in python(cell.source).splitlines()]
    assert node.end_lineno is not None
    before, after = lines[: node.lineno], lines[node.end_lineno - 1 :]
    before[-1] = before[-1][: node.col_offset]  # counted in bytes
    after[0] = after[0][node.end_col_offset :]
    head, tail = b"\n".join(before).decode(), b"\n".join(after).decode()
    cell.source = head + code + tail


def plant(cells: Sequence[NotebookNode], fault: Fault) -> None:
    """Replaces code, each piece of which must stand in the lesson."""
    for old, new in fault.items():
        places = [cell for cell in cells if old in cell.source]
        if not places:
            raise ValueError(f"the lesson has no {old!r}, which a fault replaces")
        for cell in places:
            cell.source = cell.source.replace(old, new)


if __name__ == "__main__":
    sys.exit(main())
