"""`judge`: compare what an answer did with what the oracle does, and say which mistake it is."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.core.compare import close, deviation
from attncourse.exercises.core.declaration import Declaration, Law
from attncourse.exercises.core.kinds import TrainedModel, Value
from attncourse.exercises.core.probe import Probe, Response

#: What each status of a response says to the learner.
STATUS = {
    "unwritten": "This is not written yet: replace the `raise NotImplementedError` by your answer.",
    "raised": "Your code raised {detail}",
    "malformed": "{detail}.",
    "timeout": "There was {detail}: is there a loop that never ends?",
    "refused": "Your answer calls {detail}, which you are asked to write yourself.",
}


class ExerciseFailed(AssertionError):
    """An answer did not pass; the message is the diagnosis.

    Jupyter shows the message alone: the course's own stack frames would hide it.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


@dataclass(frozen=True)
class Finding:
    """One behaviour: whether it holds, and if not, what was seen instead."""

    behaviour: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """The result of a check.

    Attributes:
        exercise: the exercise's name.
        points: what it is worth.
        findings: one a behaviour.
        misconception: the name of the matching misconception, or the empty text.
        sentence: the diagnosis, or the empty text where the answer passed.
    """

    exercise: str
    points: int
    findings: tuple[Finding, ...]
    misconception: str = ""
    sentence: str = ""

    @property
    def passed(self) -> bool:
        """Whether every behaviour holds."""
        return all(finding.passed for finding in self.findings)

    def __str__(self) -> str:
        lines = [f"{'✓' if f.passed else '✗'} {f.behaviour}" for f in self.findings]
        if self.passed:
            lines.append(f"{self.exercise}: passed, {self.points} of {self.points} points")
        return "\n".join(lines)

    def raise_if_failed(self) -> None:
        """Raise `ExerciseFailed` with the diagnosis unless the answer passed."""
        if not self.passed:
            raise ExerciseFailed(f"{self.exercise}: {self.sentence}")


def judge(exercise: Declaration, probes: Sequence[Probe], responses: Sequence[Response]) -> Verdict:
    """Judge the responses to an exercise's probes; see `Exercise.judge`."""
    failed = next((r for r in responses if r.status in ("unwritten", "refused")), None)
    if failed is not None:
        findings = [Finding(exercise.says, False, _status(failed))]
    elif isinstance(exercise.kind, TrainedModel):
        findings = [_metric(exercise.kind, exercise.says, probes, responses)]
    else:
        findings = _findings(exercise, probes, responses)
    first = next((f for f in findings if not f.passed), None)
    name, sentence = "", ""
    if first is not None:
        name, sentence = _diagnose(exercise, probes, responses) if failed is None else ("", "")
    return Verdict(
        exercise.name,
        exercise.points,
        tuple(findings),
        name,
        sentence or (first.detail if first else ""),
    )


def _findings(
    exercise: Declaration, probes: Sequence[Probe], responses: Sequence[Response]
) -> list[Finding]:
    pairs = list(zip(probes, responses, strict=True))
    expected = _references(exercise, probes)

    def about(label: str) -> list[tuple[Probe, Response, Response | None]]:
        return [(p, r, e) for (p, r), e in zip(pairs, expected, strict=True) if p.label == label]

    findings: list[Finding] = []

    def find(behaviour: str, test: Callable[..., str], *labels: str) -> None:
        cases = [case for label in labels for case in about(label)]
        if cases:
            detail = next((d for case in cases if (d := test(*case))), "")
            findings.append(Finding(behaviour, not detail, detail))

    find(exercise.says, _outputs_differ, "values")
    if not isinstance(exercise.kind, Value):
        find("right for other sizes", _outputs_differ, "sizes")
        find("keeps the precision of its inputs", _precision, "precision")
        find("leaves its inputs as they were", _changed_inputs, "values", "sizes")
        find("gives the same when called again", _repeats, "values")
        find("gradients flow back", _gradients_differ, "gradients")
        find("one alone is treated as one among many", _outputs_differ, "alone")
        find("uses only its arguments", _leftovers, "values")
        find("stays on the device of its inputs", _device, "device")
    for number, law in enumerate(exercise.laws):
        detail = ""
        for (probe, before, _), (_, after, _) in zip(
            about("values"), about(f"law {number}"), strict=True
        ):
            detail = detail or _status(before) or _status(after)
            if not detail and not _holds(law, probe, before, after):
                detail = f"This should hold and does not: {law.sentence}."
        findings.append(Finding(law.sentence, not detail, detail))
    return findings


def _holds(law: Law, probe: Probe, before: Response, after: Response) -> bool:
    try:
        return bool(law.holds(probe.inputs, before.outputs, after.outputs))
    except (RuntimeError, IndexError):  # outputs of a wrong shape do not fit into the law
        return False


def _references(exercise: Declaration, probes: Sequence[Probe]) -> list[Response | None]:
    if exercise.oracle is None:
        return [None] * len(probes)
    return [exercise.reference(exercise.oracle, probe) for probe in probes]


def _status(response: Response) -> str:
    return (
        ""
        if response.status == "answered"
        else STATUS[response.status].format(detail=response.detail)
    )


def _outputs_differ(probe: Probe, response: Response, expected: Response | None) -> str:
    if response.status != "answered" or expected is None:
        return _status(response)
    got = response.outputs
    return next((d for k, v in expected.outputs.items() if (d := deviation(k, got[k], v))), "")


def _precision(probe: Probe, response: Response, expected: Response | None) -> str:
    if response.status != "answered" or expected is None:
        return _status(response)
    for name, tensor in expected.outputs.items():
        if response.outputs[name].dtype != tensor.dtype:
            return (
                f"For float32 inputs `{name}` has the dtype {response.outputs[name].dtype}, "
                f"expected {tensor.dtype}: make new tensors with the dtype of an input."
            )
    return ""


def _device(probe: Probe, response: Response, expected: Response | None) -> str:
    wrong = [k for k, on_device in response.group("device").items() if not on_device]
    # Other errors mean that the answer reads numbers, which a meta tensor does not have.
    if wrong or (response.status == "raised" and re.search(r"\bdevices?\b", response.detail)):
        return (
            "Your answer makes a tensor on a fixed device: make new tensors with `device=` that "
            f"of an input. {response.detail}".strip()
        )
    return "" if response.status == "raised" else _status(response)


def _changed_inputs(probe: Probe, response: Response, expected: Response | None) -> str:
    for name, after in response.group("after").items():
        before = probe.inputs[name]
        if isinstance(before, Tensor) and not _identical(before, after):
            return f"Your code changes its input `{name}` in place: work on a new tensor."
    return _status(response)


def _repeats(probe: Probe, response: Response, expected: Response | None) -> str:
    for name, again in response.group("again").items():
        if not _identical(response.outputs[name], again):
            return (
                f"Called twice with equal inputs, `{name}` differs: does something random remain?"
            )
    return _status(response)


def _gradients_differ(probe: Probe, response: Response, expected: Response | None) -> str:
    if response.status != "answered" or expected is None:
        return _status(response)
    got, wanted = response.group("gradient"), expected.group("gradient")
    for name, tensor in wanted.items():
        # No gradient and a gradient of zero are the same thing.
        if name not in got and bool(tensor.any()):
            return (
                f"No gradient reaches `{name}`: did it leave torch on the way, or was it detached?"
            )
    both = [name for name in wanted if name in got]
    return next(
        (d for k in both if (d := deviation(f"the gradient of {k}", got[k], wanted[k]))), ""
    )


def _leftovers(probe: Probe, response: Response, expected: Response | None) -> str:
    if response.leftovers:
        names = ", ".join(f"`{name}`" for name in response.leftovers)
        return f"Your code reads {names} from another cell: use the arguments instead."
    return _status(response)


def _metric(
    kind: TrainedModel, says: str, probes: Sequence[Probe], responses: Sequence[Response]
) -> Finding:
    for probe, response in zip(probes, responses, strict=True):
        if detail := _status(response):
            return Finding(says, False, detail)
        reached = kind.metric(response.outputs, probe.held)
        if not reached >= kind.threshold:
            return Finding(
                says,
                False,
                f"On held-out data your model reaches {reached:.3g} {kind.unit}; "
                f"{kind.threshold:.3g} are needed.",
            )
    return Finding(says, True)


def _diagnose(
    exercise: Declaration, probes: Sequence[Probe], responses: Sequence[Response]
) -> tuple[str, str]:
    """The first misconception that does the same: in everything, else in its outputs."""
    if any(response.status == "timeout" for response in responses):
        return "", ""
    for only in (None, "output"):
        for wrong in exercise.misconceptions:
            if _same(exercise, wrong.answer, probes, responses, only):
                return wrong.name, wrong.sentence
    return "", ""


def _same(
    exercise: Declaration,
    wrong: Any,
    probes: Sequence[Probe],
    responses: Sequence[Response],
    only: str | None,
) -> bool:
    """Whether a known wrong answer responds as these responses; stops at the first difference."""
    differs_from_oracle = False
    for probe, response in zip(probes, responses, strict=True):
        if probe.label == "device":
            continue
        known = exercise.reference(wrong, probe)
        if known.status != response.status:
            return False
        if _exception(known) != _exception(response):
            return False
        kept = {k for k in response.tensors if only is None or k.startswith(only)}
        if kept != {k for k in known.tensors if only is None or k.startswith(only)}:
            return False
        if not all(close(response.tensors[k], known.tensors[k]) for k in kept):
            return False
        if only is not None and not differs_from_oracle and exercise.oracle is not None:
            right = exercise.reference(exercise.oracle, probe)
            differs_from_oracle = not all(
                k in right.tensors and close(response.tensors[k], right.tensors[k]) for k in kept
            )
    return only is None or differs_from_oracle


def _exception(response: Response) -> str:
    """The type of the exception that an answer raised: its text names the learner's own line."""
    return response.detail.partition(":")[0] if response.status == "raised" else ""


def _identical(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a.nan_to_num(), b.nan_to_num())
