"""Random changes that leave the label of an image as it is, and the sizes of test images."""

import math

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from attncourse.data.images import Sample

IGNORED = 255
"""The class of a pixel that has none: it is neither learned from nor judged."""

_GREY = 116  # what surrounds an image that is smaller than its crop


def shifted(sample: Sample, rng: np.random.Generator, *, most: int = 4) -> Sample:
    """Move an image by up to `most` pixels, and mirror every second: as He et al. 2016 on CIFAR."""
    image, label = sample
    _, height, width = image.shape
    top, left = rng.integers(2 * most, endpoint=True, size=2)
    moved = F.pad(image, (most,) * 4)[:, top : top + height, left : left + width]
    return _mirrored(rng, moved)[0], label


def zoomed(sample: Sample, rng: np.random.Generator, *, side: int) -> Sample:
    """Enlarge a random part of an image, and mirror every second.

    The part has 8 to 100 % of the area and an aspect ratio between 3/4 and 4/3 (Szegedy et al.
    2015, section 6), as far as the image allows.
    """
    image, label = sample
    _, height, width = image.shape
    area = rng.uniform(0.08, 1) * height * width
    aspect = math.exp(rng.uniform(-1, 1) * math.log(4 / 3))
    rows = min(height, max(1, round(math.sqrt(area / aspect))))
    columns = min(width, max(1, round(math.sqrt(area * aspect))))
    part = _cropped(rng, image, height=rows, width=columns)[0]
    return _mirrored(rng, _resized(part, side, side))[0], label


def centred(sample: Sample, *, side: int) -> Sample:
    """Return the middle of an image whose shorter side is an eighth longer than the square."""
    image, label = sample
    image = _shortest(image, side * 8 // 7)
    top, left = ((length - side) // 2 for length in image.shape[1:])
    return image[:, top : top + side, left : left + side], label


def scaled(sample: Sample, rng: np.random.Generator, *, side: int) -> Sample:
    """Cut a square of an image and its map of classes, at half to double size, maybe mirrored.

    Size 1 means that the shorter side is as long as the square. What lies outside the image is
    grey, and ignored.
    """
    image, labels = sample
    image = _shortest(image, max(1, round(side * rng.uniform(0.5, 2))))
    _, height, width = image.shape
    labels = _resized(labels[None], height, width, smooth=False)[0]
    missing = (0, max(0, side - width), 0, max(0, side - height))
    image = F.pad(image, missing, value=_GREY)
    labels = F.pad(labels, missing, value=IGNORED)
    image, labels = _mirrored(rng, *_cropped(rng, image, labels, height=side, width=side))
    return image, labels


def fitted(sample: Sample, *, side: int) -> Sample:
    """Resize a whole image to a shorter side of this length; its map of classes stays."""
    image, labels = sample
    return _shortest(image, side), labels


def _cropped(
    rng: np.random.Generator, *maps: Tensor, height: int, width: int
) -> tuple[Tensor, ...]:
    """Return the same random part of maps (…, H, W)."""
    top = int(rng.integers(maps[0].shape[-2] - height, endpoint=True))
    left = int(rng.integers(maps[0].shape[-1] - width, endpoint=True))
    return tuple(each[..., top : top + height, left : left + width] for each in maps)


def _mirrored(rng: np.random.Generator, *maps: Tensor) -> tuple[Tensor, ...]:
    return tuple(each.flip(-1) for each in maps) if rng.integers(2) else maps


def _shortest(image: Tensor, side: int) -> Tensor:
    _, height, width = image.shape
    factor = side / min(height, width)
    return _resized(image, max(side, round(height * factor)), max(side, round(width * factor)))


def _resized(maps: Tensor, height: int, width: int, *, smooth: bool = True) -> Tensor:
    """Resize maps (C, H, W); classes have no value between them and are not smoothed."""
    if maps.shape[1:] == (height, width):
        return maps
    mode = {"mode": "bilinear", "antialias": True} if smooth else {"mode": "nearest-exact"}
    return F.interpolate(maps[None], (height, width), **mode)[0]
