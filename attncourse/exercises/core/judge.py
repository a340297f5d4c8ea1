"""`judge`: compare what an answer did with what the oracle does, and say which mistake it is."""

from collections.abc import Sequence

from attncourse.exercises.core.behaviours import explain, findings, reached
from attncourse.exercises.core.declaration import Declaration
from attncourse.exercises.core.diagnosis import diagnose
from attncourse.exercises.core.kinds import TrainedModel
from attncourse.exercises.core.probe import Probe, Response
from attncourse.exercises.core.verdict import Finding, Verdict


def judge(exercise: Declaration, probes: Sequence[Probe], responses: Sequence[Response]) -> Verdict:
    """Judge the responses to an exercise's probes; see `Exercise.judge`."""
    # An answer that was not written, or is not the learner's own, is judged on nothing else.
    void = next((r for r in responses if r.status in ("unwritten", "refused")), None)
    if void is not None:
        found = [Finding(exercise.title, False, explain(void))]
    elif isinstance(exercise.kind, TrainedModel):
        found = [reached(exercise.kind, exercise.title, probes, responses)]
    else:
        found = findings(exercise, probes, responses)
    wrong = next((finding for finding in found if not finding.passed), None)
    name, sentence = "", wrong.detail if wrong else ""
    if wrong and not void:
        name, diagnosis = diagnose(exercise, probes, responses)
        # What Python says of code that does not run helps beside the diagnosis.
        runs = any(response.status == "answered" for response in responses)
        sentence = diagnosis if diagnosis and runs else f"{sentence} {diagnosis}".strip()
    return Verdict(exercise.name, exercise.points, tuple(found), name, sentence)
