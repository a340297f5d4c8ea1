"""Position attention for some queries at a time: the same numbers, bounded memory."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.common.draws import levels
from attncourse.exercises.core import Draw, Exercise, Function, Inputs, wrong
from attncourse.profiling import peak_bytes

#: So many times the memory of one block and of the maps may be held at one moment.
GENEROUS = 6

#: With blocks 16 times as long, so many times the memory must be held at least: else they are not
#: as long as was asked.
FOLLOWS = 2


def _inputs(draw: Draw) -> Inputs:
    # The first has 15 blocks, the last of them shorter; in the second all fit into one.
    batch, width, channels, height, breadth, block = draw.sizes(
        (2, 2, 3, 9, 13, 8), (3, 4, 2, 7, 3, 50)
    )
    return {
        "query": draw.normal(batch, width, height, breadth),
        "key": draw.normal(batch, width, height, breadth, offset=0.3),
        "value": draw.normal(batch, channels, height, breadth) + levels(-1, 2, channels),
        "block": block,
    }


def _call(answer: Callable[..., Any], inputs: Inputs) -> tuple[Any, Tensor, Tensor]:
    """Call it, and call it again to see how much memory it needs where nothing is kept."""
    query, key, value, block = inputs.values()
    assert isinstance(query, Tensor) and isinstance(key, Tensor) and isinstance(value, Tensor)
    assert isinstance(block, int)
    mixed = answer(query, key, value, block)
    maps = [x.detach() for x in (query, key, value)]
    plain = [query.new_zeros(1, 1, 8, 8) for _ in range(3)]
    with torch.no_grad():
        peak = peak_bytes(lambda: answer(*maps, block))
        short, long = peak_bytes(lambda: answer(*plain, 4)), peak_bytes(lambda: answer(*plain, 64))
    batch, channels, places = value.flatten(2).shape
    rows = min(block, places) + channels + query.shape[1]
    allowed = GENEROUS * batch * rows * places * value.element_size()
    bounded = torch.tensor(peak <= allowed, device=query.device)
    follows = int(long >= FOLLOWS * short) - int(long < short)  # −1 where it goes the other way
    return mixed, bounded, torch.tensor(follows, device=query.device)


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return value @ (query.mT @ key).softmax(-1).mT


def _blockwise(query: Tensor, key: Tensor, value: Tensor, block: int) -> Tensor:
    q, k, v = (x.flatten(2) for x in (query, key, value))
    mixed = torch.cat([_attend(part, k, v) for part in q.split(block, -1)], -1)
    return mixed.reshape(value.shape)


def _by_index(query: Tensor, key: Tensor, value: Tensor, block: int) -> Tensor:
    q, k, v = query.flatten(2), key.flatten(2), value.flatten(2)
    places, found = q.shape[2], []
    for start in range(0, places, block):
        scores = q[:, :, start : start + block].transpose(1, 2) @ k
        found.append((torch.softmax(scores, dim=-1) @ v.transpose(1, 2)).transpose(1, 2))
    return torch.cat(found, dim=2).view_as(value)


def _into_place(query: Tensor, key: Tensor, value: Tensor, block: int) -> Tensor:
    q, k, v = (x.flatten(2).mT for x in (query, key, value))
    mixed = torch.zeros_like(v)
    for b in range(len(q)):
        for n in range(0, q.shape[1], block):
            mixed[b, n : n + block] = (q[b, n : n + block] @ k[b].T).softmax(-1) @ v[b]
    return mixed.mT.reshape(value.shape)


def _keys_too(query: Tensor, key: Tensor, value: Tensor, block: int) -> Tensor:
    """Blocks of keys as well: sums and maxima are brought up to date from block to block."""
    q, k, v = (x.flatten(2) for x in (query, key, value))
    found = []
    for asked in q.split(block, 2):
        best = asked.new_full((len(q), asked.shape[2], 1), -torch.inf)
        total, mixed = torch.zeros_like(best), asked.new_zeros(len(q), asked.shape[2], v.shape[1])
        for keys, values in zip(k.split(4 * block, 2), v.split(4 * block, 2), strict=True):
            scores = asked.mT @ keys
            new = torch.maximum(best, scores.amax(-1, keepdim=True))
            weights, fade = (scores - new).exp(), (best - new).exp()
            total = total * fade + weights.sum(-1, keepdim=True)
            mixed, best = mixed * fade + weights @ values.mT, new
        found.append((mixed / total).mT)
    return torch.cat(found, 2).reshape(value.shape)


def _with(
    attend: Callable[..., Tensor] = lambda q, k, v, at: _attend(q, k, v),
    join: Callable[[list[Tensor], Tensor], Tensor] = lambda parts, v: torch.cat(parts, -1),
) -> Callable[..., Tensor]:
    """Blocks that attend (block of queries, keys, values, where) or are joined in another way."""

    def blockwise(query: Tensor, key: Tensor, value: Tensor, block: int) -> Tensor:
        q, k, v = (x.flatten(2) for x in (query, key, value))
        starts = range(0, q.shape[2], block)
        parts = [attend(q[..., n : n + block], k, v, slice(n, n + block)) for n in starts]
        return join(parts, v).reshape(value.shape)

    return blockwise


def _at_once(query: Tensor, key: Tensor, value: Tensor, block: int) -> Tensor:
    return _attend(*(x.flatten(2) for x in (query, key, value))).reshape(value.shape)


def _scores_at_once(query: Tensor, key: Tensor, value: Tensor, block: int) -> Tensor:
    scores = query.flatten(2).mT @ key.flatten(2)
    parts = [value.flatten(2) @ rows.softmax(-1).mT for rows in scores.split(block, 1)]
    return torch.cat(parts, -1).reshape(value.shape)


def _weights_kept(query: Tensor, key: Tensor, value: Tensor, block: int) -> Tensor:
    keys = key.flatten(2)
    weights = [(q.mT @ keys).softmax(-1) for q in query.flatten(2).split(block, -1)]
    return torch.cat([value.flatten(2) @ w.mT for w in weights], -1).reshape(value.shape)


def _chunks(query: Tensor, key: Tensor, value: Tensor, block: int) -> Tensor:
    q, k, v = (x.flatten(2) for x in (query, key, value))
    return torch.cat([_attend(part, k, v) for part in q.chunk(block, -1)], -1).reshape(value.shape)


def _keys_in_blocks(query: Tensor, key: Tensor, value: Tensor, block: int) -> Tensor:
    q, k, v = (x.flatten(2) for x in (query, key, value))
    blocks = zip(k.split(block, -1), v.split(block, -1), strict=True)
    return sum((_attend(q, *part) for part in blocks), torch.zeros_like(v)).reshape(value.shape)


def _whole_blocks_only(query: Tensor, key: Tensor, value: Tensor, block: int) -> Tensor:
    q, k, v = (x.flatten(2) for x in (query, key, value))
    mixed = torch.zeros_like(v)
    for i in range(q.shape[2] // block):
        rows = slice(i * block, (i + 1) * block)
        mixed[..., rows] = _attend(q[..., rows], k, v)
    return mixed.reshape(value.shape)


def _last_block_missing(query: Tensor, key: Tensor, value: Tensor, block: int) -> Tensor:
    q, k, v = (x.flatten(2) for x in (query, key, value))
    whole = range(0, q.shape[2] - block + 1, block)
    parts = [_attend(q[..., n : n + block], k, v) for n in whole]
    return torch.cat(parts, -1).reshape(value.shape)


blockwise_attention = Exercise(
    points=4,
    kind=Function(("mixed", "memory_is_bounded", "memory_follows_block"), call=_call),
    title="mixed as in exercise 1, and never more than a few blocks of weights at one moment",
    oracle=_blockwise,
    draw=_inputs,
    batched=("query", "key", "value"),
    refuses=("scaled_dot_product_attention", "MultiheadAttention"),
    misconceptions=(
        wrong("all-weights-at-once", _at_once, _scores_at_once, _weights_kept).because(
            "The numbers are right, but at one moment all N × N weights stand in memory, in one "
            "matrix or as a list of blocks. Take some queries, mix their values at once, keep the "
            "mixture only, and then take the next."
        ),
        wrong(
            "block-ignored", lambda query, key, value, block: _by_index(query, key, value, 4)
        ).because(
            "The numbers are right and the memory is small, but it is the same for short blocks "
            "and for long ones: `block` has no effect. Take that many queries at a time."
        ),
        wrong("so-many-blocks", _chunks).because(
            "You cut into `block` blocks, so longer blocks are asked for and shorter ones come. "
            "`chunk` takes how many there are, `split` how long they are."
        ),
        wrong(
            "a-block-sees-itself-alone",
            _with(lambda q, k, v, at: _attend(q, k[..., at], v[..., at])),
        ).because(
            "You cut the keys and values too, so a block sees only its own places. Cut the "
            "queries; each of them still asks *all* keys."
        ),
        wrong("keys-in-blocks", _keys_in_blocks).because(
            "You cut the keys into blocks and take a softmax in each: the weights of a query then "
            "sum to the number of blocks. Cut the queries, and each row stays whole."
        ),
        wrong("last-block-left-out", _whole_blocks_only).because(
            "The last block is shorter than the others, and you leave it out: its places stay "
            "zero. `range(0, N, block)` and a slice take care of it."
        ),
        wrong("last-block-missing", _last_block_missing).because(
            "The last block is shorter than the others, or the only one, and yours skips it: "
            "start a block at every multiple of `block` below N. A slice may reach beyond the end."
        ),
        wrong(
            "softmax-over-the-block", _with(lambda q, k, v, at: v @ (q.mT @ k).softmax(1).mT)
        ).because(
            "The softmax runs over the queries of a block, so the result depends on how you cut. "
            "It runs over the keys."
        ),
        wrong("scaled", _with(lambda q, k, v, at: _attend(q / q.shape[1] ** 0.5, k, v))).because(
            "The scores are divided by √D; in exercise 1 they were not."
        ),
        wrong("joined-in-reverse", _with(join=lambda parts, v: torch.cat(parts[::-1], -1))).because(
            "The blocks are joined in reverse order."
        ),
        wrong(
            "map-scrambled", _with(join=lambda parts, v: torch.cat(parts, -1).mT.contiguous())
        ).because(
            "The right numbers at wrong places: (B, N, C) was reshaped to (B, C, H, W). Transpose "
            "first."
        ),
    ),
    right=(_by_index, _into_place, _keys_too, _with()),
)
