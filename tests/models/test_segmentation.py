import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from attncourse.data.augment import IGNORED
from attncourse.models.segmentation import measure, segmentation_loss

CLASSES = 3


class Fixed(nn.Module):
    """Answers what it was told, whatever it sees, once or several times."""

    def __init__(self, *answers):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.answers = [F.one_hot(a, CLASSES).movedim(-1, 1).float() for a in answers]

    def forward(self, images):
        assert images.is_floating_point()
        maps = tuple(100 * self.weight * each for each in self.answers)
        return maps if len(maps) > 1 else maps[0]


def images(labels):
    return torch.zeros(len(labels), 3, *labels.shape[1:], dtype=torch.uint8)


SAID = torch.tensor([[[0, 0, 1], [1, 1, 2]]])
TRUE = torch.tensor([[[0, 1, 1], [1, IGNORED, 0]]], dtype=torch.uint8)


def test_intersection_over_union_by_hand():
    measured = measure(Fixed(SAID), [(images(TRUE), TRUE)], classes=CLASSES)
    # Class 0: 1 of 3 pixels; class 1: 2 of 3; class 2: said once, never true.
    assert measured["mean_iou"] == pytest.approx((1 / 3 + 2 / 3 + 0) / 3)
    assert measured["pixel_accuracy"] == pytest.approx(3 / 5)


def test_a_class_that_is_neither_said_nor_true_does_not_count():
    perfect = torch.tensor([[[0, 1, 1], [1, 1, 0]]])
    measured = measure(Fixed(perfect), [(images(TRUE), TRUE)], classes=CLASSES)
    assert measured == {"mean_iou": 1.0, "pixel_accuracy": 1.0}


def test_counts_are_added_over_images():
    model = Fixed(SAID)
    batches = [(images(TRUE), TRUE), (images(TRUE), SAID.to(torch.uint8))]
    measured = measure(model, batches, classes=CLASSES)
    assert measured["mean_iou"] == pytest.approx((3 / 5 + 5 / 6 + 1 / 2) / 3)
    assert measured["pixel_accuracy"] == pytest.approx(9 / 11)


def test_answers_are_brought_to_the_size_of_the_classes():
    small = torch.tensor([[[0, 1], [2, 0]]])
    large = small.repeat_interleave(8, 1).repeat_interleave(8, 2).to(torch.uint8)
    assert measure(Fixed(small), [(images(large), large)], classes=CLASSES)["mean_iou"] > 0.8


def test_ignored_pixels_have_no_loss():
    model = Fixed(SAID)
    everywhere = segmentation_loss(model, (images(TRUE), TRUE))
    assert everywhere.item() == pytest.approx(2 * 100 / 5, rel=1e-3)  # 2 of 5 are wrong, by 100
    nowhere = torch.full_like(TRUE, IGNORED)
    loss = segmentation_loss(model, (images(nowhere), nowhere))
    loss.backward()
    assert (loss, model.weight.grad) == (0, 0)


def test_the_losses_of_all_outputs_are_added():
    blind = torch.zeros_like(SAID)
    one, other = (segmentation_loss(Fixed(a), (images(TRUE), TRUE)) for a in (SAID, blind))
    both = segmentation_loss(Fixed(SAID, blind), (images(TRUE), TRUE))
    assert both.item() == pytest.approx(one.item() + other.item())


def test_a_network_that_knows_nothing_is_as_uncertain_as_a_die():
    model = Fixed(SAID)
    nn.init.zeros_(model.weight)
    loss = segmentation_loss(model, (images(TRUE), TRUE))
    assert loss.item() == pytest.approx(math.log(CLASSES))


def test_the_first_output_is_judged():
    blind = torch.zeros_like(SAID)
    for answers in ((SAID, blind), (blind, SAID)):
        together = measure(Fixed(*answers), [(images(TRUE), TRUE)], classes=CLASSES)
        alone = measure(Fixed(answers[0]), [(images(TRUE), TRUE)], classes=CLASSES)
        assert together == alone
