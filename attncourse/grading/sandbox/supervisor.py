"""The supervisor: runs no line of a learner's, and leaves nothing of a worker when it has ended.

As the first process in its namespaces it ends all that a worker left with one signal.
"""

import contextlib
import os
import resource
import select
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from attncourse.grading.exceptions import ConnectionClosed, ProtocolError
from attncourse.grading.sandbox import backends, worker
from attncourse.grading.sandbox.backends import Backend
from attncourse.grading.sandbox.limits import Limits, enforce
from attncourse.grading.sandbox.protocol import Channel
from attncourse.grading.sandbox.redact import RedactedExercise


def supervise(
    grader: Channel,
    interpreter: worker.Interpreter,
    exercises: dict[str, RedactedExercise],
    limits: Limits,
    backend: Backend,
) -> NoReturn:
    """Fork a worker for each exercise, and clear up after it.

    Args:
        grader: The grader's end, which says when.
        interpreter: The notebook after its set-up.
        exercises: How exercises are asked.
        limits: What a worker may use.
        backend: What keeps it in.
    """
    base = _address_space()
    alone = backend is Backend.NAMESPACES  # nobody else's processes are here
    if alone:
        backends.shut_in(limits)
    elif sys.platform == "linux":
        backends.adopt_orphans()
    heard, rings = os.pipe()
    os.set_blocking(rings, False)
    os.set_blocking(heard, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(rings, warn_on_full_buffer=False)
    with contextlib.suppress(ConnectionClosed, ProtocolError):
        while True:
            grader.receive()
            end = grader.receive_socket()
            child = os.fork()
            if not child:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (grader.fileno(), heard, rings):
                    os.close(each)
                os.setsid()
                if backend is Backend.BUBBLEWRAP:
                    # Once more, so that no signal of it reaches the supervisor.
                    backends.enter_bubblewrap()
                enforce(limits, base)
                with contextlib.suppress(ConnectionClosed, ProtocolError):
                    worker.serve(Channel(end), interpreter, exercises, limits)
                os._exit(0)
            end.close()
            grader.send("ended", **_attend(grader, heard, child, alone))
    os._exit(0)


def _attend(grader: Channel, bell: int, child: int, alone: bool) -> dict[str, Any]:
    """Wait until a worker ends, or the grader wants it to; then nothing of it is left."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done, status = os.waitpid(child, os.WNOHANG)
    while not done:
        ready = select.select([grader.fileno(), bell], [], [])[0]
        if bell in ready:
            os.read(bell, 4096)
        if grader.fileno() in ready:
            grader.receive()
            os.kill(child, signal.SIGKILL)
            done, status = os.waitpid(child, 0)
        else:
            done, status = os.waitpid(child, os.WNOHANG)
    _clear(alone)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"status": os.waitstatus_to_exitcode(status), "seconds": spent}


def _clear(alone: bool) -> None:
    """Kill all that a worker left; who is not alone, all that Linux shows as its own."""
    with contextlib.suppress(ChildProcessError):
        while True:
            left = [-1]  # the first process in its namespace kills all others at once
            if not alone:
                children = Path("/proc/self/task").glob("*/children")
                left = [int(each) for one in children for each in one.read_text().split()]
            for each in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
            os.waitpid(-1, 0)


def _address_space() -> int:
    """Bytes of address space of this process; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0
