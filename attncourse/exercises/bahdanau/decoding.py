"""Greedy decoding: the likeliest token at each step, fed back."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, wrong

#: Ids of the start and end symbols in the tables of the probes.
SOS, EOS = 1, 2


def _greedy_inputs(draw: Draw) -> Inputs:
    batch, length, vocabulary = draw.sizes((3, 7, 11), (2, 5, 13))
    table = draw.normal(batch, length, vocabulary, vocabulary)
    table[..., SOS] -= 9.0  # no sentence begins again
    table[..., EOS] -= 9.0
    endings = range(batch - draw.variant)  # of the second size, the last sentence never ends
    for row in endings:
        table[row, min(2 + row, length - 2), :, EOS] += 30.0  # one after another
    return {"table": table, "max_length": length}


def _call_greedy(answer: Callable[..., Any], inputs: Inputs) -> Any:
    """Give the answer a `step` whose logits depend on sentence, time and last word."""
    table, longest = inputs.values()
    assert isinstance(table, Tensor)
    rows = torch.arange(len(table))
    calls = 0

    def step(token: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal calls
        calls += 1
        return table[rows, state.clamp(max=table.shape[1] - 1), token], state + 1

    tokens = answer(step, torch.zeros(len(table), dtype=torch.long), SOS, EOS, longest)
    return tokens, torch.tensor(calls)


def _greedy(step: Any, state: Tensor, sos: int, eos: int, max_length: int) -> Tensor:
    token = torch.full((len(state),), sos)
    done = torch.zeros(len(state), dtype=torch.bool)
    tokens = []
    for _ in range(max_length):
        logits, state = step(token, state)
        token = logits.argmax(-1).masked_fill(done, eos)
        tokens.append(token)
        done = done | (token == eos)
        if done.all():
            break
    return torch.stack(tokens, 1)


def _greedy_with(
    *,
    choose: Callable[[Tensor], Tensor] = lambda logits: logits.argmax(-1),
    feed_back: bool = True,
    carry: bool = True,
    pad: bool = True,
    stop: Callable[[Tensor], Any] = lambda done: done.all(),
    keep_start: bool = False,
) -> Callable[..., Tensor]:
    """Greedy decoding with one of its parts exchanged."""

    def decode(step: Any, state: Tensor, sos: int, eos: int, max_length: int) -> Tensor:
        token = torch.full((len(state),), sos)
        done = torch.zeros(len(state), dtype=torch.bool)
        tokens = [token] if keep_start else []
        start = token
        for _ in range(max_length):
            logits, new_state = step(token if feed_back else start, state)
            state = new_state if carry else state
            token = choose(logits)
            token = token.masked_fill(done, eos) if pad else token
            tokens.append(token)
            done = done | (token == eos)
            if stop(done):
                break
        return torch.stack(tokens, 1)

    return decode


def _greedy_filled(step: Any, state: Tensor, sos: int, eos: int, max_length: int) -> Tensor:
    tokens = torch.full((len(state), max_length), eos)
    last = torch.full((len(state),), sos)
    ended = torch.zeros(len(state), dtype=torch.bool)
    used = 0
    while used < max_length and not bool(ended.all()):
        logits, state = step(last, state)
        last = torch.where(ended, eos, logits.max(dim=1).indices)
        tokens[:, used] = last
        ended |= last == eos
        used += 1
    return tokens[:, :used]


def _greedy_masked(step: Any, state: Tensor, sos: int, eos: int, max_length: int) -> Tensor:
    chosen: list[Tensor] = []
    alive = torch.ones(len(state), dtype=torch.long)
    token = torch.full_like(alive, sos)
    while len(chosen) < max_length and alive.sum() > 0:
        logits, state = step(token, state)
        token = alive * torch.topk(logits, 1).indices[:, 0] + (1 - alive) * eos
        alive = alive * (token != eos).long()
        chosen.append(token[:, None])
    return torch.cat(chosen, 1)


def _greedy_afterwards(step: Any, state: Tensor, sos: int, eos: int, max_length: int) -> Tensor:
    token = torch.full((len(state),), sos)
    tokens: list[Tensor] = []
    while len(tokens) < max_length:
        logits, state = step(token, state)
        token = logits.argmax(1)
        tokens.append(token)
        if all(bool((t == eos).any()) for t in torch.stack(tokens, 1)):
            break
    result = torch.stack(tokens, 1)
    ended = (result == eos).long().cumsum(1) - (result == eos).long() > 0
    return result.masked_fill(ended, eos)


greedy_decode = Exercise(
    points=3,
    kind=Function(("tokens", "number_of_steps"), call=_call_greedy),
    title="tokens: the likeliest one at each step, fed back, until all sentences have ended",
    oracle=_greedy,
    draw=_greedy_inputs,
    batched=("table",),
    differentiable=False,
    seconds=3.0,
    portable=False,
    misconceptions=(
        wrong("never-fed-back", _greedy_with(feed_back=False)).because(
            "Every step gets the start symbol. Feed back the token that you have just chosen."
        ),
        wrong("state-not-carried", _greedy_with(carry=False)).because(
            "Every step gets the first state. Keep the state that `step` returns."
        ),
        wrong("not-padded", _greedy_with(pad=False)).because(
            "A sentence that has ended goes on: after its first `eos` everything should be `eos`."
        ),
        wrong("stops-with-the-first", _greedy_with(stop=lambda done: done.any())).because(
            "You stop as soon as one sentence has ended, and cut the others off: wait until *all* "
            "have."
        ),
        wrong(
            "one-step-short",
            lambda step, state, sos, eos, length: _greedy_with()(step, state, sos, eos, length - 1),
        ).because(
            "A sentence that never ends gets `max_length - 1` tokens: take `max_length` steps."
        ),
        wrong(
            "one-step-more",
            lambda step, state, sos, eos, length: _greedy_with()(step, state, sos, eos, length + 1),
        ).because(
            "A sentence that never ends gets `max_length + 1` tokens: stop one step earlier."
        ),
        wrong("never-stops", _greedy_with(stop=lambda done: False)).because(
            "You always take `max_length` steps. Stop when every sentence has ended: that is "
            "where most of the time goes."
        ),
        wrong("start-kept", _greedy_with(keep_start=True)).because(
            "The start symbol is part of the result. It is only there to begin with: collect what "
            "you choose."
        ),
        wrong("least-likely", _greedy_with(choose=lambda logits: logits.argmin(-1))).because(
            "You choose the *least* likely token."
        ),
        wrong(
            "sampled",
            _greedy_with(
                choose=lambda logits: torch.multinomial(
                    logits.softmax(-1), 1, generator=torch.Generator().manual_seed(0)
                )[:, 0]
            ),
        ).because("You sample from the distribution; greedy decoding takes its maximum."),
    ),
    right=(_greedy_filled, _greedy_masked, _greedy_afterwards, _greedy_with()),
)
