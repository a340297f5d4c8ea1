import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncourse.data.vocabulary import Vocabulary

words = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1)


@given(st.text())
def test_characters_come_back(sentence):
    vocabulary = Vocabulary.build([sentence])
    assert vocabulary.decode(vocabulary.encode(sentence)) == sentence


@given(st.lists(words).filter(lambda given: not set(given) & set(Vocabulary.marks)))
def test_words_come_back(given):
    sentence = " ".join(given)
    vocabulary = Vocabulary.build([sentence], words=True)
    ids = vocabulary.encode(sentence)
    assert len(ids) == len(given)
    assert vocabulary.decode(ids) == sentence


def test_a_sentence_ends_at_its_end():
    v = Vocabulary("ab")
    assert v.decode([v.sos, *v.encode("ab"), v.eos, *v.encode("a"), v.eos, v.pad]) == "ab"


def test_what_is_not_known_is_unknown():
    vocabulary = Vocabulary("ab")
    assert vocabulary.encode("aꙮb") == [4, vocabulary.unk, 5]
    assert vocabulary.decode(vocabulary.encode("ꙮ")) == "<unk>"


def test_a_mark_in_a_text_is_unknown():
    vocabulary = Vocabulary.build(["<eos> of <pad>"], words=True)
    assert vocabulary.symbols == (*Vocabulary.marks, "of")


def test_frequent_symbols_come_first_and_rare_ones_not_at_all():
    text = ["b c a", "c b", "c"]
    full = Vocabulary.build(text, words=True)
    assert full.symbols[4:] == ("c", "b", "a")
    assert Vocabulary.build(text, words=True, min_frequency=2).symbols[4:] == ("c", "b")
    small = Vocabulary.build(text, words=True, max_size=5)
    assert small.symbols[4:] == ("c",)
    assert len(small) == 5


def test_limits_that_leave_nothing_are_refused():
    with pytest.raises(ValueError, match="max_size must be more than 4"):
        Vocabulary.build(["a"], max_size=4)
    with pytest.raises(ValueError, match="min_frequency must be at least 1, got 0"):
        Vocabulary.build(["a"], min_frequency=0)


def test_a_symbol_is_given_once():
    with pytest.raises(ValueError, match="'a'"):
        Vocabulary("aba")
    with pytest.raises(ValueError, match="'<unk>'"):
        Vocabulary(["<unk>"])
