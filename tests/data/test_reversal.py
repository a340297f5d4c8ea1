from collections import Counter

import pytest

from attncourse.data import reversal


def test_targets_are_sources_backwards():
    task = reversal.load(500, alphabet="abc")
    for source, target in (*task.train, *task.test):
        assert target == "".join(reversed(source))
        assert set(source) <= set("abc")


def test_every_length_comes_equally_often():
    task = reversal.load(5_000, longest=10)
    lengths = Counter(len(source) for source, _ in task.train)
    assert set(lengths) == set(range(1, 11))
    assert max(lengths.values()) < 1.3 * min(lengths.values())


def test_all_strings_may_have_the_same_length():
    task = reversal.load(200, shortest=7, longest=7)
    assert {len(side) for pair in (*task.train, *task.test) for side in pair} == {7}


def test_a_seed_fixes_the_task():
    assert reversal.load(200, seed=5) == reversal.load(200, seed=5)
    assert reversal.load(200, seed=5) != reversal.load(200, seed=6)


@pytest.mark.parametrize(
    "options", [{"pairs": 99}, {"longest": 0}, {"shortest": 0}, {"shortest": 11}, {"alphabet": ""}]
)
def test_what_cannot_be_drawn_is_refused(options):
    with pytest.raises(ValueError, match="at least 100"):
        reversal.load(**options)
