"""What a learner's code may use, and the part of it that the system itself enforces."""

import resource
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a learner's code may use.

    Attributes:
        cell: CPU seconds of one answer cell.
        probe: CPU seconds of one probe, where the exercise does not give fewer.
        exercise: CPU seconds of everything that one exercise needs.
        clock: Seconds by the clock for the same; waiting counts here.
        whole: Seconds by the clock for a submission.
        memory: Bytes beyond those that every worker begins with.
        processes: Processes and threads at once.
        disk: Bytes of a file, and of a private folder.
    """

    cell: float = 20.0
    probe: float = 10.0
    exercise: float = 40.0
    clock: float = 60.0
    whole: float = 300.0
    memory: int = 1 << 30
    processes: int = 64
    disk: int = 64 << 20


def enforce(limits: Limits, base: int) -> None:
    """Set the limits of this process and its children.

    Args:
        limits: What they may use.
        base: Bytes of address space that a worker begins with.
    """
    seconds = int(limits.exercise) + 1
    for what, amount in {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: base + limits.memory,
        resource.RLIMIT_FSIZE: limits.disk,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 1 << 20,
    }.items():
        hard = resource.getrlimit(what)[1]
        amount = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(what, (amount, amount))
