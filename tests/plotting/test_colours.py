"""One colour for one mechanism, told apart without full colour vision too."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from attncourse import plotting as plot
from attncourse.plotting import style
from attncourse.plotting.style import ALSO_CALLED, COLOURS, MECHANISMS, SERIES, TOGETHER, colour

# Machado, Oliveira and Fernandes (2009), of linear light, for dichromats.
EYES = {
    "all three cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
APART = 0.065  # in OKLab, about three times what is just told apart side by side


def linear(ink):
    rgb = np.array(to_rgb(ink))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def oklab(light):
    """Ottosson (2020): a space in which distances are differences that one sees."""
    cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    ) @ np.clip(light, 0, 1)
    mixed = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return mixed @ np.cbrt(cones)


def difference(one, other, eyes):
    return np.linalg.norm(oklab(eyes @ linear(one)) - oklab(eyes @ linear(other)))


@pytest.mark.parametrize("eyes", EYES.values(), ids=EYES)
@pytest.mark.parametrize("group", [*TOGETHER, SERIES])
def test_colours_that_meet_in_a_figure_are_told_apart(group, eyes):
    inks = {name: COLOURS[MECHANISMS.get(name, name)] for name in group}
    near = {
        pair: difference(*(inks[name] for name in pair), np.array(eyes))
        for pair in combinations(inks, 2)
    }
    too_near = {pair: round(apart, 3) for pair, apart in near.items() if apart < APART}
    assert not too_near


def test_the_distance_sees_what_the_colour_blind_cannot():
    red, green = "#B05A00", "#6E7B00"
    assert difference(red, green, EYES["all three cones"]) > APART
    assert difference(red, green, np.array(EYES["deuteranopia"])) < APART


def test_every_mechanism_meets_others_in_some_group_and_every_other_name_leads_to_one():
    assert set(MECHANISMS) == {name for group in TOGETHER for name in group}
    assert set(ALSO_CALLED.values()) <= set(MECHANISMS)
    assert not set(ALSO_CALLED) & set(MECHANISMS)
    assert all(name == name.lower() for name in (*MECHANISMS, *ALSO_CALLED))


def faces(ax):
    return [to_hex(bar.get_facecolor()).upper() for bar in ax.patches]


def test_a_bar_has_the_colour_of_its_mechanism_wherever_it_stands():
    one = plot.bars({"SE": 1, "CBAM": 2, "no gate": 3})
    other = plot.bars({"no gate": 3, "CBAM": 2, "SE": 1})
    assert faces(one) == faces(other)[::-1] == [colour("SE"), colour("CBAM"), colour("none")]


def test_a_bar_without_a_meaning_has_no_colour():
    assert set(faces(plot.bars({"one thing": 1, "another": 2}))) == {style.NEUTRAL}


def test_a_bar_is_what_it_is_said_to_be():
    shares = {"as trained": 1, "damaged": 2}
    assert faces(plot.bars(shares, colours="SE")) == [colour("se")] * 2
    assert faces(plot.bars(shares, colours={"damaged": "SK"})) == [style.NEUTRAL, colour("SK")]


def test_curves_scattered_points_and_gates_have_the_same_colours():
    assert plot.curves([1, 2], {"SE": [1, 2]}).lines[0].get_color() == colour("SE")
    assert plot.scatter({"SE": (1, 2)}).lines[0].get_color() == colour("SE")
    assert plot.gates({"SE": [1, 0]}).lines[0].get_color() == colour("SE")
    assert plot.losses({"SE": [1, 0]}).lines[0].get_color() == colour("SE")


def test_lines_called_as_a_colour_are_drawn_in_it_and_no_other_is():
    lines = plot.curves([1], {"a": [1], "red": [1], "blue": [1], "b": [1]}).lines
    inks = [line.get_color() for line in lines]
    assert inks[1:3] == [COLOURS["red"], COLOURS["blue"]]
    assert len(set(inks)) == 4


def test_eight_lines_have_eight_colours_and_markers():
    lines = plot.curves([1], {str(n): [1] for n in range(8)}).lines
    assert len({line.get_color() for line in lines}) == 8
    assert len({line.get_marker() for line in lines}) == 8


def test_what_is_no_mechanism_and_no_colour_is_named():
    with pytest.raises(ValueError, match="'sea-former' is no mechanism and no colour"):
        plot.bars({"a": 1}, colours={"a": "sea-former"})
    with pytest.raises(ValueError, match=r"colours names \['b'\], and the entries are \['a'\]"):
        plot.bars({"a": 1}, colours={"b": "SE"})
