"""`judge`: compare what an answer did with what the oracle does, and say which mistake it is."""

from collections.abc import Sequence

from attncourse.exercises.core.behaviours import (
    EVALUATION,
    IN_PLACE,
    REPEATS,
    SIZES,
    VALUES,
    Case,
    behaviours_of,
    silent,
    title_of,
)
from attncourse.exercises.core.declaration import Declaration, Reference
from attncourse.exercises.core.diagnosis import diagnose
from attncourse.exercises.core.general import explained, misfit
from attncourse.exercises.core.kinds import TrainedModel
from attncourse.exercises.core.probe import Probe, Reply, Response
from attncourse.exercises.core.reason import Reason, declared
from attncourse.exercises.core.verdict import Finding, Outcome, Verdict


def judge(
    exercise: Declaration,
    probes: Sequence[Probe],
    responses: Sequence[Response],
    reference: Reference,
) -> Verdict:
    """Judge the responses to an exercise's probes; see `Exercise.judge`."""
    found = tuple(findings(exercise, probes, responses, reference))
    wrong = next((finding for finding in found if finding.failed), None)
    if wrong is None:
        return Verdict(exercise.name, exercise.points, found)
    told: tuple[Reason, ...] = (wrong.reason,) if wrong.reason else ()
    if wrong.outcome in (Outcome.UNWRITTEN, Outcome.REFUSED):
        return Verdict(exercise.name, exercise.points, found, "", told)
    known = diagnose(exercise, probes, responses, reference)
    if known is None:
        told = _in_general(exercise, probes, responses, reference, found) or told
        return Verdict(exercise.name, exercise.points, found, "", told)
    sentence = declared(f"{exercise.place}/{known.name}", known.sentence)
    # What Python says of code that does not run helps beside the diagnosis.
    runs = any(response.answered for response in responses)
    diagnosis = (sentence,) if runs else (*told, sentence)
    return Verdict(exercise.name, exercise.points, found, known.name, diagnosis)


def _in_general(
    exercise: Declaration,
    probes: Sequence[Probe],
    responses: Sequence[Response],
    reference: Reference,
    found: Sequence[Finding],
) -> tuple[Reason, ...]:
    """What is wrong in a way that is known from any exercise; empty where nothing is."""
    first = next(finding for finding in found if finding.failed)
    if first.error and (question := misfit(first.error.message)) and first.reason:
        return first.reason, question
    if first.behaviour != VALUES.name or first.outcome is not Outcome.FAILED:
        return ()
    # Numbers that change from call to call, or by writing into an input, are wrong for it.
    spoilt = (f for f in found if f.failed and f.behaviour in (IN_PLACE.name, REPEATS.name))
    numbers = first.reason is not None and first.reason.key in ("numbers", "nan")
    if numbers and (cause := next(spoilt, None)) and cause.reason:
        return (cause.reason,)
    seen = [
        (r.outputs, reference(exercise.oracle, p).outputs)
        for p, r in zip(probes, responses, strict=True)
        if exercise.oracle is not None
        and r.answered
        and p.behaviour in (VALUES.name, SIZES.name, EVALUATION.name)
    ]
    told = explained(seen)
    return (told,) if told else ()


def findings(
    exercise: Declaration,
    probes: Sequence[Probe],
    responses: Sequence[Response],
    reference: Reference,
) -> list[Finding]:
    """What became of every behaviour that the exercise asks for."""
    # An answer that was not written, or is not the learner's own, is judged on nothing else.
    void = next((r for r in responses if r.status in (Reply.UNWRITTEN, Reply.REFUSED)), None)
    behaviours = behaviours_of(exercise)
    if void is not None:
        return [silent(behaviours[0].name, title_of(exercise), void)]
    judged = exercise.oracle is not None and not isinstance(exercise.kind, TrainedModel)
    cases = [
        Case(exercise, p, r, reference(exercise.oracle, p) if judged else None)
        for p, r in zip(probes, responses, strict=True)
    ]
    found: list[Finding] = []
    for behaviour in behaviours:
        finding = behaviour.find(exercise, cases, found)
        if finding is not None:
            found.append(finding)
    return found
