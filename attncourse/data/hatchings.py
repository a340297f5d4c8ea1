"""Patterns that mean something in a drawn task, and of which none is brighter than another."""

import numpy as np
from numpy.typing import NDArray

from attncourse.data.handwriting import SIDE

_ROW, _COLUMN = np.indices((SIDE, SIDE))

HATCHINGS: dict[str, NDArray[np.float64]] = {
    "rows": (_ROW % 2).astype(np.float64),
    "columns": (_COLUMN % 2).astype(np.float64),
    "checks": ((_ROW + _COLUMN) % 2).astype(np.float64),
}
"""Lines along the rows, lines along the columns, a chessboard: (8, 8) each, half of it white."""
