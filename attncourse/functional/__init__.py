"""Formulas that more than one mechanism uses, and every gradient that is written by hand.

Here stand the scores of queries against keys, and their softmax; in files of their own the additive
score, attention in chunks, and what the gates over maps share.

Letters: B batch, T queries (target), S keys (source), D width, A alignment width.
Masks are boolean and say where one may look: True = may be attended to, as in
`torch.nn.functional.scaled_dot_product_attention`.
"""

import math

import torch
from torch import Tensor

from attncourse.functional.additive import additive_score, plain_additive_score

__all__ = [
    "additive_score",
    "dot_score",
    "general_score",
    "masked_softmax",
    "plain_additive_score",
    "scaled_dot_score",
]


def masked_softmax(scores: Tensor, mask: Tensor | None = None, dim: int = -1) -> Tensor:
    """Take the softmax over the entries that the mask allows; others get weight exactly 0.

    A row without any allowed entry has nothing to attend to: its weights are all 0 and no gradient
    flows through it. Neither the weights nor the gradients are ever NaN for finite scores, and what
    stands at a masked entry, NaN included, has no influence.

    Args:
        scores: Floating point scores of any shape.
        mask: Boolean, broadcastable to `scores`; True = may be attended to. None allows everything.
        dim: The dimension along which weights sum to one.

    Returns:
        Weights, shape and dtype of `scores`.

    Raises:
        TypeError: If the mask is not boolean.
        ValueError: If the mask has more dimensions than the scores.
    """
    if mask is None:
        return scores.softmax(dim)
    if mask.dtype != torch.bool:
        raise TypeError(f"mask must be boolean (True = may be attended to), got {mask.dtype}")
    if mask.dim() > scores.dim():
        raise ValueError(
            f"mask must broadcast to scores {tuple(scores.shape)}, got {tuple(mask.shape)}"
        )
    hidden = ~mask[(None,) * (scores.dim() - mask.dim())]  # same number of dimensions as the scores
    empty = hidden.all(dim, keepdim=True)
    # An empty row would be softmax(-inf, …) = NaN: let it be uniform first, and zero afterwards.
    logits = scores.masked_fill(hidden, -math.inf).masked_fill(empty, 0.0)
    return logits.softmax(dim).masked_fill(empty, 0.0)


def dot_score(query: Tensor, keys: Tensor) -> Tensor:
    """Multiply every query with every key, q · k (Luong et al. 2015, section 3.1, "dot").

    Shape:
        query (B, T, D), keys (B, S, D) → (B, T, S)
    """
    return query @ keys.mT


def scaled_dot_score(query: Tensor, keys: Tensor) -> Tensor:
    """Divide the dot score by √D, lest its variance grow with D (Vaswani et al. 2017, 3.2.1).

    Shape:
        query (B, T, D), keys (B, S, D) → (B, T, S)
    """
    return dot_score(query / math.sqrt(query.shape[-1]), keys)


def general_score(query: Tensor, keys: Tensor, weight: Tensor) -> Tensor:
    """Multiply through a matrix, qᵀ W k, also between widths (Luong et al. 2015, 3.1, "general").

    Shape:
        query (B, T, Dq), keys (B, S, Dk), weight (Dq, Dk) → (B, T, S)
    """
    return dot_score(query @ weight, keys)
