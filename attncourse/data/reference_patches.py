"""Digits to be labelled by a reference patch, which has their hue and may stand anywhere.

A scene holds pairs of a hatched patch and a handwritten digit in one hue. The hatching, rows,
columns or checks, is the label of all pixels of both: a patch shows its label, a digit has to look
it up. Hues are drawn anew for every scene, so no hue means anything by itself; patches and digits
are placed by lot, so a patch may be near its digit or far, and the distance is told for each pixel.

The digits are real handwriting, see `attncourse.data.handwriting`; which digit it is does not
matter.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attncourse.data.handwriting import SIDE, split
from attncourse.data.hatchings import HATCHINGS

PATTERNS = tuple(HATCHINGS)
"""The pattern with the number i asks for the label i."""
VOID = -1
"""The label of all pixels that are not to be labelled."""

HEIGHT, WIDTH = 16, 80
_SLOT = 10  # patches and digits stand in tenths of columns of their own: no two share a column
_INK = 0.25  # a pixel brighter than this belongs to its patch or digit

Numbers = NDArray[np.float64]


class Scenes(NamedTuple):
    """Drawn scenes, for scale s.

    Attributes:
        pixels: (N, 3, 16·s, 80·s), red, green and blue from 0 to 1.
        labels: (N, 16·s, 80·s), the number of a pattern at pixels of patches and digits, else
            `VOID`.
        distances: (N, 16·s, 80·s), from a digit to its patch, in columns at scale 1, at the pixels
            of digits; else 0.
    """

    pixels: Tensor
    labels: Tensor
    distances: Tensor

    @property
    def digits(self) -> Tensor:
        """The labels of digits alone, (N, 16·s, 80·s): what a network is judged by."""
        return self.labels.where(self.distances > 0, VOID)

    def on_map(self, side: int) -> tuple[Tensor, Tensor]:
        """Return the labels of the digits, and of the patches, at the places of a coarser map.

        Args:
            side: A place is a square of `side` × `side` pixels.

        Returns:
            Two of (N, 16·s / side, 80·s / side), with `VOID` where a place holds no such pixel; of
            two neighbours that share a place the greater label stands there.
        """
        patches = self.labels.where(self.distances == 0, VOID)
        return _coarser(self.digits, side), _coarser(patches, side)


@dataclass(frozen=True)
class Batches:
    """Scenes by number, from 0 without end: a number always means the same scenes."""

    written: Numbers
    size: int
    seed: int
    scale: int

    def __getitem__(self, number: int, /) -> Scenes:
        """Return as many scenes as the size of a batch, of one to three pairs each."""
        rng = np.random.default_rng((self.seed, number))
        pairs = rng.integers(1, len(PATTERNS), size=self.size, endpoint=True)
        return _draw(self.written, pairs, rng, self.scale)


@dataclass(frozen=True)
class ReferencePatches:
    """The task: handwriting to learn from, and scenes of other handwriting to be judged by.

    Attributes:
        written: (M, 8, 8), digits from 0 to 1.
        scale: Of all scenes.
        test: Scenes of three pairs each.
    """

    written: Numbers
    scale: int
    test: Scenes

    def batches(self, size: int, *, seed: int = 0) -> Batches:
        """Return batches of `size` scenes to learn from, drawn anew for every number.

        They have one to three pairs: with one the label can be found without comparing hues, and
        this gives a network a first hold.
        """
        return Batches(self.written, size, seed, self.scale)


def load(scenes: int = 200, *, scale: int = 1, seed: int = 0) -> ReferencePatches:
    """Draw the task.

    Args:
        scenes: Number of scenes for testing. Those for training are drawn as they are asked for.
        scale: Side of a pixel: at scale 2 the same scenes have twice as many rows and columns.
        seed: Fixes the scenes for testing, and which handwriting is kept for them.

    Raises:
        ValueError: If the number of scenes or the scale is not positive.
    """
    if scenes < 1 or scale < 1:
        raise ValueError(f"scenes and scale must be positive, got scenes={scenes}, scale={scale}")
    rng = np.random.default_rng(seed)
    to_learn, to_judge = split(rng)
    pairs = np.full(scenes, len(PATTERNS))
    test = _draw(to_judge.drawings, pairs, rng, scale)
    return ReferencePatches(to_learn.drawings, scale, test)


def iou(predicted: Tensor, labels: Tensor) -> float:
    """Measure intersection over union, its mean over the labels; `VOID` pixels do not count.

    Args:
        predicted: Numbers of patterns, of any shape.
        labels: Of the same shape.
    """
    asked = labels != VOID
    shares = []
    for pattern in range(len(PATTERNS)):
        said, right = (predicted == pattern) & asked, labels == pattern
        shares.append(float((said & right).sum() / (said | right).sum().clamp(min=1)))
    return sum(shares) / len(shares)


def _coarser(labels: Tensor, side: int) -> Tensor:
    """Return the greatest label in each square of pixels; `VOID` is less than all."""
    return labels.unflatten(2, (-1, side)).unflatten(1, (-1, side)).amax((2, 4))


def _draw(
    written: Numbers, pairs: NDArray[np.int64], rng: np.random.Generator, scale: int
) -> Scenes:
    """Return scenes with so many pairs each, every pixel of them as a square of pixels."""
    pixels = np.zeros((len(pairs), 3, HEIGHT, WIDTH), dtype=np.float32)
    labels = np.full((len(pairs), HEIGHT, WIDTH), VOID, dtype=np.int64)
    distances = np.zeros_like(labels)
    for scene in zip(pixels, labels, distances, pairs, strict=True):
        _fill(*scene, written, rng)
    drawn = (np.repeat(np.repeat(a, scale, -2), scale, -1) for a in (pixels, labels, distances))
    return Scenes(*map(torch.from_numpy, drawn))


def _fill(
    pixels: NDArray[np.float32],
    labels: NDArray[np.int64],
    distances: NDArray[np.int64],
    pairs: int,
    written: Numbers,
    rng: np.random.Generator,
) -> None:
    """Put pairs of a patch and a digit into an empty scene."""
    slots = rng.permutation(WIDTH // _SLOT)[: 2 * pairs].reshape(pairs, 2)
    lefts = _SLOT * slots + rng.integers(_SLOT - SIDE + 1, size=slots.shape)
    tops = rng.integers(HEIGHT - SIDE + 1, size=slots.shape)
    digits = written[rng.integers(len(written), size=pairs)]
    patch_of = list(HATCHINGS.values())
    patterns, hues = rng.permutation(len(PATTERNS))[:pairs], _hues(rng)[:pairs]
    for n, (pattern, hue) in enumerate(zip(patterns, hues, strict=True)):
        patch, place = (
            (slice(top, top + SIDE), slice(left, left + SIDE))
            for top, left in zip(tops[n], lefts[n], strict=True)
        )
        pixels[(slice(None), *patch)] = hue[:, None, None] * patch_of[pattern]
        pixels[(slice(None), *place)] = hue[:, None, None] * digits[n]
        labels[patch][patch_of[pattern] > _INK] = pattern
        labels[place][digits[n] > _INK] = pattern
        distances[place][digits[n] > _INK] = np.ptp(lefts[n])


def _hues(rng: np.random.Generator) -> Numbers:
    """Draw three hues a third of the colour circle apart, turned at random: (3, 3)."""
    third = 2 * np.pi / 3 * np.arange(3)
    return (1 + np.cos(rng.uniform(0, 2 * np.pi) + third[:, None] - third)) / 2
