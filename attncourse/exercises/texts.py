"""All texts of the exercises, for translators: an extractor of Babel's.

Sentences stay where they belong, beside the wrong answer or the law that they are about. Babel asks
here for those of one lesson, by the file of its package.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attncourse.exercises.core import Exercise
from attncourse.exercises.core.behaviours import LawBehaviour

#: Place (a catalogue's context) and English text.
Text = tuple[str, str]


def texts_of(exercise: Exercise) -> Iterator[Text]:
    """What an exercise says: its title, its laws, its misconceptions."""
    yield f"{exercise.place}/title", exercise.title
    for number, law in enumerate(exercise.laws):
        yield f"{exercise.place}/{LawBehaviour.of(law, number).name}", law.title
    for wrong in exercise.misconceptions:
        yield f"{exercise.place}/{wrong.name}", wrong.sentence


def extract(file: Any, keywords: Any, comments: Any, options: Any) -> Iterator[tuple[Any, ...]]:
    """Babel's interface: the texts of the package whose file this is."""
    module = importlib.import_module(f"attncourse.exercises.{Path(file.name).parent.name}")
    for exercise in getattr(module, "EXERCISES", ()):
        yield from ((1, "pgettext", text, []) for text in texts_of(exercise))
