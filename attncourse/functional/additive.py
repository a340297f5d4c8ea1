"""The additive score v · tanh(q + k) of every pair, without the (B, T, S, A) tensor of its formula.

Written as PyTorch reads it, the formula builds T·S·A sums and as many hyperbolic tangents, keeps
both for the backward pass, and is slow because of memory, not of arithmetic. Two identities help:

    tanh(x) = 1 - 2 σ(-2x),    σ(-2(q + k)) = 1 / (1 + e^{2q} e^{2k})

By the first, score and gradients are sums over sigmoids r; these are made block by block, used and
overwritten, and made again in the backward pass. By the second, T·S·A exponentials become only
(T + S)·A: the *folded* form, where a pair costs a product and a reciprocal. The product may
overflow or vanish, since then r is 0 or 1 as it should be; a factor may not. Hence a bound on |q|
and |k|, 39 in float32. Beyond it the sigmoid is taken of the sum itself: the *direct* form.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

#: Elements of a block: they stay in the L2 cache.
CPU_BLOCK, GPU_BLOCK = 2**18, 2**23


def plain_additive_score(query: Tensor, keys: Tensor, v: Tensor) -> Tensor:
    """Return the formula as it is read: the twin that `additive_score` is tested against.

    Shape:
        query (B, T, A), keys (B, S, A), v (A) → (B, T, S)
    """
    return torch.tanh(query.unsqueeze(-2) + keys.unsqueeze(-3)) @ v


def additive_score(query: Tensor, keys: Tensor, v: Tensor) -> Tensor:
    """Weigh the features of tanh(q + k) by v, for every pair (Bahdanau et al. 2014, A.1.2).

    Memory beyond the result is that of one block, forward and backward; only derivatives of a
    higher order take the twin's way and its memory. Computed in float32 for narrower inputs.

    Args:
        query: Queries, already projected to the alignment width.
        keys: Keys, already projected to the alignment width.
        v: The vector that weighs the features.

    Returns:
        Scores of any query and any key, in the dtype that query and keys promote to.

    Raises:
        ValueError: If the shapes do not fit each other.

    Shape:
        query (B, T, A), keys (B, S, A), v (A) → (B, T, S)
    """
    if not (query.dim() == keys.dim() == 3 and query.shape[::2] == keys.shape[::2]):
        raise ValueError(
            "query and keys must be (B, T, A) and (B, S, A) with the same B and A, "
            f"got {tuple(query.shape)} and {tuple(keys.shape)}"
        )
    if v.shape != query.shape[-1:]:
        raise ValueError(f"v must have shape ({query.shape[-1]},), got {tuple(v.shape)}")
    dtype = torch.promote_types(query.dtype, keys.dtype)
    wide = torch.promote_types(dtype, torch.float32)
    scores: Tensor = _form(query, keys)(query.to(wide), keys.to(wide), v.to(wide))
    return scores.to(dtype)


def _form(query: Tensor, keys: Tensor) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return the fastest way to the score of these queries and keys."""
    if torch.compiler.is_compiling():
        return _fusible_score
    # A decoder's step on short sentences: all pairs fit into one block, so what the formula keeps
    # for the backward pass costs less than making it again.
    if query.shape[1] == 1 and query.device.type == "cpu" and keys.numel() <= CPU_BLOCK:
        return plain_additive_score
    return _BlockwiseScore.apply


class _BlockwiseScore(torch.autograd.Function):
    """Score = Σ v - 2 Σ v r, and with ∂r/∂q = -2 (1 - r) r its gradients, block by block."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, keys: Tensor, v: Tensor) -> Tensor:
        ctx.save_for_backward(query, keys, v)
        scores = query.new_zeros(*query.shape[:2], keys.shape[1])
        for at, r in _sigmoids(query, keys):
            torch.matmul(r, v, out=scores[at])
        return scores.mul_(-2).add_(v.sum())

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, keys, v = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph: these gradients will be differentiated
            return _plain_gradients(query, keys, v, grad)
        to_query, to_keys, to_v = (torch.zeros_like(x) for x in (query, keys, v))
        for at, r in _sigmoids(query, keys):
            g = grad[at]
            to_v.addmv_(r.flatten(0, 2).mT, g.flatten())
            slope = torch.ops.aten.sigmoid_backward(g.unsqueeze(-1), r, grad_input=r)
            torch.sum(slope, 2, out=to_query[at])
            ones = slope.new_ones(len(slope), 1, slope.shape[1])  # a product sums faster than sum
            to_keys[at[0]].flatten(1).unsqueeze(1).baddbmm_(ones, slope.flatten(2))
        return to_query.mul_(4 * v), to_keys.mul_(4 * v), grad.sum() - 2 * to_v


def _plain_gradients(
    query: Tensor, keys: Tensor, v: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of the twin, as operations that have derivatives themselves."""
    features = torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1))
    grad = grad.unsqueeze(-1)
    slope = v * (1 - features**2) * grad
    return slope.sum(2), slope.sum(1), (features * grad).sum((0, 1, 2))


def _sigmoids(query: Tensor, keys: Tensor) -> Iterator[tuple[tuple[slice, slice], Tensor]]:
    """Yield where, and r = σ(-2(q + k)) there, in blocks (b, t, S, A)."""
    if not query.numel() or not keys.numel():
        return
    (batch, targets, width), sources = query.shape, keys.shape[1]
    block = CPU_BLOCK if query.device.type == "cpu" else GPU_BLOCK
    t = min(targets, max(1, block // (sources * width)))
    b = max(1, block // (targets * sources * width))
    one, buffer = query.new_ones(()), query.new_empty(min(b, batch), t, sources, width)
    for i in range(0, batch, b):
        slab = slice(i, i + b)
        q, k = -2 * query[slab].unsqueeze(2), -2 * keys[slab].unsqueeze(1)
        # Without a second query nothing is saved; on a GPU nothing, and a look at the bound waits.
        folded = targets > 1 and query.device.type == "cpu" and bool(_foldable(q, k))
        if folded:
            q, k = q.neg_().exp_(), k.neg_().exp_()
        for j, rows in enumerate(q.split(t, dim=1)):
            r = buffer[: rows.shape[0], : rows.shape[1]]  # the next block overwrites this one
            if folded:
                torch.addcmul(one, rows, k, out=r).reciprocal_()
            else:
                torch.add(rows, k, out=r).sigmoid_()
            yield (slab, slice(j * t, j * t + t)), r


def _foldable(q: Tensor, k: Tensor) -> Tensor:
    """Return whether e^±q, e^±k and what gradients multiply them with are normal numbers."""
    bound = -0.9 * math.log(torch.finfo(q.dtype).tiny)  # a tenth of the range is left for products
    limits = torch.stack([*q.aminmax(), *k.aminmax()])
    within: Tensor = (limits.abs() <= bound).all()
    return within


def _fusible_score(query: Tensor, keys: Tensor, v: Tensor) -> Tensor:
    """Score for `torch.compile`, which fuses sigmoids and sum, and needs no blocks for it."""

    def folded(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return torch.sum(v / (1 + q.neg().exp() * k.neg().exp()), -1)

    def direct(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return torch.sum(v * torch.sigmoid(q + k), -1)

    pairs = -2 * query.unsqueeze(2), -2 * keys.unsqueeze(1), v
    if query.device.type == "cpu" and query.shape[1] > 1:
        weighed: Tensor = torch.cond(_foldable(*pairs[:2]), folded, direct, pairs)
    else:
        weighed = direct(*pairs)
    return v.sum() - 2 * weighed
