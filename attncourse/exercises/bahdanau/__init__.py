"""Exercises of lesson 01-bahdanau: a translator that looks where it needs to.

Letters: B batch, S source length, D width, A alignment width, V vocabulary, L decoded length.
"""

from attncourse.exercises.bahdanau.context import context_vector
from attncourse.exercises.bahdanau.decoding import greedy_decode
from attncourse.exercises.bahdanau.reading import alignment_to_read as alignment_to_read
from attncourse.exercises.bahdanau.reading import reading
from attncourse.exercises.bahdanau.score import additive_score
from attncourse.exercises.bahdanau.softmax import masked_softmax
from attncourse.exercises.bahdanau.step import decoder_step
from attncourse.exercises.core import listed

#: In the order in which the lesson asks them.
EXERCISES = listed(
    __name__,
    "01-bahdanau",
    additive_score,
    masked_softmax,
    context_vector,
    decoder_step,
    greedy_decode,
    reading,
)
