"""Which known mistake an answer is: the one that responds to every probe as the answer does."""

from collections.abc import Sequence
from typing import Any

from attncourse.exercises.core.compare import close
from attncourse.exercises.core.declaration import Declaration
from attncourse.exercises.core.probe import Probe, Response


def diagnose(
    exercise: Declaration, probes: Sequence[Probe], responses: Sequence[Response]
) -> tuple[str, str]:
    """The first misconception that does the same: in everything, else in its outputs."""
    if any(response.status == "timeout" for response in responses):
        return "", ""
    for only in (None, "output"):
        for wrong in exercise.misconceptions:
            for answer in (wrong.answer, *wrong.variants):
                if _same(exercise, answer, probes, responses, only):
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
