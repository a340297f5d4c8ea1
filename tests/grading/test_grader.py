"""Whole submissions of a real lesson: what they earn, and what the hostile ones do not."""

import contextlib
import dataclasses
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbformat.v4 import new_notebook

from attncourse.course.notebook import grade_id, is_answer, read
from attncourse.course.places import Course
from attncourse.course.syllabus import find
from attncourse.exercises.core import Outcome
from attncourse.grading import PACKAGE
from attncourse.grading.exceptions import SandboxUnavailable
from attncourse.grading.grader import Grader
from attncourse.grading.plan import Answer, Given, Plan, Submission, Test
from attncourse.grading.record import By, Check, Record, Status
from attncourse.grading.sandbox import backends, client, rootfs
from attncourse.grading.sandbox.backends import Backend, bubblewrap_command
from attncourse.grading.sandbox.limits import Limits

LESSON = find("06-se")
COURSE = Course(Path(__file__).parents[2])
PLAN = Plan.of(LESSON, COURSE)
#: Short, for answers that never end; nothing honest comes near.
LIMITS = Limits(cell=3, probe=3, exercise=9, clock=20, whole=120, memory=512 << 20)
RIGHT = {
    grade_id(cell): cell.source for cell in read(COURSE.solution(LESSON)).cells if is_answer(cell)
}
# Of its own, so that a broken squeeze costs nothing but itself.
RIGHT["se-block"] = RIGHT["se-block"].replace("squeeze(x)", "x.mean(dim=(2, 3))")
STUBS = {answer.grade_id: answer.source for answer in PLAN.answers}
POINTS = {test.grade_id: test.points for test in PLAN.tests}
#: A file that is private to a worker, as a learner would name it.
PRIVATE = """\
import tempfile
from pathlib import Path
path = Path(tempfile.gettempdir(), "x")"""
MEAN = "def squeeze(x):\n    return x.mean((2, 3))\n"
ZEROS = "def squeeze(x):\n    return torch.zeros(x.shape[:2], dtype=x.dtype)\n"


def submission(answers: dict[str, str], **changed: str) -> Submission:
    given = answers | {name.replace("_", "-"): source for name, source in changed.items()}
    return Submission("ada", LESSON.name, given, {}, (), "digest", new_notebook())


def earned(record: Record) -> dict[str, float]:
    return {check.grade_id: check.earned for check in record.checks if check.by is By.JUDGE}


def check(record: Record, name: str) -> Check:
    return next(each for each in record.checks if each.grade_id == f"check-{name}")


@contextlib.contextmanager
def sandboxed() -> Iterator[Grader]:
    opened = Grader(PLAN, limits=LIMITS)
    try:
        opened.__enter__()
    except SandboxUnavailable as refusal:
        pytest.skip(str(refusal))
    try:
        yield opened
    finally:
        opened.__exit__(None, None, None)


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with sandboxed() as opened:
        yield opened


def family(grader: Grader) -> list[int]:
    """The forkserver's descendants."""
    forkserver = grader._client._process.pid
    found, ahead = [], [forkserver]
    while ahead:
        for children in Path(f"/proc/{ahead.pop()}/task").glob("*/children"):
            new = list(map(int, children.read_text().split()))
            found += new
            ahead += new
    return found


def test_a_right_submission_earns_all(grader: Grader) -> None:
    record = grader.grade(submission(RIGHT), seed=1)
    assert record.status is Status.GRADED
    assert earned(record) == POINTS
    assert all(found.held for each in record.checks for found in each.findings)
    assert record.reason == record.detail == ""


def test_an_untouched_release_earns_nothing(grader: Grader) -> None:
    record = grader.grade(submission(STUBS), seed=1)
    assert record.status is Status.GRADED
    assert set(earned(record).values()) == {0.0}
    assert check(record, "squeeze").outcome is Outcome.UNWRITTEN
    assert record.answers == {}


def test_a_misconception_is_named(grader: Grader) -> None:
    wrong = "def squeeze(x):\n    return x.mean(1)"
    found = check(grader.grade(submission(RIGHT, squeeze=wrong), seed=1), "squeeze")
    assert (found.earned, found.misconception) == (0.0, "over-channels")
    assert "channel" in found.sentence


def test_the_same_seed_makes_the_same_record(grader: Grader) -> None:
    mixed = submission(RIGHT, squeeze=ZEROS, excitation="def excitation(")

    def told(seed: int) -> tuple[object, ...]:
        record = grader.grade(mixed, seed=seed)
        return tuple(dataclasses.replace(each, seconds=0) for each in record.checks)

    assert told(1) == told(1)
    assert told(1) != told(2)  # other probes, other numbers in the sentences
    assert earned(grader.grade(mixed, seed=1)) == earned(grader.grade(mixed, seed=2))


def test_a_record_can_be_read_again(grader: Grader) -> None:
    record = grader.grade(submission(RIGHT, squeeze="import os; os._exit(3)"), seed=1)
    assert Record.from_json(record.to_json()) == record


def test_answers_are_equal_whatever_their_spaces_and_comments(grader: Grader) -> None:
    plain = grader.grade(submission(RIGHT, squeeze=MEAN), seed=1)
    dressed = MEAN.replace("\n    ", "  # the mean\n\n\n        ")
    other = grader.grade(submission(RIGHT, squeeze=dressed), seed=1)
    assert plain.answers["squeeze"] == other.answers["squeeze"]
    assert plain.answers["squeeze"] != plain.answers["excitation"]


UNLUCKY = {
    "warning": f"import warnings\nwarnings.warn('look')\n{MEAN}",
    "warning inside": "import warnings\ndef squeeze(x):\n    warnings.warn('look')\n"
    "    return x.mean((2, 3))\n",
    "logging": f"import logging\nlogging.warning('look')\n{MEAN}",
    "stderr": f"import os\nos.write(2, b'look')\n{MEAN}",
    "missing glyph": "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.title('注意')\n"
    f"plt.savefig('x.png')\nplt.show()\n{MEAN}",
    "progress bar": f"from rich.progress import track\nlist(track(range(3)))\n{MEAN}",
    "magic": f"%matplotlib inline\n%load_ext autoreload\n!ls\n{MEAN}",
    "cell magic": f"%%time\n{MEAN}",
    "exit after": f"{MEAN}\nimport sys\nsys.exit()",
    "error after": f"{MEAN}\n1 / 0",
    "loop after": f"{MEAN}\nwhile True: pass",
    "demonstration": f"{MEAN}\nprint(squeeze(torch.ones(1, 2, 3, 4)))\ndisplay(squeeze)",
    "500 MB of output": f"{MEAN}\nimport os\nfor _ in range(500): os.write(1, b'x' * (1 << 20))",
    "threads": f"{MEAN}\ntorch.set_num_threads(4)\ntorch.ones(500, 500) @ torch.ones(500, 500)",
    "lone surrogate": f"{MEAN}# \ud800",
    "daemon": "import os, time\nif not os.fork():\n    os.setsid()\n"
    f"    if not os.fork(): time.sleep(1000)\n    os._exit(0)\n{MEAN}",
    "erased disk": f"import shutil\nshutil.rmtree('/', ignore_errors=True)\n{MEAN}",
}


@pytest.mark.parametrize("source", UNLUCKY.values(), ids=UNLUCKY.keys())
def test_honest_but_unlucky_code_keeps_all_points(grader: Grader, source: str) -> None:
    record = grader.grade(submission(RIGHT, squeeze=source), seed=1)
    assert earned(record) == POINTS, check(record, "squeeze").sentence
    assert family(grader) == []


FALLS = {
    "segfault": ("import ctypes\ndef squeeze(x):\n    ctypes.string_at(0)", Status.CRASHED),
    "segfault above": (f"import ctypes\nctypes.string_at(0)\n{MEAN}", Status.CRASHED),
    "exit": ("import os\ndef squeeze(x):\n    os._exit(0)", Status.CRASHED),
    "exit above": (f"import os\nos._exit(0)\n{MEAN}", Status.CRASHED),
    "abort": ("import os\ndef squeeze(x):\n    os.abort()", Status.CRASHED),
    "kill of all": (
        "import os\ndef squeeze(x):\n    for process in (os.getppid(), 1, -1, 0):\n"
        "        try: os.kill(process, 9)\n        except OSError: pass",
        Status.CRASHED,
    ),
    "loop": ("def squeeze(x):\n    while True: pass", Status.TIMEOUT),
    "loop above": ("while True: pass", Status.TIMEOUT),
    "loop that swallows": (
        "def squeeze(x):\n    while True:\n        try:\n            while True: pass\n"
        "        except BaseException: pass",
        Status.TIMEOUT,
    ),
    "loop that is deaf": (
        "import signal\ndef squeeze(x):\n    signal.pthread_sigmask(0, range(1, 64))\n"
        "    while True: pass",
        Status.TIMEOUT,
    ),
    "sleep that is deaf": (
        "import signal, time\ndef squeeze(x):\n    signal.pthread_sigmask(0, range(1, 64))\n"
        "    time.sleep(1000)",
        Status.TIMEOUT,
    ),
    "fork bomb": (
        "import os\ndef squeeze(x):\n    while True:\n        try: os.fork()\n"
        "        except OSError: pass",
        Status.TIMEOUT,
    ),
    "3 GB": ("def squeeze(x):\n    torch.ones(3 << 28)", Status.OUT_OF_MEMORY),
    "3 GB of bytes": ("def squeeze(x):\n    bytearray(3 << 30)", Status.OUT_OF_MEMORY),
    "3 GB of many": (
        "import os, time\ndef squeeze(x):\n    for _ in range(9):\n        if not os.fork():\n"
        "            held = bytearray(os.urandom(1)) * (300 << 20)\n            time.sleep(1000)\n"
        "    time.sleep(1000)",
        Status.OUT_OF_MEMORY,
    ),
    "exit in the middle": ("import sys\ndef squeeze(x):\n    sys.exit(0)", Status.GRADED),
    "recursion": ("def squeeze(x):\n    return squeeze(x)", Status.GRADED),
    "nested brackets": ("(" * 50_000, Status.GRADED),
    "deep expression": ("x = " + "-" * 90_000 + "1", None),
    "input": ("def squeeze(x):\n    return input()", Status.GRADED),
    "endless answer": ("#" * 200_000, Status.GRADED),
    "full disk": (
        "def squeeze(x):\n    with open('x', 'wb') as file:\n"
        "        while True: file.write(bytes(1 << 20))",
        Status.GRADED,
    ),
}


@pytest.mark.parametrize(("source", "ended"), FALLS.values(), ids=FALLS.keys())
def test_who_falls_loses_one_exercise(grader: Grader, source: str, ended: Status | None) -> None:
    began = time.monotonic()
    record = grader.grade(submission(RIGHT, squeeze=source), seed=1)
    found = check(record, "squeeze")
    assert earned(record) == POINTS | {"check-squeeze": 0.0}
    assert ended in (None, found.ended), found
    assert record.status is found.ended
    assert found.sentence
    assert family(grader) == []
    assert time.monotonic() - began < LIMITS.whole


def every_descriptor(bytes_: str) -> str:
    return (
        "import json, os, struct\nfrom attncourse.exercises.core import Response\n"
        f"for descriptor in range(3, 64):\n    try: os.write(descriptor, {bytes_})\n"
        "    except OSError: pass\n"
    )


FRAME = "struct.pack('!IQ', len(told), len(data)) + told + data"
ANSWER = f"(lambda told, data: {FRAME})(json.dumps(['response', {{}}]).encode(), %s)"
STOLEN = {
    "garbage on the wire": every_descriptor("b'garbage' * 99") + ZEROS,
    "huge message": every_descriptor("struct.pack('!IQ', 1 << 31, 1 << 62)") + ZEROS,
    "forged response": every_descriptor(ANSWER % "Response('answered').to_bytes()") + ZEROS,
    "forged pickle": every_descriptor(ANSWER % "b'cos\\nsystem\\n(S\"x\"\\ntR.'") + ZEROS,
    "forged while asked": "def squeeze(x):\n    "
    + every_descriptor(ANSWER % "Response('answered').to_bytes()").replace("\n", "\n    "),
    "closed wire": f"import os\nos.closerange(3, 99)\n{ZEROS}",
    "comparisons replaced": "torch.equal = torch.allclose = torch.isclose = lambda *a, **k: True\n"
    + ZEROS,
    "tensors replaced": f"torch.Tensor.clone = torch.Tensor.detach = lambda self: self\n{ZEROS}",
    "equal to everything": "class Equal(torch.Tensor):\n    def __eq__(self, other): return True\n"
    "    def __ne__(self, other): return False\ndef squeeze(x):\n"
    "    return torch.zeros(x.shape[:2], dtype=x.dtype).as_subclass(Equal)",
    "no tensor": "class Equal:\n    def __eq__(self, other): return True\n"
    "def squeeze(x):\n    return Equal()",
    "displayhook": "import sys\nsys.displayhook(2)\nraise SystemExit",
    "checks replaced": "type(ex.squeeze).check = lambda *a: None\n" + ZEROS,
    "assertion renamed": "import builtins\nbuiltins.AssertionError = Warning\n" + ZEROS,
    "oracle asked": "def squeeze(x):\n    return ex.squeeze.oracle(x)",
    "oracle collected": "import gc\ndef squeeze(x):\n    for each in gc.get_objects():\n"
    "        if getattr(each, '__name__', '') in ('_squeeze', '_squeeze_by_loop'):\n"
    "            return each(x)\n"
    "        if type(each).__name__ == 'Exercise':\n            return each.oracle(x)",
    "exercises imported": "import sys\nfor name in [n for n in sys.modules if 'attncourse' in n]:\n"
    "    del sys.modules[name]\nfrom attncourse.exercises.se.squeeze import _squeeze as squeeze",
    "implementation": "from attncourse.functional.maps import mean\nimport sys\n"
    "def squeeze(x):\n    sys.setprofile(None)\n    return mean(x, (2, 3))",
    "grader imported": "from attncourse.grading import judge\n" + ZEROS,
    "solution read": "exec(open(SOLUTION).read())",
    "network": "import socket\ndef squeeze(x):\n"
    "    socket.create_connection(('127.0.0.1', 22), 2)\n    return x.mean((2, 3))",
}


@pytest.mark.parametrize("source", STOLEN.values(), ids=STOLEN.keys())
def test_nothing_is_earned_by_theft(grader: Grader, source: str) -> None:
    source = source.replace("SOLUTION", repr(str(COURSE.solution(LESSON))))
    record = grader.grade(submission(STUBS, squeeze=source), seed=1)
    assert set(earned(record).values()) == {0.0}
    assert family(grader) == []


def test_the_courses_own_module_helps_nobody(grader: Grader) -> None:
    """Whoever gets around the guard finds a shell."""
    stolen = (
        "import sys, threading\nfrom attncourse.nn.se import SqueezeExcitation\n"
        "class SEBlock(nn.Module):\n"
        "    def __init__(self, channels, reduction=16):\n"
        "        super().__init__()\n"
        "        def build():\n"
        "            sys.setprofile(None)\n"
        "            self.inner = SqueezeExcitation(channels, reduction=reduction)\n"
        "        sys.setprofile(None)\n"
        "        thread = threading.Thread(target=build)\n"
        "        thread.start()\n"
        "        thread.join()\n"
        "    def forward(self, x):\n"
        "        return self.inner(x)\n"
    )
    record = grader.grade(submission(RIGHT, se_block=stolen), seed=1)
    assert earned(record) == POINTS | {"check-se-block": 0.0}
    plain = "from attncourse.nn.se import SqueezeExcitation as SEBlock"
    found = check(grader.grade(submission(RIGHT, se_block=plain), seed=1), "se-block")
    assert found.outcome is Outcome.REFUSED


def test_forged_messages_are_reported(grader: Grader) -> None:
    record = grader.grade(submission(RIGHT, squeeze=STOLEN["garbage on the wire"]), seed=1)
    assert record.status is Status.TAMPERED
    assert "check-squeeze" in record.detail
    assert earned(record) == POINTS | {"check-squeeze": 0.0}


def test_nothing_passes_from_one_exercise_to_the_next(grader: Grader) -> None:
    spoilt = f"torch.relu = torch.sigmoid = torch.Tensor.mean = None\n{ZEROS}"
    record = grader.grade(submission(RIGHT, squeeze=spoilt), seed=1)
    assert earned(record) == POINTS | {"check-squeeze": 0.0}


def test_nothing_passes_from_one_submission_to_the_next(grader: Grader) -> None:
    leave = f"{PRIVATE}\npath.write_text('left')\n{MEAN}"
    look = f"{PRIVATE}\nassert not path.exists()\n{MEAN}"
    for source in (leave, look):
        assert earned(grader.grade(submission(RIGHT, squeeze=source), seed=1)) == POINTS


def test_all_time_may_run_out(grader: Grader) -> None:
    deaf = FALLS["sleep that is deaf"][0]
    answers = {name: deaf.replace("squeeze", "any") + f"\n{RIGHT[name]}\nany(0)" for name in RIGHT}
    with Grader(PLAN, limits=dataclasses.replace(LIMITS, clock=3, whole=5)) as short:
        record = short.grade(submission(answers), seed=1)
    assert record.status is Status.TIMEOUT
    assert record.spent < 15
    assert set(earned(record).values()) == {0.0}


@pytest.mark.parametrize("who", ["forkserver", "supervisor", "worker"])
def test_who_is_killed_from_outside_is_replaced(grader: Grader, who: str) -> None:
    waits = f"import time\ntime.sleep(1.5)\n{MEAN}"

    def kill() -> None:
        while len(family(grader)) < 2:
            time.sleep(0.01)
        victims = [grader._client._process.pid, *family(grader)]
        os.kill(victims[["forkserver", "supervisor", "worker"].index(who)], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    record = grader.grade(submission(RIGHT, squeeze=waits), seed=1)
    killer.join()
    assert earned(record) == POINTS
    assert record.status is Status.GRADED


def test_an_instructors_assertions_are_marked(grader: Grader) -> None:
    plan = Plan(
        "99-own",
        (
            Given("factor = 2", frozenset({"factor"}), setup=True),
            Answer("double", "def double(x):\n    raise NotImplementedError"),
            Test("check-double", 1.5, None, "", "assert double(2) == factor * 2"),
            Test("check-zero", 1.0, None, "", "assert double(0) == 1, 'one is asked for'"),
        ),
    )
    with Grader(plan, limits=LIMITS) as own:
        assert "namespaces" in own.backend
        record = own.grade(submission({"double": "def double(x):\n    return 2 * x"}), seed=1)
        first, second = record.checks
        assert (first.earned, first.by) == (1.5, By.SUBMISSION)
        assert second.earned == 0.0
        assert "one is asked for" in second.sentence
        unwritten = own.grade(submission({"double": plan.answers[0].source}), seed=1)
        assert unwritten.checks[0].outcome is Outcome.UNWRITTEN


PEEKS = {
    "its lines": "import linecache\n"
    "def double(x):\n    raise ValueError(''.join(linecache.getlines('<test>')))",
    "its constants": "import sys\n"
    "def double(x):\n    raise ValueError(sys._getframe(1).f_code.co_consts)",
    "a line that was made up": "import linecache, sys\ndef double(x):\n"
    "    text = linecache.getline('<test>', 2)\n"
    "    linecache.cache['<it>'] = (len(text), None, [text], '<it>')\n"
    "    exec(compile('1 / 0', '<it>', 'exec'))",
    "its error": "def double(x):\n    return None",
}


@pytest.mark.parametrize("source", PEEKS.values(), ids=PEEKS)
def test_no_hidden_assertion_is_told(grader: Grader, source: str) -> None:
    hidden = "def close(a, b):\n    return abs(a - b) < 1234\nassert close(double(2), 4)"
    test = Test("check-double", 1.5, None, "", hidden)
    with Grader(Plan("99-own", (Answer("double", ""), test)), limits=LIMITS) as own:
        found = own.grade(submission({"double": source}), seed=1).checks[0]
    assert found.earned == 0.0
    assert found.sentence.startswith("Your code raised ")
    assert "close" not in found.sentence
    assert "1234" not in found.sentence


def test_an_honest_line_is_told(grader: Grader) -> None:
    test = Test("check-double", 1.5, None, "", "assert double(2) == 4")
    with Grader(Plan("99-own", (Answer("double", ""), test)), limits=LIMITS) as own:
        wrong = "def double(x):\n    return x + missing"
        found = own.grade(submission({"double": wrong}), seed=1).checks[0]
    assert found.sentence == "Your code raised NameError (in `double`: `return x + missing`)."


READY = "torch.softmax(scores.masked_fill(~mask, -1e30), -1) * mask"
EVASIONS = {
    "none": f"def masked_softmax(scores, mask):\n    return {READY}",
    "no profiler": "import sys\ndef masked_softmax(scores, mask):\n"
    f"    sys.setprofile(None)\n    return {READY}",
    "a thread": "import threading\ndef masked_softmax(scores, mask):\n    out = []\n"
    f"    run = threading.Thread(target=lambda: out.append({READY}))\n"
    "    run.start()\n    run.join()\n    return out[0]",
    "kept from before": "import sys\nkept = torch.nn.functional.softmax\n"
    "def masked_softmax(scores, mask):\n    sys.setprofile(None)\n"
    "    return kept(scores.masked_fill(~mask, -1e30), -1) * mask",
    "by another name": "def masked_softmax(scores, mask):\n"
    "    return torch._softmax(scores.masked_fill(~mask, -1e30), -1, False) * mask",
}


def test_what_an_exercise_refuses_earns_nothing_on_detours() -> None:
    plan = Plan.of(find("01-bahdanau"), COURSE)
    cells = read(COURSE.solution(find("01-bahdanau"))).cells
    right = {grade_id(cell): cell.source for cell in cells if is_answer(cell)}
    with Grader(plan, limits=LIMITS) as opened:

        def softmax(answers: dict[str, str]) -> Check:
            given = Submission("ada", plan.lesson, answers, {}, (), "digest", new_notebook())
            return check(opened.grade(given, seed=1), "masked-softmax")

        assert softmax(right).earned == softmax(right).possible
        for name, source in EVASIONS.items():
            assert softmax(right | {"masked-softmax": source}).earned == 0.0, name


def test_a_signal_without_a_name_costs_one_exercise(grader: Grader) -> None:
    record = grader.grade(submission(RIGHT, squeeze="import os\nos.kill(os.getpid(), 40)"), seed=1)
    assert earned(record) == POINTS | {"check-squeeze": 0.0}
    assert "signal 40" in record.reason


def test_who_stops_the_process_around_costs_one_exercise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CLEARING", 1.0)
    stops = "import os, signal, time\nos.kill(os.getppid(), signal.SIGSTOP)\ntime.sleep(100)"
    short = dataclasses.replace(LIMITS, clock=3)
    with Grader(PLAN, limits=short, sandbox=False) as open_:
        record = open_.grade(submission(RIGHT, squeeze=stops), seed=1)
        assert earned(record) == POINTS | {"check-squeeze": 0.0}
        assert record.spent < 120  # by itself it would never end


def test_a_start_that_failed_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(backend: Backend) -> None:
        raise OSError(12, "Cannot allocate memory")

    with sandboxed() as opened:
        os.kill(opened._client._process.pid, signal.SIGKILL)
        with monkeypatch.context() as context, pytest.raises(OSError, match="memory"):
            context.setattr(opened._client, "_start", fails)
            opened.grade(submission(RIGHT), seed=1)
        assert earned(opened.grade(submission(RIGHT), seed=1)) == POINTS


def test_a_judge_may_rest_for_long(monkeypatch: pytest.MonkeyPatch, grader: Grader) -> None:
    monkeypatch.setattr(client, "PATIENCE", 1.0)
    grader.grade(submission(RIGHT), seed=1)
    forkserver = grader._client._process.pid
    time.sleep(1.5)
    grader.grade(submission(RIGHT), seed=1)
    assert grader._client._process.pid == forkserver


def test_no_module_tells_that_one_is_graded(grader: Grader) -> None:
    looks = (
        "import sys, attncourse\n"
        "assert not [name for name in sys.modules if 'grading' in name or 'nbgrader' in name]\n"
        "assert not hasattr(attncourse, 'grading')\n"
    )
    assert earned(grader.grade(submission(RIGHT, squeeze=looks + MEAN), seed=1)) == POINTS


def test_who_was_killed_a_moment_ago_is_replaced(grader: Grader) -> None:
    os.kill(grader._client._process.pid, signal.SIGKILL)
    assert earned(grader.grade(submission(RIGHT), seed=1)) == POINTS


def test_a_broken_set_up_is_the_instructors(grader: Grader) -> None:
    plan = Plan("99-own", (Given("import nothing_like_that", frozenset(), setup=True),))
    with pytest.raises(ValueError, match="set-up fails: ModuleNotFoundError"):
        Grader(plan, limits=LIMITS).__enter__()


def test_without_a_cage_the_points_are_the_same() -> None:
    with Grader(PLAN, limits=LIMITS, sandbox=False) as open_:
        assert open_.backend == "no sandbox"
        daemon = open_.grade(submission(RIGHT, squeeze=UNLUCKY["daemon"]), seed=1)
        fallen = open_.grade(submission(RIGHT, squeeze=FALLS["segfault"][0]), seed=1)
        assert family(open_) == []
    assert earned(daemon) == POINTS
    assert earned(fallen) == POINTS | {"check-squeeze": 0.0}


def stand_on(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves only this backend."""
    if backend is Backend.BUBBLEWRAP and any(each in PACKAGE.parents for each in rootfs.PRIVATE):
        pytest.skip("bubblewrap cannot hide a course that is installed in a private folder")
    monkeypatch.setattr("attncourse.grading.grader.BACKENDS", (backend,))


@pytest.mark.parametrize("private", rootfs.PRIVATE, ids=str)
def test_bubblewrap_is_refused_where_it_could_not_hide_the_course(
    monkeypatch: pytest.MonkeyPatch, private: Path
) -> None:
    monkeypatch.setattr("shutil.which", str)  # it need not be installed for that
    monkeypatch.setattr("attncourse.grading.sandbox.landlock.version", lambda: 1)
    monkeypatch.setattr(backends, "PACKAGE", private / "attncourse")
    with pytest.raises(
        SandboxUnavailable, match=f"cannot hide a course that is installed in {private}"
    ):
        bubblewrap_command(["python"])


def test_bubblewrap_stands_in_where_namespaces_are_forbidden(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_on(Backend.BUBBLEWRAP, monkeypatch)
    secret = tmp_path / "gradebook.db"
    secret.write_text("points")
    hidden = [
        COURSE.solutions,
        COURSE.root / "attncourse" / "exercises" / "se",
        secret,
        "/etc/shadow",
    ]
    hidden += [COURSE.root / "attncourse" / "nn", Path.home() / ".profile"]
    looks = (
        "import os\n"
        f"for path in {[str(each) for each in hidden]}:\n"
        "    try:\n"
        "        os.listdir(path) if os.path.isdir(path) else open(path)\n"
        "    except OSError: continue\n"
        "    raise SystemExit\n"
    )
    with sandboxed() as opened:
        assert opened.backend.startswith("bubblewrap")
        for source in (looks + MEAN, UNLUCKY["daemon"], UNLUCKY["erased disk"]):
            assert earned(opened.grade(submission(RIGHT, squeeze=source), seed=1)) == POINTS
        for name in ("segfault", "kill of all", "3 GB of many"):
            record = opened.grade(submission(RIGHT, squeeze=FALLS[name][0]), seed=1)
            assert earned(record) == POINTS | {"check-squeeze": 0.0}, name
        record = opened.grade(submission(STUBS, squeeze=STOLEN["network"]), seed=1)
        assert set(earned(record).values()) == {0.0}


LEFT = {
    "file": "path.write_text('left')",
    "locked folder": "path.mkdir()\n(path / 'y').touch()\npath.chmod(0)",
    "deep folder": "import os\nos.chdir(path.parent)\n"
    "for _ in range(3000):\n    os.mkdir('x')\n    os.chdir('x')",
}


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)
def test_nothing_stays_in_the_folders_under_bubblewrap(
    monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    stand_on(Backend.BUBBLEWRAP, monkeypatch)
    leave = f"{PRIVATE}\n{left}\n{MEAN}"
    look = f"{PRIVATE}\nassert not path.exists()\n{MEAN}"
    with sandboxed() as opened:
        for source in (leave, look):
            assert earned(opened.grade(submission(RIGHT, squeeze=source), seed=1)) == POINTS


@pytest.mark.parametrize("backend", [Backend.NAMESPACES, Backend.BUBBLEWRAP])
def test_libraries_may_lie_in_a_folder_that_is_private(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, backend: Backend
) -> None:
    stand_on(backend, monkeypatch)
    assert Path(tempfile.gettempdir()) in tmp_path.parents
    libraries = tmp_path / "site-packages"
    libraries.mkdir()
    (libraries / "lazily.py").write_text("found = True")
    tmp_path.chmod(0o755)
    monkeypatch.syspath_prepend(libraries)
    needs = f"import lazily\n{MEAN}"
    spoils = f"import lazily\nopen(lazily.__file__, 'w')\n{MEAN}"
    with sandboxed() as opened:
        for _ in range(2):
            assert earned(opened.grade(submission(RIGHT, squeeze=needs), seed=1)) == POINTS
            record = opened.grade(submission(RIGHT, squeeze=spoils), seed=1)
            assert "Read-only file system" in check(record, "squeeze").sentence


def test_a_worker_shares_most_of_its_memory(grader: Grader) -> None:
    waits = f"import time\ntime.sleep(1)\n{MEAN}"
    private: list[int] = []

    def measure() -> None:
        while len(family(grader)) < 2:
            time.sleep(0.01)
        time.sleep(0.5)
        for process in family(grader):
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
            fields = (line.split() for line in rollup.splitlines()[1:])
            private.append(sum(int(f[1]) for f in fields if f[0].startswith("Private_")))

    thread = threading.Thread(target=measure)
    thread.start()
    grader.grade(submission(RIGHT, squeeze=waits), seed=1)
    thread.join()
    assert sum(private) < 100 << 10, private  # kB
