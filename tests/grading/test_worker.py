"""The worker's own room: cells and their order, magics, messages, and what is no longer there."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import torch

from attncourse import exercises
from attncourse.exercises.core import Function, Probe, Response
from attncourse.exercises.core.probe import Error
from attncourse.grading.names import bound
from attncourse.grading.sandbox.backends import Limits
from attncourse.grading.sandbox.protocol import SIZES, Channel, ConnectionClosed, ProtocolError
from attncourse.grading.sandbox.redact import RedactedExercise
from attncourse.grading.sandbox.worker import Interpreter, serve

FORGETS = r"""
import gc, importlib, json, sys, weakref
from types import FunctionType
from attncourse.exercises.core import Exercise
from attncourse.grading.sandbox.redact import remove_implementations, remove_answers

name = sys.argv[1]
package = importlib.import_module(name)
known = {}
for exercise in package.EXERCISES:
    wrong = [each for one in exercise.misconceptions for each in one.forms]
    for answer in (exercise.oracle, *exercise.right, *wrong):
        for each in (answer, *vars(answer).values()) if isinstance(answer, type) else (answer,):
            if isinstance(each, FunctionType):
                known[f"{exercise.name}: {each.__qualname__}"] = weakref.ref(each)
offered = {value.name for value in vars(package).values() if isinstance(value, Exercise)}
del package, exercise, wrong, answer, each
asked = remove_answers(name)
gc.collect()
left = sorted(each for each, found in known.items() if found() is not None)
texts = [each for each in gc.get_objects() if type(each).__name__ in ("Exercise", "Misconception")]
remove_implementations()
from attncourse.nn.se import SqueezeExcitation
try:
    SqueezeExcitation(8)
    said = "built"
except RuntimeError as error:
    said = str(error)
print(json.dumps([len(known), left, len(texts), sorted(asked) == sorted(offered), said]))
"""
LESSONS = exercises.packages()


@pytest.mark.parametrize("lesson", LESSONS)
def test_nothing_is_left_that_gives_an_answer_away(lesson: str) -> None:
    program = [sys.executable, "-c", FORGETS, f"{exercises.__name__}.{lesson}"]
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=120)
    known, left, declared, complete, said = json.loads(done.stdout)
    assert known
    assert left == []
    assert declared == 0
    assert complete
    assert "write yours" in said


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), theirs


def test_a_message_comes_as_it_was_sent(ends: tuple[Channel, socket.socket]) -> None:
    reader, end = ends
    writer = Channel(end)
    payload = bytes(range(256)) * 4000  # more than a socket takes at once
    thread = threading.Thread(target=lambda: writer.send("probe", payload, answer="λ"))
    thread.start()
    message = reader.receive()
    thread.join()
    assert (message.kind, message.facts, message.payload) == ("probe", {"answer": "λ"}, payload)
    assert not reader.speaks()


@pytest.mark.parametrize(
    "forged",
    [
        SIZES.pack(1 << 30, 0),
        SIZES.pack(2, 1 << 60) + b"[]",
        SIZES.pack(3, 0) + b"no!",
        SIZES.pack(2, 0) + b"[]",
        SIZES.pack(7, 0) + b'["a",1]',
        SIZES.pack(6, 0) + b"[1,{}]",
        SIZES.pack(200_000, 0) + b"[" * 200_000,
        SIZES.pack(2, 0) + b"\xff\xfe",
    ],
    ids=["large", "huge", "no JSON", "empty", "no facts", "no name", "deep", "no text"],
)
def test_what_is_no_message_is_broken(ends: tuple[Channel, socket.socket], forged: bytes) -> None:
    reader, end = ends
    thread = threading.Thread(target=end.sendall, args=(forged,))
    thread.start()
    with pytest.raises(ProtocolError):
        reader.receive()
    thread.join()


def test_half_a_message_is_nobody(ends: tuple[Channel, socket.socket]) -> None:
    reader, end = ends
    end.sendall(SIZES.pack(10, 0) + b"[")
    end.close()
    with pytest.raises(ConnectionClosed):
        reader.receive()


def test_who_stalls_is_left_to_the_watch(ends: tuple[Channel, socket.socket]) -> None:
    reader, end = ends
    end.sendall(SIZES.pack(10, 0))
    looks = []

    def watch() -> None:
        looks.append(1)
        if len(looks) == 3:
            raise TimeoutError

    reader.watch = watch
    with pytest.raises(TimeoutError):
        reader.receive()


def answered(
    steps: list[tuple[str, str | None, str]],
    answer: str = "twice",
    *,
    x: float = 3.0,
    test: str = "",
    main: dict[str, object] | None = None,
) -> tuple[list[str], Response]:
    """Which cells a worker runs, and its response to one probe."""
    ours, theirs = socket.socketpair()
    grader, interpreter = Channel(ours), Interpreter.new()
    vars(interpreter.main).update(main or {})
    asked = {} if test else {"twice": RedactedExercise(Function(("y",)), 5.0, ())}

    def work() -> None:
        with theirs:
            try:
                serve(Channel(theirs), interpreter, asked, Limits(cell=5))
            except ConnectionClosed:
                return

    kept = sys.modules["__main__"]
    thread = threading.Thread(target=work)
    thread.start()
    cells = [
        {
            "name": name,
            "source": source,
            "binds": sorted(bound(source)) if binds is None else binds.split(),
            "given": binds is None,
        }
        for name, binds, source in steps
    ]
    grader.send("cells", exercise="twice", answer=answer, test=test, steps=cells)
    ran = []
    try:
        while True:
            message = grader.receive()
            if message.kind == "response":
                return _ran(ran, len(steps)), Response.from_bytes(message.payload)
            if message.kind == "ready":
                grader.send("probe", Probe({"x": torch.tensor([x])}).to_bytes())
            else:
                ran.append(message.facts["cell"])
    finally:
        grader.close()
        thread.join()
        sys.modules["__main__"] = kept


def _ran(told: list[str], read: int) -> list[str]:
    """Cells are told of once as they are read and again as they run."""
    return [name for name in told[read:] if name]


TWICE = "def twice(x):\n    return 2 * x"


def test_only_needed_cells_run_in_their_order() -> None:
    steps = [
        ("factor", "factor", "factor = 2"),
        ("slow", None, "raise RuntimeError('a demonstration')"),
        ("other", "other", "factor = 5\nother = 1"),
        ("twice", "twice", "def twice(x):\n    return factor * x"),
    ]
    ran, response = answered(steps)
    assert ran == ["factor", "other", "twice"]
    assert response.outputs["y"].tolist() == [15]


def test_a_given_cell_runs_where_only_it_has_a_name() -> None:
    steps = [
        ("base", None, "base = 1"),
        ("given", None, "factor = base + 1"),
        ("unused", None, "unused = 1 / 0"),
        ("twice", "twice", "def twice(x):\n    return factor * x"),
    ]
    ran, response = answered(steps)
    assert ran == ["base", "given", "twice"]
    assert response.outputs["y"].tolist() == [6]


def test_the_set_up_is_not_run_again() -> None:
    steps = [("given", None, "factor = 7"), ("twice", "twice", "twice = lambda x: factor * x")]
    ran, response = answered(steps, main={"factor": 2})
    assert ran == ["twice"]
    assert response.outputs["y"].tolist() == [6]


@pytest.mark.parametrize(
    "source",
    [
        f"%matplotlib inline\n!ls\n{TWICE}",
        f"%%time\n{TWICE}",
        f"%%capture out\n{TWICE}",
        f"%time factor = 2\n{TWICE}",
        f"{TWICE}\nprint('hello'); display(twice(1)); get_ipython().magic('pylab')",
        f"{TWICE}\n1 / 0",
        f"{TWICE}\nraise SystemExit",
        f"import warnings\nwarnings.warn('honest')\n{TWICE}",
    ],
    ids=["magic", "time", "capture", "line", "display", "error after", "exit after", "warning"],
)
def test_a_cell_runs_as_in_a_notebook(source: str) -> None:
    _, response = answered([("twice", "twice", source)])
    assert response.answered, response
    assert response.outputs["y"].tolist() == [6]


@pytest.mark.parametrize(
    ("source", "status", "why"),
    [
        ("raise NotImplementedError('not solved yet')", "unwritten", ""),
        ("def twice(x):\n    raise NotImplementedError()", "unwritten", ""),
        ("", "malformed", "undefined"),
        ("def twice(x:\n    return x", "raised", "SyntaxError"),
        ("1 / 0\n" + TWICE, "raised", "ZeroDivisionError"),
        ("raise KeyboardInterrupt\n" + TWICE, "raised", "KeyboardInterrupt"),
        ("def twice(x):\n    return x.to_sparse()", "raised", "RuntimeError"),
        ("def twice(x):\n    return x.double() + 0j", "malformed", "no-plain-tensor"),
        ("twice = 3", "malformed", "no-function"),
    ],
)
def test_what_is_wrong_is_said(source: str, status: str, why: str) -> None:
    _, response = answered([("twice", "twice", source)])
    assert response.status == status
    told = response.error.kind if response.error else response.reason and response.reason.key
    assert (told or "") == why


def test_the_line_that_raised_is_told() -> None:
    _, response = answered([("twice", "twice", f"1 / 0\n{TWICE}")])
    assert response.error == Error("ZeroDivisionError", "division by zero", "<module>", "1 / 0")


@pytest.mark.parametrize(
    ("test", "status"),
    [("assert twice(2) == 4", "answered"), ("assert twice(2) == 5", "raised")],
)
def test_an_instructors_own_assertions_run_here(test: str, status: str) -> None:
    _, response = answered([("twice", "twice", TWICE)], "", test=test)
    assert response.status == status


def test_own_assertions_fail_for_what_a_cell_failed_to_define() -> None:
    steps = [("twice", "twice", "raise NotImplementedError")]
    _, response = answered(steps, "", test="assert twice(2) == 4")
    assert response.status == "unwritten"
