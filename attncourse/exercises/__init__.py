"""The exercises of the course: a folder a lesson, a file an exercise, each judged by its oracle."""

import importlib
import pkgutil

from attncourse.exercises.core import Exercise


def lessons() -> dict[str, tuple[Exercise, ...]]:
    """All declared exercises by lesson slug, in the order in which the lessons ask them."""
    packages = [m.name for m in pkgutil.iter_modules(__path__) if m.ispkg and m.name != "core"]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in packages]
    return dict(sorted((m.EXERCISES[0].lesson, m.EXERCISES) for m in modules))
