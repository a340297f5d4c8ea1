import torch

from attncourse.data import paired_digits
from attncourse.data.paired_digits import BORDER, CELL, COLOURS, MARK, ROWS

TASK = paired_digits.load(400)


def cells(pixels):
    """(N, rows, colours, 9, …): each row in each colour."""
    return pixels.unflatten(2, (ROWS, CELL)).transpose(1, 2)


def ink(image):
    """What a cell shows, wherever it stands."""
    rows, columns = image.any(1).nonzero(), image.any(0).nonzero()
    return image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def kinds(images):
    """(N, 3, 3), for each cell +1 if it shows a written digit, −1 if one of exchanged halves."""
    from sklearn.datasets import load_digits

    drawings = torch.from_numpy(load_digits().data).view(-1, 8, 8).float() / 16
    written = {ink(d).numpy().tobytes() for d in drawings}
    broken = {ink(d.roll(4, dims=1)).numpy().tobytes() for d in drawings}
    assert not written & broken
    shown = cells(images.pixels)[..., BORDER:].flatten(0, 2)
    found = [ink(cell).numpy().tobytes() for cell in shown]
    kind = torch.tensor([(f in written) - (f in broken) for f in found])
    return kind.view(-1, ROWS, len(COLOURS))


def test_every_row_and_every_colour_has_one_mark_at_the_left_border():
    marks = cells(TASK.train.pixels)[..., :MARK]
    full, touched = marks.amin((3, 4)), marks.amax((3, 4))
    assert torch.equal(full, touched)
    assert torch.equal(full.argmax(2), TASK.train.marks)
    assert bool((full.sum(1) == 1).all()) and bool((full.sum(2) == 1).all())


def test_between_marks_and_digits_is_a_gap():
    assert not TASK.train.pixels[..., MARK:BORDER].any()
    assert BORDER - MARK == 12


def test_of_the_marked_digits_only_the_one_to_read_is_whole_and_all_others_are():
    for images in (TASK.train, TASK.test):
        kind = kinds(images)
        marked = kind.gather(2, images.marks[..., None])[..., 0]
        assert torch.equal(marked.argmax(1), images.rows)
        assert bool((marked.sum(1) == -1).all())
        assert bool((kind.sum((1, 2)) == 5).all())


def test_the_label_is_the_whole_marked_digit():
    for number, label in enumerate(TASK.test.labels.tolist()):
        row = int(TASK.test.rows[number])
        assert label == TASK.test.digits[number, row, TASK.test.marks[number, row]]


def test_summaries_over_the_width_do_not_tell_whole_from_broken():
    """A cell with exchanged halves has the means and maxima that it would have with the digit."""
    from sklearn.datasets import load_digits

    drawings = torch.from_numpy(load_digits().data).view(-1, 8, 8).float() / 16

    def summary(drawing):
        both = torch.stack((drawing.mean(1), drawing.amax(1)))
        lines = both.any(0).nonzero()  # without the pixel of wandering
        return both[:, lines.min() : lines.max() + 1].numpy().tobytes()

    possible = {summary(d) for d in drawings}
    shown = cells(TASK.test.pixels)[..., BORDER:]  # nine pixels wide, of which one is empty
    for cell in shown.flatten(0, 2):
        assert summary(cell[:, 1:] if cell[:, 8].any() else cell[:, :8]) in possible


def test_handwriting_of_the_test_is_never_seen_in_training():
    def drawings(images: paired_digits.Images) -> set[bytes]:
        shown = cells(images.pixels)[..., BORDER:].flatten(0, 2)
        return {cell[cell > 0].sort().values.numpy().tobytes() for cell in shown}

    assert not drawings(TASK.train) & drawings(TASK.test)


def test_marks_rows_and_digits_come_about_equally_often():
    images = paired_digits.load(12_000).train
    orders = images.marks.unique(dim=0, return_counts=True)[1]
    assert len(orders) == 6
    for counts, slack in (
        (orders, 1.2),
        (images.rows.bincount(), 1.1),
        (images.labels.bincount(minlength=10), 1.3),
    ):
        assert counts.max() < slack * counts.min()
