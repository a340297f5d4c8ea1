"""The judge's side of the cage: starts the zygote, has workers forked, and watches over them."""

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

from attncourse.grading.caged.cage import LADDER, Limits, NoCage, Rung, wrapped
from attncourse.grading.caged.wire import Broken, Channel, Closed, Message
from attncourse.grading.record import Status

START = """\
import json, sys
sys.path[:] = json.loads(sys.argv.pop())
from attncourse.grading.caged.zygote import main
main()
"""
#: Seconds until a zygote must be ready, and until a warden must have cleared up.
PATIENCE = 180.0
#: Seconds that a warden has to clear up; a learner may have stopped it, where no room is closed.
CLEARING = 10.0
#: Seconds until it can be seen that a process was killed.
MOMENT = 0.2
#: Seconds that a worker has to end by itself, and between two looks at its memory.
GRACE, LOOK = 1.0, 0.1
#: What processes share among each other counts for each of them.
HELD = re.compile(r"^Rss(?:Anon|Shmem):\s+(\d+) kB", re.MULTILINE)
#: Of the grader's environment, what the zygote may have; secrets may stand in the rest.
PASSED = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH")


class ZygoteDied(RuntimeError):
    """The process that forks workers is gone; the text is what it said last."""


class Late(Exception):
    """Somebody did not answer in time."""


class Stopped(Exception):
    """A worker did not come to its end.

    Attributes:
        status: What ended it.
        detail: How, for the instructor.
        again: Whether it may have come from outside, so that a second try is fair.
    """

    def __init__(self, status: Status, detail: str, *, again: bool = False) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.again = again


class Keeper:
    """Owns one zygote.

    Args:
        exercises: The module of the lesson's exercises; empty if it has none.
        setup: The lesson's set-up cells.
        limits: What a worker may use.
        rungs: How workers may be caged; the first that holds is taken.
    """

    def __init__(
        self, exercises: str, setup: list[str], limits: Limits, rungs: Sequence[Rung] = LADDER
    ) -> None:
        self.limits = limits
        self.rung = ""  # what the cage is made of
        self._order: dict[str, Any] = {"exercises": exercises, "setup": setup}
        self._rungs = rungs
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        refusals = []
        for rung in self._rungs:
            try:
                self._start(rung)
                return self
            except NoCage as refusal:
                refusals.append(refusal)
        raise refusals[0]

    def _start(self, rung: Rung) -> None:
        ours, theirs = socket.socketpair()
        paths = json.dumps([os.path.abspath(each) for each in sys.path if os.path.exists(each)])
        command = [sys.executable, "-I", "-c", START, str(theirs.fileno()), paths]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed on leaving)
        self._channel = Channel(ours)
        try:
            with theirs:
                self._process = subprocess.Popen(
                    wrapped(command) if rung is Rung.BUBBLEWRAP else command,
                    pass_fds=[theirs.fileno()],
                    env=_environment(),
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=self._said,
                    stderr=self._said,
                    start_new_session=True,
                )
            limits = dataclasses.asdict(self.limits)
            self._say("order", limits=limits, rung=rung, **self._order)
            answer = self._hear()
            if answer.kind == "no cage":
                raise NoCage(answer.facts["why"])
            if answer.kind != "ready":
                raise ValueError(f"the lesson's set-up fails: {answer.facts['why']}")
        except BaseException:
            self.__exit__()
            raise
        self.rung = answer.facts["rung"]

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
        """Start a new zygote if the old one is gone."""
        assert self._process
        try:
            self._process.wait(MOMENT)
        except subprocess.TimeoutExpired:
            return
        self.__exit__()
        self.__enter__()

    @contextlib.contextmanager
    def worker(self, deadline: float) -> Iterator["Worker"]:
        """Have a warden forked for one submission.

        Args:
            deadline: When the submission's time is over, by `time.monotonic`.

        Raises:
            ZygoteDied: There is nobody left to fork it.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            self._say("fork")
            self._channel.send_end(theirs)
            warden = int(self._hear().facts["warden"])
        channel = Channel(ours)
        try:
            assert self._process
            yield Worker(channel, self._process.pid, deadline, self.limits)
        finally:
            channel.close()
            with contextlib.suppress(ZygoteDied):
                self._say("kill", warden=warden)
                self._hear()

    def _say(self, kind: str, **facts: Any) -> None:
        if self._channel.fileno() < 0:
            raise ZygoteDied("no new zygote could be started")
        try:
            self._channel.watch = _until(time.monotonic() + PATIENCE)
            self._channel.send(kind, **facts)
        except Closed:
            raise self._died() from None

    def _hear(self) -> Message:
        try:
            self._channel.watch = _until(time.monotonic() + PATIENCE)
            return self._channel.receive()
        except (Closed, Broken):
            raise self._died() from None

    def _died(self) -> ZygoteDied:
        assert self._process
        self._process.kill()  # whoever no longer answers
        self._said.seek(0)
        return ZygoteDied(self._said.read()[-2000:].decode(errors="replace").strip())


class Worker:
    """A warden, in whose rooms a worker runs for each exercise of one submission."""

    def __init__(self, channel: Channel, above: int, deadline: float, limits: Limits) -> None:
        self._channel = channel
        self._above = above  # the process from which all others descend
        self._deadline = deadline
        self._limits = limits
        self._base = max(map(_own_memory, (above, *_descendants(above))))
        self.seconds = 0.0  # CPU seconds of the latest worker

    @contextlib.contextmanager
    def asked(self) -> Iterator[Channel]:
        """Have a worker forked, to talk to inside the block; when the block ends, so does it.

        Raises:
            Stopped: The worker ended, broke the rules of talking, or used too much.
            ZygoteDied: The warden is gone.
        """
        ours, theirs = socket.socketpair()
        channel = Channel(ours, self._watch())
        self._channel.watch = _until(time.monotonic() + PATIENCE)
        try:
            with theirs:
                self._channel.send("ask")
                self._channel.send_end(theirs)
        except Closed:
            raise ZygoteDied("a warden is gone") from None
        grace = 0.0
        try:
            yield channel
            grace = GRACE
        except Closed:
            channel.close()
            raise self._why(self._end(GRACE)) from None
        except Broken as error:
            raise Stopped(Status.TAMPERED, f"what came back was {error}") from None
        finally:
            if channel.fileno() >= 0:
                channel.close()
                self._end(grace)

    def _end(self, grace: float) -> int:
        """Wait until nothing of a worker is left; its exit code, or minus the signal's number."""
        self._channel.watch = _until(time.monotonic() + grace + CLEARING, Late)
        try:
            if not select.select([self._channel], [], [], grace)[0]:
                self._channel.send("stop")
            ended = self._channel.receive().facts
        except Late:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._above, signal.SIGKILL)  # all that it forked goes along
            raise Stopped(Status.CRASHED, "the process around it was stopped") from None
        except (Closed, Broken):
            raise ZygoteDied("a warden is gone") from None
        self.seconds = float(ended["seconds"])
        return int(ended["status"])

    def _why(self, status: int) -> Stopped:
        if self.seconds >= self._limits.exercise:
            return Stopped(Status.TIMEOUT, f"{self.seconds:.1f} seconds of computing")
        if status < 0:
            named = -status in set(signal.Signals)  # real-time signals have numbers alone
            name = signal.Signals(-status).name if named else f"signal {-status}"
            return Stopped(Status.CRASHED, f"killed by {name}", again=status == -signal.SIGKILL)
        return Stopped(Status.CRASHED, f"Python ended with the exit code {status}")

    def _watch(self) -> Callable[[], None]:
        """Raises when time is over or the worker's processes hold too much."""
        late = min(self._deadline, time.monotonic() + self._limits.clock)
        look = 0.0

        def watch() -> None:
            nonlocal look
            now = time.monotonic()
            if now > late:
                raise Stopped(Status.TIMEOUT, "its time by the clock is over")
            if now > look:
                look = now + LOOK
                held = sum(_grown(each, self._base) for each in _descendants(self._above))
                if held > self._limits.memory:
                    raise Stopped(Status.OUT_OF_MEMORY, f"its processes held {held >> 20} MB")

        return watch


def _until(deadline: float, late: type[Exception] = Closed) -> Callable[[], None]:
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
