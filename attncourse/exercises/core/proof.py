"""The proof that an exercise's check is right, for CI and for the table in the documentation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from attncourse.exercises.core.exercise import Exercise
from attncourse.exercises.core.kinds import Function, Module, TrainedModel, Value
from attncourse.exercises.core.probe import Inputs
from attncourse.exercises.core.verdict import Verdict


@dataclass(frozen=True)
class Proof:
    """What the check says of answers whose worth is known.

    Attributes:
        oracle: the verdict on the oracle; None where there is none, or where it is no answer.
        right: on each right variant.
        wrong: on each misconception by name: on its answer and those that show it, too.
        junk: on each senseless answer by name.
    """

    oracle: Verdict | None
    right: tuple[Verdict, ...]
    wrong: dict[str, tuple[Verdict, ...]]
    junk: dict[str, Verdict]

    @property
    def diagnosed(self) -> dict[str, tuple[str | None, ...]]:
        """Under which names misconceptions are known, by their own; None where one passes."""
        return {
            name: tuple(None if v.passed else v.misconception for v in verdicts)
            for name, verdicts in self.wrong.items()
        }

    @property
    def holds(self) -> bool:
        """Whether all that is right is accepted, and all that is wrong rejected for its reason."""
        return (
            (self.oracle is None or self.oracle.passed)
            and all(verdict.passed for verdict in self.right)
            and all({name} == set(found) for name, found in self.diagnosed.items())
            and not any(verdict.passed for verdict in self.junk.values())
        )


def prove(exercise: Exercise) -> Proof:
    """Put an exercise's own right, wrong and senseless answers to its check."""
    examine = exercise.examine
    return Proof(
        oracle=_as_own_work(exercise),
        right=tuple(map(examine, exercise.right)),
        wrong={m.name: tuple(map(examine, m.forms)) for m in exercise.misconceptions},
        junk={name: examine(answer) for name, answer in junk(exercise).items()},
    )


def junk(exercise: Exercise) -> dict[str, Any]:
    """Senseless answers to an exercise: random, zeros, its own input, and the stub."""
    if isinstance(exercise.kind, Value):
        right = torch.as_tensor(exercise.oracle, dtype=torch.float64)
        return {"random": torch.rand_like(right), "zeros": torch.zeros_like(right), "stub": None}
    answers: dict[str, Callable[..., Any]] = {
        "random": _like(exercise, torch.rand_like),
        "zeros": _like(exercise, torch.zeros_like),
        "input": lambda *inputs: next(i for i in inputs if isinstance(i, Tensor)),
        "stub": _stub,
    }
    if isinstance(exercise.kind, Module):
        return {name: _as_module(answer) for name, answer in answers.items()}
    return answers


def _as_own_work(exercise: Exercise) -> Verdict | None:
    """The verdict on the oracle if it were a learner's; who hands it in is refused."""
    if exercise.oracle is None or isinstance(exercise.kind, TrainedModel):
        return None
    probes = exercise.probes()
    return exercise.judge(probes, [exercise.reference(exercise.oracle, p) for p in probes])


def _like(exercise: Exercise, make: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
    """An answer with the right number, shapes and dtypes of results, and senseless numbers."""
    probe = exercise.probes()[0]
    outputs = exercise.reference(exercise.oracle, probe).outputs
    returned = outputs
    if isinstance(exercise.kind, Function) and exercise.kind.call is not None:
        returned = dict(list(outputs.items())[:1])

    def answer(*inputs: Any) -> Any:
        made = [
            make(t) if t.is_floating_point() else make(t.double()).to(t.dtype)
            for t in returned.values()
        ]
        return made[0] if len(made) == 1 else tuple(made)

    return answer


def _stub(*inputs: Any) -> Any:
    """What a release holds where nothing is written yet."""
    raise NotImplementedError


def _as_module(answer: Callable[..., Any]) -> type[nn.Module]:
    class Senseless(nn.Module):
        def __init__(self, **construction: Any) -> None:
            super().__init__()

        def forward(self, *inputs: Inputs) -> Any:
            return answer(*inputs)

    return Senseless
