"""The zygote: a process that has everything imported, and forks a caged worker in milliseconds.

    zygote    has a thread, no submission and no secret; in the cage itself
      warden  first process in rooms of its own; runs no line of a learner's
        worker    a fork for each exercise, in which a learner's code runs

A worker that dies, or kills all that it can reach, leaves the warden, which forks the next one. The
warden's end takes everything in its rooms along, and the zygote's end takes the warden.
"""

import contextlib
import ctypes
import functools
import gc
import importlib
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch

from attncourse.exercises.core import VISIBLE_SEEDS, Probe
from attncourse.grading.caged import cage, worker
from attncourse.grading.caged.cage import Limits, Rung
from attncourse.grading.caged.harmless import Asked, disappear, hollow, shrink
from attncourse.grading.caged.view import HOME
from attncourse.grading.caged.wire import Broken, Channel, Closed

LARGE, COLLAPSE = 1 << 21, 25  # bytes of a large page; MADV_COLLAPSE
#: All of a worker's environment: nothing in it tells of grading.
ENVIRONMENT = {"HOME": str(HOME), "USER": "learner", "LOGNAME": "learner", "TMPDIR": "/tmp"}
ENVIRONMENT |= {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "MPLBACKEND": "agg"}
ENVIRONMENT |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
#: Nor may it ask for a GPU, which a fork cannot use.
ENVIRONMENT["CUDA_VISIBLE_DEVICES"] = ""


def main() -> None:
    """Serve the judge at the other end of the socket whose descriptor is the first argument."""
    judge = Channel(socket.socket(fileno=int(sys.argv[1])))
    order = judge.receive().facts
    limits, rung = Limits(**order["limits"]), Rung(order["rung"])
    try:
        desk, exercises = _prepare(order["exercises"], order["setup"])
        made_of = _enclose(rung)
    except cage.NoCage as error:
        judge.send("no cage", why=str(error))
        return
    except Exception as error:
        judge.send("unprepared", why=f"{type(error).__name__}: {error}")
        return
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    disappear()
    _settle()
    judge.send("ready", rung=made_of)

    def live(end: socket.socket) -> NoReturn:
        _keep_only(end.fileno())
        _warden(Channel(end), desk, exercises, limits, rung)

    _serve(judge, live, rung)


def _enclose(rung: Rung) -> str:
    match rung:
        case Rung.NAMESPACES:
            return cage.build()
        case Rung.BUBBLEWRAP:
            return cage.fence()
    return str(rung)


def _prepare(exercises: str, setup: list[str]) -> tuple[worker.Desk, dict[str, Asked]]:
    """Everything that takes time and is the same for all submissions."""
    torch.set_num_threads(1)
    asked: dict[str, Asked] = {}
    if exercises:
        _warm_up(exercises)
        asked = shrink(exercises)
    desk = worker.Desk.new()
    sys.modules["__main__"] = desk.main
    for number, source in enumerate(setup):
        desk.execute(f"setup {number}", source)
    if all(each.refuses is not None for each in asked.values()):
        hollow()
    return desk, asked


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
        raise RuntimeError(f"a zygote must have one thread, this has {len(threads)}")
    hole = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(hole, standard)  # what a learner prints is not looked at
    os.close(hole)
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        cage.adopt_orphans()
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


def _serve(judge: Channel, live: Callable[[socket.socket], NoReturn], rung: Rung) -> None:
    """Fork and kill as the judge says; ends, with all wardens, when it hangs up."""
    wardens: set[int] = set()
    with contextlib.suppress(Closed, Broken):
        while True:
            order = judge.receive()
            if order.kind == "fork":
                with judge.receive_end() as end:
                    warden = _fork(functools.partial(live, end), rung)
                wardens.add(warden)
                judge.send("forked", warden=warden)
            elif order.facts["warden"] in wardens:
                wardens.remove(order.facts["warden"])
                _end(order.facts["warden"])
                if rung is Rung.BUBBLEWRAP:
                    cage.sweep()  # who cannot ends here, and a new zygote has new folders
                judge.send("gone")
    for warden in wardens:
        _end(warden)


def _fork(live: Callable[[], NoReturn], rung: Rung) -> int:
    """Fork a warden; who is to be first in rooms of its own has a parent that moves out for it."""
    heard, said = os.pipe()
    waits, goes = os.pipe()
    parent = os.fork()
    if not parent:
        try:
            os.close(goes)
            _separate(live, said, waits, rung)
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


def _separate(live: Callable[[], NoReturn], said: int, waits: int, rung: Rung) -> None:
    if rung is Rung.NAMESPACES:
        cage.split()
    warden = os.fork()
    if warden:
        os.write(said, str(warden).encode())
        return  # and end: then the zygote adopts the warden
    os.close(said)
    os.read(waits, 1)  # comes to its end when the zygote is the warden's parent
    if sys.platform == "linux":
        cage.die_with_parent()
    live()


def _keep_only(descriptor: int) -> None:
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _end(process: int) -> None:
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def _warden(
    judge: Channel, desk: worker.Desk, exercises: dict[str, Asked], limits: Limits, rung: Rung
) -> NoReturn:
    """Fork a worker for each exercise, and clear up after it."""
    base = _address_space()
    alone = rung is Rung.NAMESPACES  # nobody else's processes are here
    if alone:
        cage.lock(limits)
    elif sys.platform == "linux":
        cage.adopt_orphans()
    heard, rings = os.pipe()
    os.set_blocking(rings, False)
    os.set_blocking(heard, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(rings, warn_on_full_buffer=False)
    with contextlib.suppress(Closed, Broken):
        while True:
            judge.receive()
            end = judge.receive_end()
            child = os.fork()
            if not child:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (judge.fileno(), heard, rings):
                    os.close(each)
                os.setsid()
                if rung is Rung.BUBBLEWRAP:
                    cage.fence()  # once more, so that no signal of it reaches the warden
                cage.limit(limits, base)
                with contextlib.suppress(Closed, Broken):
                    worker.serve(Channel(end), desk, exercises, limits)
                os._exit(0)
            end.close()
            judge.send("ended", **_attend(judge, heard, child, alone))
    os._exit(0)


def _attend(judge: Channel, bell: int, child: int, alone: bool) -> dict[str, Any]:
    """Wait until a worker ends, or the judge wants it to; then nothing of it is left."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done, status = os.waitpid(child, os.WNOHANG)
    while not done:
        ready = select.select([judge.fileno(), bell], [], [])[0]
        if bell in ready:
            os.read(bell, 4096)
        if judge.fileno() in ready:
            judge.receive()
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
            left = [-1]  # the first process in its rooms kills all others at once
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


if __name__ == "__main__":
    main()
