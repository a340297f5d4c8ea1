"""The proof that an exercise's check is right, for CI and for the table in the documentation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from attncourse.exercises.core.exercise import Exercise
from attncourse.exercises.core.kinds import Function, Module, Value
from attncourse.exercises.core.probe import Inputs
from attncourse.exercises.core.respond import STUB


@dataclass(frozen=True)
class Proof:
    """What the check says of answers whose worth is known.

    Attributes:
        oracle: whether the oracle passes; true where only laws judge.
        right: whether each right variant passes.
        misconceptions: for each misconception by name and each answer that shows it, the name under
            which it is diagnosed, or the empty text where it is not; None where it passes.
        junk: for each senseless answer by name, whether it is rejected.
    """

    oracle: bool
    right: tuple[bool, ...]
    misconceptions: dict[str, tuple[str | None, ...]]
    junk: dict[str, bool]

    @property
    def holds(self) -> bool:
        """Whether all that is right is accepted, and all that is wrong rejected for its reason."""
        return (
            self.oracle
            and all(self.right)
            and all({name} == set(found) for name, found in self.misconceptions.items())
            and all(self.junk.values())
        )


def prove(exercise: Exercise) -> Proof:
    """Put an exercise's own right, wrong and senseless answers to its check."""

    def diagnosis(answer: Any) -> str | None:
        verdict = exercise.examine(answer)
        return None if verdict.passed else verdict.misconception

    return Proof(
        oracle=exercise.oracle is None or _passes_as_own_work(exercise),
        right=tuple(exercise.examine(answer).passed for answer in exercise.right),
        misconceptions={
            m.name: tuple(diagnosis(answer) for answer in (m.answer, *m.variants))
            for m in exercise.misconceptions
        },
        junk={name: not exercise.examine(answer).passed for name, answer in junk(exercise).items()},
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


def _passes_as_own_work(exercise: Exercise) -> bool:
    """Whether the oracle would pass; a learner who hands it in is refused."""
    probes = exercise.probes()
    return exercise.judge(probes, [exercise.reference(exercise.oracle, p) for p in probes]).passed


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
    raise NotImplementedError(STUB)


def _as_module(answer: Callable[..., Any]) -> type[nn.Module]:
    class Senseless(nn.Module):
        def __init__(self, **construction: Any) -> None:
            super().__init__()

        def forward(self, *inputs: Inputs) -> Any:
            return answer(*inputs)

    return Senseless
