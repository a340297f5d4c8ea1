"""The class on one page: points, exercises, misconceptions, times, and what deserves a look."""

import base64
import re
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from attncourse.course.card import read_card
from attncourse.exercises.core.behaviours import STATUS
from attncourse.grading.plan import Answer, Plan, Written
from attncourse.grading.record import By, Check, Record, Status
from attncourse.grading.results.gradebook import Total
from attncourse.grading.results.page import render
from attncourse.plotting.show import png
from attncourse.plotting.style import COLOURS, panels

#: Submissions are shown together if they share this part of the answers that both have written.
ALIKE = 0.75
FEWEST_ALIKE = 3
UNWRITTEN = STATUS["unwritten"]
RAISED = re.compile(r"raised (\w+)")


@dataclass(frozen=True)
class Picture:
    """A figure inside the page."""

    source: str
    alt: str


@dataclass(frozen=True)
class Held:
    """A misconception, and who holds it."""

    exercise: str
    sentence: str
    students: tuple[str, ...]
    share: int


@dataclass(frozen=True)
class Group:
    """Students whose answers are alike."""

    students: tuple[str, ...]
    answers: tuple[str, ...]


def report(
    plan: Plan,
    records: Mapping[str, Record],
    totals: Mapping[str, Total],
    left_out: Mapping[str, str] | None = None,
) -> str:
    """The page for the instructor: self-contained, and nothing in it runs.

    Args:
        plan: What the lesson asks.
        records: By student; at least one.
        totals: By student, from the gradebook.
        left_out: By student, why a record is not among them.
    """
    found = [record for _, record in sorted(records.items())]
    scores = [totals[record.student].score for record in found]
    checked = sum(test.points for test in plan.tests)
    automatic = [_checked(record) for record in found]
    return render(
        "report.html",
        title=read_card(plan.release).title or plan.lesson,
        records=found,
        seed=found[0].seed,
        median=statistics.median(scores),
        possible=sum(each.points for each in plan.graded),
        full=sum(points >= checked for points in automatic),
        waiting=sum(totals[record.student].waits for record in found),
        odd=[record for record in found if record.status is not Status.GRADED],
        noted=[record for record in found if record.notes],
        misconceptions=misconceptions(found),
        alike=alike(found),
        left_out=left_out or {},
        answers=sum(isinstance(each, Answer | Written) for each in plan.steps),
        pictures={
            "points": _distribution(automatic, checked),
            "exercises": _exercises(plan, found),
            "times": _times(found),
        },
    )


def misconceptions(records: Sequence[Record]) -> list[Held]:
    """The mistakes that answers showed, the most frequent first."""
    held: dict[tuple[str, str], list[str]] = defaultdict(list)
    sentences: dict[tuple[str, str], str] = {}
    for record in records:
        for check in record.checks:
            if check.by is not By.HAND and _kind(check) in ("none", "part"):
                name, sentence = _mistake(check)
                key = (check.exercise or check.grade_id, name)
                held[key].append(record.student)
                sentences.setdefault(key, sentence)
    ordered = sorted(held.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        Held(key[0], sentences[key], tuple(who), round(100 * len(who) / len(records)))
        for key, who in ordered
    ]


def _mistake(check: Check) -> tuple[str, str]:
    """A name for what is wrong, under which equal mistakes meet, and a sentence about it."""
    if check.misconception:
        return check.misconception, check.sentence
    if raised := RAISED.search(check.sentence):
        return raised[1], f"No known misconception; it raises {raised[1]}."
    failed = next((each.behaviour for each in check.findings if not each.passed), check.grade_id)
    return failed, f"No known misconception; what fails is “{failed}”."


def alike(records: Sequence[Record]) -> list[Group]:
    """Groups of students who share most of their answers."""
    together: dict[frozenset[tuple[str, str]], set[str]] = defaultdict(set)
    for one, other in combinations(records, 2):
        shared = frozenset(one.answers.items() & other.answers.items())
        fewest = min(len(one.answers), len(other.answers))
        if len(shared) >= max(FEWEST_ALIKE, ALIKE * fewest):
            together[shared] |= {one.student, other.student}
    groups = [
        Group(tuple(sorted(who)), tuple(sorted(name for name, _ in shared)))
        for shared, who in together.items()
    ]
    return sorted(groups, key=lambda group: (-len(group.answers), group.students))


def _checked(record: Record) -> float:
    return sum(check.earned or 0 for check in record.checks if check.by is not By.HAND)


def _distribution(points: Sequence[float], possible: float) -> Picture:
    [ax] = panels(1, height=2.6)
    edges = [number - 0.5 for number in range(int(possible) + 2)]
    ax.hist(points, edges, color=COLOURS["blue"], rwidth=0.85)
    ax.set(xlabel="points of the checks", ylabel="submissions", xlim=(-0.7, possible + 0.7))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    middle = statistics.median(points)
    alt = f"Histogram of points: {len(points)} submissions, median {middle:g} of {possible:g}."
    return _picture(ax, alt)


def _exercises(plan: Plan, records: Sequence[Record]) -> Picture:
    """How many got all, some or none of each check's points, and how many left it open."""
    ids = [test.grade_id for test in plan.tests]
    names = [test.exercise or test.grade_id for test in plan.tests]
    found = [{c.grade_id: c for c in record.checks} for record in records]
    kinds = {"full": "green", "part": "sky", "none": "red", "not tried": "grey"}
    counts = {kind: [0] * len(names) for kind in kinds}
    for checks in found:
        for place, name in enumerate(ids):
            counts[_kind(checks[name])][place] += 1
    [ax] = panels(1, height=0.9 + 0.36 * len(names))
    left = [0] * len(names)
    for kind, colour in kinds.items():
        ax.barh(names, counts[kind], left=left, color=COLOURS[colour], label=kind, height=0.7)
        left = [a + b for a, b in zip(left, counts[kind], strict=True)]
    ax.invert_yaxis()
    ax.set(xlabel="submissions", xlim=(0, len(records)))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
    solved = ", ".join(f"{n} {c}" for n, c in zip(names, counts["full"], strict=True))
    return _picture(ax, f"For each check, how many got full points: {solved}.")


def _kind(check: Check) -> str:
    if check.earned == check.possible:
        return "full"
    if check.earned:
        return "part"
    untried = check.sentence == UNWRITTEN or check.ended in (Status.MALFORMED, Status.NOTHING)
    return "not tried" if untried else "none"


def _times(records: Sequence[Record]) -> Picture:
    seconds = [record.seconds for record in records]
    [ax] = panels(1, height=2.2)
    ax.hist(seconds, 20, color=COLOURS["purple"], rwidth=0.85)
    ax.set(xlabel="CPU seconds of the learner's code", ylabel="submissions", xlim=(0, None))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    middle, most = statistics.median(seconds), max(seconds)
    return _picture(ax, f"Computing time: median {middle:.2f} s, at most {most:.2f} s.")


def _picture(ax: Axes, alt: str) -> Picture:
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    return Picture(f"data:image/png;base64,{base64.b64encode(png(figure)).decode()}", alt)
