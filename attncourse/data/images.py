"""Images and their labels from files, as batches: what all data sets of real images share.

A sample is an image, (3, H, W) of bytes, and its label: a class, or a map (H, W) of classes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

Sample: TypeAlias = tuple[Tensor, Tensor]
"""An image (3, H, W) and its label, or a batch of them."""

SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".webp"}
"""How the names of images end."""

_MEAN, _STD = (123.7, 116.3, 103.5), (58.4, 57.1, 57.4)  # of ImageNet's bytes, colour by colour


class Samples(Protocol):
    """Samples by number."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Sample: ...


@dataclass(frozen=True)
class Images:
    """A data set.

    Attributes:
        train: Samples to learn from.
        test: Samples to be judged by.
        classes: How many classes there are.
        augment: Changes a training sample at random, so that none is seen twice the same.
        prepare: Brings a test sample into the shape that a network is tested with.

    Raises:
        ValueError: If there is nothing to learn from, or to be judged by.
    """

    train: Samples
    test: Samples
    classes: int
    augment: Callable[[Sample, np.random.Generator], Sample]
    prepare: Callable[[Sample], Sample]

    def __post_init__(self) -> None:
        if not len(self.train) or not len(self.test):
            raise ValueError(
                "there must be images for training and for testing, "
                f"got {len(self.train)} and {len(self.test)}"
            )

    def batches(self, size: int, *, seed: int = 0) -> "Batches":
        """Return batches to learn from, endlessly: see `Batches`."""
        return Batches(self, size, seed=seed)

    def tests(self, size: int, *, workers: int = 0) -> DataLoader[Sample]:
        """Serve all test samples in order, `size` at a time, prepared by so many processes."""
        return DataLoader(
            cast(Dataset[Sample], _Prepared(self)),
            batch_size=size,
            num_workers=workers,
            generator=torch.Generator(),  # or it would draw from the global one
        )


class Batches:
    """Training batches by number: `batches[step]` is always the same batch.

    The numbers run on over the epochs; every epoch has its own order.

    Args:
        images: Their training samples are served.
        size: Samples a batch, B. Those that do not fill a batch wait for the next epoch.
        seed: Another seed, another order and other random changes.

    Raises:
        ValueError: If there are fewer than `size` samples, or `size` is not positive.
    """

    def __init__(self, images: Images, size: int, *, seed: int = 0) -> None:
        if not 1 <= size <= len(images.train):
            raise ValueError(
                "the size of a batch must be from 1 to the number of training images, "
                f"{len(images.train):,}, got {size:,}"
            )
        self.images, self.size, self.seed = images, size, seed
        self.per_epoch = len(images.train) // size
        self._epoch, self._order = -1, np.empty(0, dtype=int)

    def __getitem__(self, step: int, /) -> Sample:
        """Return images (B, 3, H, W) and labels (B, …)."""
        epoch, number = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            shuffled = self._draw(epoch, 0).permutation(len(self.images.train))
            self._epoch, self._order = epoch, shuffled
        rng = self._draw(epoch, number + 1)
        chosen = self._order[number * self.size : (number + 1) * self.size]
        samples = [self.images.augment(self.images.train[int(i)], rng) for i in chosen]
        pictures, labels = zip(*samples, strict=True)
        return torch.stack(pictures), torch.stack(labels)

    def _draw(self, epoch: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, epoch, purpose))


@dataclass(frozen=True)
class _Prepared:
    images: Images

    def __len__(self) -> int:
        return len(self.images.test)

    def __getitem__(self, number: int, /) -> Sample:
        return self.images.prepare(self.images.test[number])


def read(path: Path) -> Tensor:
    """Read an image file as red, green and blue bytes (3, H, W).

    Raises:
        ValueError: If it is no image.
    """
    return pixels(path, colours=True).permute(2, 0, 1)


def pixels(path: Path, *, colours: bool) -> Tensor:
    """Read what a file holds for each pixel: colours (H, W, 3), or the one number (H, W).

    Raises:
        ValueError: If it is no image.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return torch.from_numpy(np.array(image.convert("RGB") if colours else image))
    except OSError as error:
        raise ValueError(f"{path} cannot be read as an image: {error}") from error


def normalised(images: Tensor) -> Tensor:
    """Return bytes (B, 3, H, W) as numbers around 0 with a spread of about 1."""
    mean, std = (images.new_tensor(of, dtype=torch.float32) for of in (_MEAN, _STD))
    return (images - mean[:, None, None]) / std[:, None, None]
