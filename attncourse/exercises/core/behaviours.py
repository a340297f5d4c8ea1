"""The behaviours that an answer must show: each one object, with its probes and its finding.

A new behaviour is one more object in `BEHAVIOURS`; nothing else needs to know of it.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self, TypeGuard

import torch
from torch import Tensor, nn

from attncourse.catalogue import mark
from attncourse.exercises.core.compare import close, deviation, dtypes, identical
from attncourse.exercises.core.declaration import Declaration, Law
from attncourse.exercises.core.draw import Draw
from attncourse.exercises.core.kinds import Module, TrainedModel, Value
from attncourse.exercises.core.probe import Inputs, Outputs, Probe, Reply, Response
from attncourse.exercises.core.reason import Reason, declared, reason
from attncourse.exercises.core.verdict import Finding, Outcome

MESSAGES = {
    "unwritten": mark(
        "This is not written yet: replace the `raise NotImplementedError` by your answer."
    ),
    "raised": mark("Your code raised {kind}."),
    "raised-saying": mark("Your code raised {kind}: {message}."),
    "raised-in": mark("Your code raised {kind} (in `{function}`: `{line}`)."),
    "raised-saying-in": mark("Your code raised {kind}: {message} (in `{function}`: `{line}`)."),
    "count": mark("Expected {expected} of them, got {got}."),
    "some-wrong": mark("Of your {count} values, counted from 1, these are not right: {places}."),
    "other-number": mark("That is not the number."),
    "precision": mark(
        "For float32 inputs `{name}` has the dtype {got} and not {expected}: make new tensors "
        "(`torch.zeros`, `torch.tensor` …) with the dtype of an input."
    ),
    "in-place": mark("Your code changes its input `{name}` in place: work on a new tensor."),
    "differs": mark(
        "Called twice with equal inputs, `{name}` differs: does something random remain?"
    ),
    "no-gradient": mark(
        "No gradient reaches `{name}`: did it leave torch on the way, or was it detached?"
    ),
    "leftovers": mark("Your code reads {names} from another cell: use the arguments instead."),
    "fixed-device": mark(
        "Your answer makes a tensor on a fixed device: make new tensors with `device=` that of an "
        "input."
    ),
    "law": mark("This should hold and does not: {title}."),
    "threshold": mark(
        "On held-out data your model reaches {score:.3g} {unit}; {threshold:.3g} are needed."
    ),
}


@dataclass(frozen=True)
class Drawn:
    """What an exercise draws for some seeds; behaviours make their probes of it."""

    exercise: Declaration
    seeds: tuple[int, ...]

    @cached_property
    def values(self) -> list[Probe]:
        """One a seed, of the first sizes."""
        return [_probe(self.exercise, seed) for seed in self.seeds]

    @cached_property
    def sizes(self) -> Probe:
        """One of the other sizes."""
        return _probe(self.exercise, self.seeds[0], variant=1)


@dataclass(frozen=True)
class Case:
    """One probe, what the answer did with it, and what the oracle does, if there is one."""

    exercise: Declaration
    probe: Probe
    response: Response
    expected: Response | None


@dataclass(frozen=True)
class Behaviour:
    """Something that answers must do.

    Attributes:
        name: names it everywhere, in whatever language.
        title: its readable name; an exercise's own where it is None.
        asks: makes its probes.
        fault: what is wrong in one of its cases, where the answer answered; None if nothing is.
        concerns: which exercises it is for.
        watches: behaviours at whose cases it looks, beside its own or in their place.
        needs: behaviours without which it cannot be judged: wrong numbers must break it too.
        tolerant: whether an answer may fail to answer here, as long as it does nothing wrong.
    """

    name: str
    title: str | None
    fault: Callable[[Case], Reason | None]
    asks: Callable[[Drawn], list[Probe]] = lambda drawn: []
    concerns: Callable[[Declaration], bool] = lambda exercise: True
    watches: "tuple[Behaviour, ...]" = ()
    needs: "tuple[Behaviour, ...]" = ()
    tolerant: bool = False

    def probes(self, drawn: Drawn) -> list[Probe]:
        """Its questions to an answer."""
        return [dataclasses.replace(p, behaviour=self.name) for p in self.asks(drawn)]

    def find(
        self, exercise: Declaration, cases: Sequence[Case], found: Sequence[Finding]
    ) -> Finding | None:
        """What became of it; None where nothing was asked.

        Args:
            exercise: what was asked.
            cases: of all behaviours.
            found: what became of those before.
        """
        own = [case for case in cases if case.probe.behaviour == self.name]
        watched = {each.name for each in self.watches}
        looked = [case for case in cases if case.probe.behaviour in watched]
        if not (own or looked):
            return None
        return self._find(self._title(exercise), own, looked, found)

    def _find(
        self, title: Reason, own: list[Case], looked: list[Case], found: Sequence[Finding]
    ) -> Finding:
        needed = {each.name for each in self.needs}
        if not all(finding.held for finding in found if finding.behaviour in needed):
            return Finding(self.name, Outcome.NOT_JUDGED, title)
        if not self.tolerant:
            for case in own:
                if not case.response.answered:
                    runs = not found or found[0].outcome in (Outcome.HELD, Outcome.FAILED)
                    if runs:
                        return silent(self.name, title, case.response)
                    return Finding(self.name, Outcome.NOT_JUDGED, title)
        answered = [case for case in [*own, *looked] if case.response.answered]
        judged = own if self.tolerant else answered
        fault = next((fault for case in judged if (fault := self.fault(case))), None)
        if fault:
            return Finding(self.name, Outcome.FAILED, title, fault)
        return Finding(self.name, Outcome.HELD if answered else Outcome.NOT_JUDGED, title)

    def _title(self, exercise: Declaration) -> Reason:
        if self.title is None:
            return title_of(exercise)
        return declared(f"behaviour/{self.name}", self.title)


@dataclass(frozen=True)
class LawBehaviour(Behaviour):
    """A law of an exercise: judged on pairs of outputs, before and after its change.

    Attributes:
        law: the law.
    """

    law: Law = field(kw_only=True)

    @classmethod
    def of(cls, law: Law, number: int) -> Self:
        """The behaviour that looks whether a law holds."""

        def asks(drawn: Drawn) -> list[Probe]:
            change = law.change or (lambda inputs: inputs)
            return [
                dataclasses.replace(each, inputs=change(_cloned(each.inputs)))
                for each in drawn.values
            ]

        return cls(f"law-{number}", law.title, _no_fault, asks, watches=(VALUES,), law=law)

    def _find(
        self, title: Reason, own: list[Case], looked: list[Case], found: Sequence[Finding]
    ) -> Finding:
        solved = all(finding.held for finding in found if finding.behaviour == VALUES.name)
        broken = Finding(self.name, Outcome.FAILED, title, reason("law", title=title))
        # Numbers in another form may well obey the law: that they do not would be said in vain.
        doubtful = any(finding.failed for finding in found)
        unclear = Finding(self.name, Outcome.NOT_JUDGED, title) if doubtful else broken
        for before, after in zip(looked, own, strict=True):
            if solved and not after.response.answered:
                return silent(self.name, title, after.response)
            if not (_fits(before) and _fits(after)) or _spoilt(before):
                return unclear
            outputs = before.response.outputs, after.response.outputs
            holds = _holds(self.law, before.probe.inputs, *outputs)
            if not holds:
                return unclear if holds is None else broken
        return Finding(self.name, Outcome.HELD, title)

    def _title(self, exercise: Declaration) -> Reason:
        return declared(f"{exercise.place}/{self.name}", self.law.title)


def behaviours_of(exercise: Declaration) -> tuple[Behaviour, ...]:
    """What is asked of answers to an exercise, in the order of looking."""
    laws = [LawBehaviour.of(law, number) for number, law in enumerate(exercise.laws)]
    return (*(each for each in BEHAVIOURS if each.concerns(exercise)), *laws)


def silent(behaviour: str, title: Reason, response: Response) -> Finding:
    """The finding on an answer that did not answer."""
    told = reason("unwritten") if response.status is Reply.UNWRITTEN else response.reason
    if error := response.error:
        key = "raised" + "-saying" * bool(error.message) + "-in" * bool(error.function)
        values = {"kind": error.kind, "message": error.message}
        told = reason(key, **values, function=error.function, line=error.line)
    return Finding(behaviour, Outcome(response.status), title, told, response.error)


def title_of(exercise: Declaration) -> Reason:
    """What is asked of a learner, in one line."""
    return declared(f"{exercise.place}/title", exercise.title)


def _fits(case: Case) -> bool:
    """Whether outputs have the right form; other shapes could spread out to fill all memory."""
    if not case.response.answered or case.expected is None:
        return case.response.answered
    got = case.response.outputs
    return all(
        k in got and (got[k].shape, got[k].dtype) == (v.shape, v.dtype)
        for k, v in case.expected.outputs.items()
    )


def _spoilt(case: Case) -> bool:
    """Whether numbers are missing where the oracle has some: no law speaks of them."""
    wanted = case.expected.outputs if case.expected else {}
    got = case.response.outputs
    return any(bool((got[k].isnan() & ~v.isnan()).any()) for k, v in wanted.items())


def _holds(law: Law, inputs: Inputs, before: Outputs, after: Outputs) -> bool | None:
    """Whether a law holds; None where the outputs do not fit into it."""
    try:
        return bool(law.holds(inputs, before, after))
    except (RuntimeError, IndexError):
        return None


def _no_fault(case: Case) -> None:
    """An answer that answers has all that is looked for."""


def _outputs_differ(case: Case) -> Reason | None:
    if case.expected is None:
        return None
    got, wanted = case.response.outputs, case.expected.outputs
    differ = (deviation(reason("name", name=k), got[k], v) for k, v in wanted.items())
    return next(filter(None, differ), None)


def _value_differs(case: Case) -> Reason | None:
    """Says how far off a value is, but not what it should be: it would only be copied."""
    assert case.expected is not None
    got, wanted = case.response.outputs["value"], case.expected.outputs["value"]
    if got.shape != wanted.shape:
        return reason("count", expected=wanted.numel(), got=got.numel())
    if close(got, wanted):
        return None
    if not got.dim():
        return reason("other-number")
    wrong = (~torch.isclose(got, wanted)).flatten().nonzero().flatten()
    places = [str(int(place) + 1) for place in wrong]
    return reason("some-wrong", places=places, count=got.numel())


def _below_threshold(case: Case) -> Reason | None:
    kind = case.exercise.kind
    assert isinstance(kind, TrainedModel)
    score = kind.metric(case.response.outputs, case.probe.targets)
    if score >= kind.threshold:
        return None
    return reason("threshold", score=score, unit=kind.unit, threshold=kind.threshold)


def _other_precision(case: Case) -> Reason | None:
    assert case.expected is not None
    for name, tensor in case.expected.outputs.items():
        got = case.response.outputs[name]
        if got.dtype != tensor.dtype:
            return reason("precision", name=name, **dtypes(got, tensor))
    return None


def _changed_inputs(case: Case) -> Reason | None:
    for name, after in case.response.group("after").items():
        before = case.probe.inputs[name]
        if isinstance(before, Tensor) and not identical(before, after):
            return reason("in-place", name=name)
    return None


def _differs_again(case: Case) -> Reason | None:
    for name, again in case.response.group("again").items():
        if not identical(case.response.outputs[name], again):
            return reason("differs", name=name)
    return None


def _gradients_differ(case: Case) -> Reason | None:
    assert case.expected is not None
    got, wanted = case.response.group("gradient"), case.expected.group("gradient")
    for name, tensor in wanted.items():
        # No gradient and a gradient of zero are the same thing.
        if name not in got and bool(tensor.any()):
            return reason("no-gradient", name=name)
    both = [name for name in wanted if name in got]
    differ = (deviation(reason("gradient", name=k), got[k], wanted[k]) for k in both)
    return next(filter(None, differ), None)


def _leftovers(case: Case) -> Reason | None:
    names = [reason("name", name=name) for name in case.response.leftovers]
    return reason("leftovers", names=names) if names else None


def _stays_behind(case: Case) -> Reason | None:
    here = [k for k, there in case.response.group("elsewhere").items() if not there]
    return reason("fixed-device") if here or case.response.strays else None


def _is_asked(exercise: Declaration) -> bool:
    return not isinstance(exercise.kind, Value | TrainedModel)


def _has_oracle(exercise: Declaration) -> bool:
    return _is_asked(exercise) and exercise.oracle is not None


def _precise(drawn: Drawn) -> list[Probe]:
    first = drawn.values[0]
    inputs: Inputs = {k: v.float() if _is_float(v) else v for k, v in first.inputs.items()}
    floats = any(map(_is_float, inputs.values()))
    return [dataclasses.replace(first, inputs=inputs)] if floats else []


def _is_float(value: Any) -> TypeGuard[Tensor]:
    return isinstance(value, Tensor) and value.is_floating_point()


def _alone(drawn: Drawn) -> list[Probe]:
    """The last item of the batch, alone."""
    first, batched = drawn.values[0], drawn.exercise.batched
    inputs: Inputs = {
        k: v[-1:] if k in batched and isinstance(v, Tensor) else v for k, v in first.inputs.items()
    }
    return [dataclasses.replace(first, inputs=inputs)]


def _first(**changes: Any) -> Callable[[Drawn], list[Probe]]:
    return lambda drawn: [dataclasses.replace(drawn.values[0], **changes)]


VALUE = Behaviour(
    "value",
    None,
    _value_differs,
    asks=lambda drawn: [Probe({})],
    concerns=lambda exercise: isinstance(exercise.kind, Value),
)
THRESHOLD = Behaviour(
    "threshold",
    None,
    _below_threshold,
    asks=lambda drawn: drawn.values,
    concerns=lambda exercise: isinstance(exercise.kind, TrainedModel),
)
VALUES = Behaviour(
    "values", None, _outputs_differ, asks=lambda drawn: drawn.values, concerns=_is_asked
)
SIZES = Behaviour(
    "sizes",
    mark("right for other sizes"),
    _outputs_differ,
    asks=lambda drawn: [drawn.sizes],
    concerns=_is_asked,
    needs=(VALUES,),
)
EVALUATION = Behaviour(
    "evaluation",
    mark("right in evaluation mode too"),
    _outputs_differ,
    asks=_first(training=False),
    concerns=lambda exercise: isinstance(exercise.kind, Module) and exercise.kind.training,
    needs=(VALUES,),
)
PRECISION = Behaviour(
    "precision",
    mark("float32 in, float32 out"),
    _other_precision,
    asks=_precise,
    concerns=_has_oracle,
)
IN_PLACE = Behaviour(
    "in-place", mark("leaves its inputs as they were"), _changed_inputs, watches=(VALUES, SIZES)
)
REPEATS = Behaviour(
    "repeats", mark("gives the same when called again"), _differs_again, watches=(VALUES,)
)
GRADIENTS = Behaviour(
    "gradients",
    mark("gradients flow back"),
    _gradients_differ,
    asks=_first(gradients=True),
    concerns=lambda exercise: _has_oracle(exercise) and exercise.differentiable,
    needs=(VALUES,),
)
ALONE = Behaviour(
    "alone",
    mark("one alone is treated as one among many"),
    _outputs_differ,
    asks=_alone,
    concerns=lambda exercise: _is_asked(exercise) and bool(exercise.batched),
    needs=(VALUES,),
)
LEFTOVERS = Behaviour("leftovers", mark("uses only its arguments"), _leftovers, watches=(VALUES,))
DEVICE = Behaviour(
    "device",
    mark("stays on the device of its inputs"),
    _stays_behind,
    asks=_first(elsewhere=True),
    concerns=lambda exercise: _is_asked(exercise) and exercise.portable,
    tolerant=True,
)

#: In the order of looking, and of the lines of a check; an exercise's laws follow.
BEHAVIOURS = (
    VALUE,
    THRESHOLD,
    VALUES,
    SIZES,
    EVALUATION,
    PRECISION,
    IN_PLACE,
    REPEATS,
    GRADIENTS,
    ALONE,
    LEFTOVERS,
    DEVICE,
)


def _probe(exercise: Declaration, seed: int, variant: int = 0) -> Probe:
    kind, draw = exercise.kind, Draw(seed, variant)
    construction = exercise.construction(draw)
    inputs = exercise.draw(draw)
    probe = Probe(inputs, construction, seed=seed)
    if isinstance(kind, Module):
        weights = _weights(exercise.oracle(**construction), draw) if exercise.oracle else {}
        return dataclasses.replace(probe, weights=weights, training=kind.training)
    if isinstance(kind, TrainedModel):
        return dataclasses.replace(probe, targets=exercise.oracle(Draw(seed, variant)))
    return probe


def _weights(module: nn.Module, draw: Draw) -> dict[str, Tensor]:
    """Random values for every parameter and buffer: initial zeros and ones hide most mistakes."""
    found = {}
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            found[name] = tensor
        elif name.endswith("running_var"):
            found[name] = draw.normal(*tensor.shape).abs() + 0.5
        else:
            fan_in = max(1, tensor[0].numel()) if tensor.dim() > 1 else 1
            found[name] = draw.normal(*tensor.shape, scale=fan_in**-0.5)
    return found


def _cloned(inputs: Inputs) -> Inputs:
    return {k: v.clone() if isinstance(v, Tensor) else v for k, v in inputs.items()}
