"""The exercises of the course: a folder a lesson, a file an exercise, each judged by its oracle.

`core` says what an exercise is, `common` holds what more than one lesson draws or asks to hold.
"""

import importlib
import pkgutil

from attncourse.exercises.core import Exercise


def packages() -> list[str]:
    """The names of the lessons' packages; all others here belong to no lesson."""
    found = (m.name for m in pkgutil.iter_modules(__path__) if m.ispkg)
    return [name for name in found if name not in ("core", "common")]


def lessons() -> dict[str, tuple[Exercise, ...]]:
    """All declared exercises by lesson slug, in the order in which the lessons ask them."""
    modules = [importlib.import_module(f"{__name__}.{name}") for name in packages()]
    return dict(sorted((m.EXERCISES[0].lesson, m.EXERCISES) for m in modules))
