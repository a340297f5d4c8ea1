"""The one door through which text reaches people, so that a translation can stand behind it.

Logic passes keys and values; whoever shows something asks here for the words. English is the
source: without a translation every text is what the code says. `pybabel extract` finds the texts
(see CONTRIBUTING.md), and a translation is a compiled catalogue in `attncourse/locale/`.
"""

import gettext as standard
import os
from pathlib import Path

DOMAIN = "attncourse"
LOCALE = Path(__file__).parent / "locale"
#: Names the language; that of the machine does not count, so that all see the same outputs.
VARIABLE = "ATTNCOURSE_LANGUAGE"

_texts: standard.NullTranslations = standard.NullTranslations()


def use(texts: standard.NullTranslations) -> standard.NullTranslations:
    """Take all texts from other translations from now on; returns those of before."""
    global _texts
    before, _texts = _texts, texts
    return before


def chosen() -> standard.NullTranslations:
    """Find the translations that the environment asks for, or English."""
    languages = [name for name in os.environ.get(VARIABLE, "").split(":") if name]
    return standard.translation(DOMAIN, LOCALE, languages, fallback=True)


def mark(message: str, /) -> str:
    """Mark a text that is looked up elsewhere, such as one in a table; `pybabel` sees it here."""
    return message


def gettext(message: str, /, **values: object) -> str:
    """Return a text in the reader's language.

    Args:
        message: The English text, a format string if there are values.
        values: What stands in it.
    """
    text = _texts.gettext(message)
    return text.format(**values) if values else text


def pgettext(context: str, message: str, /) -> str:
    """Return a text with a key of its own, such as a misconception's sentence.

    Args:
        context: The key: equal English texts may need different translations.
        message: The English text.
    """
    text = _texts.pgettext(context, message)
    return _texts.gettext(message) if text == message else text


def ngettext(singular: str, plural: str, number: int, /, **values: object) -> str:
    """Return a text about a number of things, which is among its values as `number`."""
    return _texts.ngettext(singular, plural, number).format(number=number, **values)


use(chosen())
