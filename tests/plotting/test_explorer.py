"""The view to explore, as a page; tests/browser explores it."""

import re

import pytest
import torch

from attncourse.plotting import FIGURE_MIME, attention_view


def view(weights=((0.995, 0.005), (0.25, 0.75)), **options):
    return attention_view(torch.tensor(weights), "a<", "x ", alt="Weights of 'a<'.", **options)


def test_page_needs_nothing_from_outside_and_names_nothing_by_id():
    page = view().page
    assert not re.search(r"https?:|\bid=|src=|@import|url\(", page)


def test_the_same_weights_give_the_same_page():
    assert view()._repr_mimebundle_() == view()._repr_mimebundle_()
    assert view().data != view(((0.995, 0.005), (0.2, 0.8))).data


def test_symbols_are_escaped_and_blanks_visible():
    page = view().page
    assert ">a</text>" in page
    assert ">&lt;</text>" in page
    assert ">␣</text>" in page
    assert 'aria-label="Weights of &#x27;a&lt;&#x27;."' in page


def test_a_line_for_each_weight_that_can_be_seen():
    assert view().page.count("<line ") == 3


def test_buttons_choose_among_heads():
    weights = torch.rand(3, 2, 2)
    page = view(weights.tolist(), heads=["first", "second", "third"]).page
    assert page.count("<button ") == 3
    assert page.count('<g data-head="1" display="none">') == 1
    assert "<button " not in view().page


def test_bundle_holds_page_words_and_data():
    parts, metadata = view()._repr_mimebundle_()
    assert metadata == {"text/html": {"alt": "Weights of 'a<'."}}
    assert parts["text/plain"] == "Weights of 'a<'.\n[head 1: 1 map]"
    assert parts[FIGURE_MIME]["axes"][0]["maps"] == [["0.995 0.005", "0.25 0.75"]]


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((2, 3), {}, r"T = 2 and S = 2, got \(2, 3\)"),
        ((2,), {}, r"got \(2,\)"),
        ((2, 2, 2), {"heads": ["one"]}, "heads must be 2 names, got 1"),
    ],
)
def test_other_shapes_are_refused(shape, options, message):
    with pytest.raises(ValueError, match=message):
        view(torch.ones(shape).tolist(), **options)


def test_alt_text_must_say_something():
    with pytest.raises(ValueError, match="alt must say in words"):
        attention_view(torch.ones(1, 1), "a", "b", alt=" ")
