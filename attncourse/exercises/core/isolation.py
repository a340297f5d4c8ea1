"""Run a learner's code so that nothing it does leaks into the notebook or hangs it.

nbgrader gives no points for a test cell that wrote to stderr, and a warning, a log line or a
progress bar is no mistake: what the answer prints while it is checked is dropped.
"""

import contextlib
import ctypes
import io
import os
import random
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from types import FrameType

import torch

#: How many times its computing time an answer may take by the clock.
PATIENCE = 6


class OutOfTime(BaseException):
    """The answer ran out of time; not an `Exception`, so that a learner's handler lets it pass."""


class _Sink(io.TextIOBase):
    """Accepts and drops any amount of text."""

    def write(self, text: str) -> int:
        return len(text)


@contextlib.contextmanager
def muted() -> Iterator[None]:
    """Drop everything written to stdout, stderr and their file descriptors, and all warnings."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        sink = _Sink()
        for stream in {id(s): s for s in (sys.stdout, sys.stderr) if s is not None}.values():
            # A logging handler made in an earlier cell holds the stream itself, not sys.stderr.
            with contextlib.suppress(AttributeError):
                stream.write = sink.write  # type: ignore[method-assign]
                stack.callback(stream.__dict__.pop, "write", None)
        stack.enter_context(contextlib.redirect_stdout(sink))
        stack.enter_context(contextlib.redirect_stderr(sink))
        stack.enter_context(_muted_descriptors())
        yield


@contextlib.contextmanager
def _muted_descriptors() -> Iterator[None]:
    """Point the descriptors 1 and 2 to a file: C++ code writes there, past Python's streams."""
    try:
        saved = [os.dup(1), os.dup(2)]
    except OSError:  # a process without standard streams has nothing to mute
        yield
        return
    try:
        with tempfile.TemporaryFile() as hole:
            os.dup2(hole.fileno(), 1)
            os.dup2(hole.fileno(), 2)
            yield
    finally:
        for number, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, number)
            os.close(copy)


@contextlib.contextmanager
def no_figures() -> Iterator[None]:
    """Close the figures that the code inside leaves open; the notebook would show each of them."""

    def numbers() -> set[int]:
        pyplot = sys.modules.get("matplotlib.pyplot")
        return set(pyplot.get_fignums()) if pyplot else set()

    before = numbers()
    try:
        yield
    finally:
        for number in numbers() - before:
            sys.modules["matplotlib.pyplot"].close(number)


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` in the running code after ``seconds``; again if it is swallowed.

    Computing time counts, so that a busy machine costs nobody points; who only waits may do so
    `PATIENCE` times as long.
    """
    main = threading.current_thread() is threading.main_thread()
    with _alarm(seconds) if main and hasattr(signal, "setitimer") else _watchdog(seconds):
        yield


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    timers = {signal.ITIMER_PROF: signal.SIGPROF, signal.ITIMER_REAL: signal.SIGALRM}
    previous = {number: signal.signal(number, ring) for number in timers.values()}
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * seconds, 0.5)
    try:
        yield
    finally:
        for timer in timers:
            signal.setitimer(timer, 0)
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _watchdog(seconds: float) -> Iterator[None]:
    """Where there are no signals (Windows, threads): reaches Python loops, not a long C call."""
    ident = threading.get_ident()
    done = threading.Event()

    def watch() -> None:
        wait = PATIENCE * seconds
        while not done.wait(wait):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(ident), ctypes.py_object(OutOfTime)
            )
            wait = 0.5

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


@contextlib.contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Seed torch and Python for the answer, then give the notebook its generators back."""
    state, python = torch.get_rng_state(), random.getstate()
    # torch.manual_seed writes down the stack for every kind of device that is not there.
    torch.default_generator.manual_seed(seed)
    random.seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(state)
        random.setstate(python)
