"""Three digits in one place, a colour each; a pattern far away tells which of them to read.

The digits are real handwriting, see `attncourse.data.handwriting`. The pattern is the same in all
three colours, so that no colour alone gives the answer away, and lies too far from the digits for a
few convolutions to see both.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from attncourse.data import handwriting
from attncourse.data.handwriting import SIDE, Handwriting, Task, draw_task
from attncourse.data.hatchings import HATCHINGS

COLOURS = ("red", "green", "blue")
CUES = tuple(HATCHINGS)
"""The pattern with the number i asks for the digit in the colour with the number i."""

HEIGHT, WIDTH = 10, 28
_PLAY = 2  # pixels by which both wander


@dataclass(frozen=True)
class Images(handwriting.Images):
    """Drawn images.

    Attributes:
        pixels: (N, 3, 10, 28), from 0 to 1: pattern at the left, digits at the right.
        cues: (N,), the number of the colour to read.
        digits: (N, 3), the digit in each colour.
    """

    cues: Tensor
    digits: Tensor

    @property
    def labels(self) -> Tensor:
        """(N,), the digit in the colour that the cue asks for."""
        return self.digits.gather(1, self.cues[:, None]).squeeze(1)


def load(images: int = 12_000, *, seed: int = 0) -> Task[Images]:
    """Draw the task; see `attncourse.data.handwriting.draw_task` for arguments and errors."""
    return draw_task(_draw, images, seed)


def _draw(written: Handwriting, images: int, rng: np.random.Generator) -> Images:
    """Draw images of digits of this handwriting; each of the three is chosen for itself."""
    chosen = rng.integers(len(written.digits), size=(images, len(COLOURS)))
    cues = rng.integers(len(CUES), size=images)
    above, top, left = rng.integers(_PLAY + 1, size=(3, images))
    left += WIDTH - SIDE - _PLAY
    pixels = np.zeros((images, len(COLOURS), HEIGHT, WIDTH), dtype=np.float32)
    patterns = list(HATCHINGS.values())
    for i, image in enumerate(pixels):
        image[:, above[i] : above[i] + SIDE, :SIDE] = patterns[cues[i]]
        image[:, top[i] : top[i] + SIDE, left[i] : left[i] + SIDE] = written.drawings[chosen[i]]
    return Images(*map(torch.from_numpy, (pixels, cues, written.digits[chosen])))
