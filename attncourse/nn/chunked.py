"""Attention of all places of a map to all places, in memory that grows with N and not with N².

The N × N weights are made for some queries at a time, and made again for the backward pass instead
of being kept (Rabe and Staats, Self-attention Does Not Need O(n²) Memory, 2021, arXiv:2112.05682).
Since every chunk of scores is small enough to stay in the cache, it is faster as well.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def chunked_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """`value @ (query.mT @ key).softmax(-1).mT`: unscaled attention over maps, channels first.

    First derivatives only.

    Shape:
        query (B, D, N), key (B, D, N), value (B, C, N) → (B, C, N)
    """
    out: Tensor = _ChunkedAttention.apply(query, key, value)  # type: ignore[no-untyped-call]
    return out


class _ChunkedAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        out = torch.empty_like(value)
        for b, n in _chunks(query):
            weights = (query[b, :, n].mT @ key[b]).softmax(-1)
            out[b, :, n] = value[b] @ weights.mT
        ctx.save_for_backward(query, key, value, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value, out = ctx.saved_tensors
        grad_query, grad_key = torch.empty_like(query), torch.zeros_like(key)
        grad_value = torch.zeros_like(value)
        expected = (grad * out).sum(1).unsqueeze(-1)  # the mean of ∂weights under the weights
        for b, n in _chunks(query):
            weights = (query[b, :, n].mT @ key[b]).softmax(-1)
            grad_value[b].baddbmm_(grad[b, :, n], weights)
            grad_scores = (grad[b, :, n].mT @ value[b]).sub_(expected[b, n]).mul_(weights)
            grad_query[b, :, n] = key[b] @ grad_scores.mT
            grad_key[b].baddbmm_(query[b, :, n], grad_scores)
        return grad_query, grad_key, grad_value


def _chunks(query: Tensor) -> Iterator[tuple[slice, slice]]:
    """Which samples and queries at once: their scores stay in the cache, or keep a GPU busy."""
    batch, _, places = query.shape
    scores = 2**23 if query.is_cuda else 2**20
    samples = max(1, scores // places**2)
    queries = max(64, scores // places)  # fewer make thin products, which are slow
    for b in range(0, batch, samples):
        for n in range(0, places, queries):
            yield slice(b, b + samples), slice(n, n + queries)
