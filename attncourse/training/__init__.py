"""The one training loop, and what it is made of.

`fit` trains any model on batches that are known by number, on one device or on many, and writes a
checkpoint from which an interrupted run goes on as if nothing had happened.
"""

from attncourse.training.distributed import best_device, world
from attncourse.training.history import History
from attncourse.training.loop import adam, fit
from attncourse.training.schedules import warm_up_then_decay, warm_up_then_inverse_root

__all__ = [
    "History",
    "adam",
    "best_device",
    "fit",
    "warm_up_then_decay",
    "warm_up_then_inverse_root",
    "world",
]
