"""A small parallel text, and the import of `commands` by the tests."""

import random
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

GERMAN = ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"]
ENGLISH = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.fixture(scope="session")
def text(tmp_path_factory):
    """Options that name two files of 400 lines: number words, German and English."""
    folder, draw = tmp_path_factory.mktemp("text"), random.Random(0)
    numbers = [[draw.randrange(10) for _ in range(draw.randint(1, 5))] for _ in range(400)]
    options = []
    for option, words in (("--source", GERMAN), ("--target", ENGLISH)):
        path = folder / option[2:]
        lines = (" ".join(words[digit] for digit in number) for number in numbers)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        options += [option, str(path)]
    return options
