import numpy as np
import pytest
import torch

from attncourse.data import woven_digits
from attncourse.data.woven_digits import PITCHES, SWATCH, stripes

TASK = woven_digits.load(400)


def test_the_label_is_the_digit_in_the_weave_of_the_swatch():
    for images in (TASK.train, TASK.test):
        for weave, digits, label in zip(images.asked, images.digits, images.labels, strict=True):
            assert label == digits[weave]


@pytest.mark.parametrize("pitch", [1, 2, 3])
def test_stripes_and_gaps_are_as_wide_as_the_pitch(pitch):
    row = stripes(pitch, 12)
    assert np.array_equal(row, np.resize([1] * pitch + [0] * pitch, 12))
    assert np.array_equal(stripes(pitch, 12, pitch), 1 - row)


def test_swatches_are_woven_as_asked_and_equally_bright():
    swatches = TASK.train.pixels[..., :SWATCH].squeeze(1)
    assert torch.equal(swatches, swatches[:, :1].expand_as(swatches))  # upright stripes
    assert bool((swatches.mean((1, 2)) == 0.5).all())
    changes = swatches[:, 0].diff().abs().sum(1)
    assert torch.equal(changes == SWATCH - 1, TASK.train.asked == PITCHES.index(1))


def test_both_digits_are_there_each_in_its_stripes():
    """Ink that is fine vanishes in every second column, ink that is coarse in two of four."""
    place = TASK.train.pixels[:, 0, :, SWATCH:]
    for pitch in PITCHES:
        blank = place.new_zeros(len(place), 2 * max(PITCHES))
        for phase in range(2 * max(PITCHES)):
            mask = torch.from_numpy(stripes(pitch, place.shape[-1], phase))
            blank[:, phase] = (place * (1 - mask)).amax((1, 2))
        assert bool((blank > 0).all())  # neither weave explains the image alone
    assert bool((place.amax((1, 2)) > 0.5).all())


def test_swatch_and_digits_lie_six_pixels_apart():
    assert bool((TASK.train.pixels[..., SWATCH : SWATCH + 6] == 0).all())


def test_another_swatch_changes_nothing_else():
    test = TASK.test
    other = test.with_swatch(1.5, phase=1)
    assert torch.equal(other[..., SWATCH:], test.pixels[..., SWATCH:])
    assert torch.equal(other[0, 0, 0, :SWATCH], torch.from_numpy(stripes(1.5, SWATCH, 1)))
    assert not torch.equal(other, test.pixels)


def test_handwriting_of_the_test_is_never_seen_in_training(monkeypatch):
    given = []
    monkeypatch.setattr(woven_digits, "_draw", lambda written, *rest: given.append(written))
    woven_digits.load(400)
    train, test = ({each.tobytes() for each in written.drawings} for written in given)
    assert len(train) > 3 * len(test) > 0
    assert not train & test


def test_both_weaves_are_asked_for_about_equally_often():
    counts = TASK.train.asked.bincount()
    assert counts.max() < 1.3 * counts.min()
