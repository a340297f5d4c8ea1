import numpy as np
import pytest
import torch

from attncourse.data import augment
from attncourse.data.augment import IGNORED, centred, fitted, scaled, shifted, zoomed


def ramp(height, width):
    """An image whose first colour grows to the right and whose second grows downwards."""
    across = torch.arange(width).expand(height, width)
    down = torch.arange(height)[:, None].expand(height, width)
    return torch.stack((across, down, torch.full((height, width), 7))).to(torch.uint8)


def rngs(count):
    return (np.random.default_rng(i) for i in range(count))


def test_a_shifted_image_is_the_image_elsewhere():
    image, label = ramp(20, 30) + 1, torch.tensor(3)
    seen, mirrored = set(), set()
    for rng in rngs(200):
        moved, kept = shifted((image, label), rng)
        assert moved.shape == image.shape
        assert kept == label
        inside = moved[2] > 0
        step = moved[0].int().diff(dim=1)[inside[:, 1:] & inside[:, :-1]]
        mirrored.add(step.unique().item())
        seen.add((int(inside.any(0).sum()), int(inside.any(1).sum())))
    assert mirrored == {1, -1}
    assert {26, 30} <= {columns for columns, _ in seen} <= set(range(26, 31))
    assert {16, 20} <= {rows for _, rows in seen} <= set(range(16, 21))


@pytest.mark.parametrize("size", [(20, 30), (30, 20), (8, 90), (1, 1)])
def test_zoomed_shows_a_part_at_the_size_that_was_asked_for(size):
    for rng in rngs(30):
        image, _ = zoomed((ramp(*size), torch.tensor(0)), rng, side=12)
        assert (image.shape, image.dtype) == ((3, 12, 12), torch.uint8)
        assert image[0].max() < size[1]
        assert image[1].max() < size[0]
        assert (image[2] == 7).all()


def test_the_centre_is_the_centre():
    image, _ = centred((ramp(70, 100), torch.tensor(0)), side=28)
    assert image.shape == (3, 28, 28)
    assert image[0].float().mean().item() == pytest.approx(49.5, abs=1.5)
    assert image[1].float().mean().item() == pytest.approx(34.5, abs=1.5)


@pytest.mark.parametrize("size", [(20, 30), (30, 20), (16, 90)])
def test_a_scaled_image_and_its_classes_show_the_same_place(size):
    image = ramp(*size)
    grown, directions = set(), set()
    for rng in rngs(100):
        picture, labels = scaled((image, image[0]), rng, side=16)
        assert picture.shape == (3, 16, 16)
        assert labels.shape == (16, 16)
        known = labels != IGNORED
        assert (picture[:, ~known] == augment._GREY).all()
        assert (picture[0, known].int() - labels[known].int()).abs().max() <= 2
        assert (picture[2, known] == 7).all()
        grown.add(bool(known.all()))
        directions.add(bool(labels[0, 0] < labels[0, known[0]][-1]))
    assert grown == {True, False}
    assert directions == {True, False}


def test_a_fitted_image_is_whole_and_its_classes_untouched():
    image, labels = fitted((ramp(20, 30), ramp(20, 30)[0]), side=40)
    assert image.shape == (3, 40, 60)
    assert image[0].float().mean().item() == pytest.approx(14.5, abs=0.2)
    assert torch.equal(labels, ramp(20, 30)[0])
