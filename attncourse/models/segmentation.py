"""Teaching any network of the course to name what every pixel of a photograph shows."""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attncourse.data.augment import IGNORED
from attncourse.data.images import Sample, normalised


def segmentation_loss(model: nn.Module, batch: Sample) -> Tensor:
    """Return the cross-entropy of the pixels' classes, summed over the network's outputs.

    A network with several outputs (DANet's branches beside their sum) learns from the loss of each.

    Args:
        model: Images (B, 3, H, W) → logits (B, classes, h, w), or several such maps.
        batch: Images (B, 3, H, W) of bytes and maps of classes (B, H, W), on the model's device.

    Returns:
        A scalar: the mean over all pixels that are not ignored, in nats.
    """
    images, labels = batch
    known = (labels != IGNORED).sum().clamp(min=1)  # a crop may hold none
    losses = [
        F.cross_entropy(
            _enlarged(logits, labels), labels.long(), ignore_index=IGNORED, reduction="sum"
        )
        / known
        for logits in _outputs(model, images)
    ]
    return torch.stack(losses).sum()


@torch.no_grad()
def measure(model: nn.Module, batches: Iterable[Sample], *, classes: int) -> dict[str, float]:
    """Measure how much of what is named is right; judged at the size of the maps of classes.

    Args:
        model: In evaluation mode.
        batches: What to name.
        classes: How many there are.

    Returns:
        The "mean_iou", over the classes that were named or should have been, of the pixels that
        are in both by those that are in either; and the "pixel_accuracy".
    """
    device = next(model.parameters()).device
    counts = torch.zeros(classes, classes, dtype=torch.long, device=device)  # true, said
    for images, labels in batches:
        labels = labels.to(device)
        said = _enlarged(_outputs(model, images.to(device))[0], labels).argmax(1)
        known = labels != IGNORED
        pairs = labels[known].long() * classes + said[known]
        counts += torch.bincount(pairs, minlength=classes**2).view(classes, classes)
    both = counts.diag().double()
    either = counts.sum(0) + counts.sum(1) - both
    return {
        "mean_iou": (both / either)[either > 0].mean().item(),
        "pixel_accuracy": (both.sum() / counts.sum()).item(),
    }


def _outputs(model: nn.Module, images: Tensor) -> Sequence[Tensor]:
    """Return maps of logits; the first are those to be judged."""
    outputs = model(normalised(images))
    return (outputs,) if isinstance(outputs, Tensor) else outputs


def _enlarged(logits: Tensor, labels: Tensor) -> Tensor:
    return F.interpolate(logits, labels.shape[1:], mode="bilinear")
