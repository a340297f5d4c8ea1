"""Three digits in one place, a colour each; a pattern far away tells which of them to read.

The digits are real handwriting: scikit-learn's 8×8 digits. The pattern is the same in all three
colours, so that no colour alone gives the answer away, and lies too far from the digits for a few
convolutions to see both.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Numbers = NDArray[np.float64]

COLOURS = ("red", "green", "blue")
CUES = ("rows", "columns", "checks")
"""The pattern with the number i asks for the digit in the colour with the number i."""

HEIGHT, WIDTH = 10, 28
_SIDE = 8  # of the pattern and of the digits
_PLAY = 2  # pixels by which both wander


@dataclass(frozen=True)
class Images:
    """Drawn images.

    Attributes:
        pixels: (N, 3, 10, 28), from 0 to 1: pattern at the left, digits at the right.
        cues: (N,), the number of the colour to read.
        digits: (N, 3), the digit in each colour.
    """

    pixels: Tensor
    cues: Tensor
    digits: Tensor

    @property
    def labels(self) -> Tensor:
        """(N,), the digit in the colour that the cue asks for."""
        return self.digits.gather(1, self.cues[:, None]).squeeze(1)

    def __len__(self) -> int:
        return len(self.cues)

    def batches(self, size: int, *, seed: int = 0) -> "Batches":
        """Batches of `size` images, drawn anew for every number."""
        return Batches(self, size, seed)


@dataclass(frozen=True)
class Batches:
    """Batches by number, from 0 without end: a number always means the same batch."""

    images: Images
    size: int
    seed: int

    def __getitem__(self, number: int, /) -> tuple[Tensor, Tensor]:
        """Pixels (size, 3, 10, 28) and labels (size,)."""
        rng = np.random.default_rng((self.seed, number))
        rows = torch.from_numpy(rng.integers(len(self.images), size=self.size))
        return self.images.pixels[rows], self.images.labels[rows]


@dataclass(frozen=True)
class CuedDigits:
    """The task: images to learn from, and images of other handwriting to be judged by."""

    train: Images
    test: Images


def load(images: int = 12_000, *, seed: int = 0) -> CuedDigits:
    """Draw the task; one image in ten is for testing, and shows digits that training never shows.

    Args:
        images: Number of images, for training and testing together.
        seed: Fixes the images.

    Raises:
        ValueError: If there are fewer than 10 images.
    """
    from sklearn.datasets import load_digits

    if images < 10:
        raise ValueError(f"images must be at least 10, got {images}")
    written, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    written, labels = written[order].reshape(-1, _SIDE, _SIDE) / 16, labels[order]
    kept = len(labels) // 5  # one fifth of the handwriting is for testing
    return CuedDigits(
        train=_draw(written[kept:], labels[kept:], images - images // 10, rng),
        test=_draw(written[:kept], labels[:kept], images // 10, rng),
    )


def _draw(
    written: Numbers, labels: NDArray[np.int64], images: int, rng: np.random.Generator
) -> Images:
    """Images of digits chosen from this handwriting; each of the three is chosen for itself."""
    chosen = rng.integers(len(labels), size=(images, len(COLOURS)))
    cues = rng.integers(len(CUES), size=images)
    above, top, left = rng.integers(_PLAY + 1, size=(3, images))
    left += WIDTH - _SIDE - _PLAY
    pixels = np.zeros((images, len(COLOURS), HEIGHT, WIDTH), dtype=np.float32)
    patterns = _patterns()
    for i, image in enumerate(pixels):
        image[:, above[i] : above[i] + _SIDE, :_SIDE] = patterns[cues[i]]
        image[:, top[i] : top[i] + _SIDE, left[i] : left[i] + _SIDE] = written[chosen[i]]
    return Images(*map(torch.from_numpy, (pixels, cues, labels[chosen])))


def _patterns() -> Numbers:
    """Lines along the rows, lines along the columns, and a chessboard: (3, 8, 8), each half white.

    White covers as much of each, so that brightness does not tell them apart.
    """
    row, column = np.indices((_SIDE, _SIDE))
    return np.stack([row % 2, column % 2, (row + column) % 2]).astype(np.float64)
