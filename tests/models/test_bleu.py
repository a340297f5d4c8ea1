import math

import pytest

from attncourse.models.bleu import bleu

REFERENCE = "the cat sat on the mat"


def test_the_reference_itself_is_perfect():
    assert bleu([REFERENCE, "a b c d"], [REFERENCE, "a b c d"]) == pytest.approx(1)


@pytest.mark.parametrize("said", ["", "dogs bark", "mat the on sat cat the"])
def test_without_four_words_in_a_row_nothing_is_right(said):
    assert bleu([said], [REFERENCE]) == 0


def test_by_hand():
    said = "the cat sat on the rug"
    # Of 6, 5, 4 and 3 groups of 1 to 4 words, all but the last are shared.
    assert bleu([said], [REFERENCE]) == pytest.approx((5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25)


def test_a_word_counts_as_often_as_the_reference_has_it():
    said = "the the cat sat on"
    assert bleu([said], [REFERENCE]) == pytest.approx(
        (5 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25 * math.exp(1 - 6 / 5)
    )
    said = "cat cat sat on the mat"
    assert bleu([said], [REFERENCE]) == pytest.approx((5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25)


def test_what_is_too_short_is_punished():
    assert bleu(["the cat sat on"], [REFERENCE]) == pytest.approx(math.exp(1 - 6 / 4))


def test_groups_are_counted_over_the_whole_text():
    together = bleu([REFERENCE, "x"], [REFERENCE, "y"])
    assert 0 < together < bleu([REFERENCE], [REFERENCE])


def test_each_translation_needs_its_reference():
    with pytest.raises(ValueError):
        bleu(["a"], ["a", "b"])
