"""A Dask scheduler and workers as processes of their own, over TCP on the loopback."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

DASK = [sys.executable, "-m", "dask"]
PATIENCE = 120  # seconds, on a busy machine


@dataclass(frozen=True)
class DaskCluster:
    """Its address, and the processes that a test may kill."""

    address: str
    workers: tuple[psutil.Process, ...]

    def processes(self) -> list[psutil.Process]:
        """The workers behind their nannies, their forkservers, and what those have forked."""
        found = []
        for nanny in self.workers:
            try:
                found += nanny.children(recursive=True)
            except psutil.NoSuchProcess:
                continue
        return found


@contextmanager
def dask_cluster(folder: Path, workers: int = 2) -> Iterator[DaskCluster]:
    """Starts a cluster, and leaves nothing of it behind.

    Args:
        folder: For its own files.
        workers: How many.
    """
    place = folder / "scheduler.json"
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    options = ["--host=127.0.0.1", "--port=0", "--no-dashboard", f"--scheduler-file={place}"]
    started = [subprocess.Popen([*DASK, "scheduler", *options], **quiet)]
    try:
        deadline = time.monotonic() + PATIENCE
        while not place.exists() or not place.read_text():
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.1)
        options = ["--nthreads=1", f"--scheduler-file={place}", "--no-dashboard"]
        folders = [f"--local-directory={folder}"]
        for _ in range(workers):
            started.append(subprocess.Popen([*DASK, "worker", *options, *folders], **quiet))
        address = json.loads(place.read_text())["address"]
        yield DaskCluster(address, tuple(psutil.Process(each.pid) for each in started[1:]))
    finally:
        for process in started:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()
