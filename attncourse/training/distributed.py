"""Several processes as one, each with a share of every step: what `torchrun` starts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class World:
    """The processes that train together.

    Attributes:
        rank: The number of this process, from 0.
        size: How many there are.
        group: What they share values through, or None before they are joined.
    """

    rank: int
    size: int
    group: dist.ProcessGroup | None = None

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of the processes' values, in the shape of each."""
        if self.size > 1:
            dist.all_reduce(values, group=self.group)
        return values / self.size


def world() -> World:
    """Return the processes that `torchrun` started, or this one alone.

    Process 0 is the one that reports and writes files.
    """
    return World(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))


def best_device() -> torch.device:
    """Return the accelerator of this process if the machine has one, otherwise the CPU."""
    if not torch.accelerator.is_available():
        return torch.device("cpu")
    kind = torch.accelerator.current_accelerator() or torch.device("cpu")
    return torch.device(kind.type, int(os.environ.get("LOCAL_RANK", 0)))


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """Join the processes that `torchrun` started: over NCCL on CUDA, over gloo elsewhere."""
    processes = world()
    if processes.size == 1:
        yield processes
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        # A replica never lets go of the default group, whose threads then outlive Python's end
        # and abort the process if they still hold a tensor. Those of this group end with it.
        yield replace(processes, group=dist.new_group())
    finally:
        dist.destroy_process_group()
