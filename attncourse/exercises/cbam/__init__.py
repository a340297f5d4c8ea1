"""Exercises of lesson 08-cbam: a gate for every channel, then a gate for every place.

Letters: B batch, C channels, H and W of a map, R the hidden width C // reduction.
"""

from attncourse.exercises.cbam.arrange import arrange
from attncourse.exercises.cbam.bam import bam
from attncourse.exercises.cbam.block import CBAM
from attncourse.exercises.cbam.channel_gate import channel_gate
from attncourse.exercises.cbam.spatial_gate import SpatialGate
from attncourse.exercises.cbam.two_maps import two_maps
from attncourse.exercises.core import listed

#: In the order in which the lesson asks them.
EXERCISES = listed(__name__, "08-cbam", channel_gate, two_maps, SpatialGate, CBAM, arrange, bam)
