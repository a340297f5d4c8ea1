"""Exercises of lesson 07-sk: every channel chooses between kernels of several sizes.

Letters: B batch, M branches, C channels, H and W of a map, D the hidden width max(C // r, L).
"""

from attncourse.exercises.core import listed
from attncourse.exercises.sk.branch import Branch
from attncourse.exercises.sk.convolution import SKConv
from attncourse.exercises.sk.fuse import Fuse
from attncourse.exercises.sk.select import select
from attncourse.exercises.sk.unit import sk_unit

#: In the order in which the lesson asks them.
EXERCISES = listed(__name__, "07-sk", Branch, Fuse, select, SKConv, sk_unit)
