"""Alternative texts are made from the data: other data, other words."""

import numpy as np
import pytest

from attncourse import plotting as plot
from attncourse.plotting import words


def alt(ax):
    return words.shown_on(ax.figure)


def test_bars_are_read_out_with_their_seeds():
    ax = plot.bars({"SE": [0.5, 0.25], "none": 1200}, xlabel="digits read")
    assert alt(ax) == ("Bars of digits read: SE 0.375 (0.25 to 0.5 over 2 seeds) and none 1,200.")


def test_lines_are_read_out_by_where_they_begin_end_and_turn():
    ys = {"up": [0, 1, 2], "level": [1, 1.1, 1], "valley": [2, 0, 2]}
    assert alt(plot.curves([5, 6, 7], ys, xlabel="step", ylabel="loss")) == (
        "Lines of loss against step, from 5 to 7: up goes from 0 to 2; level stays near 1.03; "
        "valley goes from 2 to 2, least 0 at 6."
    )


def test_gates_are_read_out_by_which_are_open():
    assert alt(plot.gates({"rows": [0.9, 0.8, 0.1, 0.7], "shut": [0, 0.1, 0.2, 0]})) == (
        "Gates, each over its channel of 4: rows opens 0 to 1, 3; shut opens none."
    )


def test_maps_are_read_out_by_their_greatest():
    named = plot.heatmap([[0.1, 0.9], [0.6, 0.2]], rows="ab", columns="xy", label="weight")
    assert alt(named) == (
        "Map of weight, 2 rows of 2: greatest 0.9 at row a, column y; least 0.1. "
        "Each row is greatest: a at y (0.9), b at x (0.6)."
    )
    assert alt(plot.heatmap([[0.1, 0.9]])) == (
        "Map, 1 row of 2: greatest 0.9 at row 0, column 1; least 0.1."
    )
    assert alt(plot.heatmap([[np.nan, 2]])).startswith("Map, 1 row of 2: greatest 2 at row 0, col")


def test_an_alignment_is_read_out_row_by_row_and_not_without_end():
    assert alt(plot.alignment([[0.9, 0.1], [0.2, 0.8]], "a ", "xy")) == (
        "Attention map; most looks, row by row: x at a (place 0, 0.90), y at a blank (place 1, "
        "0.80)."
    )
    assert alt(plot.alignment(np.eye(40), "s" * 40, "t" * 40)).endswith("and 28 more.")


def test_powers_losses_points_and_pictures_are_read_out():
    power = plot.power_law([1, 2, 4], {"SEA": [1, 4, 16]}, xlabel="side", ylabel="products")
    assert alt(power) == "products against side, both axes logarithmic: SEA as the power 2.0."
    assert alt(plot.losses({"SE": [1.0, 1.0]})).endswith("from 1 to 2: SE stays near 1.")
    assert "SE at 1, 2" in alt(plot.scatter({"SE": (1, 2)}, xlabel="size", ylabel="accuracy"))
    assert alt(plot.picture(np.zeros((2, 3)), colour="red")) == "A picture in red of 2 by 3 pixels."
    assert "red 1, green 0.5 and blue 0" in alt(plot.gating(np.ones((3, 2, 2)), [1, 0.5, 0]))


def test_panels_are_read_out_under_their_titles():
    left, right = plot.panels(2)
    plot.bars({"SE": 1}, ax=left, title="asked for")
    plot.bars({"SE": 2}, ax=right, title="other")
    assert alt(left) == "asked for: Bars: SE 1. other: Bars: SE 2."


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.87654, "0.877"), (1.0, "1"), (0, "0"), (-0.0, "0"), (123456, "123,456"), (1e-5, "1e-05")],
)
def test_numbers_are_short(number, text):
    assert words.short(number) == text
