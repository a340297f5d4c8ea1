"""Explorers as pages; tests/browser explores them."""

import base64
import json
import re

import numpy as np
import pytest
import torch

from attncourse.plotting import FIGURE_MIME, attention_view, gate_view, pixel_view, show
from attncourse.plotting.explorer import pack

WEIGHTS = torch.tensor([[0.995, 0.005], [0.25, 0.75]])
IMAGE = np.linspace(0, 1, 3 * 4 * 6).reshape(3, 4, 6)
PLACES = np.eye(6)[::-1] * 0.7 + 0.05  # of 2 by 3 places: each looks at its mirror image
MAPS = np.linspace(0, 2, 2 * 4 * 6).reshape(2, 4, 6)
GATES = np.array([0.25, 0.75]).reshape(2, 1, 1)

VIEWS = {
    "words": lambda **o: attention_view(WEIGHTS, "a<", "x ", **o),
    "heads": lambda **o: attention_view(torch.stack([WEIGHTS] * 9), "a<", "x ", **o),
    "pixels": lambda **o: pixel_view(PLACES, IMAGE, size=(2, 3), **o),
    "axial": lambda **o: pixel_view((np.eye(2), np.eye(3)), IMAGE, **o),
    "channels": lambda **o: gate_view(MAPS, GATES, **o),
    "places": lambda **o: gate_view(IMAGE, np.full((1, 2, 3), 0.5), **o),
    "sides": lambda **o: gate_view(IMAGE[0], (np.eye(2) * 0.9, np.eye(2, 3)), **o),
}
views = pytest.mark.parametrize("make", VIEWS.values(), ids=VIEWS)


def content(view):
    """What explorer.js draws."""
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', view.page)[1])


def unpacked(packed):
    steps = np.frombuffer(base64.b64decode(packed["bytes"]), dtype=np.uint8)
    return packed["low"] + steps * (packed["high"] - packed["low"]) / 255


@views
def test_a_page_needs_nothing_from_outside_and_names_nothing_by_id(make):
    page = re.sub(r"http://www\.w3\.org/2000/svg", "", make().page)
    assert not re.search(r"https?:|\bid=|@import|url\(", page)
    assert re.findall(r'src="(data:image/png;base64,)', page) == re.findall('src="(.{22})', page)


@views
def test_the_same_numbers_give_the_same_page(make):
    assert make()._repr_mimebundle_() == make()._repr_mimebundle_()


@views
def test_words_are_made_from_the_data_and_stand_in_picture_and_page(make):
    view = make()
    parts, metadata = view._repr_mimebundle_()
    assert metadata == {"text/html": {"alt": view.alt}}
    assert parts["text/plain"].startswith(view.alt)
    assert content(view)["alt"] == view.alt
    assert len(view.alt) > 40
    assert "alt" not in parts[FIGURE_MIME]
    given = make(alt="What  is seen.")
    assert given.alt == given.data["alt"] == "What is seen."
    with pytest.raises(ValueError, match="alt must say in words"):
        make(alt=" ")


@views
def test_numbers_are_compared_by_their_digest(make):
    maps = [row for axes in make().data["axes"] for rows in axes["maps"] for row in rows]
    assert maps
    assert all(re.fullmatch(r"[-\d. e]+", row) for row in maps)


def test_other_numbers_are_other_data():
    other = WEIGHTS.clone()
    other[1] = torch.tensor([0.2, 0.8])
    assert VIEWS["words"]().data != attention_view(other, "a<", "x ").data


def test_nothing_in_the_data_ends_its_script():
    view = attention_view([[1.0]], ["</script>"], ["x"])
    assert content(view)["source"] == ["</script>"]
    assert view.page.count("</script>") == 2


def test_blanks_are_visible():
    assert content(VIEWS["words"]())["target"] == ["x", "␣"]


def test_what_is_packed_is_within_half_a_step_of_255():
    values = np.array([[0.0, 0.1, 0.35], [0.999, -0.5, 1.5]])
    packed = pack(values)
    assert np.abs(unpacked(packed) - values.ravel()).max() <= 2.0 / 255 / 2 + 1e-9
    assert unpacked(pack(np.zeros(3))).tolist() == [0, 0, 0]
    assert unpacked(pack(np.full(3, 0.5))).tolist() == [0.5] * 3


def test_heads_become_buttons_and_steps_a_slider():
    stack = torch.rand(3, 2, 2, 2)
    found = content(attention_view(stack, "ab", "xy", steps=["1", "10", "100"], heads=["p", "q"]))
    assert (found["steps"], found["heads"]) == (["1", "10", "100"], ["p", "q"])
    assert len(set(found["colours"])) == 2
    np.testing.assert_allclose(unpacked(found["weights"]), stack.numpy().ravel(), atol=2.1e-3)
    assert len(set(content(VIEWS["heads"]())["colours"])) == 8
    titles = [axes["title"] for axes in VIEWS["heads"]().data["axes"]]
    assert titles == [f"head {n}" for n in range(1, 10)]


def test_a_pixel_begins_where_one_looks_elsewhere():
    weights = np.eye(6)
    weights[4] = [0, 0.75, 0, 0, 0.25, 0]
    assert content(pixel_view(weights, IMAGE, size=(2, 3)))["at"] == [1, 1]
    assert content(pixel_view(weights, IMAGE, size=(2, 3), at=(0, 2)))["at"] == [0, 2]


def test_the_still_picture_shines_where_the_place_looks():
    from attncourse.plotting.views import _gilded

    gilded = _gilded(np.zeros((3, 4, 6)), np.array([[0, 0, 1.0], [0, 0, 0]]))
    assert gilded[0, :2, 4:].min() > 0.8
    assert gilded.sum() == pytest.approx(gilded[:, :2, 4:].sum())


def test_a_gate_of_rows_and_columns_is_their_product():
    found = content(gate_view(IMAGE[0], ([[0.5, 1.0]], [[1.0, 0.0, 0.5]])))
    np.testing.assert_allclose(unpacked(found["gates"]), [0.5, 0, 0.25, 1, 0, 0.5], atol=2e-3)
    assert found["gates_shape"] == [1, 2, 3]


def test_maps_may_differ_by_step_and_head_or_not():
    maps, gates = np.random.rand(2, 3, 4, 4), np.random.rand(5, 2, 3, 1, 1)
    names = {"steps": list("abcde"), "heads": ["3×3", "5×5"]}
    whole = gate_view(np.random.rand(5, 2, 3, 4, 4), gates, **names)
    assert len(unpacked(content(whole)["maps"])) == 5 * 2 * 3 * 16
    by_step = gate_view(np.random.rand(5, 3, 4, 4), gates, **names)
    assert len(unpacked(content(by_step)["maps"])) == 5 * 3 * 16
    one = gate_view(np.random.rand(3, 4, 4), gates, **names)
    assert len(unpacked(content(one)["maps"])) == 3 * 16
    by_head = gate_view(maps, gates[0])
    assert len(unpacked(content(by_head)["maps"])) == 2 * 3 * 16


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: attention_view(torch.ones(2, 3), "ab", "xy"), r"T = 2 and S = 2, got \(2, 3\)"),
        (lambda: attention_view(torch.ones(2), "ab", "xy"), r"got \(2,\)"),
        (lambda: VIEWS["heads"](heads=["one"]), "heads must be 9 names, got 1"),
        (lambda: VIEWS["heads"](steps=list("abc")), "steps must be 9 names, got 3"),
        (lambda: VIEWS["words"](steps=["a"]), "weights must have 3 axes, or 4 with one of heads"),
        (lambda: pixel_view(PLACES, IMAGE), r"N = 4 · 6 places.*got \(6, 6\)"),
        (lambda: pixel_view(PLACES, IMAGE[:2], size=(2, 3)), r"image must have .* got \(2, 4, 6\)"),
        (lambda: VIEWS["pixels"](at=(2, 0)), "a place of 2 rows and 3 columns"),
        (lambda: gate_view(MAPS, GATES + 1), r"gates must lie in \[0, 1\], got from 1.25 to 1.75"),
        (lambda: gate_view(MAPS, GATES[:1].repeat(3, 0)), r"do not fit: \(3, 1, 1\), \(2, 4, 6\)"),
        (lambda: gate_view(MAPS, np.ones((2, 9, 9))), "do not fit"),
        (lambda: gate_view(MAPS, np.ones(2)), r"gates must have 3 axes.*got shape \(2,\)"),
        (lambda: VIEWS["channels"](channels=["red"]), "channels must be 2 names, got 1"),
        (lambda: VIEWS["channels"](at=(2, 0, 0)), "at must be"),
        (lambda: gate_view(np.ones((7, 2, 4, 6)), GATES), "maps must have shape"),
        (
            lambda: pixel_view(np.ones((400, 400)), np.ones((20, 20))),
            "takes 214 kB in the page, and at most 200 kB are allowed: give fewer steps or heads",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_show_displays_an_explorer(capsys):
    show(VIEWS["words"]())
    assert "Attention map; most looks, row by row: x at a" in capsys.readouterr().out
