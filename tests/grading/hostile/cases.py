"""All cases: what learners write, read from the texts in `cases/`, and how they hand it in.

A text has a cell for each case, below its name and how its record ends, where that is not "graded".
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent

from attncourse.grading.record import Status
from tests.grading.hostile import files
from tests.grading.hostile.case import (
    ALL,
    CALLS,
    CLAIMED,
    GRADED,
    HEADS,
    LIE,
    NONE,
    OTHERS,
    RIGHT,
    Case,
)
from tests.grading.lesson import stub

HERE = Path(__file__).parent
HEADING = re.compile(r"^#### (.+?)(?: → (.+))?\n", re.MULTILINE)
#: Tells what was read, by raising.
TELL = """
import re
found = re.findall('canary-[0-9a-f]{32}|mark-[0-9a-f]{32}', text)
raise RuntimeError('found ' + (' '.join(found[:3]) or 'nothing'))
"""
TALK = (HERE / "talk.txt").read_text()
Ends = frozenset[Status]


def unlucky(name: str, text: str, ends: Ends) -> Case:
    """Honest work beside which something happens."""
    return Case(name, {"squeeze": whole(text, "squeeze")}, ALL, ends)


def costly(name: str, text: str, ends: Ends) -> Case:
    """What costs the exercise in which it happens, and no other."""
    return Case(name, {"squeeze": whole(text, "squeeze")}, OTHERS, ends)


def harmless(name: str, text: str, ends: Ends) -> Case:
    """An attack that reaches nothing, in all exercises, beside right answers."""
    return Case(name, {each: whole(text, each) for each in CALLS}, ALL, ends)


def theft(name: str, text: str, ends: Ends) -> Case:
    """An attempt to get points for answers that are not there: `lie` answers everything."""
    answers = {each: f"{LIE}\n{text}\n\n{claim}" for each, claim in CLAIMED.items()}
    return Case(name, answers | {"double": stub(HEADS["double"])}, NONE, ends)


def read(name: str, text: str, ends: Ends) -> Case:
    """What finds a secret, and tells it."""
    return costly(f"reads {name}", f"{text}\n{TELL}", ends)


def write(name: str, text: str, ends: Ends) -> Case:
    """What leaves something where it should not, or tries to."""
    return harmless(f"writes {name}", _tried(text), ends)


def call(name: str, text: str, ends: Ends) -> Case:
    """What talks to somebody outside, or tries to."""
    return harmless(f"calls {name}", _tried(text), ends)


def word(name: str, text: str, ends: Ends) -> Case:
    """What talks to the grader past the worker."""
    return costly(name, f"{TALK}\n{text}", ends)


def whole(text: str, answer: str) -> str:
    """A cell's text, with the right answer below if there is none in it."""
    start = RIGHT[answer].partition("(")[0]
    return text if f"{start}(" in text else f"{text}\n\n{RIGHT[answer]}"


def _tried(text: str) -> str:
    return f"try:\n{indent(text, '    ')}\nexcept Exception:\n    pass"


def cases(text: str, make: Callable[[str, str, Ends], Case]) -> Iterator[Case]:
    """The cases of a text."""
    parts = HEADING.split((HERE / "cases" / f"{text}.txt").read_text())[1:]
    for name, ends, source in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        yield make(name, source.strip(), frozenset(map(Status, (ends or "graded").split(", "))))


LOOPING = {name: f"{source}\nwhile True: pass" for name, source in RIGHT.items()}
SPOILT = f"import torch\n{RIGHT['squeeze']}\nimport os\nos._exit(3)"
BORROWED = "def double(n):\n    return n + int(squeeze(torch.ones(1, 1, 1, 1)) * n)"
#: What learners write who hope that a number is as good as another.
VALUES = {
    "NaN": "torch.full_like(first, float('nan'))",
    "NaN of the right shape": "torch.full((2, 8), float('nan'), dtype=first.dtype)",
    "infinity": "first + float('inf')",
    "no numbers": "first[:0]",
    "a scalar": "torch.tensor(0.5)",
    "complex": "first.to(torch.complex128)",
    "bool": "first > 0",
    "half": "first.half()",
    "eight bits": "first.to(torch.float8_e4m3fn)",
    "sparse": "first.to_sparse()",
    "quantised": "torch.quantize_per_tensor(first.float(), 0.1, 0, torch.qint8)",
    "meta": "first.to('meta')",
    "nested": "torch.nested.nested_tensor([first[0], first[0]])",
    "conjugate view": "torch.ones(2, 8, dtype=torch.complex64).conj().imag",
    "fifty axes": "first.reshape(*first.shape, *[1] * 50)",
    "parameter": "nn.Parameter(first.sum())",
    "mapped": "torch.func.vmap(lambda row: row)(first)",
    "list of tensors": "[first, first]",
    "generator": "(each for each in first)",
}
LONG = {
    "brackets for the parser": "x = " + "(" * 5000 + ")" * 5000,
    "signs for the parser": "x = " + "-" * 90_000 + "1",
    "half a million letters": "# " + "x" * 500_000,
    "numbers for the compiler": "x = " + "+".join("1" * 9 for _ in range(9000)),
}
FILES = f"""\
import os, tempfile
try:
    for number in range(10**9):
        open(os.path.join(tempfile.gettempdir(), f"@MARK-{{number}}"), "w").close()
except OSError:
    pass
{RIGHT["squeeze"]}"""
SPREAD = (
    "class SEBlock(nn.Module):\n    def __init__(self, channels, reduction=16):\n"
    "        super().__init__()\n"
    "        self.reduce = nn.Linear(channels, channels // reduction)\n"
    "        self.expand = nn.Linear(channels // reduction, channels)\n\n"
    "    def forward(self, x):\n        return x.new_zeros(1_000_000, 1, 1, 1, 1)"
)

FAMILIES = {
    "unlucky": [
        *cases("unlucky", unlucky),
        *cases("mistakes", costly),
        Case("loop in every cell", LOOPING),
        Case(
            "one cell spoils what all use", {"squeeze": SPOILT}, OTHERS, frozenset({Status.CRASHED})
        ),
        Case("answer uses another", {"double": BORROWED}),
        Case("hidden test fails", {"double": "def double(n):\n    return n + 2"}, ALL - {"double"}),
    ],
    "availability": [
        *cases("pests", harmless),
        *cases("plagues", costly),
        *(
            costly(name, text, GRADED | {Status.CRASHED, Status.OUT_OF_MEMORY})
            for name, text in LONG.items()
        ),
        Case(
            "files without end", {"squeeze": FILES}, frozenset({"double"})
        ),  # its own /tmp is full
        Case("result that spreads", {"block": SPREAD}, ALL - {"block"}),
    ],
    "theft": [
        *cases("thefts", theft),
        *(
            theft(n, f"def lie(first, *rest):\n    return {value}", GRADED)
            for n, value in VALUES.items()
        ),
        Case("nothing written", {name: stub(head) for name, head in HEADS.items()}, NONE),
    ],
    "reading": [*cases("reads", read)],
    "writing": [*cases("writes", write)],
    "network": [*cases("calls", call)],
    "protocol": [*cases("words", word)],
    "files": files.CASES,
}
CASES = [case for family in FAMILIES.values() for case in family]
