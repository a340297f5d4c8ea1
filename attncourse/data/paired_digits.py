"""Nine digits, one for each row and colour; marks at the border pair each row with a colour.

The digits are real handwriting, see `attncourse.data.handwriting`. At the left border every row has
a mark, and every mark a colour of its own. Of the three digits that stand in the colour of their
row's mark, two are broken: their left and right halves have changed places. The whole one is to be
read. All others are whole, too, so only who sees all three pairs, and nothing else, knows which.

Exchanged halves leave the mean and the maximum of every row of pixels as they were. So no summary
over the width tells which pair has the whole digit, and a gate that can open but one pair has to
choose it blindly.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from attncourse.data import handwriting
from attncourse.data.handwriting import SIDE, Handwriting, Task, draw_task

COLOURS = ("red", "green", "blue")
ROWS = len(COLOURS)
MARK = 4
"""Pixels by which a mark reaches into the border."""
BORDER = 16
"""Pixels left of the digits: the mark, and a gap that small windows do not bridge."""

CELL = SIDE + 1  # a digit, and a pixel by which it wanders
HEIGHT, WIDTH = ROWS * CELL, BORDER + CELL


@dataclass(frozen=True)
class Images(handwriting.Images):
    """Drawn images.

    Attributes:
        pixels: (N, 3, 27, 25), from 0 to 1: a channel for each colour.
        marks: (N, 3), for each row the number of its mark's colour.
        digits: (N, 3, 3), the digit in each colour of each row, broken or not.
        rows: (N,), the row whose marked digit is whole.
    """

    marks: Tensor
    digits: Tensor
    rows: Tensor

    @property
    def labels(self) -> Tensor:
        """(N,), the one digit that is marked and whole."""
        image = torch.arange(len(self))
        return self.digits[image, self.rows, self.marks[image, self.rows]]


def load(images: int = 12_000, *, seed: int = 0) -> Task[Images]:
    """Draw the task; see `attncourse.data.handwriting.draw_task` for arguments and errors."""
    return draw_task(_draw, images, seed)


def _draw(written: Handwriting, images: int, rng: np.random.Generator) -> Images:
    """Images of this handwriting; each of the nine digits is chosen for itself."""
    marks = rng.permuted(np.tile(np.arange(ROWS), (images, 1)), axis=1)
    rows = rng.integers(ROWS, size=images)
    chosen = rng.integers(len(written.digits), size=(images, ROWS, ROWS))
    image, row, colour, down, across = np.ogrid[:images, :ROWS, :ROWS, :SIDE, :SIDE]
    broken = (colour == marks[..., None, None, None]) & (row != rows[:, *[None] * 4])
    drawings = written.drawings[chosen]
    drawings = np.where(broken, np.roll(drawings, SIDE // 2, axis=-1), drawings)
    wander = rng.integers(CELL - SIDE + 1, size=(images, ROWS, ROWS, 2))
    down, across = down + wander[..., :1, None], across + wander[..., 1:, None]
    pixels = np.zeros((images, ROWS, ROWS, CELL, WIDTH), dtype=np.float32)  # colours, then rows
    pixels[image, colour, row, down, BORDER + across] = drawings
    pixels[np.arange(images)[:, None], marks, np.arange(ROWS), :, :MARK] = 1
    sheets = pixels.reshape(images, ROWS, HEIGHT, WIDTH)
    return Images(*map(torch.from_numpy, (sheets, marks, written.digits[chosen], rows)))
