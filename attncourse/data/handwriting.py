"""What tasks on handwriting share: the digits, and batches of images that were drawn of them.

The digits are scikit-learn's. A fifth of them is only ever for testing.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

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
    """Handwriting to learn from, and other handwriting to be judged by."""
    from sklearn.datasets import load_digits

    drawings, digits = load_digits(return_X_y=True)
    order = rng.permutation(len(digits))
    drawings, digits = drawings[order].reshape(-1, SIDE, SIDE) / 16, digits[order]
    kept = len(digits) // 5
    return (
        Handwriting(drawings[kept:], digits[kept:]),
        Handwriting(drawings[:kept], digits[:kept]),
    )


class Labelled(Protocol):
    """Images with a label each."""

    @property
    def pixels(self) -> Tensor:
        """(N, C, H, W)."""
        ...

    @property
    def labels(self) -> Tensor:
        """(N,)."""
        ...


@dataclass(frozen=True)
class Batches:
    """Batches by number, from 0 without end: a number always means the same batch.

    Attributes:
        images: What the batches are drawn from.
        size: Images in a batch.
        seed: Fixes all batches.
    """

    images: Labelled
    size: int
    seed: int = 0

    def __getitem__(self, number: int, /) -> tuple[Tensor, Tensor]:
        """Pixels (size, C, H, W) and labels (size,)."""
        rng = np.random.default_rng((self.seed, number))
        chosen = torch.from_numpy(rng.integers(len(self.images.labels), size=self.size))
        return self.images.pixels[chosen], self.images.labels[chosen]
