"""An exercise: what is declared, and the three steps of checking an answer to it.

Checking has three steps with plain tensors between them, so that the middle one can run elsewhere::

    exercise.probes()  ->  exercise.respond(answer, probe)  ->  exercise.judge(probes, responses)
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from attncourse.exercises.core.declaration import Declaration
from attncourse.exercises.core.draw import Draw
from attncourse.exercises.core.guard import codes_of
from attncourse.exercises.core.judge import judge
from attncourse.exercises.core.kinds import Module, TrainedModel, Value
from attncourse.exercises.core.probe import Inputs, Probe, Response
from attncourse.exercises.core.respond import respond
from attncourse.exercises.core.verdict import Verdict

#: Seeds of the probes that a learner's check uses; hidden tests add more.
VISIBLE_SEEDS = (0, 1, 2)


class Exercise(Declaration):
    """A declared exercise, with the steps of checking an answer to it."""

    def probes(self, seeds: Sequence[int] = VISIBLE_SEEDS) -> list[Probe]:
        """The questions of one check, a function of the seeds alone."""
        if isinstance(self.kind, Value):
            return [Probe("values", {})]
        values = [self._probe("values", seed) for seed in seeds]
        if isinstance(self.kind, TrainedModel):
            return values
        first = values[0]
        probes = [*values, self._probe("sizes", seeds[0], variant=1), _single(first)]
        if isinstance(self.kind, Module) and self.kind.training:
            probes.append(dataclasses.replace(first, label="evaluation"))
        if self.differentiable:
            probes.append(dataclasses.replace(first, label="gradients", gradients=True))
        if self.portable:
            device = "cuda" if torch.cuda.is_available() else "meta"
            probes.append(dataclasses.replace(first, label="device", device=device))
        if self.batched:
            probes.append(_alone(first, self.batched))
        for number, law in enumerate(self.laws):
            for seed, value in zip(seeds, values, strict=True):
                changed = value.inputs if law.change is None else law.change(_cloned(value.inputs))
                probes.append(
                    dataclasses.replace(value, label=f"law {number}", inputs=changed, seed=seed)
                )
        return probes

    def respond(self, answer: Any, probe: Probe) -> Response:
        """Put one probe to a learner's answer."""
        return respond(
            self.kind,
            answer,
            probe,
            seconds=self.seconds,
            refuses=self.refuses,
            refused_code=codes_of(self.oracle),
        )

    def judge(self, probes: Sequence[Probe], responses: Sequence[Response]) -> Verdict:
        """Compare responses with the oracle's; name the misconception if they are known."""
        return judge(self, probes, responses)

    def examine(self, answer: Any, seeds: Sequence[int] = VISIBLE_SEEDS) -> Verdict:
        """All three steps in this process."""
        probes = self.probes(seeds)
        responses: list[Response] = []
        for probe in probes:
            # Who never returns is not asked again: a check costs one time limit, not one a probe.
            late = responses and responses[-1].status == "timeout"
            responses.append(responses[-1] if late else self.respond(answer, probe))
        return self.judge(probes, responses)

    def check(self, answer: Any, *, seeds: Sequence[int] = VISIBLE_SEEDS) -> None:
        """Print a line per behaviour; raise `ExerciseFailed` unless all hold.

        Args:
            answer: the learner's answer.
            seeds: of the probes.

        Raises:
            ExerciseFailed: with the diagnosis.
        """
        verdict = self.examine(answer, seeds)
        print(verdict)
        verdict.raise_if_failed()

    def _probe(self, label: str, seed: int, variant: int = 0) -> Probe:
        draw = Draw(seed, variant)
        construction = self.construction(draw)
        inputs = self.draw(draw)
        weights: dict[str, Tensor] = {}
        targets: dict[str, Tensor] = {}
        if isinstance(self.kind, Module) and self.oracle is not None:
            weights = _weights(self.oracle(**construction), draw)
        if isinstance(self.kind, TrainedModel):
            targets = self.oracle(Draw(seed, variant))
        return Probe(label, inputs, construction, weights, seed=seed, targets=targets)


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


def _single(probe: Probe) -> Probe:
    """The same probe in single precision."""
    inputs: Inputs = {
        k: v.float() if isinstance(v, Tensor) and v.is_floating_point() else v
        for k, v in probe.inputs.items()
    }
    return dataclasses.replace(probe, label="precision", inputs=inputs)


def _alone(probe: Probe, batched: tuple[str, ...]) -> Probe:
    """The last item of the batch, alone."""
    inputs: Inputs = {
        k: v[-1:] if k in batched and isinstance(v, Tensor) else v for k, v in probe.inputs.items()
    }
    return dataclasses.replace(probe, label="alone", inputs=inputs)
