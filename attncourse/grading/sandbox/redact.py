"""What a worker knows of a lesson: enough to answer, nothing that would give an answer away.

The forkserver imports the lesson's exercises and the course's implementations as a notebook does.
Then the exercises are cut down to what asking them needs, and the implementations to shells without
code.
"""

import dis
import gc
import importlib
import linecache
import pkgutil
import sys
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from types import CodeType, FunctionType, ModuleType
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional

import attncourse
from attncourse.exercises.core import Exercise
from attncourse.exercises.core.guard import IMPLEMENTATIONS
from attncourse.exercises.core.kinds import Kind, TrainedModel

EXERCISES = "attncourse.exercises"


@dataclass(frozen=True)
class RedactedExercise:
    """What answering an exercise needs.

    Attributes:
        kind: How an answer meets a probe.
        seconds: Time limit of one probe.
        refuses: What the answer may not call.
    """

    kind: Kind
    seconds: float
    refuses: tuple[str, ...] | None


class SilentExercise:
    """Stands where a notebook finds an exercise; its checks say nothing, for the grader does."""

    def check(self, *answer: Any, **options: Any) -> None:
        """Do nothing, as a learner may ask for a check in the middle of an answer."""

    def examine(self, *answer: Any, **options: Any) -> Self:
        """Do nothing."""
        return self

    def raise_if_failed(self) -> None:
        """Do nothing."""


def remove_answers(name: str) -> dict[str, RedactedExercise]:
    """Import the exercises of a lesson and forget what is right and wrong about answers.

    Nothing stays of any lesson's, whichever were imported along: a lesson shares parts with others.

    Args:
        name: The lesson's package of exercises.

    Returns:
        What is left of each, by the name under which the package offers it.
    """
    package = importlib.import_module(name)
    modules = _modules_with_answers()
    asked = {
        each: RedactedExercise(_without_metric(value.kind), value.seconds, value.refuses)
        for each, value in vars(package).items()
        if isinstance(value, Exercise)
    }
    helpers = {
        each: value
        for each, value in vars(package).items()
        if isinstance(value, FunctionType) and value.__module__.startswith(f"{name}.")
    }
    inside = {id(vars(module)) for module in modules.values()}
    asking = [
        part for each in asked.values() for part in (type(each.kind), *vars(each.kind).values())
    ]
    kept = set(_reached([*asking, *helpers.values()], inside))
    for module in modules.values():
        for each in [n for n in vars(module) if (id(vars(module)), n) not in kept]:
            if not each.startswith("__") or each == "__doc__":
                delattr(module, each)
    vars(package).update(
        helpers, __all__=[*asked, *helpers], **dict.fromkeys(asked, SilentExercise())
    )
    everything = sys.modules[EXERCISES]
    for each in modules.keys() - {name}:
        del sys.modules[each]
        vars(everything).pop(each.rpartition(".")[2], None)
    everything.__path__, package.__path__ = [], []  # nor can it be imported again
    _clear_caches()
    return asked


def _modules_with_answers() -> dict[str, ModuleType]:
    """The imported modules of all lessons' exercises; the core knows no answer."""
    inside = {n: m for n, m in sys.modules.items() if n.startswith(f"{EXERCISES}.")}
    return {n: m for n, m in inside.items() if f"{n}.".split(".")[2] != "core"}


def _without_metric(kind: Kind) -> Kind:
    """A kind that can still be asked, and no more says what it asks for."""
    if isinstance(kind, TrainedModel):
        return replace(kind, metric=lambda outputs, targets: 0.0, threshold=0.0)
    return kind


def _clear_caches() -> None:
    """Drop what the library remembers of types and files that it has met, then what is dropped."""
    for clear in typing._cleanups:  # type: ignore[attr-defined]
        clear()
    linecache.clearcache()
    gc.collect()


def remove_implementations() -> None:
    """Take the code out of the course's implementations, whose names stay.

    An answer that calls one is refused by the guard, and one that gets around the guard finds
    nothing there.
    """
    for name in IMPLEMENTATIONS:
        _import_all(importlib.import_module(name))
    for each in gc.get_objects():
        if type(each) is FunctionType and _is_ours(each):
            code = each.__code__
            each.__code__ = _shell.__code__.replace(
                co_name=code.co_name, co_qualname=code.co_qualname, co_freevars=code.co_freevars
            )


def remove_from_torch(names: Iterable[str]) -> None:
    """Put shells in the place of what an exercise refuses in torch.

    The guard around an answer sees a call by the interpreter's profiler, which an answer can switch
    off, and which threads do not have.
    """
    for name in names:
        code = _removed.__code__.replace(co_name=name, co_qualname=name)
        shell = FunctionType(code, {"__name__": "torch.removed"})
        for place in (torch, torch.nn, functional, Tensor, torch.special, torch._C._nn):
            for spelling in (name, f"_{name}", f"{name}_"):
                if hasattr(place, spelling):
                    setattr(place, spelling, shell)


def _removed(*arguments: object, **named: object) -> None:
    raise RuntimeError("this exercise asks you to write it yourself")


def remove_grader() -> None:
    """Take the grader's modules out of sight: no import tells that one is graded."""
    for name in [each for each in sys.modules if each.startswith("attncourse.grading")]:
        del sys.modules[name]
    vars(attncourse).pop("grading", None)


def _shell(*arguments: object, **named: object) -> None:
    raise RuntimeError("the course's own implementation does not help here: write yours")


def _is_ours(function: FunctionType) -> bool:
    return str(function.__globals__.get("__name__")).startswith(IMPLEMENTATIONS)


def _import_all(package: ModuleType) -> None:
    for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(each.name)


def _reached(things: Iterable[Any], inside: set[int]) -> Iterator[tuple[int, str]]:
    """The globals of some modules, by module's id and name, that functions and classes look up."""
    ahead, seen = list(things), set()
    while ahead:
        thing = ahead.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, type):
            ahead += [*vars(thing).values(), *thing.__bases__]
        if not isinstance(thing, FunctionType):
            continue
        ahead += [cell.cell_contents for cell in thing.__closure__ or ()]
        scope = thing.__globals__
        for name in _looked_up(thing.__code__):
            if name in scope and id(scope) in inside:
                yield id(scope), name
                ahead.append(scope[name])


def _looked_up(code: CodeType) -> Iterator[str]:
    yield from (i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL")
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _looked_up(constant)
