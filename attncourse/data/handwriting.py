"""What tasks on handwriting share: the digits, the images drawn of them, and batches of those.

The digits are scikit-learn's. A fifth of them is only ever for testing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SIDE = 8
"""Pixels along each side of a digit."""


class Handwriting(NamedTuple):
    """Written digits.

    Attributes:
        drawings: (N, 8, 8), from 0 to 1.
        digits: (N,), what they mean.
    """

    drawings: NDArray[np.float64]
    digits: NDArray[np.int64]


def split(rng: np.random.Generator) -> tuple[Handwriting, Handwriting]:
    """Split off handwriting to learn from, and other handwriting to be judged by."""
    from sklearn.datasets import load_digits

    drawings, digits = load_digits(return_X_y=True)
    order = rng.permutation(len(digits))
    drawings, digits = drawings[order].reshape(-1, SIDE, SIDE) / 16, digits[order]
    kept = len(digits) // 5
    return (
        Handwriting(drawings[kept:], digits[kept:]),
        Handwriting(drawings[:kept], digits[:kept]),
    )


@dataclass(frozen=True)
class Images(ABC):
    """Drawn images, of which one digit each is to be read.

    Attributes:
        pixels: (N, C, H, W).
    """

    pixels: Tensor

    @property
    @abstractmethod
    def labels(self) -> Tensor:
        """(N,), the digit to read."""

    def __len__(self) -> int:
        return len(self.pixels)

    def batches(self, size: int, *, seed: int = 0) -> "Batches":
        """Return batches of `size` images, drawn anew for every number."""
        return Batches(self, size, seed)


@dataclass(frozen=True)
class Batches:
    """Batches by number, from 0 without end: a number always means the same batch.

    Attributes:
        images: What the batches are drawn from.
        size: Images in a batch.
        seed: Fixes all batches.
    """

    images: Images
    size: int
    seed: int = 0

    def __getitem__(self, number: int, /) -> tuple[Tensor, Tensor]:
        """Return pixels (size, C, H, W) and labels (size,)."""
        rng = np.random.default_rng((self.seed, number))
        chosen = torch.from_numpy(rng.integers(len(self.images), size=self.size))
        return self.images.pixels[chosen], self.images.labels[chosen]


Drawn = TypeVar("Drawn", bound=Images)


@dataclass(frozen=True)
class Task(Generic[Drawn]):
    """Images to learn from, and images of other handwriting to be judged by."""

    train: Drawn
    test: Drawn


def draw_task(
    draw: Callable[[Handwriting, int, np.random.Generator], Drawn], images: int, seed: int
) -> Task[Drawn]:
    """Draw a task; one image in ten is for testing, and shows digits that training never shows.

    Args:
        draw: Draws so many images of some handwriting.
        images: Number of images, for training and testing together.
        seed: Fixes the images.

    Raises:
        ValueError: If there are fewer than 10 images.
    """
    if images < 10:
        raise ValueError(f"images must be at least 10, got {images}")
    rng = np.random.default_rng(seed)
    to_learn, to_judge = split(rng)
    kept = images // 10
    return Task(train=draw(to_learn, images - kept, rng), test=draw(to_judge, kept, rng))
