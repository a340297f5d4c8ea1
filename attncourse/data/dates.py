"""Dates as people write them in many languages → ISO 8601: "mardi 3 mars 1998" → "1998-03-03".

The texts are real localisation data: the date formats of the Unicode CLDR, which Babel ships.
Words, order and punctuation differ from language to language, so a network has to look up day,
month and year where each language puts them.
"""

import unicodedata
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
from babel import Locale, UnknownLocaleError
from babel.dates import format_date

from attncourse.data.parallel_text import Pair, ParallelText

LOCALES: tuple[str, ...] = (
    *("en_US", "en_GB", "fr", "de", "es", "it", "pt_BR", "nl", "sv", "da", "nb", "fi", "is", "af"),
    *("pl", "cs", "sk", "sl", "hr", "ru", "uk", "bg", "lv", "lt", "et", "hu", "ro", "ca", "gl"),
    *("eu", "ga", "el", "tr", "id", "ms", "sw", "vi", "zh_CN", "ja", "ko"),
)
FORMATS: tuple[str, ...] = ("medium", "long", "full")

_FIRST, _LAST = date(1900, 1, 1), date(2099, 12, 31)


def load(
    pairs: int = 24_000,
    *,
    seed: int = 0,
    locales: Sequence[str] = LOCALES,
    formats: Sequence[str] = FORMATS,
) -> ParallelText:
    """Draw dates from 1900 to 2099 and write each in a language and a format drawn at random.

    One day in ten is kept for testing: no day of a test pair is seen in training, in any language.
    Formats that shorten the year are left out, because their dates cannot be told.

    Args:
        pairs: Number of pairs, for training and testing together.
        seed: Fixes the days, languages and formats.
        locales: Names of CLDR locales, such as "fr" or "pt_BR".
        formats: CLDR's "short", "medium", "long" or "full".

    Returns:
        The task; both of its vocabularies consist of characters.

    Raises:
        ValueError: If a locale or format is unknown, no format writes the year in full, or there
            are fewer than 100 pairs.
    """
    if pairs < 100:
        raise ValueError(f"pairs must be at least 100, got {pairs}")
    styles = _styles(locales, formats)
    rng = np.random.default_rng(seed)

    def draw(number: int, among: np.ndarray) -> list[Pair]:
        chosen = [_FIRST + timedelta(int(day)) for day in rng.choice(among, number)]
        drawn = [styles[i] for i in rng.integers(len(styles), size=number)]
        return [(write(d, *style), d.isoformat()) for d, style in zip(chosen, drawn, strict=True)]

    days = rng.permutation((_LAST - _FIRST).days + 1)
    tested, tests = len(days) // 10, pairs // 10
    train, test = draw(pairs - tests, days[tested:]), draw(tests, days[:tested])
    return ParallelText.build(train, test)


def write(day: date, locale: Locale | str, style: str) -> str:
    """Write a day as people of a locale do, in lower case and without invisible marks."""
    text = unicodedata.normalize("NFKC", format_date(day, format=style, locale=locale)).lower()
    visible = "".join(c for c in text if unicodedata.category(c) != "Cf")  # marks of direction
    return " ".join(visible.split())


def _styles(locales: Sequence[str], formats: Sequence[str]) -> list[tuple[Locale, str]]:
    """Return the (locale, format) pairs that write the year in full."""
    known = {"short", *FORMATS}
    if unknown := set(formats) - known:
        raise ValueError(f"formats must be among {sorted(known)}, got {sorted(unknown)}")
    styles = [(_locale(name), style) for name in locales for style in formats]
    full = [style for style in styles if str(_FIRST.year) in write(_FIRST, *style)]
    if not full:
        raise ValueError(f"no locale of {list(locales)} writes the full year in {list(formats)}")
    return full


def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name)
    except (UnknownLocaleError, ValueError) as error:
        raise ValueError(
            f"locale {name!r} is not in Babel's CLDR data; names look like 'fr' or 'pt_BR'"
        ) from error
