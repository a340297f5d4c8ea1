"""The one training loop, and what it is made of.

`fit` trains any model on batches that are known by number, on one device or on many, and writes a
checkpoint from which an interrupted run goes on as if nothing had happened.
"""

from attncourse.training.distributed import best_device, world
from attncourse.training.history import History
from attncourse.training.loop import fit
from attncourse.training.optimizers import adam, adamw, sgd
from attncourse.training.schedules import warm_up_then_decay, warm_up_then_inverse_root

__all__ = [
    "History",
    "adam",
    "adamw",
    "best_device",
    "fit",
    "sgd",
    "warm_up_then_decay",
    "warm_up_then_inverse_root",
    "world",
]
