"""The notebook of a new lesson: the template's sections, with what belongs into each."""

from collections.abc import Callable, Iterator, Sequence

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from attncourse.course.syllabus import Lesson, find


def notebook(lesson: Lesson, exercises: Sequence[str], mechanism: str) -> NotebookNode:
    """A solved lesson in which everything that is particular to it has still to be filled in.

    Args:
        lesson: What the syllabus says of it.
        exercises: The names of its exercises, in order.
        mechanism: The class in `attncourse.nn`.
    """
    cells = [*_beginning(lesson)]
    for number, name in enumerate(exercises, start=1):
        cells += _exercise(number, name)
    cells += _end(lesson, exercises[0], mechanism)
    nb: NotebookNode = new_notebook(cells=cells)
    return nb


FUNCTION = """
def {}(x):
    \"""FILL IN: what it returns, (B, C, H, W), for maps (B, C, H, W).\"""
    ### BEGIN SOLUTION
    once = x
    twice = once + x
    return twice
    ### END SOLUTION
"""
CLASS = """
class {}(nn.Module):
    \"""FILL IN: what it makes of maps (B, C, H, W).\"""

    def __init__(self, channels):
        super().__init__()
        ### BEGIN SOLUTION
        start = torch.ones(channels)
        self.weight = nn.Parameter(start)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return x * self.weight[:, None, None]
        ### END SOLUTION
"""


def is_class(exercise: str) -> bool:
    """Whether an exercise asks for a class: its name begins as those of classes do."""
    return exercise[:1].isupper()


def text(source: str, **known: object) -> NotebookNode:
    """A cell to read, or to answer, with what nbgrader is to know about it."""
    return _cell(new_markdown_cell, source, known)


def code(source: str, **known: object) -> NotebookNode:
    """A cell to run, with what nbgrader is to know about it."""
    return _cell(new_code_cell, source, known)


def _cell(make: Callable[..., NotebookNode], source: str, known: dict[str, object]) -> NotebookNode:
    return make(source.strip("\n"), metadata={"nbgrader": known} if known else {})


def _beginning(lesson: Lesson) -> Iterator[NotebookNode]:
    needs = ", ".join(f"lesson {find(slug).number:02d}" for slug in lesson.needs)
    yield text(f"""
# {lesson.number:02d} · {lesson.title}

**{lesson.promise}**

| | |
|---|---|
| Minutes | 0 |
| Points | 0 |
| Difficulty | ●●○ |
| CPU time | 0 s |
| Needs | {needs or "no other lesson"}; FILL IN: what of Python and PyTorch |
| Paper | FILL IN: authors: *title*, venue and year, with the arXiv number as a link |
| Official code | FILL IN: `owner/repository`, or none |
""")
    yield text("""
## You will be able to

- **FILL IN**: a verb and what it is done to (exercise 1);
- **FILL IN**: the next (exercise 2);
- **FILL IN**: three to five in all, each with its exercise (exercises 3 and 4).
""")
    yield text("""
## Setup

Everything runs on a CPU, without network. `ex` holds the exercises of this lesson. Each has a
`check` that says which idea went wrong where something is not right.
""")
    yield code(f"""
import torch
from torch import nn

from attncourse import plotting as plot
from attncourse.exercises import {lesson.module} as ex

seeds = range(3)
""")
    yield text("""
## The itch

FILL IN: what the mechanism before this one cannot do, in a task that the learner sees fail within
five seconds. Twenty to a hundred and twenty words, as in every cell to read.
""")
    yield code(_figure("the mechanism before", "share solved", "the itch"))
    yield text("""
**What this showed.** FILL IN: what failed, and why it had to fail, in the learner's words and
without a formula; the mechanism of this lesson is the answer to exactly this.
""")
    yield text("""
## The idea in one picture

FILL IN: the mechanism in at most a hundred and twenty words, without a formula. The picture below
is drawn by code, and shows whatever the exercises need.
""")
    yield code("""
sketch = plot.Sketch(8, 3)
before = sketch.box("FILL IN", (1.5, 1.5))
after = sketch.box("the idea", (6.5, 1.5))
sketch.arrow(before, after)
plot.show(sketch.figure, alt="FILL IN: what the picture shows, for those who cannot see it.")
""")
    yield text("""
## Symbols and shapes

| symbol | shape | meaning |
|---|---|---|
| $x$, `x` | `(B, C, H, W)` | maps of `C` channels for `B` images |
| FILL IN: every symbol | its shape | what it is, in the course's letters |
""")
    yield text("""
## By hand

FILL IN: three tokens, or a map of 2×3×4, small enough for a pencil. What comes out? Write down
your guess before you run anything; the cell after it draws the guess beside the result.
""")
    yield code("guess = None  # FILL IN: which forms a guess may have: a number, a list, a name")
    yield text("""
FILL IN: what is computed now, step by step, and where in the result the guess is to be looked for.
Nothing in the text or in the code before says what comes out.
""")
    yield code(_figure("by hand", "result", "the pencil", guess=True))


def _exercise(number: int, name: str) -> Iterator[NotebookNode]:
    known = name.lower().replace("_", "-")
    yield text(f"""
## Exercise {number}: FILL IN: what it is about (2 points)

●●○ · 10 minutes

FILL IN: what is given, what is asked, which shapes go in and come out, and what may be used; the
formula, if there is one. Nothing is checked that is not said here.

<details><summary>Hint 1: the idea</summary>

FILL IN: the thought that opens it, as a question.

</details>

<details><summary>Hint 2: the shapes</summary>

FILL IN: which axis goes, which stays, which comes.

</details>

<details><summary>Hint 3: almost code</summary>

FILL IN: the calls in words, without a line that could be copied.

</details>
""")
    yield code((CLASS if is_class(name) else FUNCTION).format(name), grade_id=known, solution=True)
    yield text("""
Try it. FILL IN: a small input whose result one can foresee, and what to expect of it. This cell is
the learner's own: it gives no points, and whatever is changed in it is allowed.
""")
    yield code(_call(name))
    yield text("""
FILL IN: what the check draws, so that one can reproduce what it says: sizes, offsets, masks, and
whether in training or in evaluation; and what it compares, name by name.
""")
    check = f"""
ex.{name}.check({name})
### BEGIN HIDDEN TESTS
ex.{name}.examine({name}, seeds=range(100, 105)).raise_if_failed()
### END HIDDEN TESTS
"""
    yield code(check, grade_id=f"check-{known}", grade=True, locked=True, points=2)
    yield text("""
**What this showed.** FILL IN: what the learner knows now that was not in the task, and how it leads
to the next exercise; nothing that gives a later answer away.
""")


def _end(lesson: Lesson, first: str, mechanism: str) -> Iterator[NotebookNode]:
    yield text("""
## The whole module

FILL IN: what the exercises make together. With the same weights, the course's version must give
what the learner's gives; then it is put into a backbone, at the place that the paper names.
""")
    yield code(f"""
from attncourse.nn.{lesson.module} import {mechanism}

x = torch.randn(2, 8, 5, 7, generator=torch.Generator().manual_seed(0))
mine = nn.Identity()
print("equal outputs:", torch.equal({mechanism}(8)(x), mine(x)))
""")
    yield text("""
## See it attend

FILL IN: the probe task, which needs the mechanism. The learner's own module is trained beside the
course's, one network for each of the `seeds`, in thirty seconds at most; without it the same
network fails. A claim says by how much.
""")
    yield code(_figure("with and without", "share solved", "the experiment"))
    yield text("""
FILL IN: where it looks. An explorer shows it, for the learner to point at; and a photograph, where
the mechanism is one for images. Only what all machines show is told here.
""")
    yield code(_figure("where it looks", "weight", "the explorer"))
    yield text("""
## Break it

FILL IN: a damage that the learner chooses from several, done to a trained network while it reads.
How much survives? Guess first, then run, then compare.
""")
    yield code("guess = None  # FILL IN: which forms a guess may have")
    yield text("""
FILL IN: how the damage is done, in a sentence or two, and what the figure shows of it; which of the
damages hurts most is for the learner to find out.
""")
    yield code(_figure("damaged", "share solved", "the damages", guess=True))
    yield text("""
## What it costs

FILL IN: parameters, multiplications, time and memory against the lessons before this one, and the
paper's own table, computed again; what it was measured on, and what it does not say.
""")
    yield code(f"""
from attncourse.profiling import parameters

print("parameters for 64 channels:", parameters({mechanism}(64)))
""")
    yield text("""
## Paper, official code, ours

| | paper | official code | ours | tested in |
|---|---|---|---|---|
| FILL IN: where they part | what it says | what it does | what we do | the name of the test |
""")
    yield text("""
## Written question (4 points)

FILL IN: a question that only who has understood the lesson can answer, in three to five sentences;
what the answer should speak of, and how it is marked.
""")
    answer = """
### BEGIN MARK SCHEME
**Rubric.** FILL IN: what earns each of the points.

**Model answer.** FILL IN: as a good learner would write it.
### END MARK SCHEME
"""
    yield text(answer, grade_id="written-question", grade=True, solution=True, points=4)
    yield text("""
## Stretch

●●● · 30 minutes

FILL IN: one open task without almost-code and without points: a broken network to repair, a number
to beat within the same budget, a gradient to derive. How does one know that one has got there?
""")
    yield code(_call(first))
    yield text("""
## Recap

FILL IN: the lesson in five lines that one would want to find again a year later: the question, the
idea, the formula in words, the price, and where it fails.
""")
    yield text("""
## Further reading

- [FILL IN](https://arxiv.org/abs/1409.0473): a line that says why one would read it.
- [FILL IN](https://arxiv.org/abs/1706.03762): the next, from another side.
- [FILL IN](https://arxiv.org/abs/1709.01507): three to five in all.

**Next.** FILL IN: the lesson that follows, with a link, and what this one leaves open for it.
""")


def _call(exercise: str) -> str:
    """A line that tries an answer."""
    return f"{exercise}{'(1)' if is_class(exercise) else ''}(torch.ones(1, 1, 2, 3))"


def _figure(name: str, label: str, where: str, *, guess: bool = False) -> str:
    """A cell with a chart; its text for those who cannot see it is made from what it shows."""
    guessed = ", guess=guess" if guess else ""
    return f"""
shares = {{"{name}": 0.5}}  # FILL IN: what {where} computes
plot.show(plot.bars(shares, xlabel="{label}", limits=(0, 1){guessed}))
"""
