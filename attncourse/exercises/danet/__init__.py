"""Exercises of lesson 11-danet: every place looks at all places, every channel at all channels.

Letters: B batch, C channels, D width of queries and keys, H and W of a map, N = H·W places.
"""

from attncourse.exercises.core import listed
from attncourse.exercises.danet.blocks import blockwise_attention
from attncourse.exercises.danet.channel import channel_attention
from attncourse.exercises.danet.module import PositionAttention
from attncourse.exercises.danet.position import position_attention
from attncourse.exercises.danet.residual import ScaledResidual

#: In the order in which the lesson asks them.
EXERCISES = listed(
    __name__,
    "11-danet",
    position_attention,
    ScaledResidual,
    PositionAttention,
    channel_attention,
    blockwise_attention,
)
