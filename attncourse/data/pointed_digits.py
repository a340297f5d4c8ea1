"""Four digits side by side; an arrow far below one of them tells which to read.

The digits are real handwriting, see `attncourse.data.handwriting`. Every digit wanders by itself,
and the arrow follows the one that it points to. Between them lie six empty rows, so that no small
window of the image shows both.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from attncourse.data import handwriting
from attncourse.data.handwriting import SIDE, Handwriting, Task, draw_task

PLACES = 4
HEIGHT, WIDTH = 20, 40
_PLAY = 2  # pixels by which a digit wanders
_BELOW = 14  # rows from the top of a digit to the arrow
_ARROW = np.array([[0, 0, 0, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1, 1, 0]])


@dataclass(frozen=True)
class Images(handwriting.Images):
    """Drawn images.

    Attributes:
        pixels: (N, 1, 20, 40), from 0 to 1: digits above, the arrow below.
        digits: (N, 4), the digits from left to right.
        places: (N,), which of them the arrow points to.
        corners: (N, 2), row and column of the upper left pixel of that digit.
    """

    digits: Tensor
    places: Tensor
    corners: Tensor

    @property
    def labels(self) -> Tensor:
        """(N,), the digit that the arrow points to."""
        return self.digits.gather(1, self.places[:, None]).squeeze(1)

    def on_target(self, height: int, width: int) -> Tensor:
        """Find where a coarser map shows the digit to read: cells with their centre in it.

        Args:
            height: Rows of the map, which covers the whole image.
            width: Its columns.

        Returns:
            (N, height, width), boolean.
        """
        top, left = self.corners[:, :, None].unbind(1)  # (N, 1) each
        rows = (torch.arange(height) + 0.5) * HEIGHT / height
        columns = (torch.arange(width) + 0.5) * WIDTH / width
        in_rows = (rows >= top) & (rows < top + SIDE)
        in_columns = (columns >= left) & (columns < left + SIDE)
        return in_rows[:, :, None] & in_columns[:, None, :]


def load(images: int = 12_000, *, seed: int = 0) -> Task[Images]:
    """Draw the task; see `attncourse.data.handwriting.draw_task` for arguments and errors."""
    return draw_task(_draw, images, seed)


def _draw(written: Handwriting, images: int, rng: np.random.Generator) -> Images:
    """Draw images of digits of this handwriting; each of the four is chosen for itself."""
    chosen = rng.integers(len(written.digits), size=(images, PLACES))
    places = rng.integers(PLACES, size=images)
    top, left = rng.integers(_PLAY + 1, size=(2, images, PLACES))
    left += np.arange(PLACES) * (SIDE + _PLAY)
    pixels = np.zeros((images, 1, HEIGHT, WIDTH), dtype=np.float32)
    for i, (image,) in enumerate(pixels):
        for drawing, row, column in zip(written.drawings[chosen[i]], top[i], left[i], strict=True):
            image[row : row + SIDE, column : column + SIDE] = drawing
    pointed = np.arange(images), places
    corners = np.stack([top[pointed], left[pointed]], axis=1)
    for (image,), (row, column) in zip(pixels, corners, strict=True):
        below = row + _BELOW
        image[below : below + len(_ARROW), column : column + SIDE] = _ARROW
    return Images(*map(torch.from_numpy, (pixels, written.digits[chosen], places, corners)))
