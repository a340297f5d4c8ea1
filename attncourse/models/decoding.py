"""Writing a sentence with a network that predicts the next token: greedy and beam search.

Both ask a `Decoder` for one token at a time and know nothing of what stands behind it: the state
of a recurrent network, or the keys and values that a Transformer keeps.

Paper: Wu et al., Google's Neural Machine Translation System, 2016, arXiv:1609.08144, section 7
(the length penalty, and when to stop). Vaswani et al. 2017, section 6.1, takes 4 beams, α = 0.6.

Letters: B sentences, K beams, V vocabulary, S source length, T target length.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Decoder(Protocol):
    """The state of N sentences that are being written, a row each."""

    def step(self, tokens: Tensor) -> tuple[Tensor, Tensor | None]:
        """Read the newest token (N) of every row and predict the next.

        Returns:
            Logits (N, V); where the step attended, (N, S), or None if the network does not say.
        """
        ...

    def select(self, rows: Tensor) -> None:
        """Go on with these rows (N) of the state, in this order; a row may come more than once."""
        ...


@dataclass(frozen=True)
class Decoded:
    """What was written.

    Attributes:
        tokens: (B, T) without the start token; a sentence that has ended is filled up with `eos`.
        weights: (B, T, S), where each step attended; None if the network does not say.
    """

    tokens: Tensor
    weights: Tensor | None


@torch.no_grad()
def greedy(decoder: Decoder, start: Tensor, *, eos: int, max_length: int) -> Decoded:
    """Take the most probable token at every step.

    Args:
        decoder: Stands before the first token, a row for each sentence.
        start: (B), the start token of every sentence.
        eos: The token that ends a sentence.
        max_length: At most so many tokens are written.

    Raises:
        ValueError: If `max_length` is below 1.
    """
    _positive(max_length=max_length)
    token, done = start, torch.zeros_like(start, dtype=torch.bool)
    tokens: list[Tensor] = []
    weights: list[Tensor | None] = []
    while len(tokens) < max_length and not done.all():
        logits, attended = decoder.step(token)
        token = logits.argmax(-1).masked_fill(done, eos)
        done = done | (token == eos)
        tokens.append(token)
        weights.append(attended)
    return Decoded(torch.stack(tokens, 1), _history(weights))


@torch.no_grad()
def beam(
    decoder: Decoder,
    start: Tensor,
    *,
    beams: int,
    eos: int,
    max_length: int,
    length_penalty: float = 0.6,
) -> Decoded:
    """Keep the K best beginnings of every sentence, and return the best sentence found.

    A hypothesis of n tokens is ranked by log p / ((5 + n) / 6)^α: without the penalty, short
    sentences win because every further token costs probability.

    Args:
        decoder: Stands before the first token, K equal rows for each sentence, one after the other.
        start: (B), the start token of every sentence.
        beams: K; 1 is greedy search.
        eos: The token that ends a sentence.
        max_length: At most so many tokens are written.
        length_penalty: α; 0 ranks by probability alone.

    Raises:
        ValueError: If `beams` or `max_length` is below 1 or `length_penalty` is negative.
    """
    _positive(beams=beams, max_length=max_length)
    if length_penalty < 0:
        raise ValueError(f"length_penalty must not be negative, got {length_penalty}")

    def rank(log_p: Tensor, length: Tensor | int) -> Tensor:
        return log_p / ((5 + length) / 6) ** length_penalty

    first = torch.arange(len(start), device=start.device)[:, None] * beams  # (B, 1), among BK rows
    tokens = start.repeat_interleave(beams)[:, None]  # (BK, 1 + t)
    done = torch.zeros_like(tokens[:, 0], dtype=torch.bool)
    length = torch.zeros_like(tokens[:, 0])
    log_p = torch.full(length.shape, -math.inf, device=start.device)
    log_p[first] = 0.0  # the beams start equal: all but one would write the same sentence
    weights: list[Tensor | None] = []

    for _ in range(max_length):
        logits, attended = decoder.step(tokens[:, -1])
        gain = logits.float().log_softmax(-1)
        # A finished hypothesis has one continuation, which costs nothing.
        gain = gain.masked_fill(done[:, None], -math.inf)
        gain[:, eos] = gain[:, eos].masked_fill(done, 0.0)
        length = length + ~done
        total = log_p[:, None] + gain  # (BK, V)
        ranked = rank(total, length[:, None]).view(len(start), -1)  # (B, KV)
        best, choice = ranked.topk(beams)
        rows = (first + choice // gain.shape[1]).flatten()
        token = (choice % gain.shape[1]).flatten()

        log_p = total[rows, token]
        length, done = length[rows], done[rows] | (token == eos)
        tokens = torch.cat((tokens[rows], token[:, None]), 1)
        weights = [None if past is None else past[rows] for past in (*weights, attended)]
        decoder.select(rows)
        # What is unfinished can only lose probability: stop once it cannot win any more.
        won = best.masked_fill(~done.view_as(best), -math.inf).amax(1)
        hope = rank(log_p, max_length).masked_fill(done, -math.inf).view_as(best).amax(1)
        if (won >= hope).all():
            break

    history = _history(weights)
    return Decoded(tokens[::beams, 1:], None if history is None else history[::beams])


def _history(weights: list[Tensor | None]) -> Tensor | None:
    steps = [attended for attended in weights if attended is not None]
    return torch.stack(steps, 1) if steps else None


def _positive(**limits: int) -> None:
    for name, value in limits.items():
        if value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value}")
