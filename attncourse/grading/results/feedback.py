"""What a learner gets back: points, sentences and comments beside the answers, on one page.

The page is made from the record, the gradebook and the notebook in `autograded/`. It shows no test,
so that the next attempt is not graded with known ones, and it runs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from attncourse.course.card import read_card
from attncourse.course.marks import HEADING
from attncourse.course.notebook import grade_id, is_answer
from attncourse.grading.plan import Plan
from attncourse.grading.record import By, Check, Record
from attncourse.grading.results.gradebook import Total
from attncourse.grading.results.page import render
from attncourse.grading.results.sanitise import as_typed

LONGEST_ANSWER = 20_000  # characters that are shown


@dataclass(frozen=True)
class Item:
    """One graded cell with what belongs to it.

    Attributes:
        heading: The exercise's heading in the lesson.
        check: What came out.
        earned: Points as they stand in the gradebook; None while a person has yet to decide.
        code: The learner's code.
        prose: The learner's text, Markdown.
        comments: Of whoever graded by hand.
    """

    heading: str
    check: Check
    earned: float | None
    code: tuple[str, ...] = ()
    prose: str = ""
    comments: tuple[str, ...] = ()

    @property
    def standing(self) -> str:
        """Whether it is good, bad or partly good."""
        if self.earned is None:
            return "soft"
        if self.earned >= self.check.possible:
            return "good"
        return "part" if self.earned else "bad"

    @property
    def failed(self) -> bool:
        """Whether a behaviour was found wrong."""
        return any(each.failed for each in self.check.findings)

    @property
    def inside(self) -> bool:
        """Whether the notebook itself checked it."""
        return self.check.by is By.SUBMISSION

    @property
    def changed(self) -> bool:
        """Whether a person gave other points than the check."""
        return self.check.earned is not None and self.earned not in (None, self.check.earned)


def feedback(plan: Plan, record: Record, total: Total, notebook: NotebookNode | None) -> str:
    """The page for one learner.

    Args:
        plan: What the lesson asks.
        record: What came out.
        total: What stands in the gradebook.
        notebook: The one in `autograded/`; None where nothing could be read.
    """
    return render(
        "feedback.html",
        title=read_card(plan.release).title or plan.lesson,
        record=record,
        score=total.score,
        possible=total.possible,
        penalty=total.penalty,
        waits=total.waits,
        items=list(_items(plan, record, total, notebook)),
    )


def _items(
    plan: Plan, record: Record, total: Total, notebook: NotebookNode | None
) -> Iterator[Item]:
    handed_in = {grade_id(cell): cell.source for cell in notebook.cells} if notebook else {}
    checks = {check.grade_id: check for check in record.checks}
    heading, answers = "", []
    for cell in plan.release.cells:
        name = grade_id(cell)
        if cell.cell_type == "markdown":
            heading = (HEADING.findall(cell.source) or [heading])[-1]
        if is_answer(cell) and cell.cell_type == "code":
            answers.append(name)
        if name not in checks:
            continue
        check = checks[name]
        own = [name] if check.by is By.HAND else answers
        given = [each for each in own if each in handed_in and each in record.answers]
        sources = [handed_in[each][:LONGEST_ANSWER] for each in given]
        prose = cell.cell_type == "markdown"
        yield Item(
            heading,
            check,
            total.cells.get(name),
            code=() if prose else tuple(sources),
            # The page's own Markdown escapes all HTML, which must not happen to it twice.
            prose="\n\n".join(map(as_typed, sources)) if prose else "",
            comments=tuple(total.comments[each] for each in own if each in total.comments),
        )
        answers = []
