"""The grader's side of the sandbox: starts the forkserver and watches over the workers."""

import contextlib
import dataclasses
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from attncourse.grading.exceptions import (
    ConnectionClosed,
    ForkserverDied,
    ProtocolError,
    SandboxUnavailable,
    SupervisorLate,
    WorkerStopped,
)
from attncourse.grading.record import Status
from attncourse.grading.sandbox.backends import BACKENDS, Backend, bubblewrap_command
from attncourse.grading.sandbox.limits import Limits
from attncourse.grading.sandbox.protocol import Channel, Message

START = """\
import json, sys
sys.path[:] = json.loads(sys.argv.pop())
from attncourse.grading.sandbox.forkserver import main
main()
"""
#: Seconds until a forkserver must be ready, and until a supervisor must have cleared up.
PATIENCE = 180.0
#: Seconds that a supervisor has to clear up; a learner may have stopped it, where
#: nothing is closed.
CLEARING = 10.0
#: Seconds until it can be seen that a process was killed.
MOMENT = 0.2
#: Seconds that a worker has to end by itself, and between two looks at its memory.
GRACE, LOOK = 1.0, 0.1
#: What processes share among each other counts for each of them.
HELD = re.compile(r"^Rss(?:Anon|Shmem):\s+(\d+) kB", re.MULTILINE)
#: Of the grader's environment, what the forkserver may have; secrets may stand in the rest.
PASSED = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH")


class Client:
    """Owns one forkserver.

    Args:
        exercises: The module of the lesson's exercises; empty if it has none.
        setup: The lesson's set-up cells.
        limits: What a worker may use.
        backends: How workers may be kept in; the first that holds is taken.
    """

    def __init__(
        self,
        exercises: str,
        setup: list[str],
        limits: Limits,
        backends: Sequence[Backend] = BACKENDS,
    ) -> None:
        self.limits = limits
        self.backend = ""  # what the sandbox is made of
        self._order: dict[str, Any] = {"exercises": exercises, "setup": setup}
        self._backends = backends
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        refusals = []
        for backend in self._backends:
            try:
                self._start(backend)
                return self
            except SandboxUnavailable as refusal:
                refusals.append(refusal)
        raise refusals[0]

    def _start(self, backend: Backend) -> None:
        ours, theirs = socket.socketpair()
        paths = json.dumps([os.path.abspath(each) for each in sys.path if os.path.exists(each)])
        command = [sys.executable, "-I", "-c", START, str(theirs.fileno()), paths]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed on leaving)
        self._channel = Channel(ours)
        try:
            with theirs:
                self._process = subprocess.Popen(
                    bubblewrap_command(command) if backend is Backend.BUBBLEWRAP else command,
                    pass_fds=[theirs.fileno()],
                    env=_environment(),
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=self._said,
                    stderr=self._said,
                    start_new_session=True,
                )
            limits = dataclasses.asdict(self.limits)
            self._say("order", limits=limits, backend=backend, **self._order)
            answer = self._hear()
            if answer.kind == "unavailable":
                raise SandboxUnavailable(answer.facts["why"])
            if answer.kind != "ready":
                raise ValueError(f"the lesson's set-up fails: {answer.facts['why']}")
        except BaseException:
            self.__exit__()
            raise
        self.backend = answer.facts["backend"]

    def __exit__(self, *error: object) -> None:
        self._channel.close()
        self._said.close()
        if self._process:
            try:
                self._process.wait(timeout=5)  # it kills its workers, then ends by itself
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def revive(self) -> None:
        """Start a new forkserver if the old one is gone."""
        assert self._process
        try:
            self._process.wait(MOMENT)
        except subprocess.TimeoutExpired:
            return
        self.__exit__()
        self.__enter__()

    @contextlib.contextmanager
    def supervisor(self, deadline: float) -> Iterator["Supervisor"]:
        """Have a supervisor forked for one submission.

        Args:
            deadline: When the submission's time is over, by `time.monotonic`.

        Raises:
            ForkserverDied: There is nobody left to fork it.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            self._say("fork")
            self._channel.send_socket(theirs)
            supervisor = int(self._hear().facts["supervisor"])
        channel = Channel(ours)
        try:
            assert self._process
            yield Supervisor(channel, self._process.pid, deadline, self.limits)
        finally:
            channel.close()
            with contextlib.suppress(ForkserverDied):
                self._say("kill", supervisor=supervisor)
                self._hear()

    def _say(self, kind: str, **facts: Any) -> None:
        if self._channel.fileno() < 0:
            raise ForkserverDied("no new forkserver could be started")
        try:
            self._channel.watch = _until(time.monotonic() + PATIENCE)
            self._channel.send(kind, **facts)
        except ConnectionClosed:
            raise self._died() from None

    def _hear(self) -> Message:
        try:
            self._channel.watch = _until(time.monotonic() + PATIENCE)
            return self._channel.receive()
        except (ConnectionClosed, ProtocolError):
            raise self._died() from None

    def _died(self) -> ForkserverDied:
        assert self._process
        self._process.kill()  # whoever no longer answers
        self._said.seek(0)
        return ForkserverDied(self._said.read()[-2000:].decode(errors="replace").strip())


class Supervisor:
    """A process that has a worker run for each exercise of one submission."""

    def __init__(self, channel: Channel, above: int, deadline: float, limits: Limits) -> None:
        self._channel = channel
        self._above = above  # the process from which all others descend
        self._deadline = deadline
        self._limits = limits
        self._base = max(map(_own_memory, (above, *_descendants(above))))
        self.seconds = 0.0  # CPU seconds of the latest worker

    @contextlib.contextmanager
    def worker(self) -> Iterator[Channel]:
        """Have a worker forked, to talk to inside the block; when the block ends, so does it.

        Raises:
            WorkerStopped: The worker ended, broke the rules of talking, or used too much.
            ForkserverDied: The supervisor is gone.
        """
        ours, theirs = socket.socketpair()
        channel = Channel(ours, self._watch())
        self._channel.watch = _until(time.monotonic() + PATIENCE)
        try:
            with theirs:
                self._channel.send("ask")
                self._channel.send_socket(theirs)
        except ConnectionClosed:
            raise ForkserverDied("a supervisor is gone") from None
        grace = 0.0
        try:
            yield channel
            grace = GRACE
        except ConnectionClosed:
            channel.close()
            raise self._why(self._end(GRACE)) from None
        except ProtocolError as error:
            raise WorkerStopped(Status.TAMPERED, f"what came back was {error}") from None
        finally:
            if channel.fileno() >= 0:
                channel.close()
                self._end(grace)

    def _end(self, grace: float) -> int:
        """Wait until nothing of a worker is left; its exit code, or minus the signal's number."""
        self._channel.watch = _until(time.monotonic() + grace + CLEARING, SupervisorLate)
        try:
            if not select.select([self._channel], [], [], grace)[0]:
                self._channel.send("stop")
            ended = self._channel.receive().facts
        except SupervisorLate:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._above, signal.SIGKILL)  # all that it forked goes along
            raise WorkerStopped(Status.CRASHED, "the process around it was stopped") from None
        except (ConnectionClosed, ProtocolError):
            raise ForkserverDied("a supervisor is gone") from None
        self.seconds = float(ended["seconds"])
        return int(ended["status"])

    def _why(self, status: int) -> WorkerStopped:
        if self.seconds >= self._limits.exercise:
            return WorkerStopped(Status.TIMEOUT, f"{self.seconds:.1f} seconds of computing")
        if status < 0:
            named = -status in set(signal.Signals)  # real-time signals have numbers alone
            name = signal.Signals(-status).name if named else f"signal {-status}"
            return WorkerStopped(
                Status.CRASHED, f"killed by {name}", again=status == -signal.SIGKILL
            )
        return WorkerStopped(Status.CRASHED, f"Python ended with the exit code {status}")

    def _watch(self) -> Callable[[], None]:
        """Raises when time is over or the worker's processes hold too much."""
        late = min(self._deadline, time.monotonic() + self._limits.clock)
        look = 0.0

        def watch() -> None:
            nonlocal look
            now = time.monotonic()
            if now > late:
                raise WorkerStopped(Status.TIMEOUT, "its time by the clock is over")
            if now > look:
                look = now + LOOK
                held = sum(_grown(each, self._base) for each in _descendants(self._above))
                if held > self._limits.memory:
                    raise WorkerStopped(Status.OUT_OF_MEMORY, f"its processes held {held >> 20} MB")

        return watch


def _until(deadline: float, late: type[Exception] = ConnectionClosed) -> Callable[[], None]:
    def watch() -> None:
        if time.monotonic() > deadline:
            raise late

    return watch


def _environment() -> dict[str, str]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    return passed | threads | {"MPLBACKEND": "agg", "CUDA_VISIBLE_DEVICES": ""}


def _descendants(process: int) -> Iterator[int]:
    for children in Path("/proc", str(process), "task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, children.read_text().split()):
                yield child
                yield from _descendants(child)


def _grown(process: int, base: int) -> int:
    return max(0, _own_memory(process) - base)


def _own_memory(process: int) -> int:
    """Bytes that a process does not share with files; 0 where the system does not tell."""
    try:
        status = Path("/proc", str(process), "status").read_text()
    except OSError:
        return 0
    return sum(int(kilobytes) << 10 for kilobytes in HELD.findall(status))
