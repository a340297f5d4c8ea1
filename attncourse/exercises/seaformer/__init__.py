"""Exercises of lesson 13-seaformer: attention along rows and columns of averages, for a gate.

Letters: B batch, C channels, h heads, D width of a head's queries and keys, E of its values, H and
W of a map, L tokens along one axis of it, P places for which positions are learned.
"""

from attncourse.exercises.core import listed
from attncourse.exercises.seaformer.axial import axial_attention
from attncourse.exercises.seaformer.block import SeaFormerBlock
from attncourse.exercises.seaformer.cost import cost_law
from attncourse.exercises.seaformer.gate import gate_detail
from attncourse.exercises.seaformer.squeeze import squeeze_axis

#: In the order in which the lesson asks them.
EXERCISES = listed(
    __name__, "13-seaformer", squeeze_axis, axial_attention, cost_law, gate_detail, SeaFormerBlock
)
