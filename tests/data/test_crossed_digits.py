import pytest
import torch

from attncourse.data import crossed_digits
from attncourse.data.crossed_digits import BORDER, CELL, COLUMNS, MARK, ROWS

TASK = crossed_digits.load(400)


def start(number: int) -> int:
    return BORDER + number * CELL


def test_the_label_is_the_digit_at_the_crossing():
    for images in (TASK.train, TASK.test):
        for i, label in enumerate(images.labels):
            assert label == images.digits[i, images.rows[i], images.columns[i]]


def test_the_marks_stand_at_the_ends_of_row_and_column_and_nowhere_else():
    for i, (_, marks) in enumerate(TASK.train.pixels):
        top, left = start(int(TASK.train.rows[i])), start(int(TASK.train.columns[i]))
        assert bool((marks[top : top + CELL, :MARK] == 1).all())
        assert bool((marks[:MARK, left : left + CELL] == 1).all())
        assert marks.sum() == 2 * MARK * CELL


def test_between_marks_and_digits_is_a_gap():
    ink, marks = TASK.train.pixels.unbind(1)
    assert not ink[:, :BORDER].any() and not ink[..., :BORDER].any()
    assert not marks[:, MARK:, MARK:].any()
    assert BORDER - MARK == 4


def test_each_cell_shows_one_digit():
    ink = TASK.train.pixels[:, 0, BORDER:, BORDER:]
    cells = ink.unflatten(2, (COLUMNS, CELL)).unflatten(1, (ROWS, CELL))
    assert bool((cells.amax((2, 4)) > 0.5).all())


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_places_on_the_target_are_those_whose_pixel_lies_in_the_cell(stride):
    target = TASK.train.on_target(stride)
    for i, places in enumerate(target):
        cell = torch.zeros(26, 35, dtype=torch.bool)
        top, left = start(int(TASK.train.rows[i])), start(int(TASK.train.columns[i]))
        cell[top : top + CELL, left : left + CELL] = True
        assert torch.equal(places, cell[::stride, ::stride])


def test_handwriting_of_the_test_is_never_seen_in_training():
    def drawings(images: crossed_digits.Images) -> set[bytes]:
        seen = set()
        for image in images.pixels[:, 0, BORDER:, BORDER:]:
            for cell in image.unfold(0, CELL, CELL).unfold(1, CELL, CELL).flatten(0, 1):
                shown = cell[cell.any(1)][:, cell.any(0)]  # wherever it stands
                seen.add(shown.numpy().tobytes())
        return seen

    assert not drawings(TASK.train) & drawings(TASK.test)


def test_all_crossings_come_about_equally_often():
    images = crossed_digits.load(12_000).train
    counts = (images.rows * COLUMNS + images.columns).bincount(minlength=ROWS * COLUMNS)
    assert counts.max() < 1.2 * counts.min()
