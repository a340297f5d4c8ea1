"""Additive attention: the decoder looks up the source words that matter for the next target word.

Paper: Bahdanau, Cho and Bengio, Neural Machine Translation by Jointly Learning to Align and
    Translate, ICLR 2015, arXiv:1409.0473.
Official code: lisa-groundhog/GroundHog, experiments/nmt.

c_t = Σ_s α_ts h_s,  α_t = softmax_s(v · tanh(W q_t + U h_s))

Shape: query (B, T, Dq), keys (B, S, Dk) → context (B, T, Dk), weights (B, T, S)

Differences:
| | paper | official code | ours |
|---|---|---|---|
| query | decoder state s_{i-1} | the same | whatever the decoder passes |
| U h_s | once, since it does not depend on i | the same | `project_keys` |
| bias of the alignment model | not written out | none | none; `bias=True`: in U h |
| initial values | v = 0, W and U ~ N(0, 0.001²) | the same | uniform in ±1/√fan-in |
| softmax | exp e / Σ exp e | as it is read: inf / inf from e = 89 on | of e minus its maximum |
| padding | not mentioned | masked; NaN without any key | masked; 0 without any key |
"""

import math

import torch
from torch import Tensor, nn

from attncourse.functional import additive_score, masked_softmax


class BahdanauAttention(nn.Module):
    """Attends with a small network that scores each pair of a query and a key.

    Args:
        query_dim: Width Dq of the queries.
        key_dim: Width Dk of the keys, which are the values too; that of the queries by default.
        align_dim: Width A of the alignment model; that of the queries by default.
        bias: Adds a learned bias inside the tanh.

    Shape:
        query (B, T, Dq), keys (B, S, Dk) → context (B, T, Dk), weights (B, T, S)

    Raises:
        ValueError: If a width is not positive.
    """

    def __init__(
        self,
        query_dim: int,
        key_dim: int | None = None,
        *,
        align_dim: int | None = None,
        bias: bool = False,
    ) -> None:
        super().__init__()
        key_dim = query_dim if key_dim is None else key_dim
        align_dim = query_dim if align_dim is None else align_dim
        for name, size in {"query": query_dim, "key": key_dim, "align": align_dim}.items():
            if size < 1:
                raise ValueError(f"{name}_dim must be a positive integer, got {size}")
        self.query_projection = nn.Linear(query_dim, align_dim, bias=False)
        self.key_projection = nn.Linear(key_dim, align_dim, bias=bias)
        self.v = nn.Parameter(torch.empty(align_dim))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw fresh weights, uniform in ±1/√fan-in."""
        self.query_projection.reset_parameters()
        self.key_projection.reset_parameters()
        bound = 1 / math.sqrt(self.v.numel())
        nn.init.uniform_(self.v, -bound, bound)

    def project_keys(self, keys: Tensor) -> Tensor:
        """Compute U h, what a decoder computes once per sentence and passes at every step.

        Shape:
            (B, S, Dk) → (B, S, A)
        """
        projected: Tensor = self.key_projection(keys)
        return projected

    def forward(
        self,
        query: Tensor,
        keys: Tensor,
        *,
        mask: Tensor | None = None,
        projected_keys: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Look up a weighted mean of the keys for each query.

        Args:
            query: Decoder states.
            keys: Annotations of the source.
            mask: (B, S) or (B, T, S), boolean, True = may be attended to.
            projected_keys: `project_keys(keys)`, (B, S, A), if it is known already.

        Returns:
            Context (B, T, Dk) and weights (B, T, S), both 0 where a query may attend to nothing.

        Raises:
            ValueError: If the shapes do not fit each other.
            TypeError: If the mask is not boolean.
        """
        self._check(query, keys, mask, projected_keys)
        if projected_keys is None:
            projected_keys = self.project_keys(keys)
        if mask is not None and mask.dim() == 2:
            mask = mask.unsqueeze(1)  # (B, 1, S): the same for every query
        scores = additive_score(self.query_projection(query), projected_keys, self.v)
        weights = masked_softmax(scores, mask)
        return weights @ keys, weights

    def _check(
        self, query: Tensor, keys: Tensor, mask: Tensor | None, projected: Tensor | None
    ) -> None:
        """Compare shapes here, where they still have the names that the caller knows."""
        dims = self.query_projection.in_features, self.key_projection.in_features
        fit = query.dim() == keys.dim() == 3 and query.shape[0] == keys.shape[0]
        if not fit or (query.shape[-1], keys.shape[-1]) != dims:
            raise ValueError(
                f"query and keys must be (B, T, {dims[0]}) and (B, S, {dims[1]}), "
                f"got {tuple(query.shape)} and {tuple(keys.shape)}"
            )
        batch, targets, sources = *query.shape[:2], keys.shape[1]
        known = batch, sources, self.v.shape[0]
        if projected is not None and projected.shape != known:
            raise ValueError(
                f"projected_keys must be (B, S, A) = {known}, got {tuple(projected.shape)}"
            )
        masks = {2: (batch, sources), 3: (batch, targets, sources)}
        # By dimension: torch.compile does not find a shape among tuples when a size is symbolic.
        if mask is not None and mask.shape != masks.get(mask.dim()):
            raise ValueError(
                f"mask must be (B, S) = {masks[2]} or (B, T, S) = {masks[3]}, "
                f"got {tuple(mask.shape)}"
            )
