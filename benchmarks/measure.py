"""Time and peak memory of contenders, such that one can be divided by the other.

A ratio is taken within a round, in which every contender runs once: a machine that is slow for a
while is slow for all of them. Their order is drawn anew each time: one finds caches and heap as
another left them. On a CPU the clock is that of the computing thread, which stands still while
others have the core; on a GPU it is the GPU's own, and the L2 cache is flushed before each run.
Memory on a CPU is what Linux tells about the process; malloc stays as a learner has it, so that
fresh pages cost what they cost everyone.
"""

import ctypes
import multiprocessing
import os
import random
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

Run = Callable[[], Any]
M_MMAP_THRESHOLD = -3


def forward(contender: Callable[..., Any], inputs: tuple[Tensor, ...]) -> Run:
    """A call without gradients, in evaluation mode."""

    def run() -> Tensor:
        with torch.no_grad():
            return first(contender(*inputs))

    if isinstance(contender, nn.Module):
        contender.eval()
    return run


def both(contender: Callable[..., Any], inputs: tuple[Tensor, ...]) -> Run:
    """A call in training mode, and the gradients of floating point inputs and of parameters."""
    inputs = tuple(x.detach().requires_grad_(x.is_floating_point()) for x in inputs)
    leaves = [x for x in inputs if x.requires_grad]
    if isinstance(contender, nn.Module):
        contender.train()
        leaves += contender.parameters()
    grad = torch.randn_like(first(contender(*inputs)))

    def run() -> tuple[Tensor, ...]:
        return torch.autograd.grad(first(contender(*inputs)), leaves, grad, allow_unused=True)

    return run


def first(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    """The output that is compared and differentiated."""
    return output if isinstance(output, Tensor) else output[0]


def rounds(runs: dict[str, Run], device: torch.device, count: int) -> dict[str, list[float]]:
    """Seconds of each run in each round; short runs are repeated within a round."""
    clock = _gpu_seconds if device.type == "cuda" else _cpu_seconds
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    repeats = {name: max(1, round(0.02 / clock(run, 1))) for name, run in runs.items()}
    order, draw = list(runs), random.Random(0)
    for _ in range(count):
        draw.shuffle(order)
        for name in order:
            times[name].append(clock(runs[name], repeats[name]))
    return times


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """The median in the middle, and the spread around it."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _cpu_seconds(run: Run, repeats: int) -> float:
    start = time.thread_time()
    for _ in range(repeats):
        run()
    return (time.thread_time() - start) / repeats


def _gpu_seconds(run: Run, repeats: int) -> float:
    flush = torch.empty(2**28, dtype=torch.int8, device="cuda")
    spans = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        flush.zero_()
        start.record()
        run()
        end.record()
        spans.append((start, end))
    torch.cuda.synchronize()
    return sum(start.elapsed_time(end) for start, end in spans) / repeats / 1000


def peak_bytes(make: Callable[[], Run], device: torch.device) -> int:
    """Memory that a second run needs at its highest, beyond what is held before it."""
    return _gpu_peak(make()) if device.type == "cuda" else _cpu_peak(make)


def _gpu_peak(run: Run) -> int:
    run()
    torch.cuda.reset_peak_memory_stats()
    held = torch.cuda.memory_allocated()
    run()
    return torch.cuda.max_memory_allocated() - held


def _cpu_peak(make: Callable[[], Run]) -> int:
    malloc = ctypes.CDLL(None)
    malloc.mallopt(M_MMAP_THRESHOLD, 2**16)  # a tensor gets pages of its own, and malloc keeps none
    run = make()
    run()
    malloc.malloc_trim(0)  # nor does it keep any from before
    Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM back to VmRSS
    held = _status("VmRSS")
    run()
    return _status("VmHWM") - held


def _status(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, f"the kernel reports no {field}"
    return 1024 * int(found[1])


def in_child(work: Callable[[], Any]) -> Any:
    """The result of work done in a forked process: what it allocates dies with it."""
    receive, send = multiprocessing.Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        try:
            send.send(work())
        except BaseException as error:
            send.send(error)
        finally:
            os._exit(0)
    send.close()
    result = receive.recv()
    os.waitpid(pid, 0)
    if isinstance(result, BaseException):
        raise result
    return result
