import torch

from attncourse.data import cued_digits

TASK = cued_digits.load(400)


def test_the_label_is_the_digit_in_the_colour_of_the_cue():
    for images in (TASK.train, TASK.test):
        for cue, digits, label in zip(images.cues, images.digits, images.labels, strict=True):
            assert label == digits[cue]


def test_no_colour_shows_another_pattern_than_the_others():
    left = TASK.train.pixels[..., :8]
    assert torch.equal(left, left[:, :1].expand_as(left))
    assert not torch.equal(TASK.train.pixels, TASK.train.pixels[:, :1].expand(-1, 3, -1, -1))


def test_the_pattern_is_the_cue_and_its_brightness_is_not():
    left = TASK.train.pixels[:, 0, :, :8]
    down, across = left.diff(dim=1).abs().amax((1, 2)), left.diff(dim=2).abs().amax((1, 2))
    assert torch.equal(across == 0, TASK.train.cues == cued_digits.CUES.index("rows"))
    # Columns change downwards only where the pattern begins and ends.
    inner = left[:, 2:8].diff(dim=1).abs().amax((1, 2))
    assert torch.equal(inner == 0, TASK.train.cues == cued_digits.CUES.index("columns"))
    assert bool((down == 1).all())
    assert bool((left.sum((1, 2)) == 32).all())


def test_pattern_and_digits_lie_ten_pixels_apart():
    assert bool((TASK.train.pixels[..., 8:18] == 0).all())
    assert bool(TASK.train.pixels[..., 18:].amax((1, 2, 3)).gt(0.5).all())


def test_handwriting_of_the_test_is_never_seen_in_training():
    def drawings(images: cued_digits.Images) -> set[bytes]:
        seen = set()
        for image in images.pixels.flatten(0, 1)[:, :, 18:]:
            ink = image[image.any(1)][:, image.any(0)]  # wherever it stands
            seen.add(ink.numpy().tobytes())
        return seen

    assert not drawings(TASK.train) & drawings(TASK.test)


def test_all_cues_come_about_equally_often():
    counts = cued_digits.load(3_000).train.cues.bincount()
    assert counts.max() < 1.2 * counts.min()
