"""A hostile or unlucky submission: what is handed in, and what must become of it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from attncourse.course.normalise import normalise
from attncourse.grading.record import Status
from tests.grading.lesson import DOUBLE, HIDDEN, SQUEEZE, cell, marked, stub

LESSON = "06-se"
EXCITATION = """\
def excitation(descriptors, w_reduce, b_reduce, w_expand, b_expand):
    hidden = torch.relu(descriptors @ w_reduce.T + b_reduce)
    return torch.sigmoid(hidden @ w_expand.T + b_expand)"""
BLOCK = """\
class SEBlock(nn.Module):
    def __init__(self, channels, reduction=16):
        super().__init__()
        self.reduce = nn.Linear(channels, channels // reduction)
        self.expand = nn.Linear(channels // reduction, channels)

    def forward(self, x):
        return {result}"""
GATED = "x * self.expand(self.reduce(x.mean((2, 3))).relu()).sigmoid()[:, :, None, None]"

#: What a learner writes who knows, and who claims to know: everything that `lie` returns.
RIGHT = {
    "squeeze": SQUEEZE,
    "excitation": EXCITATION,
    "block": BLOCK.format(result=GATED),
    "double": DOUBLE,
}
CLAIMED = {
    "squeeze": "squeeze = lie",
    "excitation": "excitation = lie",
    "block": BLOCK.format(result="lie(x)"),
}
LIE = "def lie(first, *rest):\n    return first * 0\n"
HEADS = {
    "squeeze": "def squeeze(x):",
    "excitation": "def excitation(descriptors, w_reduce, b_reduce, w_expand, b_expand):",
    "block": "def SEBlock():",
    "double": "def double(number):",
}
CALLS = {"squeeze": "squeeze", "excitation": "excitation", "block": "SEBlock"}
#: Points by answer.
POINTS = {"squeeze": 2.0, "excitation": 3.0, "block": 4.0, "double": 1.0}
ALL = frozenset(POINTS)
OTHERS = ALL - {"squeeze"}
NONE: frozenset[str] = frozenset()
GRADED = frozenset({Status.GRADED})

HandIn = Callable[[Path, NotebookNode], None]


def save(folder: Path, nb: NotebookNode) -> None:
    """Hand in as everybody does."""
    put(folder, json.dumps(nb).encode())


def put(folder: Path, content: bytes, name: str = f"{LESSON}.ipynb") -> None:
    """Write a file of a submission."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


@dataclass(frozen=True)
class Case:
    """One submission.

    Attributes:
        name: What it does.
        answers: Sources by answer, in the place of right ones; @WORDS stand for places.
        keeps: Answers whose points are kept; all others give none.
        ends: With which status its record may end.
        hand_in: Writes the notebook, or what is in its place.
    """

    name: str
    answers: Mapping[str, str] = field(default_factory=dict)
    keeps: frozenset[str] = ALL
    ends: frozenset[Status] = GRADED
    hand_in: HandIn = save

    @property
    def student(self) -> str:
        """Whose it is."""
        return "-".join(re.findall(r"\w+", self.name)).lower()


def release() -> NotebookNode:
    """Three exercises of the course, and one that is checked by plain assertions."""
    cells = [
        new_markdown_cell("# A gate for every channel"),
        new_code_cell(
            "import torch\nfrom torch import nn\nfrom attncourse.exercises import se as ex"
        ),
    ]
    for name, head in HEADS.items():
        asks = (
            f"ex.{CALLS[name]}.check({CALLS[name]})" if name in CALLS else "assert double(2) == 4"
        )
        graded = marked(f"check-{name}", grade=True, points=POINTS[name])
        cells += [
            new_markdown_cell(f"Write {name}."),
            new_code_cell(stub(head), metadata=marked(name, solution=True)),
            new_code_cell(asks, metadata=graded),
        ]
    return normalise(new_notebook(cells=cells))


def solution(secret: str, hidden: str) -> NotebookNode:
    """The instructor's notebook, with words in it that nobody else may ever see.

    Args:
        secret: Stands in the answers.
        hidden: Stands in a hidden test.
    """
    nb = release()
    for name, source in RIGHT.items():
        cell(nb, name).source = f"{source}\n# {secret}"
    cell(nb, "check-double").source += HIDDEN.replace("-6", f"-6  # {hidden}")
    return nb


def submission(answers: Mapping[str, str], places: Mapping[str, str]) -> NotebookNode:
    """A notebook with these answers, and right ones where there is none."""
    nb = release()
    for name, source in {**RIGHT, **answers}.items():
        for word, place in places.items():
            source = source.replace(f"@{word}", place)
        cell(nb, name).source = source
    return nb
