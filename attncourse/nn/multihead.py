"""Multi-head attention: h small attentions side by side, each in its own projection of the input.

Paper: Vaswani et al., Attention Is All You Need, NeurIPS 2017, arXiv:1706.03762, section 3.2.
Official code: tensorflow/tensor2tensor, `layers/common_attention.py`.

MultiHead(Q, K, V) = [head₁; …; headₕ] W_O,  headᵢ = softmax(Q W_Qᵢ (K W_Kᵢ)ᵀ / √(D/h)) V W_Vᵢ

Shape: query (B, T, D), keys and values (B, S, D) → (B, T, D)

Differences:
| | paper | official code | ours |
|---|---|---|---|
| biases of the projections | none | in its first release; none later | none; `bias=True` has them |
| dropout of the weights | none | 0 in `transformer_base_v1`, 0.1 later | `dropout`, 0 by default |
| a query that may attend to nothing | not treated | mean of all values | zeros |
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attncourse.functional import masked_softmax, scaled_dot_score
from attncourse.nn.cache import KeyValueCache


class MultiHeadAttention(nn.Module):
    """Multi-head attention, of a sequence to itself or to another one.

    PyTorch's fused attention on a CPU can be differentiated once; second derivatives need
    `torch.nn.attention.sdpa_kernel(SDPBackend.MATH)`, or `return_weights`.

    Args:
        dim: Width D of queries, keys, values and output.
        heads: Number of heads h; divides `dim`.
        dropout: Probability with which a weight is dropped in training.
        bias: Whether the four projections have a bias.

    Raises:
        ValueError: If `heads` does not divide `dim`, or `dropout` is no probability.
    """

    def __init__(
        self, dim: int, *, heads: int = 8, dropout: float = 0.0, bias: bool = False
    ) -> None:
        super().__init__()
        if dim < 1 or heads < 1 or dim % heads:
            raise ValueError(f"heads must be a positive divisor of dim={dim}, got {heads}")
        if not 0 <= dropout <= 1:
            raise ValueError(f"dropout must be a probability, from 0 to 1, got {dropout}")
        self.dim = dim
        self.heads = heads
        self.dropout = dropout
        # W_Q, W_K and W_V in one matrix: self-attention projects all three in one product.
        self.qkv = nn.Linear(dim, 3 * dim, bias=bias)
        self.out = nn.Linear(dim, dim, bias=bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw each of the four matrices from Glorot's uniform distribution; biases are zero."""
        with torch.no_grad():
            for weight in (*self.qkv.weight.chunk(3), self.out.weight):
                nn.init.xavier_uniform_(weight)
            for bias in (self.qkv.bias, self.out.bias):
                if bias is not None:
                    nn.init.zeros_(bias)

    def forward(
        self,
        query: Tensor,
        keys: Tensor | None = None,
        values: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        causal: bool = False,
        cache: KeyValueCache | None = None,
        return_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Args:
            query: (B, T, D).
            keys: (B, S, D); without them the query attends to itself. With a cache that is filled
                they are not looked at again.
            values: (B, S, D); the keys if left out.
            mask: Boolean, True = may be attended to: (B, S) for the keys that are no padding, or
                (B, T, S) for every pair. A query that may attend to nothing gets a zero context.
            causal: The last query sees all keys, the one before all but the last, and so on: a
                position sees itself and what is before it, also when earlier keys are cached.
            cache: Keys and values of earlier calls: see `KeyValueCache`.
            return_weights: Also compute the weights; costs memory of T·S for each head.

        Returns:
            The output (B, T, D), and the weights (B, h, T, S) before dropout, or None.

        Raises:
            ValueError: If the width of the query or the shape of the mask is wrong, or if there
                are values without keys.
            TypeError: If the mask is not boolean.
        """
        q, k, v = self._project(query, keys, values, cache)
        size = (q.shape[0], q.shape[2], k.shape[2])
        dropout = self.dropout if self.training else 0.0
        weights = None
        if return_weights:
            allowed = _allowed(mask, causal, size, query.device)
            weights = masked_softmax(scaled_dot_score(q, k), allowed)
            context = F.dropout(weights, dropout) @ v
        else:
            # The kernel knows the square causal mask by itself: none of T·S needs to be built.
            square = causal and mask is None and keys is None and cache is None
            allowed = _allowed(mask, causal and not square, size, query.device)
            context = F.scaled_dot_product_attention(
                q, k, v, attn_mask=allowed, dropout_p=dropout, is_causal=square
            )
        return self.out(context.transpose(1, 2).flatten(2)), weights  # from (B, h, T, D/h)

    def _project(
        self,
        query: Tensor,
        keys: Tensor | None,
        values: Tensor | None,
        cache: KeyValueCache | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        if query.dim() != 3 or query.shape[-1] != self.dim:
            raise ValueError(f"query must be (B, T, D={self.dim}), got {tuple(query.shape)}")
        if keys is None:
            if values is not None:
                raise ValueError("values need keys: pass both, or neither for self-attention")
            q, k, v = map(self._split, self.qkv(query).chunk(3, dim=-1))
            return (q, k, v) if cache is None else (q, *cache.append(k, v))
        weights = self.qkv.weight.chunk(3)
        biases = (None,) * 3 if self.qkv.bias is None else self.qkv.bias.chunk(3)
        q = self._split(F.linear(query, weights[0], biases[0]))
        if cache is not None and cache.keys is not None and cache.values is not None:
            return q, cache.keys, cache.values
        k = self._split(F.linear(keys, weights[1], biases[1]))
        v = self._split(F.linear(keys if values is None else values, weights[2], biases[2]))
        return (q, k, v) if cache is None else (q, *cache.append(k, v))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, T, D) -> (B, h, T, D/h)


def _allowed(
    mask: Tensor | None, causal: bool, size: tuple[int, int, int], device: torch.device
) -> Tensor | None:
    """Return both masks in one, broadcastable to (B, h, T, S)."""
    batch, targets, sources = size
    if mask is not None:
        if mask.dtype != torch.bool:
            raise TypeError(f"mask must be boolean (True = may be attended to), got {mask.dtype}")
        if mask.shape == (batch, sources):
            mask = mask[:, None, None]
        elif mask.shape == size:
            mask = mask[:, None]
        else:
            raise ValueError(
                f"mask must be (B, S) = {(batch, sources)} or (B, T, S) = {size}, "
                f"got {tuple(mask.shape)}"
            )
    if causal and targets > 1:  # a single query is the last one, and sees all keys
        key = torch.arange(sources, device=device)
        query = torch.arange(sources - targets, sources, device=device)  # they stand at the end
        past = key <= query[:, None]
        mask = past if mask is None else mask & past
    return mask
