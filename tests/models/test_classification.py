import math

import pytest
import torch
from torch import nn

from attncourse.models.classification import classification_loss, measure

CLASSES = 7
BRIGHT = torch.linspace(-1.5, 1.5, CLASSES)


class Sized(nn.Module):
    """Knows the class from the brightness, and notes the size of the images that it sees."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1e4))
        self.seen = set()

    def forward(self, images):
        self.seen.add(tuple(images.shape[1:]))
        bright = images.mean((1, 2, 3))
        return -self.scale * (bright[:, None] - BRIGHT).abs()


def images(labels):
    """Bytes that the network takes for these classes."""
    return (
        (BRIGHT[labels] * 57.6 + 114.5)
        .round()
        .to(torch.uint8)[:, None, None, None]
        .expand(-1, 3, 4, 4)
    )


def test_a_network_that_knows_nothing_is_as_uncertain_as_a_die():
    model, labels = Sized(), torch.arange(CLASSES)
    nn.init.zeros_(model.scale)
    for smoothing in (0.0, 0.1):
        loss = classification_loss(model, (images(labels), labels), side=4, smoothing=smoothing)
        assert loss.item() == pytest.approx(math.log(CLASSES))


def test_a_network_that_knows_has_no_loss_unless_labels_are_smooth():
    model, labels = Sized(), torch.arange(CLASSES)
    assert classification_loss(model, (images(labels), labels), side=4) < 1e-3
    assert classification_loss(model, (images(labels), labels), side=4, smoothing=0.1) > 1


def test_images_are_enlarged_to_the_side():
    model, labels = Sized(), torch.arange(CLASSES)
    classification_loss(model, (images(labels), labels), side=9)
    assert measure(model, [(images(labels), labels)], side=9)["accuracy"] == 1
    assert model.seen == {(3, 9, 9)}


def test_accuracy_counts_images_and_not_batches():
    model, shown = Sized(), torch.tensor([0, 0, 3, 3, 6])
    labels = torch.tensor([0, 1, 6, 3, 0])  # wrong but near, wrong but among five, wrong and far
    batches = [(images(shown[:2]), labels[:2]), (images(shown[2:]), labels[2:])]
    measured = measure(model, batches, side=4)
    assert measured["accuracy"] == pytest.approx(2 / 5)
    five = model(images(shown).float().sub(114.5).div(57.6)).topk(5).indices
    among = (five == labels[:, None]).any(1).float().mean().item()
    assert measured["top5_accuracy"] == pytest.approx(among)
    assert 2 / 5 < among < 1
