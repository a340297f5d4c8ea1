"""Several heads: split the width, attend in each part, join again."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, wrong


def _inputs(draw: Draw) -> Inputs:
    batch, target, source, heads, width = draw.sizes((2, 5, 7, 3, 4), (3, 4, 3, 2, 5))
    return {
        "query": draw.normal(batch, target, heads * width),
        "key": draw.normal(batch, source, heads * width, offset=0.3),
        "value": draw.normal(batch, source, heads * width, offset=0.5),
        "heads": heads,
    }


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """What the answer is given: attention that likes late keys, so that no other can replace it."""
    late = 0.1 * torch.arange(key.shape[-2], dtype=key.dtype, device=key.device)
    return (query @ key.mT / query.shape[-1] ** 0.5 + late).softmax(-1) @ value


def _call(answer: Callable[..., Any], inputs: Inputs) -> Any:
    return answer(_attend, *inputs.values())


def _multi_head(attend: Any, query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    def split(x: Tensor) -> Tensor:
        return x.unflatten(-1, (heads, -1)).transpose(1, 2)  # (B, T, D) -> (B, h, T, D/h)

    return attend(split(query), split(key), split(value)).transpose(1, 2).flatten(2)


def _by_loop(attend: Any, query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    width = query.shape[-1] // heads
    parts = [slice(i * width, (i + 1) * width) for i in range(heads)]
    return torch.cat([attend(query[..., p], key[..., p], value[..., p]) for p in parts], -1)


def _by_chunks(attend: Any, query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    stacks = [torch.stack(x.chunk(heads, dim=2), 1) for x in (query, key, value)]
    return torch.cat(attend(*stacks).unbind(1), dim=-1)


def _by_view(attend: Any, query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    batch, target, width = query.shape
    q, k, v = (
        x.view(batch, -1, heads, width // heads)
        .permute(0, 2, 1, 3)
        .reshape(batch * heads, -1, width // heads)
        for x in (query, key, value)
    )
    joined = attend(q, k, v).reshape(batch, heads, target, -1)
    return joined.permute(0, 2, 1, 3).contiguous().view(batch, target, width)


def _with(
    split: Callable[[Tensor, int], Tensor] = lambda x, h: x.unflatten(-1, (h, -1)).transpose(1, 2),
    join: Callable[[Tensor], Tensor] = lambda x: x.transpose(1, 2).flatten(2),
) -> Callable[..., Tensor]:
    """Heads that are split or joined in another way."""

    def multi_head(attend: Any, query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
        return join(attend(split(query, heads), split(key, heads), split(value, heads)))

    return multi_head


def _straight(x: Tensor, heads: int) -> Tensor:
    return x.reshape(len(x), heads, -1, x.shape[-1] // heads)


def _plain(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1) @ value


def _kernel(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return torch.nn.functional.scaled_dot_product_attention(query, key, value)


def _change_second_head(inputs: Inputs) -> Inputs:
    query, heads = inputs["query"], inputs["heads"]
    assert isinstance(query, Tensor) and isinstance(heads, int)
    width = query.shape[-1] // heads
    query[..., width : 2 * width] += 1
    return inputs


def _only_second_head_moves(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    heads = inputs["heads"]
    assert isinstance(heads, int)
    changed = [
        not torch.allclose(a, b)
        for a, b in zip(
            before["context"].chunk(heads, -1), after["context"].chunk(heads, -1), strict=True
        )
    ]
    return changed == [i == 1 for i in range(heads)]


multi_head = Exercise(
    points=3,
    kind=Function(("context",), call=_call),
    title="context: attention in each head's own part of the width, then joined",
    oracle=_multi_head,
    draw=_inputs,
    batched=("query", "key", "value"),
    refuses=("MultiheadAttention", "multi_head_attention_forward"),
    laws=(
        Law(
            "a change in one head's part of the query moves that part of the context only",
            _only_second_head_moves,
            _change_second_head,
        ),
    ),
    misconceptions=(
        wrong("one-head", lambda attend, q, k, v, h: attend(q, k, v)).because(
            "There is one head only: everything is compared with everything. Cut the width into "
            "`heads` parts, and attend in each."
        ),
        wrong(
            "own-attention",
            lambda attend, q, k, v, h: _with()(_plain, q, k, v, h),
            lambda attend, q, k, v, h: _with()(_kernel, q, k, v, h),
        ).because(
            "The heads are right, but they attend in a way of your own: call the `attend` that "
            "you are given. It may know more than you see here, such as a mask."
        ),
        wrong(
            "reshaped-both-ways",
            _with(split=_straight, join=lambda x: x.reshape(len(x), x.shape[2], -1)),
        ).because(
            "You reshape (B, T, D) straight to (B, h, T, D/h), and straight back. The shapes fit "
            "and the contents do not: places are mixed with features. Make it (B, T, h, D/h), then "
            "exchange two axes; the same, reversed, on the way back."
        ),
        wrong("reshaped-to-heads", _with(split=_straight)).because(
            "You reshape (B, T, D) straight to (B, h, T, D/h). That has the right shape and mixes "
            "places with features: make it (B, T, h, D/h) first, then exchange the axes."
        ),
        wrong(
            "joined-without-transposing", _with(join=lambda x: x.reshape(len(x), x.shape[2], -1))
        ).because(
            "You reshape (B, h, T, D/h) straight to (B, T, D). That mixes heads with places: "
            "exchange the axes back first."
        ),
        wrong(
            "heads-among-themselves",
            lambda attend, q, k, v, h: (
                attend(
                    *(x.unflatten(-1, (h, -1)) for x in (q, k[:, : q.shape[1]], v[:, : q.shape[1]]))
                ).flatten(2)
                if q.shape[1] <= k.shape[1]
                else q * 0
            ),
        ).because(
            "The heads of one place attend to each other. The axis before the last must be the "
            "places, not the heads: transpose after splitting."
        ),
        wrong(
            "interleaved", _with(split=lambda x, h: x.unflatten(-1, (-1, h)).permute(0, 3, 1, 2))
        ).because(
            "Head i takes every h-th feature. By convention a head has a block of *neighbouring* "
            "features: unflatten the width to (heads, D/h), in this order."
        ),
        wrong(
            "interleaved-both-ways",
            _with(
                split=lambda x, h: x.unflatten(-1, (-1, h)).permute(0, 3, 1, 2),
                join=lambda x: x.permute(0, 2, 3, 1).flatten(2),
            ),
        ).because(
            "Head i takes every h-th feature, and gives it back there. That would be several "
            "heads too, but not the convention: a head has a block of *neighbouring* features."
        ),
        wrong("keys-as-values", lambda attend, q, k, v, h: _with()(attend, q, k, k, h)).because(
            "You read from the keys. Keys say where to look, values what is found there."
        ),
        wrong("joined-interleaved", _with(join=lambda x: x.permute(0, 2, 3, 1).flatten(2))).because(
            "The parts are joined feature by feature. Put the heads one behind the other: "
            "(B, T, h, D/h), then flatten."
        ),
        wrong("summed", _with(join=lambda x: x.sum(1))).because(
            "You sum the heads. Each has found something else: put them side by side, so that the "
            "width is D again."
        ),
        wrong("averaged", _with(join=lambda x: x.mean(1))).because(
            "You average the heads. Each has found something else: put them side by side, so that "
            "the width is D again."
        ),
        wrong("not-joined", _with(join=lambda x: x)).because(
            "The heads are still apart. Join them: (B, h, T, D/h) to (B, T, h, D/h), then to "
            "(B, T, D)."
        ),
    ),
    right=(_by_loop, _by_chunks, _by_view, _with()),
)
