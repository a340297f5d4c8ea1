"""The Transformer's encoder layer as most repositories have it, and as PyTorch has it.

The first is the paper's equations one after the other: four projections, a matrix of scores for
every head, its softmax, and the weighted sum.
"""

import math

import torch
from torch import Tensor, nn

from attncourse.nn.multihead import MultiHeadAttention
from attncourse.nn.transformer import EncoderLayer


class FourProjections(nn.Module):
    """Multi-head self-attention with a Linear layer for each of query, key, value and output."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(dim, dim) for _ in range(4))

    @classmethod
    def like(cls, ours: MultiHeadAttention) -> "FourProjections":
        """The same function as ours."""
        same = cls(ours.dim, ours.heads).to(ours.out.weight)
        projections = (same.query, same.key, same.value)
        with torch.no_grad():
            for layer, weight in zip(projections, ours.qkv.weight.chunk(3), strict=True):
                layer.weight.copy_(weight)
            for layer, bias in zip(projections, ours.qkv.bias.chunk(3), strict=True):
                layer.bias.copy_(bias)
        same.out.load_state_dict(ours.out.state_dict())
        return same

    def split(self, x: Tensor) -> Tensor:
        batch, length, dim = x.shape
        return x.view(batch, length, self.heads, dim // self.heads).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        scores = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(q.shape[-1])
        mixed = torch.matmul(torch.softmax(scores, dim=-1), v)
        return self.out(mixed.transpose(1, 2).contiguous().view(x.shape))


class TorchAttention(nn.MultiheadAttention):
    """PyTorch's, told that the weights are not needed."""

    @classmethod
    def like(cls, ours: MultiHeadAttention) -> "TorchAttention":
        """The same function as ours."""
        same = cls(ours.dim, ours.heads, batch_first=True).to(ours.out.weight)
        copy_attention(ours, same)
        return same

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x, x, x, need_weights=False)[0]


class PostNormLayer(nn.Module):
    """The paper's encoder layer around `FourProjections`."""

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attention = FourProjections(dim, heads)
        self.linear1, self.linear2 = nn.Linear(dim, hidden), nn.Linear(hidden, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    @classmethod
    def like(cls, ours: EncoderLayer) -> "PostNormLayer":
        """The same function as ours."""
        hidden, dim = ours.feed_forward.widen.weight.shape
        same = cls(dim, ours.self_attention.heads, hidden).to(ours.feed_forward.widen.weight)
        same.attention = FourProjections.like(ours.self_attention)
        copy_rest(ours, same)
        return same

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.linear2(torch.relu(self.linear1(x))))


class TorchLayer(nn.TransformerEncoderLayer):
    """PyTorch's, without dropout."""

    @classmethod
    def like(cls, ours: EncoderLayer) -> "TorchLayer":
        """The same function as ours."""
        hidden, dim = ours.feed_forward.widen.weight.shape
        same = cls(dim, ours.self_attention.heads, hidden, dropout=0.0, batch_first=True)
        same.to(ours.feed_forward.widen.weight)
        copy_attention(ours.self_attention, same.self_attn)
        copy_rest(ours, same)
        return same


def copy_attention(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.qkv.weight)
        if ours.qkv.bias is not None:
            theirs.in_proj_bias.copy_(ours.qkv.bias)
    theirs.out_proj.load_state_dict(ours.out.state_dict())


def copy_rest(ours: EncoderLayer, theirs: PostNormLayer | TorchLayer) -> None:
    theirs.linear1.load_state_dict(ours.feed_forward.widen.state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward.narrow.state_dict())
    theirs.norm1.load_state_dict(ours.add_norm1.norm.state_dict())
    theirs.norm2.load_state_dict(ours.add_norm2.norm.state_dict())
