"""The behaviours that an answer must show, each tested on the responses to its probes."""

import re
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from attncourse.exercises.core.compare import close, deviation
from attncourse.exercises.core.declaration import Declaration, Law
from attncourse.exercises.core.kinds import TrainedModel, Value
from attncourse.exercises.core.probe import Probe, Response
from attncourse.exercises.core.verdict import Finding

#: What each status of a response says to the learner.
STATUS = {
    "unwritten": "This is not written yet: replace the `raise NotImplementedError` by your answer.",
    "raised": "Your code raised {detail}",
    "malformed": "{detail}",
    "timeout": "There was {detail}: is there a loop that never ends?",
    "refused": "Your answer calls {detail}, which you are asked to write yourself.",
}


def findings(
    exercise: Declaration, probes: Sequence[Probe], responses: Sequence[Response]
) -> list[Finding]:
    """Test every behaviour that the exercise asks for, then its laws."""
    pairs = list(zip(probes, responses, strict=True))
    expected = _references(exercise, probes)

    def about(label: str) -> list[tuple[Probe, Response, Response | None]]:
        return [(p, r, e) for (p, r), e in zip(pairs, expected, strict=True) if p.label == label]

    found: list[Finding] = []

    def find(behaviour: str, test: Callable[..., str], *labels: str) -> None:
        cases = [case for label in labels for case in about(label)]
        if cases:
            detail = next((d for case in cases if (d := test(*case))), "")
            implied = test in OF_NUMBERS and bool(found) and not found[0].passed
            found.append(Finding(behaviour, not detail, detail, judged=not (detail and implied)))

    if isinstance(exercise.kind, Value):
        find(exercise.title, _value_differs, "values")
        return found
    find(exercise.title, _outputs_differ, "values")
    if all(response.status != "answered" for _, response, _ in about("values")):
        return found  # an answer that does not run has no other behaviour to test
    find("right for other sizes", _outputs_differ, "sizes")
    find("right in evaluation mode too", _outputs_differ, "evaluation")
    if exercise.oracle is not None and _has_floats(probes[0]):
        find("float32 in, float32 out", _precision, "precision")
    find("leaves its inputs as they were", _changed_inputs, "values", "sizes")
    find("gives the same when called again", _repeats, "values")
    if exercise.oracle is not None:
        find("gradients flow back", _gradients_differ, "gradients")
    find("one alone is treated as one among many", _outputs_differ, "alone")
    find("uses only its arguments", _leftovers, "values")
    find("stays on the device of its inputs", _device, "device")
    for number, law in enumerate(exercise.laws):
        detail = ""
        for (probe, before, first), (_, after, second) in zip(
            about("values"), about(f"law {number}"), strict=True
        ):
            detail = detail or explain(before) or explain(after)
            fits = _fits(before, first) and _fits(after, second)
            if not detail and not (fits and _holds(law, probe, before, after)):
                detail = f"This should hold and does not: {law.title}."
        found.append(Finding(law.title, not detail, detail))
    return found


def _fits(response: Response, expected: Response | None) -> bool:
    """Whether outputs have the right shapes; others could spread out to fill all memory."""
    if expected is None:
        return True
    got = response.outputs
    return all(k in got and got[k].shape == v.shape for k, v in expected.outputs.items())


def _holds(law: Law, probe: Probe, before: Response, after: Response) -> bool:
    try:
        return bool(law.holds(probe.inputs, before.outputs, after.outputs))
    except (RuntimeError, IndexError):  # outputs of a wrong shape do not fit into the law
        return False


def _references(exercise: Declaration, probes: Sequence[Probe]) -> list[Response | None]:
    if exercise.oracle is None:
        return [None] * len(probes)
    return [exercise.reference(exercise.oracle, probe) for probe in probes]


def explain(response: Response) -> str:
    """What a response that is no answer says to the learner; nothing for an answer."""
    if response.status == "answered":
        return ""
    sentence = STATUS[response.status].format(detail=response.detail)
    return sentence[0].upper() + sentence[1:] + ("" if sentence[-1] in ".?!" else ".")


def _outputs_differ(probe: Probe, response: Response, expected: Response | None) -> str:
    if response.status != "answered" or expected is None:
        return explain(response)
    got = response.outputs
    return next((d for k, v in expected.outputs.items() if (d := deviation(k, got[k], v))), "")


def _value_differs(probe: Probe, response: Response, expected: Response | None) -> str:
    """Says how far off a value is, but not what it should be: it would only be copied."""
    if response.status != "answered" or expected is None:
        return explain(response)
    got, wanted = response.outputs["value"], expected.outputs["value"]
    if got.shape != wanted.shape:
        return f"Expected {wanted.numel()} of them, got {got.numel()}."
    if close(got, wanted):
        return ""
    right = int((got == wanted).sum())
    return f"{right} of {got.numel()} are right." if got.dim() else "That is not the number."


def _precision(probe: Probe, response: Response, expected: Response | None) -> str:
    if response.status != "answered" or expected is None:
        return explain(response)
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
    return "" if response.status == "raised" else explain(response)


def _changed_inputs(probe: Probe, response: Response, expected: Response | None) -> str:
    for name, after in response.group("after").items():
        before = probe.inputs[name]
        if isinstance(before, Tensor) and not _identical(before, after):
            return f"Your code changes its input `{name}` in place: work on a new tensor."
    return explain(response)


def _repeats(probe: Probe, response: Response, expected: Response | None) -> str:
    for name, again in response.group("again").items():
        if not _identical(response.outputs[name], again):
            return (
                f"Called twice with equal inputs, `{name}` differs: does something random remain?"
            )
    return explain(response)


def _gradients_differ(probe: Probe, response: Response, expected: Response | None) -> str:
    if response.status != "answered" or expected is None:
        return explain(response)
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


#: Tests of numbers: where these are wrong in the first place, they fail for no reason of their own.
OF_NUMBERS = (_outputs_differ, _gradients_differ)


def _has_floats(probe: Probe) -> bool:
    return any(isinstance(v, Tensor) and v.is_floating_point() for v in probe.inputs.values())


def _leftovers(probe: Probe, response: Response, expected: Response | None) -> str:
    if response.leftovers:
        names = ", ".join(f"`{name}`" for name in response.leftovers)
        return f"Your code reads {names} from another cell: use the arguments instead."
    return explain(response)


def reached(
    kind: TrainedModel, title: str, probes: Sequence[Probe], responses: Sequence[Response]
) -> Finding:
    """Whether a trained model reaches its threshold on every held-out probe."""
    for probe, response in zip(probes, responses, strict=True):
        if detail := explain(response):
            return Finding(title, False, detail)
        score = kind.metric(response.outputs, probe.targets)
        if not score >= kind.threshold:
            return Finding(
                title,
                False,
                f"On held-out data your model reaches {score:.3g} {kind.unit}; "
                f"{kind.threshold:.3g} are needed.",
            )
    return Finding(title, True)


def _identical(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.is_floating_point():  # in double precision: not all small types can be compared
        a, b = a.double().nan_to_num(), b.double().nan_to_num()
    return torch.equal(a, b)
