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
from torch.library import custom_op


def chunked_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return `value @ (query.mT @ key).softmax(-1).mT`: unscaled attention, channels first.

    First derivatives only.

    Shape:
        query (B, D, N), key (B, D, N), value (B, C, N) → (B, C, N)
    """
    if torch.compiler.is_compiling():  # it would unroll the loops: let it not look into them
        out: Tensor = _attend_operator(query, key, value)
    else:
        out = _ChunkedAttention.apply(query, key, value)  # type: ignore[no-untyped-call]
    return out


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    out = torch.empty_like(value)
    for b, n in _chunks(query):
        weights = (query[b, :, n].mT @ key[b]).softmax(-1)
        out[b, :, n] = value[b] @ weights.mT
    return out


def _differentiate(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, out: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
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
    """Yield samples and queries whose scores stay in the cache, or keep a GPU busy."""
    batch, _, places = query.shape
    scores = 2**23 if query.is_cuda else 2**20
    samples = max(1, scores // places**2)
    queries = max(256, scores // places)  # fewer make thin products, which are slow
    for b in range(0, batch, samples):
        for n in range(0, places, queries):
            yield slice(b, b + samples), slice(n, n + queries)


class _ChunkedAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        out = _attend(query, key, value)
        ctx.save_for_backward(query, key, value, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return _differentiate(grad, *ctx.saved_tensors)


_attend_operator = custom_op("attncourse::attend", _attend, mutates_args=())
_differentiate_operator = custom_op("attncourse::differentiate", _differentiate, mutates_args=())


@_attend_operator.register_fake
def _(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return torch.empty_like(value)


@_differentiate_operator.register_fake
def _(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, out: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs, output)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    grads: tuple[Tensor, Tensor, Tensor] = _differentiate_operator(grad, *ctx.saved_tensors)
    return grads


_attend_operator.register_autograd(_backward, setup_context=_keep)
