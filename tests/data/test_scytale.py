import itertools

import pytest

from attncourse.data import scytale


def test_turns_of_the_strip_are_columns_of_the_message():
    task = scytale.load(200, rows=2, columns=3, alphabet="abcdef")
    for strip, message in (*task.train, *task.test):
        above, below = message[:3], message[3:]
        assert strip == "".join(a + b for a, b in zip(above, below, strict=True))


def test_places_decipher_every_strip():
    task = scytale.load(200, rows=3, columns=5)
    where = scytale.places(3, 5)
    assert sorted(where) == list(range(15))
    assert all("".join(strip[i] for i in where) == message for strip, message in task.test)


def test_neighbours_of_a_line_stand_a_turn_apart_on_the_strip():
    where = scytale.places()
    steps = [b - a for a, b in itertools.pairwise(where)]
    assert steps.count(4) == 20 and steps.count(-19) == 3  # back to the beginning of a line


def test_one_pair_in_ten_is_for_testing_and_every_symbol_comes_equally_often():
    task = scytale.load(1_000)
    assert (len(task.train), len(task.test)) == (900, 100)
    text = "".join(message for _, message in task.train)
    counts = [text.count(digit) for digit in "0123456789"]
    assert max(counts) < 1.1 * min(counts)


def test_a_seed_fixes_the_task():
    assert scytale.load(200, seed=5) == scytale.load(200, seed=5)
    assert scytale.load(200, seed=5) != scytale.load(200, seed=6)


@pytest.mark.parametrize("options", [{"pairs": 99}, {"rows": 1}, {"columns": 1}, {"alphabet": ""}])
def test_what_cannot_be_drawn_is_refused(options):
    with pytest.raises(ValueError, match="at least 100"):
        scytale.load(**options)
