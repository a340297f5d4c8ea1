"""Position attention: every place mixes the values of all places."""

from collections.abc import Callable

import torch
from torch import Tensor

from attncourse.exercises.common.draws import levels
from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, wrong
from attncourse.exercises.core.laws import stays_finite, sums_to_one, tensor


def draw_triple(draw: Draw) -> Inputs:
    """Queries, keys and values on maps that are not square, with scores neither flat nor steep."""
    batch, width, channels, height, breadth = draw.sizes((2, 4, 3, 5, 7), (3, 3, 5, 7, 2))
    return {
        "query": draw.normal(batch, width, height, breadth, scale=0.8),
        "key": draw.normal(batch, width, height, breadth, offset=0.3, scale=0.8),
        "value": draw.normal(batch, channels, height, breadth) + levels(-1, 2, channels),
    }


def _position(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    scores = torch.bmm(query.flatten(2).mT, key.flatten(2))
    weights = scores.softmax(-1)
    return torch.bmm(value.flatten(2), weights.mT).reshape(value.shape), weights


def _by_einsum(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    batch, _, height, width = query.shape
    scores = torch.einsum("bdij,bdkl->bijkl", query, key)
    weights = scores.flatten(3).softmax(3).unflatten(3, (height, width))
    mixed = torch.einsum("bijkl,bckl->bcij", weights, value)
    return mixed, weights.reshape(batch, height * width, height * width)


def _places_first(query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
    batch, channels, height, width = value.shape
    q, k, v = (
        x.permute(0, 2, 3, 1).reshape(batch, height * width, -1) for x in (query, key, value)
    )
    weights = torch.softmax(q @ k.transpose(1, 2), dim=2)
    return [(weights @ v).permute(0, 2, 1).reshape(batch, channels, height, width), weights]


def _place_by_place(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    keys, values = key.flatten(2), value.flatten(2)
    rows = []
    for asked in query.flatten(2).unbind(2):
        scores = (asked[:, :, None] * keys).sum(1)
        exponentials = (scores - scores.amax(1, keepdim=True)).exp()
        rows.append(exponentials / exponentials.sum(1, keepdim=True))
    mixed = torch.stack([(row[:, None] * values).sum(2) for row in rows], 2)
    return mixed.view_as(value), torch.stack(rows, 1)


Weights = Callable[[Tensor], Tensor]
Mix = Callable[[Tensor, Tensor], Tensor]


def _with(
    *,
    flatten: Callable[[Tensor], Tensor] = lambda x: x.flatten(2).mT,
    score: Mix = lambda q, k: q @ k.mT,
    weigh: Weights = lambda scores: scores.softmax(-1),
    mix: Mix = lambda weights, v: weights @ v,
    back: Callable[[Tensor, Tensor], Tensor] = lambda mixed, v: mixed.mT.reshape(v.shape),
    told: Weights = lambda weights: weights,
) -> Callable[..., tuple[Tensor, Tensor]]:
    """Position attention with one of its parts exchanged; places are rows (B, N, ·)."""

    def attend(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        weights = weigh(score(flatten(query), flatten(key)))
        return back(mix(weights, flatten(value)), value), told(weights)

    return attend


def _exponentials(scores: Tensor) -> Tensor:
    return scores.exp() / scores.exp().sum(-1, keepdim=True)


def _unit(query: Tensor, key: Tensor) -> Tensor:
    normalize = torch.nn.functional.normalize
    return normalize(query, dim=-1) @ normalize(key, dim=-1).mT


def _only_values_flat(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    q, k = (x.reshape(len(x), -1, x.shape[1]) for x in (query, key))
    weights = (q @ k.mT).softmax(-1)
    return (value.flatten(2) @ weights.mT).view_as(value), weights


def _scores_told(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    return _with()(query, key, value)[0], query.flatten(2).mT @ key.flatten(2)


def _best_place(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    weights = _with()(query, key, value)[1]
    best = weights.argmax(-1)[:, None].expand(-1, value.shape[1], -1)
    return value.flatten(2).gather(2, best).view_as(value), weights


def _keys_mixed(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    return _with()(query, key, key)


def _value_added(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    mixed, weights = _with()(query, key, value)
    return value + mixed, weights


def _shuffled(inputs: Inputs) -> Inputs:
    """The same places in another order."""
    query = tensor(inputs, "query")
    order = _order(query)
    return {
        name: x.flatten(2)[..., order].view_as(x)
        for name, x in inputs.items()
        if isinstance(x, Tensor)
    }


def _order(maps: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randperm(maps[0, 0].numel(), generator=generator)


def _shuffles_along(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    mixed = before["mixed"]
    return torch.allclose(after["mixed"], mixed.flatten(2)[..., _order(mixed)].view_as(mixed))


def _asks_nothing(inputs: Inputs) -> Inputs:
    query = tensor(inputs, "query")
    return inputs | {"query": torch.zeros_like(query)}


def _asks_loudly(inputs: Inputs) -> Inputs:
    query = tensor(inputs, "query")
    return inputs | {"query": 5000 * query}


def _mean_everywhere(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    value = tensor(inputs, "value")
    mean = value.mean((2, 3), keepdim=True)
    return torch.allclose(after["mixed"], mean.expand_as(after["mixed"]))


position_attention = Exercise(
    points=4,
    kind=Function(("mixed", "weights")),
    title="mixed and weights: every place asks all places, softmax over the places asked",
    oracle=_position,
    draw=draw_triple,
    batched=("query", "key", "value"),
    refuses=("scaled_dot_product_attention", "MultiheadAttention"),
    laws=(
        Law("the weights of every place sum to one", sums_to_one("weights")),
        Law("shuffling the places shuffles the result alike", _shuffles_along, _shuffled),
        Law(
            "a place that asks nothing gets the mean of all values", _mean_everywhere, _asks_nothing
        ),
        Law("large scores do no harm", stays_finite, _asks_loudly),
    ),
    misconceptions=(
        wrong("scaled", _with(score=lambda q, k: q @ k.mT / q.shape[-1] ** 0.5)).because(
            "You divide the scores by √D, as the Transformer does. DANet does not: neither the "
            "paper nor its code. Leave the products as they are."
        ),
        wrong("softmax-over-queries", _with(weigh=lambda s: s.softmax(-2))).because(
            "Your weights sum to one over the places that ask. Every asking place shares out its "
            "attention over the places *asked*: the last axis."
        ),
        wrong("weights-not-turned", _with(mix=lambda weights, v: weights.mT @ v)).because(
            "Each value is spread by the weights of its own place's question. A place should "
            "*collect*: the sum runs over the places asked, so `weights` must be turned around "
            "when the values stand at its left."
        ),
        wrong("query-and-key-exchanged", _with(score=lambda q, k: k @ q.mT)).because(
            "Query and key have exchanged their parts: row n should hold what place n *asks* of "
            "all others."
        ),
        wrong("map-scrambled", _with(back=lambda mixed, v: mixed.reshape(v.shape))).because(
            "The right numbers at wrong places: (B, N, C) was reshaped to (B, C, H, W). Reshaping "
            "never exchanges axes; transpose first."
        ),
        wrong(
            "places-scrambled",
            _with(flatten=lambda x: x.reshape(len(x), -1, x.shape[1])),
            _with(
                flatten=lambda x: x.reshape(len(x), -1, x.shape[1]),
                back=lambda mixed, v: mixed.reshape(v.shape),
            ),
            _only_values_flat,
        ).because(
            "You reshape (B, D, H, W) straight to (B, N, D). The shape is right, but a row then "
            "holds one channel at several places: `flatten(2)`, then transpose."
        ),
        wrong(
            "columns-first",
            _with(
                flatten=lambda x: x.mT.flatten(2).mT,
                back=lambda mixed, v: mixed.mT.reshape(v.mT.shape).mT,
            ),
        ).because(
            "You count the places column by column. The mixture does not care, but the rows and "
            "columns of `weights` do: count row by row, as `flatten` does."
        ),
        wrong(
            "no-softmax", _with(weigh=lambda s: s / s.shape[-1]), _with(weigh=lambda s: s)
        ).because(
            "The scores are used as weights, without a softmax; they may be negative and sum to "
            "anything."
        ),
        wrong("sigmoid", _with(weigh=torch.sigmoid)).because(
            "You open a gate for each pair. Here the places asked compete for one share of "
            "attention: take the softmax."
        ),
        wrong("best-place-alone", _best_place).because(
            "You take the value of the best place alone. All places count, each with its weight."
        ),
        wrong("keys-mixed", _keys_mixed).because(
            "You mix the keys. Keys say where to look, values what is fetched there."
        ),
        wrong("value-added", _value_added).because(
            "You add the place's own value. The shortcut comes in the next exercise; here only "
            "the mixture is asked for."
        ),
        wrong("weights-returned-turned", _with(told=lambda weights: weights.mT)).because(
            "The mixture is right, but you return the weights turned around: row n belongs to the "
            "place n that asks."
        ),
        wrong("overflow", _with(weigh=_exponentials)).because(
            "exp of a large score is infinite, and inf / inf is NaN; nothing is divided here, so "
            "they can grow. torch's softmax takes the largest score of the row away first, which "
            "changes no weight: use it, or do the same."
        ),
        wrong("query-compared-with-itself", _with(score=lambda q, k: q @ q.mT)).because(
            "Queries are compared with queries, and `key` has no effect. A place may offer "
            "something else than it seeks."
        ),
        wrong("cosine", _with(score=_unit)).because(
            "You compare directions: queries and keys are brought to length one first. A long "
            "query asks more sharply; take the plain products."
        ),
        wrong("scores-returned", _scores_told).because(
            "The mixture is right, but the second result holds the scores as they are before the "
            "softmax. Return the weights."
        ),
        wrong(
            "one-question-for-all",
            _with(score=lambda q, k: q.mean(1, keepdim=True).expand_as(q) @ k.mT),
        ).because(
            "All places ask the same question, the mean of the queries, so all get the same "
            "answer. Each place asks its own."
        ),
    ),
    right=(_by_einsum, _places_first, _place_by_place, _with()),
)
