"""The grader: asks a worker in the sandbox, compares with the oracle, and writes one record.

Points come from its verdicts alone. Everyone in a class is asked the same: probes are drawn once
for a seed, and what the oracle and the known mistakes respond is remembered.
"""

import ast
import contextlib
import dataclasses
import hashlib
import importlib
import io
import json
import random
import time
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from attncourse.catalogue import mark
from attncourse.exercises.core import Exercise, Outcome, Probe, Reply, Response, Verdict
from attncourse.exercises.core.behaviours import behaviours_of, silent, title_of
from attncourse.exercises.core.memory import Memory
from attncourse.exercises.core.messages import sentence
from attncourse.exercises.core.probe import Error
from attncourse.exercises.core.reason import DECLARED, Reason, declared, reason
from attncourse.exercises.core.verdict import Finding
from attncourse.grading.exceptions import ForkserverDied, ProtocolError, WorkerStopped
from attncourse.grading.names import LONGEST, bound, python
from attncourse.grading.plan import Answer, Given, Plan, Submission, Test, Written
from attncourse.grading.record import By, Check, Record, Status
from attncourse.grading.sandbox.backends import BACKENDS, Backend
from attncourse.grading.sandbox.client import Client, Supervisor
from attncourse.grading.sandbox.limits import Limits
from attncourse.grading.sandbox.protocol import LARGEST_PAYLOAD, Channel

#: How many values each exercise is probed with.
SEEDS = 3
#: How often a check is begun again whose forkserver or supervisor was killed.
TRIES = 3
#: Of so many things a response may make a list.
MOST = 100
#: From bad to worse: a record has the worst status of its checks.
WORSE = (Status.GRADED, Status.TIMEOUT, Status.OUT_OF_MEMORY, Status.CRASHED, Status.TAMPERED)
#: Who never returns, or has written nothing, is not asked again.
FINAL = (Reply.TIMEOUT, Reply.UNWRITTEN)
#: What a learner is told when a worker did not come to its end.
STOPPED = {
    Status.TIMEOUT: mark(
        "Your code did not come to an end in time: is there a loop that never ends?"
    ),
    Status.OUT_OF_MEMORY: mark("Your code asked for more memory than a worker has ({memory} MB)."),
    Status.CRASHED: mark("Your code brought Python itself to an end ({detail})."),
    Status.TAMPERED: mark("What came back while this exercise was asked is no answer to it."),
}
NO_ANSWER = mark("There is no answer yet.")
#: All responses to one exercise's probes are held at once.
TOO_MUCH = Response(Reply.MALFORMED, reason=reason("results-too-large"))


@dataclass(frozen=True)
class Question:
    """What everyone in a class is asked in one exercise."""

    exercise: Exercise
    probes: Sequence[Probe]
    packed: Sequence[bytes]
    memory: Memory


class Grader:
    """Grades submissions of one lesson, one after the other; a context manager.

    Args:
        plan: What the lesson asks.
        limits: What a learner's code may use.
        sandbox: Whether it runs in a sandbox; without, it can do all that you can.

    Raises:
        SandboxUnavailable: On entering: no sandbox can be built here.
        ValueError: On entering: the lesson's own set-up fails.
    """

    def __init__(self, plan: Plan, *, limits: Limits | None = None, sandbox: bool = True) -> None:
        self.plan = plan
        self.limits = limits or Limits()
        setup = [each.source for each in plan.steps if isinstance(each, Given) and each.setup]
        backends = BACKENDS if sandbox else (Backend.NONE,)
        self._client = Client(plan.exercises, setup, self.limits, backends)
        self._sandbox = sandbox
        self._questions: dict[tuple[str, int], Question] = {}

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._client.__exit__(*error)

    @property
    def backend(self) -> str:
        """What the sandbox is made of, for people."""
        return self._client.backend

    def grade(self, submission: Submission, *, seed: int) -> Record:
        """Grade one submission, whatever it does.

        Args:
            submission: What was handed in.
            seed: From which all probes are drawn.
        """
        started = time.monotonic()
        checks, detail = self._checks(submission, seed)
        worst = max(checks, key=lambda check: WORSE.index(check.ended), default=None)
        status = worst.ended if worst else Status.GRADED
        return Record(
            student=submission.student,
            lesson=submission.lesson,
            status=status,
            why=worst.diagnosis if worst and status != Status.GRADED else (),
            detail=detail,
            checks=checks,
            notes=submission.notes,
            digest=digest(self.plan, submission, self.limits, self._sandbox),
            seed=seed,
            answers=self._hashes(submission),
            seconds=sum(check.seconds for check in checks),
            spent=time.monotonic() - started,
            submitted=submission.submitted,
        )

    def _checks(self, submission: Submission, seed: int) -> tuple[tuple[Check, ...], str]:
        checks, details = [], []
        with contextlib.ExitStack() as stack:
            deadline = time.monotonic() + self.limits.whole
            supervisor: Supervisor | None = None
            for place, step in enumerate(self.plan.steps):
                if isinstance(step, Written):
                    checks.append(_by_hand(step, submission))
                if not isinstance(step, Test):
                    continue
                for _ in range(TRIES):
                    try:
                        supervisor = supervisor or stack.enter_context(
                            self._client.supervisor(deadline)
                        )
                        check, detail = self._check(supervisor, step, place, submission, seed)
                        break
                    except ForkserverDied:
                        stack.close()
                        self._client.revive()
                        supervisor = None
                else:
                    stop = WorkerStopped(
                        Status.CRASHED, f"the processes around it died {TRIES} times"
                    )
                    check, detail = _stopped(step, stop, None, self.limits), stop.detail
                checks.append(check)
                details += [f"{step.grade_id}: {detail}"] if detail else []
        return tuple(checks), "; ".join(details)

    def _check(
        self, supervisor: Supervisor, test: Test, place: int, submission: Submission, seed: int
    ) -> tuple[Check, str]:
        """The check of one test cell, and what the instructor should know about it."""
        question = self._question(test.exercise, seed) if test.exercise else None
        seconds, skipped, stopped, again = 0.0, set[str](), None, False
        while True:
            attempt = _Attempt(supervisor, self._cells(test, place, submission, skipped))
            try:
                check = attempt.verdict(test, question, self.limits)
            except WorkerStopped as stop:
                seconds += supervisor.seconds
                if stop.again and not again:
                    again = True
                    continue
                stopped = stopped or stop
                # An earlier cell may have ended the worker: is this exercise right without it?
                if attempt.cell and attempt.cell not in skipped:
                    skipped.add(attempt.cell)
                    continue
                check = None
            else:
                seconds += supervisor.seconds
            if stopped and not (check and check.earned):
                check = _stopped(test, stopped, question, self.limits)
            assert check is not None
            detail = stopped.detail if stopped else ""
            return dataclasses.replace(check, seconds=seconds), detail

    def _cells(
        self, test: Test, place: int, submission: Submission, skipped: set[str]
    ) -> dict[str, Any]:
        """What a worker is told: the cells before a test, and what to ask of them."""
        steps: list[dict[str, Any]] = []
        for number, step in enumerate(self.plan.steps[:place]):
            if isinstance(step, Answer) and step.grade_id not in skipped:
                source = _legible(submission.answers.get(step.grade_id, ""))
                # What the release binds here is looked for here, whatever became of the cell.
                told = {"binds": sorted(bound(step.source)), "given": False}
                steps.append({"name": step.grade_id, "source": source} | told)
            elif isinstance(step, Given) and not step.setup:
                told = {"binds": sorted(step.defines), "given": True}
                steps.append({"name": f"cell {number}", "source": step.source} | told)
        asked = {"exercise": test.exercise or "", "answer": test.answer}
        return asked | {"test": "" if test.exercise else test.source, "steps": steps}

    def _question(self, name: str, seed: int) -> Question:
        if (name, seed) not in self._questions:
            exercise: Exercise = getattr(importlib.import_module(self.plan.exercises), name)
            draw = random.Random(f"{seed} {name}")
            probes = exercise.probes(draw.sample(range(1 << 31), SEEDS))
            packed = [probe.to_bytes() for probe in probes]
            self._questions[name, seed] = Question(exercise, probes, packed, Memory())
        return self._questions[name, seed]

    def _hashes(self, submission: Submission) -> dict[str, str]:
        """A hash of each answer that was changed; spaces and comments make no difference."""
        texts = {
            each.grade_id: (_words(submission.answers.get(each.grade_id, "")), _words(each.source))
            for each in self.plan.answers
        }
        for each in self.plan.steps:
            if isinstance(each, Written):
                given = submission.written.get(each.grade_id, "")
                texts[each.grade_id] = " ".join(given.split()), " ".join(each.source.split())
        return {
            name: hashlib.sha256(text.encode(errors="replace")).hexdigest()
            for name, (text, asked) in texts.items()
            if text not in ("", asked)
        }


def digest(plan: Plan, submission: Submission, limits: Limits, sandbox: bool) -> str:
    """A hash of everything that decides about a record but the seed."""
    settings = json.dumps([dataclasses.asdict(limits), sandbox])
    parts = [plan.digest, submission.digest, settings]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _by_hand(step: Written, submission: Submission) -> Check:
    """What a person grades: as in nbgrader, nothing was given for what was left as it was."""
    text = submission.written.get(step.grade_id, "").strip()
    open_ = text in ("", step.source.strip())
    if not open_:
        return Check(step.grade_id, step.points, None, By.HAND)
    told = declared("grading/open", NO_ANSWER)
    return Check(step.grade_id, step.points, 0.0, By.HAND, Outcome.UNWRITTEN, diagnosis=(told,))


class _Attempt:
    """One try at one exercise: a worker is sent its cells, and asked.

    Attributes:
        cell: Which cell it is in, as far as is known; empty once all have run.
    """

    def __init__(self, supervisor: Supervisor, cells: dict[str, Any]) -> None:
        self.cell = ""
        self._supervisor = supervisor
        self._cells = cells

    def verdict(self, test: Test, question: Question | None, limits: Limits) -> Check:
        """Ask, and judge; raises `WorkerStopped`."""
        with self._supervisor.worker() as channel:
            channel.send("cells", **self._cells)
            first = self._run(channel)
            if question is None:
                cells = [str(step["source"]) for step in self._cells["steps"]]
                return _own(test, first or Response(Reply.ANSWERED), cells)
            responses = self._ask(channel, question, first)
            try:
                verdict = question.exercise.judge(
                    question.probes, responses, memory=question.memory
                )
            except Exception as error:
                raise ProtocolError(f"a response that cannot be judged: {error!r}") from error
        return _judged(test, verdict, responses)

    def _run(self, channel: Channel) -> Response | None:
        """Wait until the cells have run; the response that makes probes needless, if there is."""
        while True:
            message = channel.receive()
            match message.kind:
                case "at":
                    self.cell = self._known(message.facts.get("cell"))
                case "ready":
                    return None
                case "response":
                    return _read(message.payload)
                case _:
                    raise ProtocolError(f"a message {message.kind[:40]!r}")

    def _known(self, cell: Any) -> str:
        """The name of a cell that was sent: who falls in it is asked again without it."""
        if cell and cell not in [step["name"] for step in self._cells["steps"]]:
            raise ProtocolError("a cell that nobody sent")
        return str(cell)

    def _ask(self, channel: Channel, question: Question, first: Response | None) -> list[Response]:
        responses, held = [first] if first else [], 0
        for packed in question.packed[len(responses) :]:
            if held > LARGEST_PAYLOAD:
                responses.append(TOO_MUCH)
                continue
            if responses and (first or responses[-1].status in FINAL):
                responses.append(responses[-1])
                continue
            if channel.speaks():
                raise ProtocolError("an answer before the question")
            channel.send("probe", packed)
            message = channel.receive()
            if message.kind != "response":
                raise ProtocolError(f"a message {message.kind[:40]!r} instead of a response")
            responses.append(_read(message.payload))
            held += len(message.payload)
        return responses


def _read(payload: bytes) -> Response:
    """A response, if it is one: who wrote it may have wanted to harm."""
    try:
        found = Response.from_bytes(payload)
        told = found.reason and _plain(found.reason)
        if told:
            sentence(told)  # one that says nothing is refused here, not when a page is written
        return dataclasses.replace(
            found,
            reason=told,
            error=found.error and _plain_error(found.error),
            strays=tuple(_printable(name[:100]) for name in found.strays[:10]),
            leftovers=tuple(_printable(name[:100]) for name in found.leftovers[:10]),
        )
    except Exception as error:
        raise ProtocolError(f"a response that cannot be read: {error!r}") from error


def _plain(told: Reason) -> Reason:
    """A reason whose texts can be stored and shown, and that is not endless.

    Raises:
        ValueError: It is a text of its own with values, which no exercise declares.
    """
    if told.key == DECLARED and told.values.keys() != {"place", "text"}:
        raise ValueError(f"a text with values: {told!r}")
    return Reason(told.key, {name: _plain_value(value) for name, value in told.values.items()})


def _plain_value(value: Any) -> Any:
    if isinstance(value, Reason):
        return _plain(value)
    if isinstance(value, list):
        return [_plain_value(each) for each in value[:MOST]]
    return _printable(value[:1000]) if isinstance(value, str) else value


def _plain_error(error: Error) -> Error:
    texts = dataclasses.asdict(error)
    memory = texts.pop("memory")
    return Error(**{k: _printable(v[:300]) for k, v in texts.items()}, memory=bool(memory))


def _printable(text: str) -> str:
    """Text that can be stored and shown, whatever a learner's exception says."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)


def _legible(source: str) -> str:
    """A learner's cell as text that can be sent and is not endless."""
    if len(source) > LONGEST:
        return f'raise ValueError("an answer of more than {LONGEST} characters is not read")'
    return source.encode(errors="replace").decode()


def _judged(test: Test, verdict: Verdict, responses: Sequence[Response]) -> Check:
    ended = Status.GRADED
    if not verdict.passed:
        if any(each.status is Reply.TIMEOUT for each in responses):
            ended = Status.TIMEOUT
        elif any(each.error and each.error.memory for each in responses):
            ended = Status.OUT_OF_MEMORY
    return Check(
        test.grade_id,
        test.points,
        test.points if verdict.passed else 0.0,
        outcome=verdict.outcome,
        exercise=test.exercise or "",
        findings=verdict.findings,
        misconception=verdict.misconception,
        diagnosis=verdict.diagnosis,
        ended=ended,
    )


def _own(test: Test, response: Response, cells: Sequence[str]) -> Check:
    """The check of an instructor's own assertions, which ran in the worker."""
    if response.answered:
        return Check(test.grade_id, test.points, test.points, By.SUBMISSION)
    if response.error:
        error = _without_tests(response.error, test.source, cells)
        response = dataclasses.replace(response, error=error)
    title = declared("grading/own", "{cell}", cell=test.grade_id)
    finding = silent(test.grade_id, title, response)
    told = finding.reason
    if response.status in (Reply.MALFORMED, Reply.REFUSED):
        told = declared("grading/tampered", STOPPED[Status.TAMPERED])
    return Check(
        test.grade_id,
        test.points,
        0.0,
        By.SUBMISSION,
        finding.outcome,
        error=finding.error,
        diagnosis=(told,) if told else (),
        ended=Status.TIMEOUT if response.status is Reply.TIMEOUT else Status.GRADED,
    )


def _without_tests(error: Error, test: str, cells: Sequence[str]) -> Error:
    """What an exception says, as far as no hidden test can stand in it.

    Answers run beside the test and may read it: only the instructor's own messages, and lines of
    the cells themselves, are passed on.
    """
    message = error.message if error.message in _texts(test) else ""
    ours = any(
        error.line in map(str.strip, cell.splitlines()) and f"def {error.function}(" in cell
        for cell in cells
    )
    if not (error.line and ours):
        return Error(error.kind, message)
    return Error(error.kind, message, error.function, error.line)


def _texts(source: str) -> set[str]:
    """The strings that are written out in a piece of code."""
    nodes = ast.walk(ast.parse(python(source)))
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def _stopped(test: Test, stop: WorkerStopped, question: Question | None, limits: Limits) -> Check:
    values = {"detail": stop.detail, "memory": limits.memory >> 20}
    told = declared(f"grading/{stop.status.name}", STOPPED[stop.status], **values)
    outcome = Outcome.TIMEOUT if stop.status is Status.TIMEOUT else Outcome.FAILED
    findings: tuple[Finding, ...] = ()
    if question:
        [first, *_] = behaviours_of(question.exercise)
        findings = (Finding(first.name, outcome, title_of(question.exercise), told),)
    return Check(
        test.grade_id,
        test.points,
        0.0,
        By.JUDGE if test.exercise else By.SUBMISSION,
        outcome,
        exercise=test.exercise or "",
        findings=findings,
        diagnosis=(told,),
        ended=stop.status,
    )


def _words(source: str) -> str:
    """A cell's text without comments, blank lines and odd spacing."""
    words = []
    with contextlib.suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(io.StringIO(source[:LONGEST]).readline):
            if token.type not in (tokenize.COMMENT, tokenize.NL):
                words.append(token.string if token.type != tokenize.INDENT else "\t")
    return " ".join(words).strip() or source.strip()
