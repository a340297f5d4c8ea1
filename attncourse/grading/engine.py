"""Where submissions are graded: in processes of this machine, or on the workers of a Dask cluster.

An engine takes jobs and gives results back in any order. It never touches the course's folder: that
is the runner's, alone. A process that dies takes what it had in hand with it; those jobs are tried
again, and who kills the grader each time gets a result that says so.
"""

import atexit
import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol, Self, TypeVar

from attncourse.grading.environment import variable
from attncourse.grading.exceptions import SandboxUnavailable
from attncourse.grading.grader import Grader
from attncourse.grading.plan import Plan, Submission
from attncourse.grading.record import Record
from attncourse.grading.results.autograded import autograded
from attncourse.grading.sandbox.client import MOMENT
from attncourse.grading.sandbox.limits import Limits

#: How often a job is tried whose process died.
TRIES = 3
Done = TypeVar("Done")
FIRST_WORKER = 30  # seconds: workers may be starting


@dataclass(frozen=True)
class Job:
    """One submission to grade, with all that a process needs for it.

    Attributes:
        plan: What the lesson asks.
        submission: What was handed in.
        seed: From which the probes are drawn.
        limits: What the learner's code may use.
        sandbox: Whether it runs in a sandbox.
    """

    plan: Plan
    submission: Submission
    seed: int
    limits: Limits = field(default_factory=Limits)
    sandbox: bool = True


@dataclass(frozen=True)
class Graded:
    """A record, the notebook that formgrader shows, and the sandbox it was graded in."""

    record: Record
    notebook: str
    sandbox: str = ""


#: What an engine gives for a job: the result, or why there is none.
Result = tuple[Job, Graded | str]


class Engine(Protocol):
    """A context manager that grades."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def warm(self, plan: Plan, limits: Limits, sandbox: bool) -> None:
        """Begin to load what these jobs will need, and come back at once."""
        ...

    def results(self, jobs: Iterable[Job]) -> Iterator[Result]:
        """Grade jobs, and give each back when it is done.

        Raises:
            SandboxUnavailable: No sandbox can be built where they are to be graded.
        """
        ...


class Processes:
    """Some processes of this machine, each with a grader of its own.

    Args:
        workers: How many.

    Raises:
        ValueError: If there is not one.
    """

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise ValueError(f"workers must be at least 1, got {workers}")
        self.workers = workers

    def __enter__(self) -> Self:
        self.start: tuple[Plan, Limits, bool] | None = None
        self.running: dict[Future[Graded], Job] = {}
        self.pool = self._pool()
        return self

    def warm(self, plan: Plan, limits: Limits, sandbox: bool) -> None:
        """Begin to load what these jobs will need, and come back at once."""
        self.start = (plan, limits, sandbox)
        self.pool = self._pool()
        for _ in range(self.workers):  # none begins before there is a task for it
            self._submit(int)

    def __exit__(self, *error: object) -> None:
        if self.running:  # whoever stops the run does not wait for a learner's loop
            for process in multiprocessing.active_children():
                process.kill()
        self.pool.shutdown(cancel_futures=True)

    def results(self, jobs: Iterable[Job]) -> Iterator[Result]:
        """Grade jobs, and give each back when it is done.

        Raises:
            SandboxUnavailable: No sandbox can be built where they are to be graded.
        """
        waiting, running = iter(jobs), self.running
        tries: dict[str, int] = {}
        again: list[Job] = []
        while True:
            # Of the jobs whose process died, each goes alone: one of them may be a killer.
            if again:
                following = [] if running else [again.pop(0)]
            else:
                following = list(islice(waiting, 2 * self.workers - len(running)))
            for job in following:
                running[self._submit(grade, job)] = job
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            died = False
            for future in done:
                job = running.pop(future)
                error = future.exception()
                if isinstance(error, SandboxUnavailable):
                    raise error
                if error is None:
                    yield job, future.result()
                elif not isinstance(error, BrokenProcessPool):
                    yield job, f"{type(error).__name__}: {error}"
                else:
                    died = True
                    student = job.submission.student
                    tries[student] = tries.get(student, 0) + 1
                    if tries[student] < TRIES:
                        again.append(job)
                    else:
                        yield job, f"the grader's process died {TRIES} times"
            if died:
                self._renew()

    def _submit(self, work: Callable[..., Done], *args: Job) -> Future[Done]:
        # A pool begins its processes when it is given work. They are to pass over the working
        # folder: it may hold another version of us.
        with variable("PYTHONSAFEPATH", "1"):
            for _ in range(TRIES - 1):
                try:
                    return self.pool.submit(work, *args)
                except (BrokenProcessPool, EOFError, OSError):  # the last two: in a beginning
                    self._renew()
                    time.sleep(MOMENT)
            return self.pool.submit(work, *args)

    def _renew(self) -> None:
        """A pool of which one process died takes no more work; what it has in hand it gives up."""
        self.pool.shutdown(wait=False)
        self.pool = self._pool()

    def _pool(self) -> ProcessPoolExecutor:
        # A fork of this process would inherit its threads' locks; the server's is of torch alone.
        server = multiprocessing.get_context("forkserver")
        server.set_forkserver_preload([__name__])
        return ProcessPoolExecutor(
            self.workers, mp_context=server, initializer=_begin, initargs=(self.start,)
        )


class Cluster:
    """The workers of a Dask cluster, each with a grader of its own.

    Args:
        scheduler: Its address, `tcp://host:port`.

    Raises:
        ValueError: Nobody answers there, or no worker does.
    """

    def __init__(self, scheduler: str) -> None:
        self.scheduler = scheduler

    def __enter__(self) -> Self:
        try:
            from distributed import Client
        except ImportError as error:
            raise ValueError("--scheduler needs Dask: pip install 'attncourse[cluster]'") from error
        try:
            self.client = Client(self.scheduler, timeout=10)
        except (OSError, ValueError) as error:
            raise ValueError(f"no Dask scheduler answers at {self.scheduler}: {error}") from error
        try:
            self.client.wait_for_workers(1, timeout=FIRST_WORKER)
        except TimeoutError as error:
            self.client.close()
            raise ValueError(f"the Dask scheduler at {self.scheduler} has no workers") from error
        self.workers = len(self.client.scheduler_info(n_workers=-1)["workers"])
        return self

    def __exit__(self, *error: object) -> None:
        self.client.close()

    def warm(self, plan: Plan, limits: Limits, sandbox: bool) -> None:
        """Nothing: workers of a cluster stay warm from one run to the next."""

    def results(self, jobs: Iterable[Job]) -> Iterator[Result]:
        """Grade jobs, and give each back when it is done.

        Raises:
            SandboxUnavailable: No sandbox can be built where they are to be graded.
        """
        from distributed import as_completed

        waiting = iter(jobs)
        running = {self._submit(job): job for job in islice(waiting, 2 * self.workers)}
        completed = as_completed(running)
        for future in completed:
            job = running.pop(future)
            error = future.exception()
            if isinstance(error, SandboxUnavailable):
                raise error
            yield job, future.result() if error is None else f"{type(error).__name__}: {error}"
            for following in islice(waiting, 1):
                future = self._submit(following)
                running[future] = following
                completed.add(future)

    def _submit(self, job: Job) -> Any:
        # Dask itself tries a job again whose worker died, as often as its configuration says.
        return self.client.submit(grade, job, pure=False)


_graders: dict[tuple[str, Limits, bool], Grader] = {}
_turn = threading.Lock()  # a Dask worker may have several threads, a grader has one forkserver


def grade(job: Job) -> Graded:
    """Grade one submission in this process, whose grader stays for the next."""
    with _turn:
        grader = _grader(job.plan, job.limits, job.sandbox)
        record = grader.grade(job.submission, seed=job.seed)
    return Graded(record, autograded(job.plan, job.submission, record), grader.backend)


def _grader(plan: Plan, limits: Limits, sandbox: bool) -> Grader:
    key = (plan.digest, limits, sandbox)
    if key not in _graders:
        _graders[key] = Grader(plan, limits=limits, sandbox=sandbox).__enter__()
        atexit.register(_graders[key].__exit__)
    return _graders[key]


def _begin(start: tuple[Plan, Limits, bool] | None) -> None:
    """Leave Ctrl-C to the process that was started with the command, and load what is needed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_runner, daemon=True).start()
    if start:
        with contextlib.suppress(Exception):  # whatever is wrong, the first job will say so
            _grader(*start)


def _end_with_the_runner() -> None:
    """Whatever ends it: a process that waits for its next job would wait for ever."""
    if runner := multiprocessing.parent_process():
        runner.join()
        os._exit(1)
