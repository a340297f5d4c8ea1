"""What the tests of grading share: the words of a tiny lesson, and a place to hand it in."""

import json
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from attncourse.course.notebook import grade_id
from attncourse.grading.intake.submissions import read_submission
from attncourse.grading.plan import Plan, Submission

STUB = '# YOUR CODE HERE instead of the next line.\nraise NotImplementedError("not solved yet")'
HIDDEN = "\n### BEGIN HIDDEN TESTS\nassert double(-3) == -6\n### END HIDDEN TESTS"

SQUEEZE = "def squeeze(x):\n    return x.mean(dim=(2, 3))"
DOUBLE = "def double(number):\n    return 2 * number"
WHY = "Because the mean forgets where a pixel was."


def stub(head: str) -> str:
    return f"{head}\n    " + STUB.replace("\n", "\n    ")


def marked(name: str, **known: object) -> dict[str, object]:
    return {"nbgrader": {"grade_id": name, **known}}


def cell(nb: NotebookNode, name: str) -> NotebookNode:
    """The cell of a notebook with this grade_id."""
    return next(each for each in nb.cells if grade_id(each) == name)


@dataclass(frozen=True)
class SubmittedFolder:
    """Where a learner's files are put, and read from."""

    folder: Path
    plan: Plan

    @property
    def notebook(self) -> Path:
        return self.folder / f"{self.plan.lesson}.ipynb"

    def put(self, content: bytes | str | NotebookNode, name: str = "") -> Path:
        path = self.folder / name if name else self.notebook
        if isinstance(content, NotebookNode):
            content = json.dumps(content)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def read(self) -> Submission:
        return read_submission(self.folder, self.plan, "ada")
