"""The one formula: scaled dot-product attention, with a mask."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, wrong
from attncourse.exercises.core.laws import sums_to_one, tensor


def _inputs(draw: Draw) -> Inputs:
    batch, target, source, width, value = draw.sizes((3, 5, 7, 11, 2), (2, 7, 3, 5, 4))
    query = draw.normal(batch, target, width)
    key = draw.normal(batch, source, width, offset=0.3)
    mask = draw.integers(2, batch, target, source).bool()
    mask[..., 1] = True  # no query without a key
    # A feature that lifts all scores of a query alike: far down for one, far up for another. There
    # no finite score hides a key, and an exponential of its own overflows. Their hidden key scores
    # lower than all others for one, and higher for the other.
    key[..., -1], key[:, 0, -1] = 1.0, 1.1
    query[:, 0, -1], query[:, 1, -1] = -1500 * width**0.5, 1500 * width**0.5
    mask[:, :2, 0] = False
    return {
        "query": query,
        "key": key,
        "value": draw.normal(batch, source, value, offset=0.5),
        "mask": mask,
    }


def _attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = scores.masked_fill(~mask, -math.inf).softmax(-1)
    return weights @ value, weights


def _by_einsum(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    scores = torch.einsum("btd,bsd->bts", query * query.shape[-1] ** -0.5, key)
    scores = torch.where(mask, scores, torch.finfo(scores.dtype).min)
    weights = torch.softmax(scores, dim=2)
    return torch.einsum("bts,bse->bte", weights, value), weights


def _by_queries(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    rows = []
    for t in range(query.shape[1]):
        scores = (query[:, t : t + 1] * key).sum(-1) / query.shape[-1] ** 0.5
        rows.append(scores.masked_fill(mask[:, t].logical_not(), -1e9).softmax(1))
    weights = torch.stack(rows, 1)
    return (weights[..., None] * value[:, None]).sum(2), weights


def _by_exponentials(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> list[Tensor]:
    scores = torch.bmm(query, key.mT).div(math.sqrt(key.size(2)))
    exponentials = torch.exp(scores - scores.amax(2, keepdim=True)) * mask
    weights = exponentials / exponentials.sum(2, keepdim=True)
    return [torch.bmm(weights, value), weights]


def _with(
    *,
    scale: Callable[[Tensor, Tensor], float] = lambda q, k: math.sqrt(q.shape[-1]),
    hide: Callable[[Tensor, Tensor], Tensor] = lambda s, m: s.masked_fill(~m, -math.inf),
    weigh: Callable[[Tensor], Tensor] = lambda s: s.softmax(-1),
    after: Callable[[Tensor, Tensor], Tensor] = lambda w, m: w,
) -> Callable[..., tuple[Tensor, Tensor]]:
    """Attention with one of its parts exchanged."""

    def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        weights = after(weigh(hide(q @ k.mT / scale(q, k), mask)), mask)
        return weights @ v, weights

    return attend


def _sharpest(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    weights = _with()(query, key, value, mask)[1]
    chosen = torch.nn.functional.one_hot(weights.argmax(-1), key.shape[1]).to(weights.dtype)
    return chosen @ value, weights


def _change_hidden(inputs: Inputs) -> Inputs:
    """Replace a key and its value, and hide it from every query but the last."""
    key, value, mask = (inputs[name] for name in ("key", "value", "mask"))
    assert isinstance(key, Tensor) and isinstance(value, Tensor) and isinstance(mask, Tensor)
    key[:, 0, :-1] += 1
    value[:, 0] -= 3
    return inputs


def _blind_queries_unchanged(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    mask = tensor(inputs, "mask")
    blind = ~mask[..., 0]
    return torch.allclose(before["context"][blind], after["context"][blind])


attention = Exercise(
    points=3,
    kind=Function(("context", "weights")),
    title="context and weights: softmax(Q Kᵀ / √d) V, on allowed pairs only",
    oracle=_attention,
    draw=_inputs,
    batched=("query", "key", "value", "mask"),
    refuses=("scaled_dot_product_attention", "MultiheadAttention"),
    laws=(
        Law("the weights of every query sum to one", sums_to_one("weights")),
        Law(
            "a key that is hidden from a query has no influence on it",
            _blind_queries_unchanged,
            _change_hidden,
        ),
    ),
    misconceptions=(
        wrong("not-scaled", _with(scale=lambda q, k: 1.0)).because(
            "The scores are not divided by √d. A sum of d products grows like √d, and large "
            "scores make a softmax that looks at one place only and hardly learns."
        ),
        wrong("scaled-by-width", _with(scale=lambda q, k: q.shape[-1])).because(
            "You divide by d. The sum of d independent products has a standard deviation of √d: "
            "divide by its square root."
        ),
        wrong(
            "scaled-by-the-values",
            lambda q, k, v, m: _with(scale=lambda q, k: math.sqrt(v.shape[-1]))(q, k, v, m),
        ).because(
            "You divide by the square root of the width of the *values*. What makes scores large "
            "is the width of query and key."
        ),
        wrong("scaled-by-length", _with(scale=lambda q, k: math.sqrt(k.shape[1]))).because(
            "You divide by the square root of the number of keys. What makes scores large is the "
            "width of query and key, their last axis."
        ),
        wrong(
            "softmax-over-queries",
            _with(weigh=lambda s: s.softmax(-2).nan_to_num(0.0)),
            _with(weigh=lambda s: s.softmax(-2)),
        ).because(
            "Your weights sum to one over the queries. Every *query* shares out its attention "
            "over the keys: take the softmax along the last axis."
        ),
        wrong("softmax-over-the-batch", _with(weigh=lambda s: s.softmax(0))).because(
            "Your softmax runs over the sentences of the batch, which never meet. Every query "
            "shares out its attention over its keys: take the last axis."
        ),
        wrong("no-mask", _with(hide=lambda s, m: s)).because(
            "The mask has no effect: queries see keys that are hidden from them."
        ),
        wrong(
            "finite-score",
            _with(hide=lambda s, m: s.masked_fill(~m, -100.0)),
            _with(hide=lambda s, m: s.masked_fill(~m, -20.0)),
            _with(hide=lambda s, m: s.masked_fill(~m, -50.0)),
            _with(hide=lambda s, m: s.masked_fill(~m, -1000.0)),
            _with(hide=lambda s, m: s - 100.0 * ~m),
            _with(hide=lambda s, m: s - 10.0 * ~m),
        ).because(
            "Hidden pairs get a score that is low, but not low enough: where the allowed scores "
            "are lower still, they win. Only −inf loses against every score."
        ),
        wrong(
            "overflow",
            _with(hide=lambda s, m: s.exp() * m, weigh=lambda e: e / e.sum(-1, keepdim=True)),
            _with(
                hide=lambda s, m: s.masked_fill(~m, -math.inf).exp(),
                weigh=lambda e: e / e.sum(-1, keepdim=True),
            ),
        ).because(
            "exp of a score near 1500 is infinite, and inf / inf is NaN. torch's softmax takes the "
            "largest score of the row away first, which changes no weight: use it, or do the same."
        ),
        wrong(
            "mask-inverted",
            _with(hide=lambda s, m: s.masked_fill(m, -1e9)),
            _with(hide=lambda s, m: s.masked_fill(m, -math.inf)),
        ).because(
            "Your queries see exactly what they should not: the mask is True where looking is "
            "allowed, so fill where it is False (`~mask`)."
        ),
        wrong("mask-after-softmax", _with(hide=lambda s, m: s, after=lambda w, m: w * m)).because(
            "The hidden pairs are set to zero after the softmax; the rest of the row no longer "
            "sums to one. Mask the scores, before they are normalised."
        ),
        wrong("zero-scores", _with(hide=lambda s, m: s * m)).because(
            "Hidden pairs get the score 0, and exp(0) = 1 is a weight like any other. The score "
            "that gives weight 0 is −inf."
        ),
        wrong(
            "no-softmax",
            _with(hide=lambda s, m: s * m, weigh=lambda s: s / s.sum(-1, keepdim=True)),
        ).because(
            "You divide the scores by their sum. Scores may be negative, so these are no weights: "
            "take the softmax."
        ),
        wrong("exchanged", lambda q, k, v, m: _with()(q, k, v, m)[::-1]).because(
            "You return the weights first. Return the context, then the weights."
        ),
        wrong("hard-choice", _sharpest).because(
            "The context is the value of the best key alone. Sum the values with their weights: "
            "`weights @ value`."
        ),
    ),
    right=(_by_einsum, _by_queries, _by_exponentials),
)
