"""The class on one page: points, exercises, misconceptions, times, and what deserves a look."""

import base64
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from attncourse.catalogue import gettext, ngettext
from attncourse.course.card import read_card
from attncourse.exercises.core import Outcome
from attncourse.exercises.core.messages import title
from attncourse.grading.plan import Answer, Plan, Written
from attncourse.grading.record import By, Check, Record, Status
from attncourse.grading.results.gradebook import Total
from attncourse.grading.results.page import render
from attncourse.plotting.show import png
from attncourse.plotting.style import COLOURS, panels

#: Submissions are shown together if they share this part of the answers that both have written.
ALIKE = 0.75
FEWEST_ALIKE = 3


class Solved(StrEnum):
    """How far a check was solved."""

    FULL = "full"
    PART = "part"
    NONE = "none"
    NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Picture:
    """A figure inside the page."""

    source: str
    alt: str


@dataclass(frozen=True)
class Mistake:
    """A mistake, and who made it.

    Attributes:
        exercise: In which exercise, or in which cell.
        key: Under which equal mistakes meet: what it is of, and its name.
        sentence: What the instructor reads.
        students: Who made it.
        share: Of the class, in percent.
    """

    exercise: str
    key: tuple[str, str]
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
        mistakes=mistakes(found),
        alike=alike(found),
        left_out=left_out or {},
        answers=sum(isinstance(each, Answer | Written) for each in plan.steps),
        pictures={
            "points": _distribution(automatic, checked),
            "exercises": _exercises(plan, found),
            "times": _times(found),
        },
    )


def mistakes(records: Sequence[Record]) -> list[Mistake]:
    """The mistakes that answers showed, the most frequent first."""
    made: dict[tuple[str, tuple[str, str]], list[str]] = defaultdict(list)
    seen: dict[tuple[str, tuple[str, str]], Check] = {}
    for record in records:
        for check in record.checks:
            if check.by is not By.HAND and solved(check) in (Solved.NONE, Solved.PART):
                place = check.exercise or check.grade_id, _mistake(check)
                made[place].append(record.student)
                seen.setdefault(place, check)
    ordered = sorted(made.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        Mistake(*place, _told(seen[place]), tuple(who), round(100 * len(who) / len(records)))
        for place, who in ordered
    ]


def _mistake(check: Check) -> tuple[str, str]:
    """A name for what is wrong, under which equal mistakes meet."""
    if check.misconception:
        return "misconception", check.misconception
    if check.raised:
        return Outcome.RAISED, check.raised.kind
    if check.ended is not Status.GRADED:
        return "ended", check.ended
    failed = next((each.behaviour for each in check.findings if each.failed), check.grade_id)
    return "behaviour", failed


def _told(check: Check) -> str:
    if check.misconception:
        return check.sentence
    if check.raised:
        return gettext("No known misconception; it raises {kind}.", kind=check.raised.kind)
    if check.ended is not Status.GRADED:
        return check.sentence
    failed = next((title(each) for each in check.findings if each.failed), check.grade_id)
    return gettext("No known misconception; what fails is “{title}”.", title=failed)


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
    ax.set(xlabel=gettext("points of the checks"), ylabel=gettext("submissions"))
    ax.set_xlim(-0.7, possible + 0.7)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    middle = statistics.median(points)
    alt = ngettext(
        "Histogram of points: {number} submission, median {middle:g} of {possible:g}.",
        "Histogram of points: {number} submissions, median {middle:g} of {possible:g}.",
        len(points),
        middle=middle,
        possible=possible,
    )
    return _picture(ax, alt)


def _exercises(plan: Plan, records: Sequence[Record]) -> Picture:
    """How many got all, some or none of each check's points, and how many left it open."""
    ids = [test.grade_id for test in plan.tests]
    names = [test.exercise or test.grade_id for test in plan.tests]
    found = [{c.grade_id: c for c in record.checks} for record in records]
    kinds = {
        Solved.FULL: (gettext("full"), "green"),
        Solved.PART: (gettext("part"), "sky"),
        Solved.NONE: (gettext("none"), "red"),
        Solved.NOT_TRIED: (gettext("not tried"), "grey"),
    }
    counts = {kind: [0] * len(names) for kind in kinds}
    for checks in found:
        for place, name in enumerate(ids):
            counts[solved(checks[name])][place] += 1
    [ax] = panels(1, height=0.9 + 0.36 * len(names))
    left = [0] * len(names)
    for kind, (label, colour) in kinds.items():
        ax.barh(names, counts[kind], left=left, color=COLOURS[colour], label=label, height=0.7)
        left = [a + b for a, b in zip(left, counts[kind], strict=True)]
    ax.invert_yaxis()
    ax.set(xlabel=gettext("submissions"), xlim=(0, len(records)))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
    full = ", ".join(f"{n} {c}" for n, c in zip(names, counts[Solved.FULL], strict=True))
    return _picture(ax, gettext("For each check, how many got full points: {full}.", full=full))


def solved(check: Check) -> Solved:
    """How far a check was solved; nothing is tried where nothing is written or could be read."""
    if check.earned == check.possible:
        return Solved.FULL
    if check.earned:
        return Solved.PART
    unread = check.ended in (Status.MALFORMED, Status.NOTHING)
    return Solved.NOT_TRIED if unread or check.outcome is Outcome.UNWRITTEN else Solved.NONE


def _times(records: Sequence[Record]) -> Picture:
    seconds = [record.seconds for record in records]
    [ax] = panels(1, height=2.2)
    ax.hist(seconds, 20, color=COLOURS["purple"], rwidth=0.85)
    ax.set(xlabel=gettext("CPU seconds of the learner's code"), ylabel=gettext("submissions"))
    ax.set_xlim(0, None)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    middle, most = statistics.median(seconds), max(seconds)
    alt = gettext(
        "Computing time: median {middle:.2f} s, at most {most:.2f} s.", middle=middle, most=most
    )
    return _picture(ax, alt)


def _picture(ax: Axes, alt: str) -> Picture:
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    return Picture(f"data:image/png;base64,{base64.b64encode(png(figure)).decode()}", alt)
