"""Answers are found whatever happened to the cells around them."""

import contextlib
import copy
import json
import random
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from attncourse.course.notebook import grade_id
from attncourse.grading.exceptions import UnreadableSubmission
from attncourse.grading.intake.matching import match
from attncourse.grading.intake.reading import parse
from attncourse.grading.plan import Plan, Submission
from tests.grading.lesson import DOUBLE, SQUEEZE, WHY, cell, stub

HandIn = Callable[[NotebookNode], Submission]
ALL = ("squeeze", "check-squeeze", "double", "check-double", "why")


def is_whole(submission: Submission) -> bool:
    answers = {"squeeze": SQUEEZE, "double": DOUBLE}
    return submission.answers == answers and submission.written == {"why": WHY}


def strip(nb: NotebookNode) -> None:
    """What copying cells into a new notebook does."""
    for index, each in enumerate(nb.cells):
        each.metadata = NotebookNode()
        each.id = f"new-{index}"


def without_marks(nb: NotebookNode) -> None:
    for each in nb.cells:
        each.metadata = NotebookNode()


def without_ids(nb: NotebookNode) -> None:
    for each in nb.cells:
        del each["id"]


def renamed_grade_ids(nb: NotebookNode) -> None:
    for each in nb.cells:
        if grade_id(each):
            each.metadata.nbgrader.grade_id += "-mine"


def swapped_grade_ids(nb: NotebookNode) -> None:
    one, other = cell(nb, "squeeze"), cell(nb, "double")
    one.metadata, other.metadata = other.metadata, one.metadata
    one.id, other.id = other.id, one.id


def points_edited(nb: NotebookNode) -> None:
    cell(nb, "check-squeeze").metadata.nbgrader.points = 100
    cell(nb, "check-double").metadata.nbgrader.points = "abc"


def flags_edited(nb: NotebookNode) -> None:
    cell(nb, "squeeze").metadata.nbgrader.solution = False
    cell(nb, "check-squeeze").metadata.nbgrader.grade = False


def schema_version_lost(nb: NotebookNode) -> None:
    del cell(nb, "squeeze").metadata.nbgrader["schema_version"]


def schema_version_old(nb: NotebookNode) -> None:
    cell(nb, "squeeze").metadata.nbgrader.schema_version = 1


def schema_version_new(nb: NotebookNode) -> None:
    cell(nb, "squeeze").metadata.nbgrader.schema_version = 99


def marks_of_wrong_type(nb: NotebookNode) -> None:
    one, other = cell(nb, "squeeze"), cell(nb, "double")
    one.metadata.nbgrader, other.metadata = "squeeze", [1, 2]


def checks_edited(nb: NotebookNode) -> None:
    cell(nb, "check-squeeze").source = "pass"


def checks_deleted(nb: NotebookNode) -> None:
    nb.cells = [each for each in nb.cells if not grade_id(each).startswith("check")]


def check_duplicated(nb: NotebookNode) -> None:
    nb.cells.append(copy.deepcopy(cell(nb, "check-double")))


def retyped_to_text(nb: NotebookNode) -> None:
    answer = cell(nb, "squeeze")
    answer.cell_type = "markdown"
    del answer["outputs"], answer["execution_count"]


def retyped_to_raw_and_stripped(nb: NotebookNode) -> None:
    retyped_to_text(nb)
    cell(nb, "squeeze").cell_type = "raw"
    strip(nb)


def reversed_cells(nb: NotebookNode) -> None:
    nb.cells.reverse()


def check_before_its_answer(nb: NotebookNode) -> None:
    nb.cells.insert(0, nb.cells.pop(nb.cells.index(cell(nb, "check-squeeze"))))


def reversed_and_stripped(nb: NotebookNode) -> None:
    written = cell(nb, "why")
    strip(nb)
    nb.cells.reverse()
    written.metadata = NotebookNode(nbgrader={"grade_id": "why"})  # prose is found by place alone


def only_answers_left(nb: NotebookNode) -> None:
    nb.cells = [cell(nb, name) for name in ("squeeze", "double", "why")]


def duplicated_stub_below(nb: NotebookNode) -> None:
    nb.cells.append(copy.deepcopy(cell(nb, "squeeze")))
    nb.cells[-1].source = stub("def squeeze(x):")


def duplicated_draft_above(nb: NotebookNode) -> None:
    nb.cells.insert(0, copy.deepcopy(cell(nb, "squeeze")))
    nb.cells[0].source = "def squeeze(x):\n    return x"


def equal_notebook_ids(nb: NotebookNode) -> None:
    for each in nb.cells:
        each.id = "same"


def two_thousand_extra_cells(nb: NotebookNode) -> None:
    nb.cells[3:3] = [new_code_cell(f"scratch_{n} = {n}") for n in range(2000)]


NOTED = [
    strip,
    without_marks,
    renamed_grade_ids,
    swapped_grade_ids,
    points_edited,
    flags_edited,
    schema_version_lost,
    schema_version_old,
    schema_version_new,
    marks_of_wrong_type,
    checks_edited,
    checks_deleted,
    check_duplicated,
    retyped_to_text,
    retyped_to_raw_and_stripped,
    reversed_and_stripped,
    only_answers_left,
    duplicated_stub_below,
    duplicated_draft_above,
]
SILENT = [
    without_ids,
    equal_notebook_ids,
    reversed_cells,
    check_before_its_answer,
    two_thousand_extra_cells,
]


@pytest.mark.parametrize("damage", [*NOTED, *SILENT])
def test_damaged_cells_keep_their_answers(
    hand_in: HandIn, solved: NotebookNode, damage: Callable[[NotebookNode], None]
) -> None:
    damage(solved)
    submission = hand_in(solved)
    assert is_whole(submission)
    assert bool(submission.notes) == (damage in NOTED)
    names = [grade_id(each) for each in submission.notebook.cells if grade_id(each)]
    assert sorted(names) == sorted(ALL)
    nbformat.validate(submission.notebook)


# Those after which it is plain which cell must be the answer, in whatever order cells stand.
UNCLEAR = [two_thousand_extra_cells, duplicated_stub_below, duplicated_draft_above]
HARMS = [harm for harm in NOTED + SILENT if harm not in UNCLEAR]


@pytest.mark.parametrize("seed", range(30))
def test_however_harms_add_up_a_submission_has_the_plan_s_form(
    plan: Plan, solved: NotebookNode, seed: int
) -> None:
    draw = random.Random(seed)
    for harm in draw.sample(HARMS, 4):
        with contextlib.suppress(StopIteration, AttributeError, KeyError):  # harmed too much before
            harm(solved)
    del solved.cells[draw.randrange(len(solved.cells))]
    draw.shuffle(solved.cells)
    try:
        submission = match(plan, parse(json.dumps(solved).encode())[0], student="ada")
    except UnreadableSubmission:
        return  # the last cell of the lesson was the one deleted
    assert list(submission.answers) == ["squeeze", "double"]
    assert list(submission.written) == ["why"]
    assert submission.answers["squeeze"] in ("", SQUEEZE)
    assert submission.answers["double"] in ("", DOUBLE)
    nbformat.validate(submission.notebook)
    names = [grade_id(each) for each in submission.notebook.cells if grade_id(each)]
    assert sorted(names) == sorted(ALL)


def test_an_untouched_release_stays_unsolved(hand_in: HandIn, release: NotebookNode) -> None:
    submission = hand_in(release)
    assert "NotImplementedError" in submission.answers["squeeze"]
    assert submission.notes == ()


def test_a_deleted_answer_is_empty_and_noted(hand_in: HandIn, solved: NotebookNode) -> None:
    solved.cells.remove(cell(solved, "double"))
    submission = hand_in(solved)
    assert submission.answers == {"squeeze": SQUEEZE, "double": ""}
    assert any("missing" in note and "double" in note for note in submission.notes)
    assert "NotImplementedError" in cell(submission.notebook, "double").source


def test_a_new_cell_in_place_of_a_deleted_answer_is_found(
    hand_in: HandIn, solved: NotebookNode
) -> None:
    index = solved.cells.index(cell(solved, "why"))
    solved.cells[index] = new_markdown_cell(WHY)
    index = solved.cells.index(cell(solved, "double"))
    solved.cells[index] = new_code_cell(DOUBLE)
    assert is_whole(hand_in(solved))


def test_an_answer_in_another_cell_than_its_stub_counts(
    hand_in: HandIn, solved: NotebookNode, release: NotebookNode
) -> None:
    cell(solved, "double").source = cell(release, "double").source
    solved.cells.insert(2, new_code_cell(f"print('a try')\n{DOUBLE}"))
    submission = hand_in(solved)
    assert submission.answers["double"] == DOUBLE
    assert any("another of your cells" in note for note in submission.notes)


def test_a_later_definition_before_the_check_counts_as_it_does_when_run(
    hand_in: HandIn, solved: NotebookNode
) -> None:
    index = solved.cells.index(cell(solved, "check-double"))
    solved.cells.insert(index, new_code_cell("def double(number):\n    return number << 1"))
    solved.cells.append(new_code_cell("def double(number):\n    return 0"))
    answer = hand_in(solved).answers["double"]
    assert answer.endswith("return number << 1")


def test_helpers_from_other_cells_come_along_and_nothing_else(
    hand_in: HandIn, solved: NotebookNode
) -> None:
    solved.cells[1].source += "\nimport math\nprint('slow')"
    solved.cells.insert(2, new_code_cell("def helper(n):\n    return math.floor(n)\nunused = 1"))
    cell(solved, "double").source = "def double(number):\n    return helper(2 * number)"
    answer = hand_in(solved).answers["double"]
    assert answer.startswith("import math\n\ndef helper(n):")
    assert "unused" not in answer and "slow" not in answer


def test_what_fills_a_helper_comes_along_and_what_only_uses_one_does_not(
    hand_in: HandIn, solved: NotebookNode
) -> None:
    made = [
        "import math\ntable = {}\nsizes = []",
        "table['k'] = lambda n: 2 * n",
        "for size in (2, 3):\n    sizes.append(size)",
        "table.setdefault('more', []).append(1)\ndel table['more']",
    ]
    used = [
        "math.floor(2.5)",
        "found = sizes.index(2)",
        "def show():\n    table.clear()",
        "math.x = 1",
    ]
    solved.cells[2:2] = map(new_code_cell, [*made, *used])
    cell(
        solved, "double"
    ).source = "def double(number):\n    return table['k'](number) * math.gcd(*sizes)"
    answer = hand_in(solved).answers["double"]
    space: dict[str, Any] = {}
    exec(answer, space)
    assert space["table"].keys() == {"k"} and space["sizes"] == [2, 3]
    assert not [each for each in ("floor", "index", "show", "math.x") if each in answer]


def test_helpers_that_need_each_other_end(hand_in: HandIn, solved: NotebookNode) -> None:
    solved.cells.insert(2, new_code_cell("def a(n):\n    return b(n)"))
    solved.cells.insert(2, new_code_cell("def b(n):\n    return a(n)"))
    cell(solved, "double").source = "def double(number):\n    return a(number)"
    answer = hand_in(solved).answers["double"]
    assert answer.count("def a(") == answer.count("def b(") == 1


def test_a_long_chain_of_helpers_is_followed(hand_in: HandIn, solved: NotebookNode) -> None:
    chain = [f"def h{n}(x):\n    return h{n + 1}(x)" for n in range(1200)]
    solved.cells[2:2] = map(new_code_cell, chain)
    cell(solved, "double").source = "def double(number):\n    return h0(number)"
    assert hand_in(solved).answers["double"].count("def h") == 1200


def test_a_star_import_comes_along_for_names_that_nothing_else_binds(
    hand_in: HandIn, solved: NotebookNode
) -> None:
    solved.cells[1].source += "\nfrom math import *"
    cell(solved, "double").source = "def double(number):\n    return ldexp(number, 1)"
    answers = hand_in(solved).answers
    assert answers["double"].startswith("from math import *\n\n")
    assert answers["squeeze"] == SQUEEZE


def test_timing_an_answer_does_no_harm(hand_in: HandIn, solved: NotebookNode) -> None:
    cell(solved, "double").source = f"%%time\n{DOUBLE}"
    assert hand_in(solved).answers["double"] == DOUBLE


def test_marks_of_the_release_replace_those_of_the_submission(
    hand_in: HandIn, solved: NotebookNode, release: NotebookNode
) -> None:
    points_edited(solved)
    checks_edited(solved)
    repaired = hand_in(solved).notebook
    for name in ALL:
        assert cell(repaired, name).metadata == cell(release, name).metadata
    assert cell(repaired, "check-squeeze").source == "ex.squeeze.check(squeeze)"
