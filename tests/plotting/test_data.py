"""The plotted data: a plot that says something else has other data."""

import json

import numpy as np
import pytest
from matplotlib.figure import Figure

from attncourse.plotting import Sketch
from attncourse.plotting.data import describe, digest, summarise

VALUES = [0.25, 0.5, 0.125]
DRAWINGS = {
    "line": lambda ax, y: ax.plot([1, 2, 3], y),
    "line along x": lambda ax, y: ax.plot(y, [1, 2, 3]),
    "band": lambda ax, y: ax.fill_between([1, 2, 3], 0, y),
    "points": lambda ax, y: ax.scatter([1, 2, 3], y),
    "coloured points": lambda ax, y: ax.scatter([1, 2, 3], [1, 2, 3], c=y),
    "bars": lambda ax, y: ax.bar([1, 2, 3], y),
    "map": lambda ax, y: ax.imshow([y]),
    "text": lambda ax, y: ax.text(0.5, 0.5, f"best {y[2]}"),
    "place of a text": lambda ax, y: ax.text(0.5, y[2], "here"),
    "title": lambda ax, y: ax.set_title(f"best {y[2]}"),
    "ticks": lambda ax, y: ax.set_xticks([0, 1, 2], [str(each) for each in y]),
}


def data_of(draw, y):
    figure = Figure()
    draw(figure.subplots(), y)
    return describe(figure)


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_other_values_give_other_data_and_the_same_values_the_same(draw):
    assert data_of(draw, VALUES) == data_of(draw, list(VALUES))
    assert data_of(draw, VALUES) != data_of(draw, [0.25, 0.5, 0.127])


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_data_is_json(draw):
    data = data_of(draw, [0.25, float("nan"), 0.125])
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_cells_of_a_sketch_are_data():
    def sketched(values):
        sketch = Sketch(4, 2)
        sketch.cells(values, (2, 1))
        return describe(sketch.figure)

    assert sketched([0.1, 0.9]) != sketched([0.2, 0.9])


def test_colour_bars_are_not_axes_of_their_own():
    figure = Figure()
    ax = figure.subplots()
    figure.colorbar(ax.imshow([[1, 2]]), ax=ax)
    assert len(describe(figure)["axes"]) == 1


def test_digest_rounds_to_the_greatest():
    assert digest([123456.789, -1e-9]) == ["123460 0"]
    assert digest([[1.0], [0.33333333]]) == ["1", "0.33333"]
    assert digest([]) == []


def test_digest_of_a_large_map_is_small_and_sees_what_block_means_hide():
    flat = np.zeros((320, 320))
    checked = flat.copy()
    checked[::2, ::2], checked[1::2, ::2] = 1, -1
    assert digest(flat)[:-1] == digest(checked)[:-1]
    assert digest(flat) != digest(checked)
    assert len(digest(flat)) == 33


def test_summary_names_what_is_drawn():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    left.set_title("loss")
    left.plot([1, 2], [2, 1])
    left.plot([1, 2], [3, 1])
    right.imshow([[1, 2]])
    assert summarise("It falls.", describe(figure)) == "It falls.\n[loss: 2 lines]\n[figure: 1 map]"
