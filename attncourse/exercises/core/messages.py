"""The words for reasons, findings and verdicts: the edge where data becomes text."""

import string
from typing import Any

from attncourse.catalogue import mark, pgettext
from attncourse.exercises.core import behaviours, compare, general, kinds, respond
from attncourse.exercises.core.reason import DECLARED, Plain, Reason, reason
from attncourse.exercises.core.verdict import Finding, Outcome, Verdict

#: The English text of every key.
MESSAGES = {
    **kinds.MESSAGES,
    **respond.MESSAGES,
    **compare.MESSAGES,
    **behaviours.MESSAGES,
    **general.MESSAGES,
    "not-judged": mark("{title}: not judged yet"),
    "stands-in": mark(
        "Your `{name}` gives nothing yet that could be used here: the course's stands in for it."
    ),
    "passed": mark("✓ {exercise}: {points} of {points} points – {title}"),
}

MARKS = {Outcome.HELD: "✓", Outcome.NOT_JUDGED: "–"}
WRONG = "✗"


def sentence(of: Reason) -> str:
    """The text of a reason.

    Raises:
        ValueError: it is none of those that there are, or lacks a value.
    """
    try:
        if of.key == DECLARED:
            text = pgettext(str(of.values["place"]), str(of.values["text"]))
            if of.values.keys() == {"place", "text"}:
                return text
        else:
            text = pgettext(of.key, MESSAGES[of.key])
        return _Words().format(text, **of.values)
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"no message for {of!r}") from error


class _Words(string.Formatter):
    """Writes values as a learner reads them: reasons, shapes and lists of names among them."""

    def format_field(self, value: Any, format_spec: str) -> str:
        return str(super().format_field(_shown(value), format_spec))


def _shown(value: Plain) -> Any:
    if isinstance(value, Reason):
        return sentence(value)
    if isinstance(value, list):
        if all(isinstance(each, int) for each in value):
            return str(tuple(value))
        return ", ".join(str(_shown(each)) for each in value)
    return value


def title(finding: Finding) -> str:
    """What was looked at."""
    return sentence(finding.title)


def line(finding: Finding) -> str:
    """A finding as one line of a check."""
    said = title(finding)
    if finding.outcome is Outcome.NOT_JUDGED:
        said = sentence(reason("not-judged", title=said))
    return f"{MARKS.get(finding.outcome, WRONG)} {said}"


def diagnosis(verdict: Verdict) -> str:
    """What is wrong; the empty text where nothing is."""
    return " ".join(map(sentence, verdict.diagnosis))
