"""Which behaviours a check looks at, and what it says of them."""

import torch

from attncourse.exercises.core import Exercise, Function
from attncourse.exercises.core.messages import line
from attncourse.exercises.core.reason import declared
from attncourse.exercises.core.show import Shown, marked, plain
from attncourse.exercises.core.verdict import Finding, Outcome


def double(x):
    return 2 * x


DOUBLE = Exercise(
    name="double",
    lesson="00-core",
    points=1,
    kind=Function(("y",)),
    title="twice the input",
    oracle=double,
    draw=lambda draw: {"x": draw.normal(*draw.sizes((3, 5), (2, 4)))},
    batched=("x",),
)

NO = Exercise(
    name="no",
    lesson="00-core",
    points=1,
    kind=Function(("y",)),
    title="the opposite",
    oracle=torch.logical_not,
    draw=lambda draw: {"x": draw.padding(*draw.sizes((3, 5), (2, 4)))},
    differentiable=False,
)


def lines(answer, exercise=DOUBLE):
    return repr(Shown(exercise.examine(answer), every=True)).splitlines()


def test_wrong_numbers_fail_once():
    found = lines(lambda x: 3 * x)
    assert [line for line in found if line.startswith("✗")] == ["✗ twice the input"]
    assert {line for line in found if line.startswith("–")} == {
        "– right for other sizes: not judged yet",
        "– gradients flow back: not judged yet",
        "– one alone is treated as one among many: not judged yet",
    }
    assert "✓ leaves its inputs as they were" in found


def test_a_behaviour_that_fails_by_itself_is_judged():
    assert "✗ gradients flow back" in lines(lambda x: 2 * x.detach())
    assert "✗ right for other sizes" in lines(lambda x: x.add(x) if len(x) == 3 else x)
    assert not any(line.startswith("–") for line in lines(lambda x: 2 * x.detach()))


def test_an_answer_that_does_not_run_is_judged_on_nothing_else():
    verdict = DOUBLE.examine(lambda x: 1 / 0)
    first, *rest = verdict.findings
    assert first.outcome is verdict.outcome is Outcome.RAISED
    assert first.error.kind == "ZeroDivisionError"
    assert {finding.outcome for finding in rest} == {Outcome.NOT_JUDGED}


def test_precision_is_a_matter_of_floats():
    assert "✓ float32 in, float32 out" in lines(lambda x: x + x)
    assert not any("float32" in line for line in lines(lambda x: ~x, NO))


def test_a_finding_in_words():
    title = declared("test", "it is so")
    assert line(Finding("it", Outcome.HELD, title)) == "✓ it is so"
    assert line(Finding("it", Outcome.FAILED, title)) == "✗ it is so"
    assert line(Finding("it", Outcome.NOT_JUDGED, title)) == "– it is so: not judged yet"


def shown(answer, exercise=DOUBLE):
    return Shown(exercise.examine(answer))._repr_mimebundle_()


def test_the_diagnosis_stands_first_and_what_holds_is_folded():
    text = shown(lambda x: 3 * x)["text/plain"].splitlines()
    assert text[0] == "Every number of `y` is 1.5 times what it should be."
    assert text[1:] == ["✗ twice the input", "(5 more hold; 3 are not judged yet)"]


def test_a_pass_is_one_line():
    text = shown(lambda x: x + x)["text/plain"]
    assert text.startswith("✓ double: 1 of 1 points – twice the input")
    assert "\n" not in text


def test_a_notebook_gets_weight_and_folds_the_rest():
    page = shown(lambda x: 3 * x)["text/html"]
    assert page.index("<strong>") < page.index("✗ twice the input") < page.index("<details>")
    assert "<code>y</code>" in page
    held = page[page.index("<details>") :]
    assert held.count("✓") == 5


def test_marks_of_emphasis_are_weight_or_nothing():
    said = "Norm *first*, then `a * b * c`; 2*3*4 < 5."
    assert plain(said) == "Norm first, then `a * b * c`; 2*3*4 < 5."
    expected = "Norm <em>first</em>, then <code>a * b * c</code>; 2*3*4 &lt; 5."
    assert marked(said) == expected


def test_a_terminal_gets_text(capsys):
    DOUBLE.check(lambda x: x + x)
    assert capsys.readouterr().out.startswith("✓ double: 1 of 1 points – twice the input")
    DOUBLE.check(lambda x: x + x, every=True)
    assert "✓ right for other sizes" in capsys.readouterr().out
