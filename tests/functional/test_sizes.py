"""Sizes are demanded by name."""

import pytest

from attncourse.functional.sizes import positive, reduced


def test_the_first_size_that_is_not_positive_is_named():
    positive(channels=1, heads=8)
    for wrong in (0, -3, 2.0, None):
        with pytest.raises(ValueError, match=f"heads must be a positive integer, got {wrong}"):
            positive(channels=1, heads=wrong, width=0)


def test_the_hidden_width_of_a_gate_is_rounded_down():
    assert reduced(100, 16) == 6
    assert reduced(8, 8) == 1


def test_a_hidden_width_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at most channels=8, got 9"):
        reduced(8, 9)
    with pytest.raises(ValueError, match="reduction must be a positive integer, got 0"):
        reduced(8, 0)
