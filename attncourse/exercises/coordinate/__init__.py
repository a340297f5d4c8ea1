"""Exercises of lesson 09-coordinate: a gate for every row and one for every column.

Letters: B batch, C channels, H and W of a map, R the hidden width max(8, C // reduction).
"""

from attncourse.exercises.coordinate.block import CoordinateBlock
from attncourse.exercises.coordinate.bottleneck import gated_bottleneck
from attncourse.exercises.coordinate.complete_gate import complete_gate
from attncourse.exercises.coordinate.pool_sides import pool_sides
from attncourse.exercises.coordinate.shared_transform import shared_transform
from attncourse.exercises.core import listed

#: In the order in which the lesson asks them.
EXERCISES = listed(
    __name__,
    "09-coordinate",
    pool_sides,
    shared_transform,
    CoordinateBlock,
    complete_gate,
    gated_bottleneck,
)
