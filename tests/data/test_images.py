from itertools import chain

import pytest
import torch

from attncourse.data.images import Images, normalised


def changed(sample, rng):
    image, label = sample
    return image + int(rng.integers(100)), label


def numbered(count, **options):
    """Images that are known by their label."""
    samples = [(torch.zeros(3, 2, 2, dtype=torch.uint8), torch.tensor(i)) for i in range(count)]
    made = {"augment": changed, "prepare": lambda sample: sample, "test": samples} | options
    return Images(samples, classes=count, **made)


def test_an_epoch_serves_every_image_once():
    batches = numbered(60).batches(6)
    first, second = ([batches[i][1].tolist() for i in part] for part in (range(10), range(10, 20)))
    for epoch in (first, second):
        assert sorted(chain(*epoch)) == list(range(60))
    assert first != second


def test_a_number_always_means_the_same_batch():
    def served(numbers, seed):
        batches = numbered(60).batches(6, seed=seed)
        return [[part.tolist() for part in batches[i]] for i in numbers]

    forwards = served(range(40), seed=3)
    order = torch.randperm(40).tolist()
    assert served(order, seed=3) == [forwards[i] for i in order]
    assert served(range(40), seed=4) != forwards


def test_an_image_is_changed_anew_every_time():
    batches = numbered(1).batches(1)
    assert len({batches[i][0].unique().item() for i in range(20)}) > 5


def test_tests_come_in_order_and_whole():
    batches = list(numbered(7).tests(3))
    assert [labels.tolist() for _, labels in batches] == [[0, 1, 2], [3, 4, 5], [6]]


@pytest.mark.parametrize("size", [0, 8])
def test_impossible_batches_are_refused(size):
    with pytest.raises(ValueError, match=r"from 1 to the number of training images, 7, got"):
        numbered(7).batches(size)


def test_there_must_be_images_to_be_judged_by():
    with pytest.raises(ValueError, match="got 7 and 0"):
        numbered(7, test=[])


def test_bytes_become_numbers_around_zero():
    images = torch.arange(256, dtype=torch.uint8).expand(1, 3, 1, 256)
    numbers = normalised(images)
    assert numbers.dtype == torch.float32
    assert numbers.mean(-1).abs().max() < 0.5
    assert (numbers.diff(dim=-1) > 0).all()
