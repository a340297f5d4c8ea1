import pytest
import torch

from attncourse.data import (
    crossed_digits,
    cued_digits,
    paired_digits,
    pointed_digits,
    woven_digits,
)

TASKS = {
    each.__name__.rpartition(".")[2]: each.load
    for each in (
        cued_digits,
        crossed_digits,
        paired_digits,
        pointed_digits,
        woven_digits,
    )
}


@pytest.fixture(params=TASKS.values(), ids=TASKS)
def load(request):
    return request.param


def test_a_seed_fixes_images_and_batches(load):
    images, again, other = (load(400, seed=seed).train for seed in (0, 0, 1))
    assert torch.equal(images.pixels, again.pixels)
    assert torch.equal(images.labels, again.labels)
    assert not torch.equal(images.pixels, other.pixels)
    batches = images.batches(16, seed=3)
    assert all(map(torch.equal, batches[5], again.batches(16, seed=3)[5]))
    assert not torch.equal(batches[5][0], batches[6][0])
    assert not torch.equal(batches[5][0], images.batches(16, seed=4)[5][0])


def test_a_batch_shows_images_with_their_labels(load):
    images = load(400).train
    pixels, labels = images.batches(16)[0]
    found = [(images.pixels == each).flatten(1).all(1).nonzero().item() for each in pixels]
    assert torch.equal(images.labels[found], labels)


def test_one_image_in_ten_is_for_testing(load):
    task = load(400)
    assert (len(task.train), len(task.test)) == (360, 40)
    with pytest.raises(ValueError, match="at least 10"):
        load(9)
