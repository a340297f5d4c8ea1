"""Exercises of lesson 10-triplet: a gate for each face of the block of numbers C × H × W.

Letters: B batch, C channels, H and W of a map. A face is named after the axes that it keeps.
"""

from attncourse.exercises.core import listed
from attncourse.exercises.triplet.block import TripletBlock
from attncourse.exercises.triplet.gates_in_place import gates_in_place
from attncourse.exercises.triplet.rotated_branch import rotated_branch
from attncourse.exercises.triplet.turned_kernels import turned_kernels
from attncourse.exercises.triplet.z_pool import z_pool

#: In the order in which the lesson asks them.
EXERCISES = listed(
    __name__, "10-triplet", z_pool, rotated_branch, TripletBlock, gates_in_place, turned_kernels
)
