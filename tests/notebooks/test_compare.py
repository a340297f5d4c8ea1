"""What counts as a difference between two outputs."""

import pytest

from attncourse.plotting import CLAIM_MIME, FIGURE_MIME
from tests.notebooks.compare import Tolerance, differences


def printed(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def shown(**data):
    names = {"html": "text/html", "plain": "text/plain", "png": "image/png", "figure": FIGURE_MIME}
    data = {names.get(kind, kind): content for kind, content in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": data}


def plotted(*rows):
    return shown(figure={"alt": "A line.", "axes": [{"lines": [list(rows)]}]}, html="<img>")


def compare(stored, computed, tags=()):
    return list(differences([stored], [computed], Tolerance.of(list(tags))))


@pytest.mark.parametrize(
    ("stored", "computed"),
    [
        ("loss 1.3875824", "loss 1.3875822"),
        ("loss 1.387e-05", "loss 1.3871e-05"),
        ("[-0.0000, 1.0]", "[0.0000, 1.0]"),
        ("tensor([ 9.9999, 10.0000])", "tensor([10.0000, 10.0000])"),
        ("nan and -inf", "nan and -inf"),
    ],
)
def test_float_noise_is_no_difference(stored, computed):
    assert compare(printed(stored), printed(computed)) == []


@pytest.mark.parametrize(
    ("stored", "computed"),
    [
        ("accuracy 0.91", "accuracy 0.92"),
        ("1024 parameters", "1025 parameters"),
        ("1998-03-03", "1998-03-04"),
        ("shape (2, 3)", "shape (3, 2)"),
        ("0.5 0.5", "0.5"),
        ("0.5", "nan"),
        ("passed", "failed"),
        ("h1", "h2"),
        ("version 2.13.0", "version 2.13.1"),
    ],
)
def test_another_number_or_word_is_a_difference(stored, computed):
    assert compare(printed(stored), printed(computed))


def test_a_difference_is_told_with_both_numbers():
    assert compare(printed("loss 0.5, 0.75"), printed("loss 0.5, 0.8")) == [
        "stdout: 0.75 stored, 0.8 computed"
    ]


def test_a_tag_widens_the_tolerance():
    stored, computed = printed("97 % after 0.50 s"), printed("96 % after 0.54 s")
    assert compare(stored, computed)
    assert compare(stored, computed, ["hide-input", "tolerance=0.05"]) == []
    assert compare(stored, computed, ["tolerance=0.03"])


def test_figures_are_compared_by_their_data_relative_to_the_greatest():
    stored = plotted("loss", "1 2 3", "100 50 0.02")
    assert compare(stored, plotted("loss", "1 2 3", "99.95 50 0.04")) == []
    assert compare(stored, plotted("loss", "1 2 3", "100 50.5 0.02")) == [
        "figure, axes 1, lines 1: 50 stored, 50.5 computed"
    ]
    assert compare(stored, plotted("gain", "1 2 3", "100 50 0.02"))
    assert compare(stored, plotted("loss", "1 2 3"))


def test_the_picture_of_a_figure_does_not_count():
    stored, computed = plotted("1 2"), plotted("1 2")
    computed["data"]["text/html"] = "<img src=other>"
    assert compare(stored, computed) == []


def test_a_picture_without_data_cannot_be_compared():
    (complaint,) = compare(shown(png="abc"), shown(png="abc"))
    assert "image/png has no data to compare" in complaint


def test_stderr_is_refused_also_where_it_is_stored():
    warning = printed("UserWarning: careful", name="stderr")
    (complaint,) = compare(warning, warning)
    assert "nbgrader takes the points" in complaint


def test_other_kinds_and_numbers_of_outputs_are_differences():
    assert compare(printed("1"), shown(plain="1")) == [
        "stdout: 1 stored, 0 computed",
        "text/plain: 0 stored, 1 computed",
    ]


def test_expected_exceptions_are_compared():
    stored = {"output_type": "error", "ename": "ValueError", "evalue": "got 2", "traceback": ["a"]}
    assert compare(stored, stored | {"traceback": ["b"]}) == []
    assert compare(stored, stored | {"evalue": "got 3"})


def test_ids_of_widgets_do_not_count():
    view = "application/vnd.jupyter.widget-view+json"
    stored, computed = ({view: {"model_id": each}, "plain": "Box()"} for each in "ab")
    assert compare(shown(**stored), shown(**computed)) == []


def test_other_json_is_compared_leaf_by_leaf():
    kind = "application/json"
    assert compare(shown(**{kind: {"a": [1, None]}}), shown(**{kind: {"a": [1, None]}})) == []
    assert compare(shown(**{kind: {"a": [1, None]}}), shown(**{kind: {"a": [1, 2]}}))


def claimed(held=True, *, sentence="it reads", at_least=0.5, values=(0.7, 0.8)):
    data = {"claim": sentence, "held": held, "values": list(values), "at least": at_least}
    return shown(**{CLAIM_MIME: data, "plain": str(values)})


def compare_with_claim(stored, computed):
    return list(differences([claimed(), stored], [claimed(values=(0.9, 1)), computed], Tolerance()))


def test_claims_are_compared_by_whether_they_hold():
    assert compare(claimed(), claimed(values=(0.9, 0.6))) == []
    (complaint,) = compare(claimed(), claimed(False, values=(0.9, 0.4)))
    assert "does not hold as computed: [0.9, 0.4]" in complaint
    (complaint,) = compare(claimed(False), claimed())
    assert "does not hold as stored" in complaint


@pytest.mark.parametrize(
    "other", [{"sentence": "it counts"}, {"at_least": 0.4}, {"values": (0.9,)}, {"values": ()}]
)
def test_a_claim_of_something_else_is_a_difference(other):
    assert compare(claimed(), claimed(**other))


@pytest.mark.parametrize(
    ("stored", "computed"),
    [
        (printed("loss 0.5, 3 right"), printed("loss  12, 40 right")),
        (printed("1,234 of 9,999"), printed("7 of 8")),
        (printed("1e-05"), printed("-0.25")),
        (plotted("loss", "1 2 3", "1 0.5 -2"), plotted("loss", "1 2 3", "1e-05 90 0")),
        (shown(figure={"alt": "It rises."}), shown(figure={"alt": "It falls."})),
    ],
)
def test_beside_a_claim_only_the_form_counts(stored, computed):
    assert compare_with_claim(stored, computed) == []
    assert compare(stored, computed)


@pytest.mark.parametrize(
    ("stored", "computed"),
    [
        (printed("loss 0.5"), printed("gain 0.5")),
        (printed("loss 0.5"), printed("loss nan")),
        (printed("loss 0.5"), printed("loss 0.5 0.5")),
        (printed("loss 0.5"), printed("loss 0.5\n")),
        (printed("loss 0.5"), plotted("loss 0.5")),
        (plotted("loss", "1 2"), plotted("gain", "1 2")),
        (plotted("loss", "1 2"), plotted("loss", "1 2 3")),
        (plotted("loss", "1 2"), plotted("loss", "1 2", "3 4")),
    ],
)
def test_beside_a_claim_another_form_is_a_difference(stored, computed):
    assert compare_with_claim(stored, computed)
