"""Every measure passes a good lesson and fails one that breaks its rule."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from rich.console import Console

from attncourse.course.anatomy import Anatomy, prose, words
from attncourse.course.card import fill_card
from attncourse.course.measures import MEASURES, PENDING, dissect, measure, render
from attncourse.course.notebook import dumps, is_answer, write_file
from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson
from attncourse.plotting import CLAIM_MIME
from attncourse.training.progress import NOTE

SOURCE = "- [A paper](https://arxiv.org/abs/1409.0473), which says it first\n"
PROSE = "This is a sentence that says something about the mechanism and is long enough. " * 2
HINT = "<details><summary>Hint</summary>\n\nLook at the axes.\n\n</details>\n"
CARD = """\
# A good lesson

One line that promises something.

| | |
|---|---|
| Minutes | 0 |
| Points | 0 |
| Difficulty | ●●○ |
| CPU time | 0 s |
| Needs | nothing |
| Paper | [arXiv](https://arxiv.org/abs/1409.0473) |
| Official code | none |
"""
ANSWER = """\
def f(x):
    ### BEGIN SOLUTION
    y = x
    z = y
    return z
    ### END SOLUTION
"""


def text(heading: str, body: str = PROSE) -> NotebookNode:
    return new_markdown_cell(f"## {heading}\n\n{body}")


def figure() -> NotebookNode:
    alt = {"image/png": {"alt": "two lines that cross"}}
    return new_code_cell(
        "show(draw())", outputs=[new_output("display_data", {"image/png": "AA=="}, metadata=alt)]
    )


TRAINING = """\
from attncourse import plotting as plot, training

seeds = range(3)
model = training.fit(seeds)
plot.claim("it learns", model, at_least=0.5)"""


def claim(held: bool = True) -> NotebookNode:
    data = {CLAIM_MIME: {"claim": "it learns", "held": held, "values": [0.7]}}
    return new_output("display_data", data)


def progress() -> NotebookNode:
    return new_output("display_data", {"text/plain": "3 steps"}, metadata={NOTE: True})


def exercise(number: int) -> Iterator[NotebookNode]:
    yield text(f"Exercise {number}: write f", f"●●○ · 5 minutes\n\n{PROSE}")
    yield new_markdown_cell(HINT * 3)
    name = f"f-{number}"
    yield new_code_cell(ANSWER, metadata={"nbgrader": {"grade_id": name, "solution": True}})
    yield new_markdown_cell(PROSE)
    yield new_code_cell("f(1)")
    yield new_markdown_cell(PROSE)
    known = {"grade_id": f"{name}-check", "grade": True, "points": 2}
    yield new_code_cell("check(f)", metadata={"nbgrader": known})
    yield new_markdown_cell(PROSE)


@pytest.fixture
def good() -> NotebookNode:
    """A lesson that breaks no rule."""
    written = {"nbgrader": {"grade_id": "why", "grade": True, "solution": True, "points": 2}}
    cells = [
        new_markdown_cell(CARD),
        text("You will be able to", "- write f\n- read f\n- break f"),
        text("Setup"),
        new_code_cell("import math"),
        text("The itch"),
        figure(),
        text("The idea in one picture"),
        figure(),
        text("Symbols and shapes", "| B | batch |\n|---|---|"),
        text("By hand"),
        new_code_cell("1 + 1"),
        *(cell for number in (1, 2, 3, 4) for cell in exercise(number)),
        text("The whole module"),
        new_code_cell("f(2)"),
        text("See it attend"),
        new_code_cell(TRAINING, outputs=[progress(), claim()]),
        new_markdown_cell(PROSE),
        figure(),
        text("Break it"),
        figure(),
        text("What it costs", "See [the setup](#Setup) and [next](../next/next.ipynb)."),
        new_code_cell("f(3)"),
        text("Paper, official code, ours"),
        text("Written question"),
        new_markdown_cell("Because.", metadata=written),
        text("Stretch", f"●●● · 20 minutes\n\n{PROSE}"),
        text("Recap"),
        text("Further reading", SOURCE * 3),
    ]
    executed = [cell for cell in cells if cell.cell_type == "code"]
    for number, cell in enumerate(executed, start=1):
        cell.execution_count = number
    nb = new_notebook(cells=cells)
    fill_card(nb, 7.0)
    return nb


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the good lesson, beside the one that it links to."""
    write_file(tmp_path / "next" / "next.ipynb", b"")
    (tmp_path / "good").mkdir()
    return tmp_path / "good"


def find(nb: NotebookNode, start: str) -> NotebookNode:
    return next(cell for cell in nb.cells if cell.source.startswith(start))


def replace(old: str, new: str) -> Callable[[NotebookNode], None]:
    def change(nb: NotebookNode) -> None:
        cell = next(cell for cell in nb.cells if old in cell.source)
        cell.source = cell.source.replace(old, new, 1)

    return change


def append(*cells: NotebookNode) -> Callable[[NotebookNode], None]:
    return lambda nb: nb.cells.extend(copy.deepcopy(cells))


def code(nb: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def printed(words: str) -> Callable[[NotebookNode], None]:
    return lambda nb: code(nb)[1].outputs.append(new_output("stream", text=words))


def bare_figure(nb: NotebookNode) -> None:
    code(nb)[1].outputs[0].metadata = {}


def twice(nb: NotebookNode) -> None:
    first, second = [cell for cell in nb.cells if is_answer(cell)][:2]
    second.metadata["nbgrader"]["grade_id"] = first.metadata["nbgrader"]["grade_id"]


def default_name(nb: NotebookNode) -> None:
    find(nb, "check(f)").metadata["nbgrader"]["grade_id"] = "cell-0123456789abcdef"


def check_first(nb: NotebookNode) -> None:
    check, answer = find(nb, "check(f)"), find(nb, "def f(x)")
    check.source, answer.source = answer.source, check.source
    check.metadata, answer.metadata = answer.metadata, check.metadata


def without_text(nb: NotebookNode) -> None:
    nb.cells = [c for c in nb.cells if c.source != PROSE.strip() and c.source != PROSE]


def graded_stretch(nb: NotebookNode) -> None:
    known = {"grade_id": "more", "grade": True, "points": 1}
    place = nb.cells.index(find(nb, "## Stretch")) + 1
    nb.cells.insert(place, new_code_cell("check(g)", metadata={"nbgrader": known}))


def failing(nb: NotebookNode) -> None:
    code(nb)[0].outputs = [new_output("error", ename="ValueError", evalue="no", traceback=[])]


def warning(nb: NotebookNode) -> None:
    code(nb)[0].outputs = [new_output("stream", name="stderr", text="careful")]


def out_of_order(nb: NotebookNode) -> None:
    code(nb)[0].execution_count = 99


def never_run(nb: NotebookNode) -> None:
    code(nb)[-1].execution_count = None


def silent(nb: NotebookNode) -> None:
    cell = find(nb, TRAINING)
    cell.source = cell.source.replace("plot.claim", "print")
    cell.outputs = [new_output("stream", text="it learns 0.7")]


def fallen(nb: NotebookNode) -> None:
    find(nb, TRAINING).outputs = [claim(held=False)]


LONG_CODE = new_code_cell("\n".join("x = 1" for _ in range(26)))
HIDDEN_CODE = "\n".join(["### BEGIN HIDDEN TESTS", *["x = 1"] * 26, "### END HIDDEN TESTS"])

BREAKS: list[tuple[str, Callable[[NotebookNode], None]]] = [
    ("length", append(*[new_markdown_cell(PROSE)] * 20)),
    ("length", lambda nb: nb.cells.__delitem__(slice(20, 50))),
    ("text_before_code", without_text),
    ("code_in_a_row", append(*[new_code_cell("1")] * 3)),
    ("code_length", append(LONG_CODE)),
    ("answer_length", replace("    y = x\n", "")),
    ("answer_length", replace("    y = x\n", "    y = x\n" * 11)),
    ("text_length", append(new_markdown_cell("Run it."))),
    ("claimed", silent),
    ("claimed", append(new_code_cell("model", outputs=[new_output("stream", text="0.7")]))),
    ("about_training", replace("model, at_least", "0.7, at_least")),
    ("held", fallen),
    ("one_place_for_seeds", replace("seeds = range(3)", "seeds = range(3)\nseeds = [1]")),
    ("one_place_for_seeds", replace("seeds = range(3)\n", "")),
    ("text_length", append(new_markdown_cell(PROSE * 5))),
    ("heading_tree", replace("## Setup", "#### Setup")),
    ("heading_tree", replace("## Setup", "# Setup")),
    ("template", replace("## Break it", "## Break something")),
    ("template", replace("## The itch", "## Recap")),
    ("filled_in", replace(PROSE, f"FILL IN: the itch. {PROSE}")),
    ("setup", replace("import math", "import math\n" * 11)),
    ("picture", lambda nb: code(nb)[2].outputs.clear()),
    ("picture", replace("one picture\n", "one picture\n\n$a=b$\n")),
    ("picture", replace("one picture\n", f"one picture\n\n{PROSE * 6}\n")),
    ("symbols", replace("| B | batch |\n|---|---|", PROSE)),
    ("goals", replace("- write f\n", "")),
    ("exercise_count", replace("## Exercise 4: write f", "### More")),
    ("exercise_order", check_first),
    ("exercise_order", lambda nb: nb.cells.remove(find(nb, "f(1)"))),
    ("hints", replace(HINT, "")),
    ("hints", replace("<details>", "<details open>")),
    ("hints", replace("<summary>Hint</summary>", "")),
    ("effort", replace("●●○ · 5 minutes\n\n", "")),
    ("effort", replace("●●○ · 5 minutes", "●○● · 5 minutes")),
    ("effort", replace("●●● · 20 minutes\n\n", "")),
    ("stretch", replace("●●● · 20 minutes", f"●●● · 20 minutes\n\n{HINT}")),
    ("stretch", graded_stretch),
    ("further_reading", replace(SOURCE, "")),
    ("further_reading", replace(SOURCE, SOURCE * 4)),
    ("further_reading", replace(", which says it first", "")),
    ("further_reading", replace("(https://arxiv.org/abs/1409.0473), which", ", which")),
    ("written_question", lambda nb: nb.cells.remove(find(nb, "Because."))),
    ("grade_ids", twice),
    ("grade_ids", default_name),
    ("card", replace("| Paper |", "| Artikel |")),
    ("card", replace("| Points | 10 |", "| Points | 11 |")),
    ("card", replace("| Difficulty | ●●○ |", "| Difficulty | easy |")),
    ("card", replace("| CPU time | 10 s |", "| CPU time | 65 s |")),
    ("card", replace("| Minutes | ", "| Minutes | 1")),
    ("links", replace("../next/next.ipynb", "../last/last.ipynb")),
    ("links", replace("#Setup", "#Set-up")),
    ("arxiv_numbers", replace(PROSE, f"{PROSE} arXiv:1409.0473")),
    ("arxiv_numbers", replace(PROSE, f"{PROSE} [arXiv 1409.0473](https://a.org/1409.0473)")),
    ("growing", replace("1 + 1", "seen += [1]")),
    ("growing", replace("1 + 1", "seen[0].append(1)")),
    ("growing", replace("1 + 1", "del seen")),
    ("executed", failing),
    ("executed", warning),
    ("executed", out_of_order),
    ("executed", never_run),
    ("plots", lambda nb: code(nb)[1].outputs.clear()),
    ("plots", lambda nb: code(nb)[1].outputs.extend([figure().outputs[0]] * 5)),
    ("alternative_text", bare_figure),
    ("alternative_text", replace("## Setup", "## Setup\n\n![](attachment:a.png)")),
    ("stable_output", printed("accuracy 0.98765432")),
    ("stable_output", printed("<function f at 0x7f00deadbeef>")),
    ("stable_output", printed(f"saved to /{'home'}/ada/model.pt")),
    ("offline", append(new_code_cell("!pip install torch"))),
]


def test_a_good_lesson_breaks_no_rule(good: NotebookNode, folder: Path) -> None:
    assert measure(Anatomy(good, (folder,))) == []


@pytest.mark.parametrize(
    ("name", "change"), BREAKS, ids=[f"{number}-{name}" for number, (name, _) in enumerate(BREAKS)]
)
def test_every_measure_can_fail(
    name: str, change: Callable[[NotebookNode], None], good: NotebookNode, folder: Path
) -> None:
    change(good)
    assert name in {finding.measure for finding in measure(Anatomy(good, (folder,)))}


def test_every_measure_is_among_them() -> None:
    assert {name for name, _ in BREAKS} == {each.__name__ for each in MEASURES}


ASKED = "**Predict** the share of digits that the network reads with the gate. " + PROSE
GUESS = "guess = None"
SHOWN = "plot.show(plot.bars(read, guess=guess))"
SKETCH = "\n".join(["sketch = plot.Sketch(10, 4)", *["sketch.box('a', (1, 1))"] * 10])
FOLDED = {"jupyter": {"source_hidden": True}}


def pending(*cells: NotebookNode | str, good: NotebookNode) -> list[str]:
    """What the rules that are not asked yet find in a lesson with some cells more."""
    good.cells += [new_code_cell(c) if isinstance(c, str) else c for c in cells]
    return [breach.measure for breach in measure(Anatomy(good), PENDING)]


@pytest.mark.parametrize(
    "cells",
    [
        [new_markdown_cell(ASKED), GUESS, SHOWN],
        [new_markdown_cell(ASKED), GUESS, "print(1)", SHOWN],
        [new_markdown_cell(ASKED), GUESS, f"{SHOWN[:-1]}, alt=f'it was {{read}}')"],
        [new_markdown_cell(ASKED), f"{GUESS}\n{SHOWN}"],
        [new_markdown_cell(ASKED), "print(1)", text("Another"), "plot.show(ax, alt='idea')"],
        [new_markdown_cell(f"{PROSE}{HINT.replace('Look', 'Predict')}"), "plot.show(ax, alt='a')"],
        ["plot.show(sketch, alt='an idea')"],
        [new_code_cell(SKETCH, metadata=FOLDED)],
        ["\n".join(SKETCH.splitlines()[:10])],
        ["\n".join([*["total = 0"] * 20, "ax = plot.bars(read)"])],
        ["def train(n):\n    for step in range(n):\n" + "        step += 1\n" * 12],
    ],
)
def test_what_is_guessed_told_by_data_and_folded_breaks_no_rule(
    good: NotebookNode, cells: list[NotebookNode | str]
) -> None:
    assert pending(*copy.deepcopy(cells), good=good) == []


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("guessed", [new_markdown_cell(ASKED), "plot.show(plot.bars(read))"]),
        ("guessed", [new_markdown_cell(ASKED), GUESS, "plot.show(plot.bars(read))"]),
        ("told_by_data", [new_markdown_cell(ASKED), GUESS, f"{SHOWN[:-1]}, alt='nine in ten')"]),
        ("told_by_data", [new_markdown_cell(ASKED), GUESS, f"{SHOWN[:-1]}, alt=f'nine')"]),
        ("told_by_data", [new_markdown_cell(ASKED), GUESS, f"{SHOWN[:-1]}, alt='a ' + 'b')"]),
        (
            "told_by_data",
            [new_markdown_cell(ASKED), GUESS, f"alt = 'nine'\n{SHOWN[:-1]}, alt=alt)"],
        ),
        ("told_by_data", [GUESS, text("Later"), f"{SHOWN[:-1]}, alt='nine in ten')"]),
        ("told_by_data", [new_markdown_cell(ASKED), GUESS, "plot.gate_view(m, guess, alt='x')"]),
        ("folded", [SKETCH]),
        ("folded", ["axes = plot.panels(2)\nfor ax in axes:\n" + "    ax.set(title='a')\n" * 9]),
        (
            "folded",
            ["def draw(ax):\n" + "    plot.bars(ax)\n" * 10 + "draw(3)"],
        ),
    ],
)
def test_what_is_not_yet_asked_can_fail(
    good: NotebookNode, name: str, cells: list[NotebookNode | str]
) -> None:
    assert set(pending(*copy.deepcopy(cells), good=good)) == {name}


def test_hidden_tests_and_markers_are_no_lines(good: NotebookNode, folder: Path) -> None:
    find(good, "check(f)").source += f"\n{HIDDEN_CODE}"
    assert measure(Anatomy(good, (folder,))) == []


@pytest.mark.parametrize(
    "harmless",
    [
        "seen = []\nseen.append(1)\nseen += [2]\ndel seen",
        "%matplotlib inline\nimport a.b as c\nc.d.pop()",
        "def grow(seen):\n    seen += [1]",
        "class Kept:\n    all = []\n    all.append(1)",
        "for n in (1, 2):\n    n += 1",
        "shown.update(title=1)",
    ],
)
def test_a_cell_may_change_what_it_made(good: NotebookNode, folder: Path, harmless: str) -> None:
    find(good, "1 + 1").source = harmless
    assert measure(Anatomy(good, (folder,))) == []


def test_an_expected_error_is_none(good: NotebookNode, folder: Path) -> None:
    failing(good)
    code(good)[0].metadata["tags"] = ["raises-exception"]
    assert measure(Anatomy(good, (folder,))) == []


def test_prose_is_what_is_read_as_running_text() -> None:
    other = "## Title\n\n| a |\n|---|\n\n```\ncode\n```\n\n$$x$$\n\n![b](c)\n\n"
    assert words(prose(f"{other}one $a$ two\n\n{HINT}three – ")) == 3


def test_the_table_shows_figures_and_findings(
    course: Course, lesson: Lesson, good: NotebookNode
) -> None:
    good.cells.append(new_markdown_cell("Run it."))
    write_file(course.solution(lesson), dumps(good).encode())
    console = Console(width=120, record=True)
    console.print(render([(lesson, dissect(course, lesson))]))
    shown = console.export_text()
    assert "00-attention" in shown
    assert "10 s" in shown
    assert "A text cell has 20 to 120 words" in shown


def test_a_cell_that_holds_two_sections_belongs_to_each_in_part() -> None:
    text = new_markdown_cell("# One\n\n## Two\n\n- of two\n\n## Three\n\n- of three")
    lesson = Anatomy(new_notebook(cells=[text, new_code_cell("pass")]))
    two, three = lesson.section("Two"), lesson.section("Three")
    assert two and three
    assert (two.text, two.code) == ("## Two\n\n- of two\n\n", [])
    assert (three.text, len(three.code)) == ("## Three\n\n- of three", 1)
    assert [len(section.cells) for section in lesson.sections] == [2, 1, 2]
