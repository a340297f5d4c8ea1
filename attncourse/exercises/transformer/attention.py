"""The one formula: scaled dot-product attention, with a mask."""

import math

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, edit, wrong
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


def _plain(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    scores = query @ key.mT / query.shape[-1] ** 0.5
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


def _sharpest(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    weights = _plain(query, key, value, mask)[1]
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
        wrong("not-scaled", edit(" / query.shape[-1] ** 0.5", "")).because(
            "The scores are not divided by √d. A sum of d products grows like √d, and large "
            "scores make a softmax that looks at one place only and hardly learns."
        ),
        wrong("scaled-by-width", edit(" ** 0.5", "")).because(
            "You divide by d. The sum of d independent products has a standard deviation of √d: "
            "divide by its square root."
        ),
        wrong("scaled-by-the-values", edit("query.shape[-1]", "value.shape[-1]")).because(
            "You divide by the square root of the width of the *values*. What makes scores large "
            "is the width of query and key."
        ),
        wrong("scaled-by-length", edit("query.shape[-1]", "key.shape[1]")).because(
            "You divide by the square root of the number of keys. What makes scores large is the "
            "width of query and key, their last axis."
        ),
        wrong(
            "softmax-over-queries",
            edit("softmax(-1)", "softmax(-2).nan_to_num(0.0)"),
            edit("softmax(-1)", "softmax(-2)"),
        ).because(
            "Your weights sum to one over the queries. Every *query* shares out its attention "
            "over the keys: take the softmax along the last axis."
        ),
        wrong("softmax-over-the-batch", edit("softmax(-1)", "softmax(0)")).because(
            "Your softmax runs over the sentences of the batch, which never meet. Every query "
            "shares out its attention over its keys: take the last axis."
        ),
        wrong("no-mask", edit(".masked_fill(~mask, -math.inf)", "")).because(
            "The mask has no effect: queries see keys that are hidden from them."
        ),
        wrong(
            "finite-score",
            *(edit("-math.inf", low) for low in ("-100.0", "-20.0", "-50.0", "-1000.0")),
            *(
                edit("scores.masked_fill(~mask, -math.inf)", f"(scores - {much} * ~mask)")
                for much in (100.0, 10.0)
            ),
        ).because(
            "Hidden pairs get a score that is low, but not low enough: where the allowed scores "
            "are lower still, they win. Only −inf loses against every score."
        ),
        wrong(
            "overflow",
            edit(
                ".masked_fill(~mask, -math.inf).softmax(-1)",
                ".exp() * mask\n    weights = weights / weights.sum(-1, keepdim=True)",
            ),
            edit(".softmax(-1)", ".exp()\n    weights = weights / weights.sum(-1, keepdim=True)"),
        ).because(
            "exp of a score near 1500 is infinite, and inf / inf is NaN. torch's softmax takes the "
            "largest score of the row away first, which changes no weight: use it, or do the same."
        ),
        wrong(
            "mask-inverted", edit("~mask, -math.inf", "mask, -1e9"), edit("~mask", "mask")
        ).because(
            "Your queries see exactly what they should not: the mask is True where looking is "
            "allowed, so fill where it is False (`~mask`)."
        ),
        wrong(
            "mask-after-softmax",
            edit(".masked_fill(~mask, -math.inf).softmax(-1)", ".softmax(-1) * mask"),
        ).because(
            "The hidden pairs are set to zero after the softmax; the rest of the row no longer "
            "sums to one. Mask the scores, before they are normalised."
        ),
        wrong(
            "zero-scores", edit("scores.masked_fill(~mask, -math.inf)", "(scores * mask)")
        ).because(
            "Hidden pairs get the score 0, and exp(0) = 1 is a weight like any other. The score "
            "that gives weight 0 is −inf."
        ),
        wrong(
            "no-softmax",
            edit(
                ".masked_fill(~mask, -math.inf).softmax(-1)",
                " * mask\n    weights = weights / weights.sum(-1, keepdim=True)",
            ),
        ).because(
            "You divide the scores by their sum. Scores may be negative, so these are no weights: "
            "take the softmax."
        ),
        wrong("exchanged", edit("weights @ value, weights", "weights, weights @ value")).because(
            "You return the weights first. Return the context, then the weights."
        ),
        wrong("hard-choice", _sharpest).because(
            "The context is the value of the best key alone. Sum the values with their weights: "
            "`weights @ value`."
        ),
    ),
    right=(_plain, _by_einsum, _by_queries, _by_exponentials),
)
