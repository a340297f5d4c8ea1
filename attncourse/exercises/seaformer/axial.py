"""Attention along one axis, whose tokens know where they stand."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, wrong
from attncourse.exercises.core.laws import sums_to_one, tensor

Pair = tuple[Tensor, Tensor]


def _tokens(draw: Draw) -> Inputs:
    """Positions for fewer places than there are tokens, and in the second variant for more."""
    batch, heads, length, width, told, places = draw.sizes((2, 3, 7, 4, 5, 3), (3, 2, 5, 3, 2, 11))
    level = torch.linspace(-1, 2, told, dtype=torch.float64)
    return {
        "query": draw.normal(batch, heads, length, width),
        "key": draw.normal(batch, heads, length, width, offset=0.3),
        "value": draw.normal(batch, heads, length, told) + level,
        "query_positions": draw.normal(heads, width, places, offset=0.2),
        "key_positions": draw.normal(heads, width, places),
    }


def _lerp(positions: Tensor, length: int) -> Tensor:
    """(h, D, P) → (h, L, D), by hand: token n stands at (n + ½) · P / L − ½ among the P places."""
    last = positions.shape[2] - 1
    at = (torch.arange(length, dtype=positions.dtype, device=positions.device) + 0.5) * (
        (last + 1) / length
    )
    at = (at - 0.5).clamp(0, last)
    left = at.floor().long()
    share = at - left
    right = (left + 1).clamp(max=last)
    return (positions[..., left] * (1 - share) + positions[..., right] * share).mT


def _axial(
    query: Tensor, key: Tensor, value: Tensor, query_positions: Tensor, key_positions: Tensor
) -> Pair:
    length, width = query.shape[2:]
    query = query + _lerp(query_positions, length)
    key = key + _lerp(key_positions, length)
    weights = torch.einsum("bhld,bhmd->bhlm", query, key / width**0.5).softmax(3)
    return torch.einsum("bhlm,bhme->bhle", weights, value), weights


def _head_by_head(
    query: Tensor, key: Tensor, value: Tensor, query_positions: Tensor, key_positions: Tensor
) -> list[Tensor]:
    length, mixed, told = query.shape[2], [], []
    for head in range(query.shape[1]):
        p, r = (
            F.interpolate(table[head : head + 1], size=length, mode="linear")[0].T
            for table in (query_positions, key_positions)
        )
        scores = (query[:, head] + p) @ (key[:, head] + r).transpose(1, 2)
        exponentials = (scores / query.shape[3] ** 0.5).exp()
        told.append(exponentials / exponentials.sum(-1, keepdim=True))
        mixed.append(told[-1] @ value[:, head])
    return [torch.stack(mixed, 1), torch.stack(told, 1)]


def _all_heads_as_channels(
    query: Tensor, key: Tensor, value: Tensor, query_positions: Tensor, key_positions: Tensor
) -> Pair:
    """As the official code: one table of h · D channels."""
    heads, width, _ = query_positions.shape
    tables = []
    for table in (query_positions, key_positions):
        flat = F.interpolate(
            table.flatten(0, 1)[None], query.shape[2], mode="linear", align_corners=False
        )
        tables.append(flat.view(1, heads, width, -1).transpose(2, 3))
    scores = (query + tables[0]) * width**-0.5 @ (key + tables[1]).transpose(-2, -1)
    weights = F.softmax(scores, dim=-1)
    return weights @ value, weights


def _linear(positions: Tensor, length: int) -> Tensor:
    return F.interpolate(positions, length, mode="linear").mT


def _with(
    *,
    to_query: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda q, own, other: q + own,
    to_key: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda k, own, other: k + own,
    to_value: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda v, own, other: v,
    stretch: Callable[[Tensor, int], Tensor] = _linear,
    scale: Callable[[Tensor, Tensor], float] = lambda q, v: q.shape[3] ** -0.5,
    weigh: Callable[[Tensor], Tensor] = lambda scores: scores.softmax(-1),
    mix: Callable[[Tensor, Tensor], Tensor] = lambda weights, v: weights @ v,
    told: Callable[[Tensor], Tensor] = lambda weights: weights,
) -> Callable[..., Pair]:
    """Attention with one of its parts exchanged; tokens meet their own table and the other."""

    def attend(query: Tensor, key: Tensor, value: Tensor, of_query: Tensor, of_key: Tensor) -> Pair:
        p, r = stretch(of_query, query.shape[2]), stretch(of_key, query.shape[2])
        q, k, v = to_query(query, p, r), to_key(key, r, p), to_value(value, p, r)
        weights = weigh(q @ k.mT * scale(q, v))
        return mix(weights, v), told(weights)

    return attend


def _cut(positions: Tensor, length: int) -> Tensor:
    """The first places; where there are too few, the last again."""
    places = torch.arange(length, device=positions.device).clamp(max=positions.shape[2] - 1)
    return positions[..., places].mT


def _reshaped(positions: Tensor, length: int) -> Tensor:
    stretched = F.interpolate(positions, length, mode="linear")
    return stretched.reshape(len(positions), length, -1)


def _bias(query: Tensor, key: Tensor, value: Tensor, of_query: Tensor, of_key: Tensor) -> Pair:
    """Positions meet positions, and contents contents."""
    p, r = _linear(of_query, query.shape[2]), _linear(of_key, query.shape[2])
    weights = ((query @ key.mT + p @ r.mT) * query.shape[3] ** -0.5).softmax(-1)
    return weights @ value, weights


def _early(query: Tensor, key: Tensor, value: Tensor, of_query: Tensor, of_key: Tensor) -> Pair:
    """Only the contents are scaled."""
    p, r = _linear(of_query, query.shape[2]), _linear(of_key, query.shape[2])
    weights = ((query * query.shape[3] ** -0.5 + p) @ (key + r).mT).softmax(-1)
    return weights @ value, weights


def _scores_told(
    query: Tensor, key: Tensor, value: Tensor, of_query: Tensor, of_key: Tensor
) -> Pair:
    p, r = _linear(of_query, query.shape[2]), _linear(of_key, query.shape[2])
    scores = (query + p) @ (key + r).mT * query.shape[3] ** -0.5
    return scores.softmax(-1) @ value, scores


def _reversed(inputs: Inputs) -> Inputs:
    """The axis the other way round: tokens, and the places of the tables."""
    return {name: x.flip(2) for name, x in inputs.items() if isinstance(x, Tensor)}


def _reverses(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    mixed = torch.allclose(after["mixed"], before["mixed"].flip(2))
    return mixed and torch.allclose(after["weights"], before["weights"].flip(2, 3))


def _nothing_asked(inputs: Inputs) -> Inputs:
    query, positions = tensor(inputs, "query"), tensor(inputs, "query_positions")
    return inputs | {
        "query": torch.zeros_like(query),
        "query_positions": torch.zeros_like(positions),
    }


def _mean_for_all(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    value = tensor(inputs, "value")
    return torch.allclose(after["mixed"], value.mean(2, keepdim=True).expand_as(after["mixed"]))


axial_attention = Exercise(
    points=5,
    kind=Function(("mixed", "weights")),
    title="mixed and weights: tokens and their places ask, softmax over the tokens asked",
    oracle=_axial,
    draw=_tokens,
    batched=("query", "key", "value"),
    refuses=("scaled_dot_product_attention", "MultiheadAttention"),
    laws=(
        Law("the weights of every token sum to one", sums_to_one("weights")),
        Law(
            "tokens and places in reverse order give the result in reverse order",
            _reverses,
            _reversed,
        ),
        Law("a token that asks nothing gets the mean of all values", _mean_for_all, _nothing_asked),
    ),
    misconceptions=(
        wrong(
            "no-positions", _with(to_query=lambda q, own, other: q, to_key=lambda k, own, other: k)
        ).because(
            "The positions have no effect: your tokens do not know where they stand. Add them to "
            "queries and keys."
        ),
        wrong("positions-on-queries-alone", _with(to_key=lambda k, own, other: k)).because(
            "Only the queries know where they stand. Add `key_positions` to the keys."
        ),
        wrong("positions-on-keys-alone", _with(to_query=lambda q, own, other: q)).because(
            "Only the keys know where they stand. Add `query_positions` to the queries."
        ),
        wrong(
            "tables-exchanged",
            _with(to_query=lambda q, own, other: q + other, to_key=lambda k, own, other: k + other),
        ).because("The queries get the table of the keys, and the keys that of the queries."),
        wrong(
            "one-table-for-both",
            _with(to_key=lambda k, own, other: k + other),
            _with(to_query=lambda q, own, other: q + other),
        ).because(
            "Queries and keys get the same table. There are two: where a token asks from, and "
            "where it is found, are learned apart."
        ),
        wrong("positions-on-scores", _bias).because(
            "You add products of positions to products of contents. Added *before* the product, "
            "contents meet positions as well."
        ),
        wrong(
            "positions-multiplied",
            _with(to_query=lambda q, own, other: q * own, to_key=lambda k, own, other: k * own),
        ).because("You multiply by the positions; add them."),
        wrong("first-places", _with(stretch=_cut)).because(
            "You take the first places of the table and leave or repeat the others. The table "
            "covers the whole side, however long: stretch it to L places."
        ),
        wrong(
            "nearest-place",
            _with(stretch=lambda p, n: F.interpolate(p, n, mode="nearest").mT),
            _with(stretch=lambda p, n: F.interpolate(p, n, mode="nearest-exact").mT),
        ).because(
            "You repeat the nearest place (`F.interpolate` does so by default). Between two places "
            'lies something between the two: `mode="linear"`.'
        ),
        wrong(
            "corners-aligned",
            _with(stretch=lambda p, n: F.interpolate(p, n, mode="linear", align_corners=True).mT),
        ).because(
            "You align the ends of table and side (`align_corners=True`). Here every place covers "
            "an equal share of the side, which is what `F.interpolate` does if you say nothing."
        ),
        wrong(
            "averaged-places", _with(stretch=lambda p, n: F.adaptive_avg_pool1d(p, n).mT)
        ).because("You pool the table to L places. Stretch it, linearly from place to place."),
        wrong("positions-reshaped", _with(stretch=_reshaped)).because(
            "The stretched table is (h, D, L); `reshape` to (h, L, D) mixes places with channels. "
            "Transpose."
        ),
        wrong("not-scaled", _with(scale=lambda q, v: 1.0)).because(
            "The scores are not divided by √D. DANet left them as they were; SeaFormer divides, as "
            "the Transformer does."
        ),
        wrong("scaled-by-values", _with(scale=lambda q, v: v.shape[3] ** -0.5)).because(
            "You divide by the root of E, the width of the values. Products of D numbers are what "
            "grows: divide by √D."
        ),
        wrong(
            "scaled-by-all-heads", _with(scale=lambda q, v: (q.shape[1] * q.shape[3]) ** -0.5)
        ).because("You divide by the root of h · D. A head's product has D terms."),
        wrong("scaled-by-tokens", _with(scale=lambda q, v: q.shape[2] ** -0.5)).because(
            "You divide by the root of the number of tokens; divide by √D, the width of a query."
        ),
        wrong("divided-by-width", _with(scale=lambda q, v: 1 / q.shape[3])).because(
            "You divide by D; divide by its root."
        ),
        wrong("contents-alone-scaled", _early).because(
            "You scale the queries before the positions are added, so that these stay large. "
            "Scale the products of the sums."
        ),
        wrong("softmax-over-queries", _with(weigh=lambda s: s.softmax(-2))).because(
            "Your weights sum to one over the tokens that ask. Each asking token shares out its "
            "attention over those asked: the last axis."
        ),
        wrong("softmax-over-heads", _with(weigh=lambda s: s.softmax(1))).because(
            "Your softmax runs over the heads. Each head shares out its own attention over the "
            "tokens asked: the last axis."
        ),
        wrong("softmax-over-batch", _with(weigh=lambda s: s.softmax(0))).because(
            "Your softmax runs over the images of the batch, which have nothing to do with each "
            "other. It runs over the tokens asked: the last axis."
        ),
        wrong("multiplied-by-root", _with(scale=lambda q, v: q.shape[3] ** 0.5)).because(
            "You multiply by √D; divide by it."
        ),
        wrong("scores-returned", _scores_told).because(
            "The mixture is right, but the second result holds the scores as they are before the "
            "softmax. Return the weights."
        ),
        wrong(
            "positions-in-values",
            _with(to_value=lambda v, own, other: v + own.mean(2, keepdim=True)),
        ).because(
            "Positions get into the values. They say where to look, and are nothing to be "
            "collected."
        ),
        wrong("keys-collected", _with(mix=lambda weights, v: weights.mT @ v)).because(
            "The mixture sums over the tokens that ask. `weights @ value` sums over those asked."
        ),
        wrong("weights-returned-turned", _with(told=lambda weights: weights.mT)).because(
            "The mixture is right, but you return the weights turned around: row n belongs to the "
            "token n that asks."
        ),
    ),
    right=(
        _with(),
        _head_by_head,
        _all_heads_as_channels,
        _with(mix=lambda weights, v: torch.einsum("bhlm,bhme->bhle", weights, v)),
    ),
)
