"""Exercises of lesson 06-se: a gate for every channel, computed from the whole map.

Letters: B batch, C channels, H and W of a map, R the hidden width C // reduction.
"""

from attncourse.exercises.core import listed
from attncourse.exercises.se.block import SEBlock
from attncourse.exercises.se.excitation import excitation
from attncourse.exercises.se.kernel import adaptive_kernel
from attncourse.exercises.se.own_squeeze import own_squeeze
from attncourse.exercises.se.residual import se_residual
from attncourse.exercises.se.squeeze import squeeze

#: In the order in which the lesson asks them.
EXERCISES = listed(
    __name__, "06-se", squeeze, excitation, SEBlock, se_residual, adaptive_kernel, own_squeeze
)
