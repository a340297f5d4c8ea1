"""Guesses: every form is read, drawn dashed, judged by the data; what cannot be read is said."""

import numpy as np
import pytest
import torch

from attncourse import plotting as plot
from attncourse.plotting import guesses

BARS = {"SE": 0.25, "CBAM": 0.75, "none": 0.5}
X = np.arange(5.0)
LINES = {"GRU": np.array([1.0, 0.7, 0.4, 0.2, 0.0]), "attention": np.ones(5)}
MAP = np.array([[0.1, 0.2, 0.7], [0.8, 0.1, 0.1]])
ROWS, COLUMNS = ["x", "y"], ["a", "b", "c"]


@pytest.mark.parametrize("nothing", [None, ...])
def test_without_a_guess_every_chart_is_as_before(nothing):
    charts = [
        lambda **g: plot.bars(BARS, **g),
        lambda **g: plot.curves(X, LINES, **g),
        lambda **g: plot.gates({"SE": [0.1, 0.9]}, **g),
        lambda **g: plot.losses({"SE": [3, 2, 1]}, **g),
        lambda **g: plot.power_law([1, 2], {"SE": [1, 2]}, **g),
        lambda **g: plot.heatmap(MAP, **g),
        lambda **g: plot.alignment(MAP, COLUMNS, ROWS, **g),
        lambda **g: plot.scatter({"SE": (1, 2)}, **g),
    ]
    for chart in charts:
        with_none, without = (plot.data.describe(c.figure) for c in (chart(guess=nothing), chart()))
        assert with_none == without


@pytest.mark.parametrize(
    ("guess", "drawn", "verdict"),
    [
        (0.5, {"SE": 0.5}, "Your guess for SE was 0.5; found 0.25: 0.25 too high."),
        (torch.tensor(0.1), {"SE": 0.1}, "0.15 too low."),
        (0.2501, {"SE": 0.2501}, "Your guess for SE was 0.25; found 0.25: right."),
        ([0.25, 0.5, 0.5], {"SE": 0.25, "CBAM": 0.5, "none": 0.5}, "the one for CBAM most"),
        (
            np.array([0.25, 0.5, 0.5]),
            {"SE": 0.25, "CBAM": 0.5, "none": 0.5},
            "0.083 off on average",
        ),
        ([None, 0.5, ...], {"CBAM": 0.5}, "0.25 too low"),
        ({"none": 1}, {"none": 1}, "Your guess for none was 1; found 0.5: 0.5 too high."),
        ({"none": None}, {}, ""),
        ("CBAM", {"CBAM": 0.75}, "You guessed CBAM, and the longest bar is CBAM with 0.75."),
        ("SE", {"SE": 0.75}, "You guessed SE, but the longest bar is CBAM with 0.75."),
        (["CBAM", "none", "SE"], BARS, "3 of 3 stand where you put them"),
        (["SE", "none", "CBAM"], {"SE": 0.75, "none": 0.5, "CBAM": 0.25}, "1 of 3 stand where"),
    ],
)
def test_guesses_of_bars(guess, drawn, verdict):
    found, said = guesses.of_bars(guess, BARS)
    assert found == pytest.approx(drawn)
    assert verdict in said
    assert bool(verdict) == bool(said)


@pytest.mark.parametrize(
    ("guess", "message"),
    [
        ("SK", "guess names 'SK', and no bar is called so: SE, CBAM, none"),
        ({"SK": 1}, "guess names 'SK'"),
        (["SE", "CBAM"], "guess must put all bars in order, each once: SE, CBAM, none"),
        (["SE", "SE", "CBAM"], "each once"),
        ([1, 2], r"a number for each of the 3 bars \(SE, CBAM, none\), got 2"),
        ({"SE": "high"}, "the guess for 'SE' must be a number, got 'high'"),
        ([1, 2, "high"], "the guess for 'none' must be a number, got 'high'"),
        (float("nan"), "the guess for 'SE' must be a number, got nan"),
        (True, "guess must be a number, a list of 3 numbers, a name or .*, got True"),
        (object, "guess must be a number, a list of 3 numbers"),
        ([], "guess must be a number, a list of 3 numbers"),
    ],
)
def test_guesses_of_bars_that_cannot_be_read(guess, message):
    with pytest.raises(ValueError, match=message):
        plot.bars(BARS, guess=guess)


@pytest.mark.parametrize(
    ("guess", "drawn", "verdict"),
    [
        (0.5, {"GRU": [0.5] * 5}, "Your line for GRU is 0.32 off on average, at 0 most"),
        ([1, 0], {"GRU": [1, 0.75, 0.5, 0.25, 0]}, "at 2 most: 0.5 guessed, 0.4 found."),
        (torch.tensor([1.0, 0.0]), {"GRU": [1, 0.75, 0.5, 0.25, 0]}, "off on average"),
        ({"attention": [0, 1, 0]}, {"attention": [0, 0.5, 1, 0.5, 0]}, "Your line for attention"),
        ("falls", {"GRU": [1, 0.75, 0.5, 0.25, 0]}, "You guessed that GRU falls, and so it does."),
        ("stays", {"GRU": [1] * 5}, "You guessed that GRU stays, but it falls from 1 to 0."),
        ({"attention": "rises"}, {"attention": [1] * 5}, "rises, but it stays."),
        ("attention", {"attention": [1] * 5}, "and the highest at the end is attention with 1."),
        ("GRU", {"GRU": [1] * 5}, "but the highest at the end is attention with 1."),
        ({"GRU": None}, {}, ""),
    ],
)
def test_guesses_of_lines(guess, drawn, verdict):
    found, said = guesses.of_lines(guess, X, LINES)
    assert found.keys() == drawn.keys()
    for name in drawn:
        np.testing.assert_allclose(found[name], drawn[name])
    assert verdict in said
    assert bool(verdict) == bool(said)


def test_numbers_of_a_gate_s_guess_stand_for_blocks_of_channels():
    ax = plot.gates({"rows": [0.9, 0.8, 0.1, 0.2]}, guess=[1, 0])
    (guessed,) = [line for line in ax.lines if line.get_label() == "rows, guessed"]
    np.testing.assert_array_equal(guessed.get_ydata(), [1, 1, 0, 0])


@pytest.mark.parametrize(
    ("guess", "message"),
    [
        ("sinks", "no line is called so: GRU, attention, rises, falls, stays"),
        ({"LSTM": 1}, "guess names 'LSTM', and no line is called so: GRU, attention"),
        ({"GRU": "sinks"}, "must be rises, falls and stays, or numbers; got 'sinks'"),
        ([0] * 6, "the guess for 'GRU' must be a number, at most 5 numbers"),
        ([0, "high"], "the guess for 'GRU' must be a number, got 'high'"),
        (True, "the guess for 'GRU' must be a number, at most 5"),
    ],
)
def test_guesses_of_lines_that_cannot_be_read(guess, message):
    with pytest.raises(ValueError, match=message):
        plot.curves(X, LINES, guess=guess)


@pytest.mark.parametrize(
    ("guess", "places", "verdict"),
    [
        ((1, 0), [(1, 0)], "You guessed row y, column a, and the greatest is at row y, column a."),
        (("x", "c"), [(0, 2)], "You guessed row x, column c, but the greatest is at row y"),
        ([(0, 2), (1, 0)], [(0, 2), (1, 0)], "2 of your 2 places are among the 2 greatest"),
        ([(0, 0), (1, 0)], [(0, 0), (1, 0)], "1 of your 2 places are among the 2 greatest"),
        ([2, 0], [(0, 2), (1, 0)], "In 2 of 2 rows the greatest is where you guessed."),
        (["c", 1], [(0, 2), (1, 1)], "In 1 of 2 rows"),
        (torch.tensor([2, 0]), [(0, 2), (1, 0)], "In 2 of 2 rows"),
        ([[0, 0, 1], [1, 0, 0]], [(0, 2), (1, 0)], "Your map is 0.167 off on average, most at row"),
        (torch.tensor([[0, 0, 1.0], [1, 0, 0]]), [(0, 2), (1, 0)], "1 guessed, 0.7 found."),
        (0.9, [], "Your guess for the greatest value was 0.9; found 0.8: 0.1 too high."),
        ("a", [(0, 0), (1, 0)], "and the column with the greatest sum is a."),
        ("y", [(1, 0), (1, 1), (1, 2)], "the row with the greatest sum is"),
    ],
)
def test_guesses_of_maps(guess, places, verdict):
    found, said = guesses.of_map(guess, MAP, ROWS, COLUMNS)
    assert found == places
    assert verdict in said


@pytest.mark.parametrize(
    ("guess", "message"),
    [
        ((2, 0), "a row in guess must be a number from 0 to 1, got 2"),
        ((0, 1.5), "a column in guess must be a number from 0 to 2, got 1.5"),
        ((0, "z"), "guess names 'z', and no columns are called so: count from 0"),
        ("z", r"no row and no column is called so: \['x', 'y', 'a', 'b', 'c'\]"),
        ([0, 1, 2], "guess must be a place .*, a column for each of the 2 rows"),
        ([], "guess must be a place"),
        ([[1, 2], [3, 4]], r"a map as a guess must have shape \(2, 3\), got \(2, 2\)"),
        ([[1, 2], ["a", 4]], "a map as a guess must be rows of numbers"),
        (object(), "guess must be a place"),
    ],
)
def test_guesses_of_maps_that_cannot_be_read(guess, message):
    with pytest.raises(ValueError, match=message):
        plot.heatmap(MAP, rows=ROWS, columns=COLUMNS, guess=guess)


def test_a_label_that_stands_twice_is_no_place():
    with pytest.raises(ValueError, match="guess names 'a', and 2 columns are called so"):
        plot.alignment([[0.5, 0.5]], "aa", "x", guess=["a"])


def test_guesses_of_points():
    points = {"SE": np.array([2.0, 0.5]), "CBAM": np.array([3.0, 0.75])}
    drawn, said = guesses.of_points({"SE": (1, 0.5)}, points)
    np.testing.assert_array_equal(drawn["SE"], [1, 0.5])
    assert said == "Your guess for SE was (1, 0.5); found (2, 0.5)."
    assert "but the highest point is CBAM with 0.75" in guesses.of_points("SE", points)[1]
    for wrong, message in ((0.5, "a name or"), ({"SE": 1}, "a pair"), ({"SK": (1, 2)}, "'SK'")):
        with pytest.raises(ValueError, match=message):
            plot.scatter(points, guess=wrong)


def test_guesses_are_drawn_dashed():
    bar = plot.bars(BARS, guess={"CBAM": 0.3}).patches[-2]
    assert (bar.get_width(), bar.get_fill(), bar.get_linestyle()) == (0.3, False, "--")
    line = plot.curves(X, LINES, guess={"GRU": 0.5}).lines[-1]
    assert line.is_dashed()
    assert line.get_color() == plot.curves(X, LINES).lines[0].get_color()
    frame = plot.heatmap(MAP, guess=(1, 0)).patches[-1]
    assert (frame.get_xy(), frame.get_fill()) == ((-0.5, 0.5), False)
