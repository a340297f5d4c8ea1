"""The forkserver: has everything imported, and forks a worker in the sandbox in milliseconds.

    forkserver    has one thread, no submission and no secret; in the sandbox itself
      supervisor  first process in namespaces of its own; runs no line of a learner's
        worker    a fork for each exercise, in which a learner's code runs

A worker that dies, or kills all that it can reach, leaves the supervisor, which forks the next one.
The supervisor's end takes everything in its namespaces along, the forkserver's end the supervisor.
"""

import contextlib
import ctypes
import functools
import gc
import importlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import torch

from attncourse.exercises.core import VISIBLE_SEEDS, Probe
from attncourse.grading.exceptions import ConnectionClosed, ProtocolError, SandboxUnavailable
from attncourse.grading.sandbox import backends, worker
from attncourse.grading.sandbox.backends import Backend
from attncourse.grading.sandbox.limits import Limits
from attncourse.grading.sandbox.protocol import Channel
from attncourse.grading.sandbox.redact import (
    RedactedExercise,
    remove_answers,
    remove_grader,
    remove_implementations,
)
from attncourse.grading.sandbox.rootfs import HOME
from attncourse.grading.sandbox.supervisor import supervise

LARGE, COLLAPSE = 1 << 21, 25  # bytes of a large page; MADV_COLLAPSE
#: All of a worker's environment: nothing in it tells of grading.
ENVIRONMENT = {"HOME": str(HOME), "USER": "learner", "LOGNAME": "learner", "TMPDIR": "/tmp"}
ENVIRONMENT |= {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "MPLBACKEND": "agg"}
ENVIRONMENT |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
#: Nor may it ask for a GPU, which a fork cannot use.
ENVIRONMENT["CUDA_VISIBLE_DEVICES"] = ""


def main() -> None:
    """Serve the grader at the other end of the socket whose descriptor is the first argument."""
    grader = Channel(socket.socket(fileno=int(sys.argv[1])))
    order = grader.receive().facts
    limits, backend = Limits(**order["limits"]), Backend(order["backend"])
    try:
        interpreter, exercises = _prepare(order["exercises"], order["setup"])
        made_of = _enclose(backend)
    except SandboxUnavailable as error:
        grader.send("unavailable", why=str(error))
        return
    except Exception as error:
        grader.send("unprepared", why=f"{type(error).__name__}: {error}")
        return
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    remove_grader()
    _settle()
    grader.send("ready", backend=made_of)

    def live(end: socket.socket) -> NoReturn:
        _keep_only(end.fileno())
        supervise(Channel(end), interpreter, exercises, limits, backend)

    _serve(grader, live, backend)


def _enclose(backend: Backend) -> str:
    match backend:
        case Backend.NAMESPACES:
            return backends.enter_namespaces()
        case Backend.BUBBLEWRAP:
            return backends.enter_bubblewrap()
    return str(backend)


def _prepare(
    exercises: str, setup: list[str]
) -> tuple[worker.Interpreter, dict[str, RedactedExercise]]:
    """Everything that takes time and is the same for all submissions."""
    torch.set_num_threads(1)
    asked: dict[str, RedactedExercise] = {}
    if exercises:
        _warm_up(exercises)
        asked = remove_answers(exercises)
    interpreter = worker.Interpreter.new()
    sys.modules["__main__"] = interpreter.main
    for number, source in enumerate(setup):
        interpreter.execute(f"setup {number}", source)
    if all(each.refuses is not None for each in asked.values()):
        remove_implementations()
    return interpreter, asked


def _warm_up(exercises: str) -> None:
    """Let right answers make libraries import and cache what they need, once for all workers."""
    for exercise in importlib.import_module(exercises).EXERCISES:
        for probe in exercise.probes(VISIBLE_SEEDS[:1]):
            # Gradients start threads, which no fork survives.
            if exercise.oracle is not None and not probe.gradients:
                exercise.reference(exercise.oracle, Probe.from_bytes(probe.to_bytes())).to_bytes()


def _settle() -> None:
    """Make ready to be forked: one thread, and memory that the forks can go on sharing."""
    threads = os.listdir("/proc/self/task") if os.path.isdir("/proc/self/task") else [""]
    if len(threads) > 1:
        raise RuntimeError(f"a forkserver must have one thread, this has {len(threads)}")
    hole = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(hole, standard)  # what a learner prints is not looked at
    os.close(hole)
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        backends.adopt_orphans()
        _collapse()


def _collapse() -> None:
    """Gather memory into large pages, of which a fork copies a hundred times fewer entries."""
    libc = ctypes.CDLL(None)
    for line in Path("/proc/self/maps").read_text().splitlines():
        region, rights, *_, last = line.split()
        if rights == "rw-p" and not last.startswith("/"):
            start, end = (int(each, 16) for each in region.split("-"))
            start, end = -(-start // LARGE) * LARGE, end // LARGE * LARGE
            if end > start:  # where the kernel cannot, forks are merely slower
                libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), COLLAPSE)


def _serve(grader: Channel, live: Callable[[socket.socket], NoReturn], backend: Backend) -> None:
    """Fork and kill as the grader says; ends, with all supervisors, when it hangs up."""
    supervisors: set[int] = set()
    with contextlib.suppress(ConnectionClosed, ProtocolError):
        while True:
            order = grader.receive()
            if order.kind == "fork":
                with grader.receive_socket() as end:
                    supervisor = _fork(functools.partial(live, end), backend)
                supervisors.add(supervisor)
                grader.send("forked", supervisor=supervisor)
            elif order.facts["supervisor"] in supervisors:
                supervisors.remove(order.facts["supervisor"])
                _end(order.facts["supervisor"])
                if backend is Backend.BUBBLEWRAP:
                    # Who cannot ends here, and a new forkserver has new folders.
                    backends.clear_private_folders()
                grader.send("gone")
    for supervisor in supervisors:
        _end(supervisor)


def _fork(live: Callable[[], NoReturn], backend: Backend) -> int:
    """Fork a supervisor; the first in a namespace has a parent that leaves it its place."""
    heard, said = os.pipe()
    waits, goes = os.pipe()
    parent = os.fork()
    if not parent:
        try:
            os.close(goes)
            _separate(live, said, waits, backend)
        except BaseException as error:
            with contextlib.suppress(OSError):
                os.write(said, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)  # nothing may return to what it was forked from
    os.close(said)
    os.close(waits)
    with open(heard, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(parent, 0)
    os.close(goes)
    if not text.isdecimal():
        raise RuntimeError(f"no worker can be forked: {text}")
    return int(text)


def _separate(live: Callable[[], NoReturn], said: int, waits: int, backend: Backend) -> None:
    if backend is Backend.NAMESPACES:
        backends.unshare_next_child()
    supervisor = os.fork()
    if supervisor:
        os.write(said, str(supervisor).encode())
        return  # and end: then the forkserver adopts the supervisor
    os.close(said)
    os.read(waits, 1)  # comes to its end when the forkserver is the supervisor's parent
    if sys.platform == "linux":
        backends.die_with_parent()
    live()


def _keep_only(descriptor: int) -> None:
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _end(process: int) -> None:
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


if __name__ == "__main__":
    main()
