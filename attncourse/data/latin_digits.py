"""Three rows of digits in three colours; marks at the border pair each row with a colour.

The digits are real handwriting, see `attncourse.data.handwriting`. Three different digits fill a
Latin square of rows and colours: each row shows all three, one in each colour, and each colour
shows all three, one in each row. At the left border every row has a mark, and every mark a colour
of its own. Wherever the mark of a row has the colour of a digit in it, that digit is the same: it
is the one to read. Rows alone, or colours alone, say nothing about it.
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
        digits: (N, 3, 3), the digit in each colour of each row.
    """

    marks: Tensor
    digits: Tensor

    @property
    def labels(self) -> Tensor:
        """(N,), the digit that every row shows in the colour of its mark."""
        return self.digits[:, 0].gather(1, self.marks[:, :1]).squeeze(1)


def load(images: int = 12_000, *, seed: int = 0) -> Task[Images]:
    """Draw the task; see `attncourse.data.handwriting.draw_task` for arguments and errors."""
    return draw_task(_draw, images, seed)


def _draw(written: Handwriting, images: int, rng: np.random.Generator) -> Images:
    """Draw images of this handwriting: three digits by lot, in one of twelve Latin squares."""
    order = rng.permuted(np.tile(np.arange(10), (images, 1)), axis=1)[:, :ROWS]  # three digits
    shift, turn = rng.integers(ROWS, size=images), rng.integers(1, ROWS, size=images)
    row, colour = np.ogrid[:ROWS, :ROWS]
    square = (colour - turn[:, None, None] * row - shift[:, None, None]) % ROWS
    digits = order[np.arange(images)[:, None, None], square]  # the first stands where it is marked
    marks = square.argmin(2)
    drawings = written.drawings[_one_of_each(written.digits, digits, rng)]
    wander = rng.integers(CELL - SIDE + 1, size=(images, ROWS, ROWS, 2))
    image, row, colour, down, across = np.ogrid[:images, :ROWS, :ROWS, :SIDE, :SIDE]
    down, across = down + wander[..., :1, None], across + wander[..., 1:, None]
    pixels = np.zeros((images, ROWS, ROWS, CELL, WIDTH), dtype=np.float32)  # colours, then rows
    pixels[image, colour, row, down, BORDER + across] = drawings
    pixels[np.arange(images)[:, None], marks, np.arange(ROWS), :, :MARK] = 1
    return Images(
        *map(torch.from_numpy, (pixels.reshape(images, ROWS, HEIGHT, WIDTH), marks, digits))
    )


def _one_of_each(written: np.ndarray, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return for each wanted digit the number of a drawing of it, by lot."""
    order, counts = written.argsort(kind="stable"), np.bincount(written, minlength=10)
    first = counts.cumsum() - counts
    return order[first[wanted] + (rng.random(wanted.shape) * counts[wanted]).astype(int)]
