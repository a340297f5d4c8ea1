import torch

from attncourse.data import pointed_digits

TASK = pointed_digits.load(400)


def arrows(images: pointed_digits.Images) -> torch.Tensor:
    """Row and column of the arrow's first pixel."""
    lit = images.pixels[:, 0, 12:] > 0
    rows = lit.any(2).int().argmax(1) + 12
    return torch.stack([rows, lit.any(1).int().argmax(1)], 1)


def test_the_label_is_the_digit_that_the_arrow_points_to():
    for images in (TASK.train, TASK.test):
        for place, digits, label in zip(images.places, images.digits, images.labels, strict=True):
            assert label == digits[place]


def test_the_arrow_stands_below_the_digit_and_six_rows_apart():
    assert torch.equal(arrows(TASK.train), TASK.train.corners + torch.tensor([14, 1]))
    for image, (row, column) in zip(TASK.train.pixels[:, 0], TASK.train.corners, strict=True):
        assert bool((image[row + 8 : row + 14, column : column + 8] == 0).all())
        assert bool((image[row : row + 8, column : column + 8] > 0).any())


def test_nothing_but_the_arrow_tells_which_digit_to_read():
    above = TASK.train.pixels[:, 0, :10].unflatten(2, (4, 10)).transpose(1, 2)  # (N, 4, 10, 10)
    ink = above.mean((2, 3))
    pointed = ink.gather(1, TASK.train.places[:, None]).mean()
    assert abs(pointed - ink.mean()) < 0.05 * ink.mean()


def test_cells_on_the_target_are_those_whose_centre_lies_in_the_digit():
    target = TASK.train.on_target(5, 10)
    for cells, (top, left) in zip(target, TASK.train.corners.tolist(), strict=True):
        for i in range(5):
            for j in range(10):
                inside = top <= 4 * i + 2 < top + 8 and left <= 4 * j + 2 < left + 8
                assert bool(cells[i, j]) == inside
    assert bool((target.sum((1, 2)) == 4).all())  # two by two of them, wherever it stands


def test_at_full_size_the_target_is_the_digit():
    target = TASK.train.on_target(20, 40)
    assert bool((target.sum((1, 2)) == 64).all())


def test_handwriting_of_the_test_is_never_seen_in_training():
    def drawings(images: pointed_digits.Images) -> set[bytes]:
        seen = set()
        for image in images.pixels[:, 0, :10].unflatten(2, (4, 10)).transpose(1, 2).flatten(0, 1):
            ink = image[image.any(1)][:, image.any(0)]  # wherever it stands
            seen.add(ink.numpy().tobytes())
        return seen

    assert not drawings(TASK.train) & drawings(TASK.test)


def test_all_places_come_about_equally_often():
    counts = pointed_digits.load(3_000).train.places.bincount()
    assert counts.max() < 1.2 * counts.min()
