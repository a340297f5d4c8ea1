"""Words are made at the edge: every text can be found, and replaced without changing a verdict."""

import gettext as standard
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from attncourse import catalogue
from attncourse.exercises import lessons
from attncourse.exercises.core import Exercise, Verdict
from attncourse.exercises.core.messages import MESSAGES, diagnosis
from attncourse.exercises.core.show import Shown
from attncourse.exercises.texts import texts_of

ROOT = Path(__file__).parents[2]
EXERCISES = {f"{e.place}": e for of_lesson in lessons().values() for e in of_lesson}
SAMPLE = (
    "01-bahdanau/masked_softmax",
    "01-bahdanau/reading",
    "06-se/SEBlock",
    "06-se/own_squeeze",
    "06-se/squeeze",
)


class Keys(standard.NullTranslations):
    """A language in which every text is its own key."""

    def gettext(self, message: str) -> str:
        return f"<{hash(message) % 1000}>"

    def pgettext(self, context: str, message: str) -> str:
        return f"<{context}>"


@pytest.fixture
def keys() -> Iterator[None]:
    before = catalogue.use(Keys())
    yield
    catalogue.use(before)


def without_words(exercise: Exercise) -> Exercise:
    """The same exercise, whose author wrote keys where others write sentences."""
    return replace(
        exercise,
        title="title",
        laws=tuple(replace(each, title="law") for each in exercise.laws),
        misconceptions=tuple(replace(m, sentence=m.name) for m in exercise.misconceptions),
    )


def facts(verdict: Verdict) -> object:
    found = [(f.behaviour, f.outcome, f.reason and f.reason.key) for f in verdict.findings]
    return verdict.outcome, verdict.misconception, len(verdict.diagnosis), found


def unwritten(*inputs: object) -> None:
    raise NotImplementedError


@pytest.mark.parametrize("place", SAMPLE)
def test_no_verdict_depends_on_a_text(place: str, keys: None) -> None:
    exercise = EXERCISES[place]
    keyed = without_words(exercise)
    answers = [exercise.right[0], *(m.forms[0] for m in exercise.misconceptions)]
    for answer in [*answers, unwritten, lambda *inputs: 1 / 0, lambda *inputs: None, 7]:
        verdict = keyed.examine(answer)
        english = catalogue.use(standard.NullTranslations())
        assert facts(verdict) == facts(exercise.examine(answer))
        catalogue.use(english)
        said = Shown(verdict, every=True)._repr_mimebundle_()
        assert "Your" not in diagnosis(verdict) + said["text/plain"] + said["text/html"]
        assert said["text/plain"].count("\n") >= len(verdict.findings)  # as many lines as before


def test_every_text_can_be_found(tmp_path: Path) -> None:
    template = tmp_path / "attncourse.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "babel.cfg"]
    subprocess.run([*command, "-k", "mark", "-k", "_", "-o", template, "."], check=True, cwd=ROOT)
    with template.open("rb") as file:
        found = {(each.context, each.id) for each in read_po(file)}
    assert {(None, each) for each in MESSAGES.values()} <= found
    for exercise in EXERCISES.values():
        assert set(texts_of(exercise)) <= found
    assert (None, "What was looked at") in found  # of a page


def test_a_translation_needs_no_change_of_logic() -> None:
    class German(standard.NullTranslations):
        def gettext(self, message: str) -> str:
            return {"That is not the number.": "Das ist nicht die Zahl."}.get(message, message)

    before = catalogue.use(German())
    try:
        assert diagnosis(EXERCISES["01-bahdanau/reading"].examine(object())) != ""
        assert catalogue.pgettext("other-number", "That is not the number.").startswith("Das")
    finally:
        catalogue.use(before)
