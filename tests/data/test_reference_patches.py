from itertools import product

import pytest
import torch

from attncourse.data import reference_patches
from attncourse.data.reference_patches import VOID, iou

TASK = reference_patches.load(60)
TRAINING = TASK.batches(60)[0]


@pytest.mark.parametrize("scenes", [TASK.test, TRAINING], ids=["test", "training"])
def test_the_label_is_the_pattern_of_the_patch_in_the_same_hue(scenes):
    for pixels, labels, distances in zip(
        scenes.pixels, scenes.digits, scenes.distances, strict=True
    ):
        things = _things(pixels, labels)
        patches = [thing for thing in things if not thing.asked]
        for digit in (thing for thing in things if thing.asked):
            (patch,) = (p for p in patches if torch.allclose(p.hue, digit.hue, atol=1e-5))
            assert patch.pattern == digit.label
            told = distances[labels == digit.label].unique()
            assert len(told) == 1
            # The ink of a digit may begin a few columns inside its 8×8 drawing.
            assert -7 <= abs(patch.left - digit.left) - int(told) <= 7


def test_test_scenes_have_three_pairs_and_training_scenes_one_to_three():
    test, training = (
        [len(_things(*scene)) for scene in zip(s.pixels, s.digits, strict=True)]
        for s in (TASK.test, TRAINING)
    )
    assert set(test) == {6}
    assert set(training) == {2, 4, 6}


@pytest.mark.parametrize("scenes", [TASK.test, TRAINING], ids=["test", "training"])
def test_every_pixel_of_ink_has_a_label_and_no_other(scenes):
    labelled = scenes.labels != VOID
    torch.testing.assert_close(labelled, scenes.pixels.sum(1).gt(1.5 * 0.28))
    digits = scenes.digits != VOID
    assert torch.equal(digits, scenes.distances > 0)
    assert torch.equal(scenes.digits[digits], scenes.labels[digits])


@pytest.mark.parametrize("scale", [1, 2])
def test_a_coarser_map_tells_where_digits_and_patches_stand(scale):
    scenes = reference_patches.load(20, scale=scale).test
    maps = scenes.on_map(4)
    shown = scenes.digits, scenes.labels.where(scenes.distances == 0, VOID)
    for coarse, labels in zip(maps, shown, strict=True):
        assert coarse.shape == (20, 4 * scale, 20 * scale)
        for row, column in product(range(4 * scale), range(20 * scale)):
            square = labels[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            assert torch.equal(coarse[:, row, column], square.flatten(1).amax(1))
        assert set(coarse.unique().tolist()) == {VOID, 0, 1, 2}


def test_a_patch_shows_its_label():
    for pixels, labels, digits in zip(
        TASK.test.pixels, TASK.test.labels, TASK.test.digits, strict=True
    ):
        shown = labels.where(digits == VOID, VOID)
        for left in range(0, reference_patches.WIDTH, 10):
            slot = slice(left, left + 10)
            if (shown[:, slot] != VOID).any():
                (label,) = set(shown[:, slot].unique().tolist()) - {VOID}
                assert _Thing(pixels[..., slot], digits[:, slot], left).pattern == label


def test_brightness_and_hue_tell_nothing():
    """Every label is as bright and, over many scenes, as red, green and blue as the others."""
    scenes = TASK.batches(600)[1]
    means = torch.stack(
        [scenes.pixels.transpose(0, 1)[:, scenes.digits == p].mean(1) for p in range(3)]
    )
    torch.testing.assert_close(means, means.mean().expand(3, 3), rtol=0.15, atol=0)


def test_patches_are_near_and_far():
    told = TASK.test.distances[TASK.test.distances > 0]
    assert told.min() <= 12
    assert told.max() >= 60


def test_handwriting_of_the_test_is_never_seen_in_training():
    learnt = {tuple((16 * drawing).round().flatten()) for drawing in TASK.written}
    brightness = TASK.test.pixels.sum(1) / 1.5  # the three channels of every hue sum to this
    drawn = (16 * brightness).round().double()
    for scene, asked in zip(drawn, TASK.test.digits != VOID, strict=True):
        for left in range(0, reference_patches.WIDTH, 10):
            if asked[:, left : left + 10].any():
                windows = scene[:, left : left + 10].unfold(0, 8, 1).unfold(1, 8, 1)
                assert not learnt & {tuple(w.tolist()) for w in windows.reshape(-1, 64)}


def test_at_scale_2_the_same_scenes_have_twice_as_many_rows_and_columns():
    large = reference_patches.load(60, scale=2)
    for pair in ((large.test, TASK.test), (large.batches(4)[3], TASK.batches(4)[3])):
        for twice, once in zip(*pair, strict=True):
            assert twice.shape[-2:] == (32, 160)
            corners = [twice[..., row::2, column::2] for row in (0, 1) for column in (0, 1)]
            assert all(torch.equal(corner, once) for corner in corners)


def test_a_seed_fixes_scenes_and_batches():
    again, other = reference_patches.load(60), reference_patches.load(60, seed=1)
    assert torch.equal(TASK.test.pixels, again.test.pixels)
    assert not torch.equal(TASK.test.pixels, other.test.pixels)
    batches = TASK.batches(4, seed=3)
    assert all(map(torch.equal, batches[5], TASK.batches(4, seed=3)[5]))
    assert not torch.equal(batches[5].pixels, batches[6].pixels)
    assert not torch.equal(batches[5].pixels, TASK.batches(4, seed=4)[5].pixels)


@pytest.mark.parametrize("wrong", [{"scenes": 0}, {"scale": 0}])
def test_sizes_are_positive(wrong):
    with pytest.raises(ValueError, match="positive"):
        reference_patches.load(**wrong)


def test_iou_is_the_mean_of_three_shares():
    labels = torch.tensor([0, 0, 1, 1, 2, 2, VOID, VOID])
    predicted = torch.tensor([0, 0, 1, 2, 2, 2, 0, 1])
    assert iou(predicted, labels) == pytest.approx((2 / 2 + 1 / 2 + 2 / 3) / 3)
    assert iou(labels, labels) == 1
    assert iou(torch.zeros_like(labels), labels) == pytest.approx((2 / 6 + 0 + 0) / 3)


class _Thing:
    """What stands in one tenth of the columns."""

    def __init__(self, pixels, labels, left):
        ink = pixels.sum(0) > 0
        first = int(ink.any(0).nonzero()[0])
        colours = pixels[:, ink]
        brightest = colours[:, colours.sum(0).argmax()]
        self.left, self.hue = left + first, brightest / brightest.sum()
        self.asked = bool((labels != VOID).any())
        if self.asked:
            (self.label,) = set(labels.unique().tolist()) - {VOID}
        else:
            across, down = _changes(ink, 1), _changes(ink, 0)
            self.pattern = {(False, True): 0, (True, False): 1, (True, True): 2}[across, down]


def _changes(ink, dim):
    """Whether neighbours inside a patch differ along this axis."""
    rows, columns = ink.nonzero().amin(0), ink.nonzero().amax(0)
    inside = ink[rows[0] : columns[0] + 1, rows[1] : columns[1] + 1]
    return bool(inside.int().diff(dim=dim).any())


def _things(pixels, labels):
    slots = range(0, reference_patches.WIDTH, 10)
    return [
        _Thing(pixels[..., left : left + 10], labels[:, left : left + 10], left)
        for left in slots
        if pixels[..., left : left + 10].any()
    ]
