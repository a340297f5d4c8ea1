"""A sheet of digits; marks at its border tell a row and a column: read where they cross.

The digits are real handwriting, see `attncourse.data.handwriting`. A mark stands at the end of its
row or column, in a colour of its own. Between the marks and the nearest digits is a gap, wider than
a convolution of 3×3, and most digits lie farther off.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attncourse.data import handwriting
from attncourse.data.handwriting import SIDE, Handwriting, Task, draw_task

ROWS, COLUMNS = 2, 3
MARK = 4
"""Pixels by which a mark reaches into the border."""
BORDER = 8
"""Pixels above the first row of digits, and left of the first column."""

CELL = SIDE + 1  # a digit, and a pixel by which it wanders
HEIGHT, WIDTH = BORDER + ROWS * CELL, BORDER + COLUMNS * CELL


@dataclass(frozen=True)
class Images(handwriting.Images):
    """Drawn images.

    Attributes:
        pixels: (N, 2, 26, 35), from 0 to 1: the ink of the digits, and the marks.
        rows: (N,), the marked row, from 0.
        columns: (N,), the marked column, from 0.
        digits: (N, 2, 3), the digit in each cell.
    """

    rows: Tensor
    columns: Tensor
    digits: Tensor

    @property
    def labels(self) -> Tensor:
        """(N,), the digit at the crossing of the marked row and the marked column."""
        return self.digits[torch.arange(len(self)), self.rows, self.columns]

    def on_target(self, stride: int) -> Tensor:
        """Tell where a map made by a strided convolution shows the cell of the digit to read.

        Args:
            stride: A place of the map stands for one pixel in so many, from the first.

        Returns:
            (N, 26 / stride, 35 / stride), rounded up, boolean.
        """
        in_rows = _cells(HEIGHT, stride) == self.rows[:, None]
        in_columns = _cells(WIDTH, stride) == self.columns[:, None]
        return in_rows[:, :, None] & in_columns[:, None, :]


def load(images: int = 12_000, *, seed: int = 0) -> Task[Images]:
    """Draw the task; see `attncourse.data.handwriting.draw_task` for arguments and errors."""
    return draw_task(_draw, images, seed)


def _draw(written: Handwriting, images: int, rng: np.random.Generator) -> Images:
    """Draw sheets of this handwriting; every cell is filled by lot, every crossing as likely."""
    chosen = rng.integers(len(written.digits), size=(images, ROWS, COLUMNS))
    rows, columns = rng.integers(ROWS, size=images), rng.integers(COLUMNS, size=images)
    wander = rng.integers(CELL - SIDE + 1, size=(images, ROWS, COLUMNS, 2))
    cells = np.zeros((images, ROWS, COLUMNS, CELL, CELL), dtype=np.float32)
    image, row, column, down, across = np.ogrid[:images, :ROWS, :COLUMNS, :SIDE, :SIDE]
    down, across = down + wander[..., :1, None], across + wander[..., 1:, None]
    cells[image, row, column, down, across] = written.drawings[chosen]
    pixels = np.zeros((images, 2, HEIGHT, WIDTH), dtype=np.float32)
    sheet = cells.swapaxes(2, 3).reshape(images, ROWS * CELL, COLUMNS * CELL)
    pixels[:, 0, BORDER:, BORDER:] = sheet
    pixels[:, 1, :, :MARK] = _marked(rows, HEIGHT)[:, :, None]
    pixels[:, 1, :MARK, :] += _marked(columns, WIDTH)[:, None, :]
    return Images(*map(torch.from_numpy, (pixels, rows, columns, written.digits[chosen])))


def _cells(length: int, stride: int) -> Tensor:
    """Give the row, or column, of digits of every pixel seen along a side; below 0 before it."""
    seen = torch.arange(0, length, stride)
    return (seen - BORDER).div(CELL, rounding_mode="floor")


def _marked(numbers: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
    """Return which pixels of a side belong to the row, or column, with this number: (N, length)."""
    first = BORDER + numbers[:, None] * CELL
    place = np.arange(length)
    return (first <= place) & (place < first + CELL)
