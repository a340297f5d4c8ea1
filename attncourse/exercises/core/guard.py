"""Notice an answer that calls what it is asked to write, or that reads other cells' tensors."""

import contextlib
import dis
import inspect
import sys
from collections.abc import Iterator
from types import CodeType, FrameType, FunctionType
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn

#: The course's own implementations; every exercise refuses them.
IMPLEMENTATIONS = ("attncourse.nn", "attncourse.models", "attncourse.functional")

#: What code looks up, for an answer is asked many times; no code stays alive for it.
_GLOBALS: WeakKeyDictionary[CodeType, tuple[str, ...]] = WeakKeyDictionary()


class Refused(BaseException):
    """The answer called an implementation of what it should be; not catchable by accident."""


@contextlib.contextmanager
def refusing(names: tuple[str, ...], codes: frozenset[CodeType]) -> Iterator[list[str]]:
    """Raise `Refused` when the code inside calls the course's implementations.

    Args:
        names: functions and classes of torch that the exercise refuses, such as ``"softmax"``.
        codes: code objects that are refused too: the oracle's.

    Yields:
        What was refused: a handler of the learner may have swallowed the exception.
    """
    refused: list[str] = []

    def refuse(name: str) -> None:
        refused.append(name)
        raise Refused(name)

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            module = str(frame.f_globals.get("__name__", ""))
            code = frame.f_code
            if code in codes or module.startswith(IMPLEMENTATIONS):
                refuse(f"{module}.{code.co_qualname}")
            if module.startswith("torch.") and names and code.co_qualname.split(".")[0] in names:
                refuse(f"torch's {code.co_qualname.split('.')[0]}")
        elif event == "c_call":  # `_softmax` and `softmax_` are the same by other names
            name = str(getattr(argument, "__name__", "")).strip("_")
            if name in names:
                refuse(f"torch's {name}")

    previous = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield refused
    finally:
        sys.setprofile(previous)


def implementation(answer: Any) -> str | None:
    """Which of the course's implementations the answer is or derives from, if any."""
    classes = inspect.getmro(answer) if inspect.isclass(answer) else (type(answer), answer)
    ours = (c for c in classes if str(getattr(c, "__module__", "")).startswith(IMPLEMENTATIONS))
    return next((getattr(c, "__name__", type(c).__name__) for c in ours), None)


def leftovers(answer: Any) -> tuple[str, ...]:
    """Names of tensors and modules outside its arguments that the answer's code reads.

    An answer that works only because an earlier cell left ``keys`` behind works by chance.
    """
    found: set[str] = set()
    seen: set[CodeType] = set()

    def visit(function: FunctionType) -> None:
        for code in _codes(function.__code__):
            if code in seen:
                continue
            seen.add(code)
            for name in _globals_of(code):
                value = function.__globals__.get(name)
                if isinstance(value, Tensor | nn.Module) or type(value).__module__ == "numpy":
                    found.add(name)
                elif isinstance(value, FunctionType) and value.__globals__ is function.__globals__:
                    visit(value)

    for function in _functions(answer):
        visit(function)
    return tuple(sorted(found))


def codes_of(answer: Any) -> frozenset[CodeType]:
    """The code objects of a function or of a class's methods."""
    return frozenset(function.__code__ for function in _functions(answer))


def _functions(answer: Any) -> list[FunctionType]:
    if isinstance(answer, FunctionType):
        return [answer]
    members = vars(answer).values() if inspect.isclass(answer) else ()
    return [m for m in members if isinstance(m, FunctionType)]


def _globals_of(code: CodeType) -> tuple[str, ...]:
    if code not in _GLOBALS:
        found = (s.argval for s in dis.get_instructions(code) if s.opname == "LOAD_GLOBAL")
        _GLOBALS[code] = tuple(found)
    return _GLOBALS[code]


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
