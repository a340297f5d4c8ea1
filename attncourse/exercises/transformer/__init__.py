"""Exercises of lesson 04-transformer: translation by attention alone.

Letters: B batch, T target length, S source length, D width, h heads, E width of the values.
"""

from attncourse.exercises.core import listed
from attncourse.exercises.transformer.attention import attention
from attncourse.exercises.transformer.cache import cached_step
from attncourse.exercises.transformer.heads import multi_head
from attncourse.exercises.transformer.layer import encoder_layer
from attncourse.exercises.transformer.masks import decoder_mask
from attncourse.exercises.transformer.positions import sinusoids

#: In the order in which the lesson asks them.
EXERCISES = listed(
    __name__,
    "04-transformer",
    attention,
    multi_head,
    decoder_mask,
    sinusoids,
    encoder_layer,
    cached_step,
)
