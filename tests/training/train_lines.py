"""Train on 32 lines a step, shared among the processes, and save a checkpoint: for `torchrun`."""

import os
import sys
from pathlib import Path

import torch
from lines import Lines, network, squared_error

from attncourse.training import fit


class Shared:
    """The same 32 lines at a step, whatever the number of processes."""

    def __init__(self, world):
        self.world = world

    def __getitem__(self, number):
        step, rank = divmod(number, self.world)
        x, y = Lines(32)[step]
        return x[rank :: self.world], y[rank :: self.world]


torch.set_num_threads(1)
shared = Shared(int(os.environ["WORLD_SIZE"]))
fit(network(), shared, squared_error, steps=20, lr=0.01, checkpoint=Path(sys.argv[1]))
