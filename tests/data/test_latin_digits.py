import torch

from attncourse.data import latin_digits
from attncourse.data.latin_digits import BORDER, CELL, COLOURS, MARK, ROWS

TASK = latin_digits.load(400)


def cells(pixels):
    """(N, colours, rows, 9, …): the strip of each row in each colour."""
    return pixels.unflatten(2, (ROWS, CELL))


def test_every_mark_has_the_colour_in_which_its_row_shows_the_label():
    for images in (TASK.train, TASK.test):
        for row in range(ROWS):
            marked = images.digits[torch.arange(len(images)), row, images.marks[:, row]]
            assert torch.equal(marked, images.labels)


def test_every_row_and_every_colour_shows_the_same_three_digits():
    square = TASK.train.digits
    rows, colours = square.sort(dim=2).values, square.mT.sort(dim=2).values
    assert torch.equal(rows, rows[:, :1].expand_as(rows))
    assert torch.equal(colours, rows)
    assert bool((rows[..., 1:] > rows[..., :-1]).all())  # three different ones


def test_every_row_and_every_colour_has_one_mark_at_the_left_border():
    marks = cells(TASK.train.pixels)[..., :MARK]
    full, touched = marks.amin((3, 4)), marks.amax((3, 4))
    assert torch.equal(full, touched)
    assert torch.equal(full.argmax(1), TASK.train.marks)
    assert bool((full.sum(1) == 1).all()) and bool((full.sum(2) == 1).all())


def test_between_marks_and_digits_is_a_gap():
    assert not TASK.train.pixels[..., MARK:BORDER].any()
    assert BORDER - MARK == 12


def test_each_cell_shows_one_drawing_of_its_digit():
    from sklearn.datasets import load_digits

    drawings, digits = load_digits(return_X_y=True)
    means = {
        tuple(d[d > 0] / 16): digit for d, digit in zip(drawings, digits, strict=True)
    }  # the ink, wherever it stands
    ink = cells(TASK.train.pixels)[:20, ..., BORDER:]
    for image in range(20):
        for colour in range(len(COLOURS)):
            for row in range(ROWS):
                shown = ink[image, colour, row].double()
                found = means[tuple(shown[shown > 0].tolist())]
                assert found == TASK.train.digits[image, row, colour]


def test_handwriting_of_the_test_is_never_seen_in_training():
    def drawings(images: latin_digits.Images) -> set[bytes]:
        ink = cells(images.pixels)[..., BORDER:].movedim(2, 1).flatten(0, 2)
        return {cell[cell > 0].numpy().tobytes() for cell in ink}

    assert not drawings(TASK.train) & drawings(TASK.test)


def test_all_twelve_squares_and_all_digits_come_about_equally_often():
    images = latin_digits.load(12_000).train
    assert len(images.marks.unique(dim=0)) == 6
    second = images.digits[:, 0].gather(1, (images.marks[:, :1] + 1) % ROWS)
    third = images.digits[:, 0].gather(1, (images.marks[:, :1] + 2) % ROWS)
    for digits in (images.labels, second.flatten(), third.flatten()):
        counts = digits.bincount(minlength=10)
        assert counts.max() < 1.3 * counts.min()
    counts = images.marks[:, 0].bincount() + images.marks[:, 1].bincount(minlength=ROWS)
    assert counts.max() < 1.1 * counts.min()
