"""Greedy and beam search against the best of all sentences, found by trying them all."""

import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attncourse.models.decoding import beam, greedy

SENTENCES, VOCABULARY, LENGTH, SOS, EOS = 3, 4, 4, 1, 3


class Markov:
    """A decoder whose state can be wrong: it must be told which rows survive."""

    def __init__(self, seed, *, beams=1):
        random = torch.Generator().manual_seed(seed)
        shape = (SENTENCES, LENGTH, VOCABULARY, VOCABULARY)  # sentence, step, this token, the next
        self.table = (3 * torch.randn(shape, generator=random)).log_softmax(-1)
        self.rows = torch.arange(SENTENCES).repeat_interleave(beams)
        self.step_number = 0

    def step(self, tokens):
        logits = self.table[self.rows, self.step_number, tokens]
        self.step_number += 1
        return logits, torch.stack((self.rows, tokens), 1).float()  # where it "looked"

    def select(self, rows):
        self.rows = self.rows[rows]

    def log_p(self, sentence, tokens):
        previous = (SOS, *tokens[:-1])
        return sum(
            self.table[sentence, t, a, b].item()
            for t, (a, b) in enumerate(zip(previous, tokens, strict=True))
        )


START = torch.full((SENTENCES,), SOS)


def written(tokens):
    """The tokens up to and with the first end."""
    tokens = tokens.tolist()
    return tuple(tokens[: tokens.index(EOS) + 1] if EOS in tokens else tokens)


def all_sentences():
    for length in range(1, LENGTH + 1):
        for tokens in product(range(VOCABULARY), repeat=length):
            if EOS not in tokens[:-1] and (tokens[-1] == EOS or length == LENGTH):
                yield tokens


@given(seed=st.integers(0, 10_000), penalty=st.sampled_from([0.0, 0.6, 1.0]))
def test_a_wide_beam_finds_the_best_of_all_sentences(seed, penalty):
    beams = VOCABULARY**LENGTH
    decoder = Markov(seed, beams=beams)
    found = beam(
        decoder, START, beams=beams, eos=EOS, max_length=LENGTH, length_penalty=penalty
    ).tokens
    for sentence, tokens in enumerate(found):

        def rank(candidate, sentence=sentence):
            return decoder.log_p(sentence, candidate) / ((5 + len(candidate)) / 6) ** penalty

        assert math.isclose(
            rank(written(tokens)), max(map(rank, all_sentences())), rel_tol=1e-5, abs_tol=1e-5
        )


@given(seed=st.integers(0, 10_000))
def test_one_beam_is_greedy_search(seed):
    one = beam(Markov(seed), START, beams=1, eos=EOS, max_length=LENGTH)
    best_first = greedy(Markov(seed), START, eos=EOS, max_length=LENGTH)
    assert one.tokens.equal(best_first.tokens)
    assert one.weights.equal(best_first.weights)


@given(seed=st.integers(0, 10_000), beams=st.integers(1, 5))
def test_every_step_keeps_what_it_attended_to(seed, beams):
    decoded = beam(Markov(seed, beams=beams), START, beams=beams, eos=EOS, max_length=LENGTH)
    previous = torch.cat((START[:, None], decoded.tokens[:, :-1]), 1)
    sentence = torch.arange(SENTENCES)[:, None].expand_as(previous)
    assert decoded.weights.equal(torch.stack((sentence, previous), -1).float())


@given(seed=st.integers(0, 10_000), beams=st.integers(1, 5))
def test_after_the_end_comes_nothing_but_the_end(seed, beams):
    for decoded in (
        greedy(Markov(seed), START, eos=EOS, max_length=LENGTH),
        beam(Markov(seed, beams=beams), START, beams=beams, eos=EOS, max_length=LENGTH),
    ):
        ended = (decoded.tokens == EOS).cumsum(1) > 0
        assert (decoded.tokens[ended] == EOS).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beams": 0, "max_length": 3}, "beams must be a positive integer, got 0"),
        ({"beams": 2, "max_length": 0}, "max_length must be a positive integer, got 0"),
        ({"beams": 2, "max_length": 3, "length_penalty": -1.0}, "must not be negative, got -1.0"),
    ],
)
def test_errors_name_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        beam(Markov(0), START, eos=EOS, **options)
