"""Which known mistake an answer is: the one that responds to every probe as the answer does."""

from collections.abc import Sequence
from typing import Any

from attncourse.exercises.core.compare import close
from attncourse.exercises.core.declaration import Declaration, Misconception, Reference
from attncourse.exercises.core.probe import Probe, Reply, Response


def diagnose(
    exercise: Declaration,
    probes: Sequence[Probe],
    responses: Sequence[Response],
    reference: Reference,
) -> Misconception | None:
    """The first misconception that does the same: in everything, else in its outputs."""
    if any(response.status is Reply.TIMEOUT for response in responses):
        return None
    for only in (None, "output"):
        for wrong in exercise.misconceptions:
            for answer in wrong.forms:
                if _same(exercise, answer, probes, responses, only, reference):
                    return wrong
    return None


def _same(
    exercise: Declaration,
    wrong: Any,
    probes: Sequence[Probe],
    responses: Sequence[Response],
    only: str | None,
    reference: Reference,
) -> bool:
    """Whether a known wrong answer responds as these responses; stops at the first difference."""
    differs_from_oracle = False
    for probe, response in zip(probes, responses, strict=True):
        if probe.elsewhere:
            continue
        known = reference(wrong, probe)
        if known.status is not response.status or not _same_failure(known, response):
            return False
        kept = {k for k in response.tensors if only is None or k.startswith(only)}
        if kept != {k for k in known.tensors if only is None or k.startswith(only)}:
            return False
        if not all(close(response.tensors[k], known.tensors[k]) for k in kept):
            return False
        if only is not None and not differs_from_oracle and exercise.oracle is not None:
            right = reference(exercise.oracle, probe)
            differs_from_oracle = not all(
                k in right.tensors and close(response.tensors[k], right.tensors[k]) for k in kept
            )
    return only is None or differs_from_oracle


def _same_failure(known: Response, response: Response) -> bool:
    """Whether two responses fail alike, if they fail: exceptions by class, all else in detail."""
    if known.error and response.error:
        return known.error.kind == response.error.kind
    return known.reason == response.reason
