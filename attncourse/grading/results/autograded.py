"""The notebooks in `autograded/`: what was handed in, and verdicts as the outputs of its checks."""

import copy
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output

from attncourse.course.notebook import grade_id, is_check
from attncourse.exercises.core.messages import line
from attncourse.exercises.core.verdict import ExerciseFailed
from attncourse.grading.plan import Plan, Submission
from attncourse.grading.record import By, Check, Record
from attncourse.grading.results.sanitise import sanitise


def place(root: Path, plan: Plan, student: str) -> Path:
    """Where a student's graded notebook stands, below the course's folder."""
    return root / "autograded" / student / plan.lesson / f"{plan.lesson}.ipynb"


def autograded(plan: Plan, submission: Submission, record: Record) -> str:
    """A notebook as nbgrader's formgrader expects it.

    Checks carry the instructor's text, hidden tests included, and what they found. All other
    outputs are the learner's own, made harmless; nothing was run again for them.

    Args:
        plan: What the lesson asks.
        submission: What was handed in.
        record: What came out.
    """
    return _written(submission.notebook, plan, record)


def ungraded(plan: Plan, record: Record) -> str:
    """A notebook for the formgrader where none can be shown: the lesson, under what went wrong.

    Without one it could not show these points, and nobody could give others.

    Args:
        plan: What the lesson asks.
        record: Which says why.
    """
    why = new_markdown_cell(f"**Not graded.** {record.reason}", id="not-graded")
    return _written(NotebookNode(plan.release, cells=[why, *plan.release.cells]), plan, record)


def _written(notebook: NotebookNode, plan: Plan, record: Record) -> str:
    """A notebook made harmless, with verdicts, as text."""
    nb = sanitise(copy.deepcopy(notebook))
    nb.metadata = copy.deepcopy(plan.release.metadata)
    checks = {check.grade_id: check for check in record.checks}
    tests = {test.grade_id: test for test in plan.tests}
    for cell in nb.cells:
        name = grade_id(cell)
        if is_check(cell) and name in tests:
            cell.source = tests[name].source
            cell.outputs = list(outputs(checks[name]))
            cell.execution_count = None
    return nbformat.writes(nb)


def outputs(check: Check) -> Iterator[NotebookNode]:
    """What a check would have shown in the learner's notebook."""
    lines = [line(each) for each in check.findings]
    if check.by is By.SUBMISSION:
        lines.append(f"({By.SUBMISSION})")
    lines.append(f"{check.earned or 0:g} of {check.possible:g} points")
    yield new_output("stream", name="stdout", text="\n".join(lines) + "\n")
    if check.earned != check.possible:
        kind, told = ExerciseFailed.__name__, check.sentence or "no points"
        yield new_output("error", ename=kind, evalue=told, traceback=[f"{kind}: {told}"])
