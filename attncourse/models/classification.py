"""Teaching any network of the course to name what a photograph shows."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attncourse.data.images import Sample, normalised


def classification_loss(
    model: nn.Module, batch: Sample, *, side: int, smoothing: float = 0.0
) -> Tensor:
    """Return the cross-entropy of the classes.

    Args:
        model: Images (B, 3, side, side) → logits (B, classes), or what wraps such a network.
        batch: Images (B, 3, H, W) of bytes and classes (B,), on the model's device.
        side: What the images are enlarged to.
        smoothing: ε of label smoothing.

    Returns:
        A scalar: the mean over the batch, in nats.
    """
    images, labels = batch
    return F.cross_entropy(model(_input(images, side)), labels, label_smoothing=smoothing)


@torch.no_grad()
def measure(model: nn.Module, batches: Iterable[Sample], *, side: int) -> dict[str, float]:
    """Measure how often a network is right.

    Args:
        model: In evaluation mode.
        batches: What to name.
        side: What the images are enlarged to.

    Returns:
        The "accuracy" and the "top5_accuracy", which counts what is among the five best answers.
    """
    device = next(model.parameters()).device
    images = first = among_five = 0
    for pictures, labels in batches:
        logits = model(_input(pictures.to(device), side))
        best = logits.topk(min(5, logits.shape[1])).indices
        hits = best == labels.to(device)[:, None]
        images += len(labels)
        first += int(hits[:, 0].sum())
        among_five += int(hits.sum())
    return {"accuracy": first / images, "top5_accuracy": among_five / images}


def _input(images: Tensor, side: int) -> Tensor:
    images = normalised(images)
    if images.shape[2:] == (side, side):
        return images
    return F.interpolate(images, (side, side), mode="bilinear")
