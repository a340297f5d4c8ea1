"""Additive attention as tutorials write it. Both forms build W q + U h for every pair.

`BroadcastAttention` scores all queries at once, as textbooks with a decoder of known targets do.
`StepAttention` is called by a decoder at every step, with all that it needs, the keys unprojected.
"""

import torch
from torch import Tensor, nn

from attncourse.nn.bahdanau import BahdanauAttention


class BroadcastAttention(nn.Module):
    """Scores as one (B, T, S, A) tensor, from a Linear layer for each of W, U and v."""

    def __init__(self, query_dim: int, key_dim: int, align_dim: int) -> None:
        super().__init__()
        self.query_layer = nn.Linear(query_dim, align_dim, bias=False)
        self.key_layer = nn.Linear(key_dim, align_dim, bias=False)
        self.score_layer = nn.Linear(align_dim, 1, bias=False)

    @classmethod
    def like(cls, ours: BahdanauAttention) -> "BroadcastAttention":
        """The same function as ours."""
        weights = ours.query_projection.weight, ours.key_projection.weight
        same = cls(weights[0].shape[1], weights[1].shape[1], len(ours.v)).to(ours.v)
        with torch.no_grad():
            same.query_layer.weight.copy_(weights[0])
            same.key_layer.weight.copy_(weights[1])
            same.score_layer.weight.copy_(ours.v[None])
        return same

    def forward(self, query: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        features = self.query_layer(query).unsqueeze(2) + self.key_layer(keys).unsqueeze(1)
        scores = self.score_layer(torch.tanh(features)).squeeze(-1)
        weights = torch.softmax(scores, dim=-1)
        return torch.bmm(weights, keys), weights


class StepAttention(BroadcastAttention):
    """One query (B, 1, Dq) after the other, and the keys projected again for each."""

    def forward(self, query: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        steps = [super(StepAttention, self).forward(q, keys) for q in query.split(1, dim=1)]
        contexts, weights = zip(*steps, strict=True)
        return torch.cat(contexts, dim=1), torch.cat(weights, dim=1)
