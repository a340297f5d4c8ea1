"""From scores to weights: a softmax that is stable and knows padding."""

import math

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, wrong
from attncourse.exercises.core.laws import tensor, unchanged


def _softmax_inputs(draw: Draw) -> Inputs:
    batch, source = draw.sizes((5, 7), (3, 4))
    # The rows lie far apart: only a row's own maximum keeps its exponentials finite.
    scores = draw.normal(batch, source) + torch.linspace(-2000, 2000, batch)[:, None].double()
    mask = draw.padding(batch, source)
    mask[-2] = False  # a sentence that is nothing but padding
    # What stands under padding may be far larger than any word's score, and must not matter.
    scores[::2] += 3000 * (~mask[::2])
    return {"scores": scores, "mask": mask}


def _softmax(scores: Tensor, mask: Tensor) -> Tensor:
    scores = scores.masked_fill(~mask, -math.inf)
    peak = scores.max(dim=-1, keepdim=True).values.clamp(min=torch.finfo(scores.dtype).min)
    exponentials = torch.exp(scores - peak.detach())
    return exponentials / exponentials.sum(dim=-1, keepdim=True).clamp(min=1e-30)


def _softmax_by_logsumexp(scores: Tensor, mask: Tensor) -> Tensor:
    empty = ~mask.any(-1, keepdim=True)
    filled = torch.where(mask | empty, scores, -math.inf)
    return (filled - filled.logsumexp(-1, keepdim=True)).exp() * mask


def _softmax_by_rows(scores: Tensor, mask: Tensor) -> Tensor:
    rows = []
    for row, real in zip(scores, mask, strict=True):
        weights = torch.zeros_like(row)
        if real.any():
            kept = torch.exp(row[real] - row[real].max())
            weights = weights.masked_scatter(real, kept / kept.sum())
        else:
            weights = weights + 0 * row
        rows.append(weights)
    return torch.stack(rows)


def _softmax_by_product(scores: Tensor, mask: Tensor) -> Tensor:
    peak = torch.where(mask, scores, torch.finfo(scores.dtype).min).amax(-1, keepdim=True)
    shifted = torch.where(mask, scores - peak, torch.zeros_like(scores))
    exponentials = shifted.exp() * mask
    total = exponentials.sum(-1, keepdim=True)
    return exponentials / torch.where(total > 0, total, torch.ones_like(total))


def _normalised(scores: Tensor, dim: int = -1) -> Tensor:
    """A softmax without mask, as a learner writes it."""
    exponentials = torch.exp(scores - scores.max(dim, keepdim=True).values)
    return exponentials / exponentials.sum(dim, keepdim=True)


def _shift(scores: Tensor) -> Tensor:
    return scores - scores.max(-1, keepdim=True).values


def _of_words(exponentials: Tensor) -> Tensor:
    return exponentials / exponentials.sum(-1, keepdim=True).clamp(min=1e-9)


def _hidden(scores: Tensor, mask: Tensor) -> Tensor:
    return scores.masked_fill(~mask, -math.inf)


def _in_place(scores: Tensor, mask: Tensor) -> Tensor:
    with torch.no_grad():
        scores.masked_fill_(~mask, -math.inf)
    return _softmax_by_product(scores, mask)


def _exponentials_without_shift(scores: Tensor, mask: Tensor) -> Tensor:
    exponentials = scores.exp() * mask
    return exponentials / exponentials.sum(-1, keepdim=True)


def _change_padding(inputs: Inputs) -> Inputs:
    scores, mask = tensor(inputs, "scores"), tensor(inputs, "mask")
    return inputs | {"scores": torch.where(mask, scores, scores + 3)}


def _add_constant(inputs: Inputs) -> Inputs:
    scores = tensor(inputs, "scores")
    return inputs | {"scores": scores + 5}


def _rows_sum_to_one(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    mask = tensor(inputs, "mask")
    return torch.allclose(before["weights"].sum(-1), mask.any(-1).to(torch.float64))


masked_softmax = Exercise(
    points=3,
    kind=Function(("weights",)),
    title="weights: softmax over the source, exactly 0 on padding",
    oracle=_softmax,
    draw=_softmax_inputs,
    batched=("scores", "mask"),
    refuses=("softmax", "log_softmax", "softmin"),
    laws=(
        Law("the weights of a sentence sum to one", _rows_sum_to_one),
        Law(
            "what stands under the padding has no influence", unchanged("weights"), _change_padding
        ),
        Law(
            "adding a constant to a row of scores changes nothing",
            unchanged("weights"),
            _add_constant,
        ),
    ),
    misconceptions=(
        wrong("over-the-batch", lambda s, m: _normalised(_hidden(s, m), 0).nan_to_num(0.0)).because(
            "Your weights sum to one over the sentences of the batch, not over the places of one "
            "sentence: normalise along the last axis."
        ),
        wrong("mask-after-softmax", lambda s, m: _normalised(s) * m).because(
            "The padding is set to zero after the softmax, so the rest no longer sums to one: "
            "padding has already taken its share. Mask before you normalise."
        ),
        wrong(
            "zero-scores", lambda s, m: _normalised(torch.where(m, s, torch.zeros_like(s)))
        ).because(
            "You set the scores of padding to 0, and exp(0) = 1 is a weight like any other. The "
            "score that gives weight 0 is −inf."
        ),
        wrong("mask-inverted", lambda s, m: _softmax_by_product(s, ~m)).because(
            "You look exactly at the padding: the mask is True where there *is* a word."
        ),
        wrong("no-mask", lambda s, m: _normalised(s)).because(
            "The mask has no effect: padding gets weight like a word."
        ),
        wrong(
            "maximum-of-the-padding",
            lambda s, m: _of_words(_shift(s).exp() * m),
            lambda s, m: _normalised(s - 1000 * (~m).to(s)) * m,
            lambda s, m: _of_words(_shift(s - 1000 * (~m).to(s)).exp() * m),
        ).because(
            "You subtract the largest score of the row, padding included. Where padding scores "
            "higher than every word, all words vanish: take the maximum over the words alone."
        ),
        wrong(
            "maximum-of-the-batch",
            lambda s, m: _of_words((_hidden(s, m) - _hidden(s, m).max()).exp()),
        ).because(
            "You subtract the largest score of the whole batch. A row whose scores all lie far "
            "below it vanishes: take the maximum of each row (`dim=-1, keepdim=True`)."
        ),
        wrong(
            "overflow",
            _exponentials_without_shift,
            lambda s, m: _hidden(s, m).exp() / _hidden(s, m).exp().sum(-1, keepdim=True),
            lambda s, m: _of_words(_hidden(s, m).exp()),
            lambda s, m: _of_words(s.exp() * m),
        ).because(
            "exp of a score near 2000 is infinite, and inf/inf is NaN. Subtract the maximum of "
            "the row first: adding a constant to a row does not change its softmax."
        ),
        wrong("nan-where-all-is-padding", lambda s, m: _normalised(_hidden(s, m))).because(
            "A row that is all padding gives NaN (0/0), and one NaN spoils the whole batch's "
            "gradient. Such a row should get zeros."
        ),
        wrong(
            "uniform-where-all-is-padding", lambda s, m: _normalised(s.masked_fill(~m, -1e9))
        ).because(
            "A large negative number in place of −inf lets a row that is all padding look at its "
            "padding evenly. Such a row should get zeros."
        ),
        wrong(
            "nan-gradient",
            lambda s, m: _normalised(s + _hidden(torch.zeros_like(s), m)).nan_to_num(0.0),
        ).because(
            "The weights are right, but where a row is all padding the gradient is NaN: you add "
            "−inf, and replacing the NaN afterwards comes too late for the backward pass. "
            "`masked_fill` the scores instead, or keep 0/0 from happening."
        ),
        wrong("in-place", _in_place).because(
            "Your code writes −inf into the scores of the caller (`masked_fill_`, or an "
            "assignment to a slice). Use the form without underscore, which makes a new tensor."
        ),
    ),
    right=(
        _softmax_by_logsumexp,
        _softmax_by_rows,
        _softmax_by_product,
        lambda s, m: _normalised(_hidden(s, m)).nan_to_num(0.0),
    ),
)
