"""The worker: runs a learner's cells for one exercise and answers the grader's probes.

It lives in a process of its own for every exercise, inside the sandbox, and has nothing worth
stealing: no oracle, no expected value, no test.
"""

import builtins
import gc
import linecache
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from attncourse.exercises.core import Probe, Reply, Response
from attncourse.exercises.core.isolation import OutOfTime, time_limit
from attncourse.exercises.core.reason import reason
from attncourse.exercises.core.respond import late, raised, respond
from attncourse.grading.names import bound, needed, python
from attncourse.grading.sandbox.limits import Limits
from attncourse.grading.sandbox.protocol import LARGEST_PAYLOAD, Channel, Message
from attncourse.grading.sandbox.redact import RedactedExercise, remove_from_torch

OTHER_LANGUAGES = {"bash", "sh", "script", "html", "javascript", "js", "latex", "markdown", "svg"}
OTHER_LANGUAGES |= {"writefile", "file", "perl", "ruby", "cmd"}


@dataclass
class Interpreter:
    """Where cells run: a notebook's namespace, and what went wrong in which cell.

    Attributes:
        main: The module in which they run, with what the set-up cells left there.
        limits: How long a cell may take.
        failures: By the names that a failing cell would have bound: why they may be missing.
    """

    main: ModuleType
    limits: Limits = field(default_factory=Limits)
    failures: list[tuple[frozenset[str], Response]] = field(default_factory=list)

    @classmethod
    def new(cls) -> "Interpreter":
        """An empty notebook, with what IPython adds to one."""
        main = ModuleType("__main__")
        main.__dict__.update(__builtins__=builtins, get_ipython=Shell, display=_display)
        return cls(main)

    def run(self, name: str, source: str) -> Response:
        """Run one cell, whatever it does; the response says what went wrong."""
        try:
            with time_limit(self.limits.cell):
                self.execute(name, source)
        except OutOfTime:
            return late(self.limits.cell)
        except BaseException as error:  # a notebook goes on after a cell that raises
            return raised(error)
        return Response(Reply.ANSWERED)

    def execute(self, name: str, source: str) -> None:
        """Run one cell as a notebook does, magics included."""
        text, place = python(source), f"<{name}>"
        linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
        exec(compile(text, place, "exec"), self.main.__dict__)

    def value(self, expression: str) -> Any:
        """The value of an expression; raises whatever it raises."""
        return eval(expression, self.main.__dict__)

    def why(self, names: frozenset[str], error: BaseException) -> Response:
        """Why an expression with these names has no value."""
        for would, failure in reversed(self.failures):
            if names & would:
                return failure
        if isinstance(error, NameError):
            return Response(Reply.MALFORMED, reason=reason("undefined", name=error.name or "?"))
        return raised(error)


class Shell:
    """What ``get_ipython()`` gives: magics that watch code run it, all others do nothing."""

    def run_line_magic(self, name: str, line: str, *more: Any) -> None:
        """``%time statement``, ``%matplotlib inline`` and others."""
        if name in ("time", "timeit", "prun"):
            exec(line, sys.modules["__main__"].__dict__)

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        """``%%magic``: the cell below runs if it is Python."""
        if name not in OTHER_LANGUAGES:
            exec(python(cell), sys.modules["__main__"].__dict__)

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **named: None


def _display(*things: Any, **options: Any) -> None:
    """A notebook would show them; nobody looks here."""


def serve(
    channel: Channel,
    interpreter: Interpreter,
    exercises: dict[str, RedactedExercise],
    limits: Limits,
) -> None:
    """Run the cells that the grader sends, then answer its probes until it hangs up.

    Args:
        channel: To the grader.
        interpreter: The notebook after its set-up.
        exercises: How exercises are asked; all but the one that is asked are dropped.
        limits: What the learner may use.
    """
    cells = channel.receive()
    asked = exercises.get(cells.facts["exercise"])
    exercises.clear()
    gc.collect()
    interpreter.limits = limits
    sys.modules["__main__"] = interpreter.main
    if asked and asked.refuses:
        remove_from_torch(asked.refuses)
    expression, test = cells.facts["answer"], cells.facts["test"]
    for name, source, binds in _chosen(channel, interpreter, cells, expression or test):
        channel.send("at", cell=name)
        response = interpreter.run(name, source)
        if not response.answered:
            interpreter.failures.append((binds, response))
    channel.send("at", cell="")
    if asked is None:
        _assert(channel, interpreter, test)
        return
    try:
        answer = interpreter.value(expression)
    except BaseException as error:
        failure = interpreter.why(needed(expression), error)
        channel.send("response", failure.to_bytes())
        return
    channel.send("ready")
    while True:
        probe = Probe.from_bytes(channel.receive().payload)
        channel.send("response", _answered(asked, answer, probe, limits))


def _answered(asked: RedactedExercise, answer: Any, probe: Probe, limits: Limits) -> bytes:
    seconds = min(asked.seconds, limits.probe)
    # The guard makes pretending slow; whom it refuses, it has refused on the other probes.
    refuses = None if probe.elsewhere else asked.refuses
    try:
        response = respond(asked.kind, answer, probe, seconds=seconds, refuses=refuses)
    except KeyboardInterrupt as error:
        response = raised(error)
    try:
        data = response.to_bytes()
    except BaseException as error:
        told = reason("no-plain-tensor", error=repr(error)[:300])
        data = Response(Reply.MALFORMED, reason=told).to_bytes()
    if len(data) > LARGEST_PAYLOAD:
        return Response(Reply.MALFORMED, reason=reason("results-too-large")).to_bytes()
    return data


def _assert(channel: Channel, interpreter: Interpreter, test: str) -> None:
    """Run an instructor's own assertions."""
    response = interpreter.run("test", test)
    if response.status is Reply.RAISED:
        # Assertions fail for want of what a cell failed to define.
        missing = next((f for would, f in interpreter.failures if would & needed(test)), None)
        response = missing or response
    channel.send("response", response.to_bytes())


def _chosen(
    channel: Channel, interpreter: Interpreter, cells: Message, target: str
) -> Iterator[tuple[str, str, frozenset[str]]]:
    """The cells that a test needs, in their order: names lead from one to the next.

    Each learner's cell that binds a name is needed for that name; a given one only where no
    learner's cell and no set-up binds it.
    """
    steps: list[dict[str, Any]] = cells.facts["steps"]
    binds = []
    for step in steps:
        channel.send("at", cell=step["name"])  # the parser can be brought to crash, too
        found = frozenset() if step["given"] else bound(step["source"])
        binds.append(found | frozenset(step["binds"]))
    ours = vars(interpreter.main).keys() | vars(builtins).keys()
    chosen: set[int] = set()
    ahead, seen = list(needed(target)), set()
    while ahead:
        name = ahead.pop()
        if name in seen:
            continue
        seen.add(name)
        places = [i for i, found in enumerate(binds) if name in found]
        answers = [i for i in places if not steps[i]["given"]]
        fresh = answers or ([] if name in ours else places[-1:])
        for place in set(fresh) - chosen:
            chosen.add(place)
            ahead += needed(steps[place]["source"])
    return ((steps[i]["name"], steps[i]["source"], binds[i]) for i in sorted(chosen))
