"""Photographs: their form, and that they are what they are called."""

import pytest

from attncourse.data import photographs


@pytest.mark.parametrize("name", photographs.FILES)
def test_a_photograph_is_maps_of_light(name):
    image = photographs.load(name, height=20)
    assert image.shape == (3, 20, 30)
    assert 0 <= image.min() < 0.2 < 0.8 < image.max() <= 1


def test_a_small_copy_is_of_means():
    whole, small = (photographs.load("china", height=height) for height in (427, 7))
    assert small.mean().item() == pytest.approx(whole.mean().item(), abs=0.01)
    assert small.std() < whole.std()


def test_there_is_sky_above_the_pavilion_and_red_in_the_flower():
    china, flower = map(photographs.load, ("china", "flower"))
    assert china[:, :10].mean() > china[:, -20:].mean()
    assert flower[0].max() > 0.8 > flower[2].mean()


@pytest.mark.parametrize(("name", "height"), [("cat", 64), ("china", 0), ("china", 428)])
def test_what_is_not_there_is_refused(name, height):
    with pytest.raises(ValueError, match="must"):
        photographs.load(name, height=height)
