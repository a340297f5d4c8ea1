"""The Transformer's layers: attention, then a small network for each token by itself.

Paper: Vaswani et al., Attention Is All You Need, NeurIPS 2017, arXiv:1706.03762, section 3.
Official code: tensorflow/tensor2tensor, `models/transformer.py`.

post-norm: LayerNorm(x + f(x)),  pre-norm: x + f(LayerNorm(x)),  where f is an attention or
FFN(x) = max(0, x W₁ + b₁) W₂ + b₂

Shape: (B, T, D) → (B, T, D)

Differences:
| | paper | official code | ours |
|---|---|---|---|
| norm | post | post; pre since `transformer_base_v2` | post; pre with `norm_first` |
| dropout | of what is added to x | also of weights and hidden units since v2 | as the paper |
| ε of the layer norm | not given | 10⁻⁶ | 10⁻⁵, PyTorch's |

`attention_dropout` drops weights too. `nn.TransformerEncoderLayer` is post-norm, has biases in the
projections (`bias=True` here), and drops weights and hidden units. `MultiHeadAttention` and
`SinusoidalPositions` have files of their own: more than the Transformer is built from them.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from torch import Tensor, nn

from attncourse.nn.cache import DecoderCache
from attncourse.nn.multihead import MultiHeadAttention
from attncourse.nn.positions import SinusoidalPositions
from attncourse.nn.recording import record_weights

__all__ = [
    "AddNorm",
    "DecoderCache",
    "DecoderLayer",
    "EncoderLayer",
    "FeedForward",
    "MultiHeadAttention",
    "SinusoidalPositions",
    "record_weights",
]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": partial(nn.ReLU, inplace=True),  # the hidden units are the largest tensor of a layer
    "gelu": nn.GELU,
}


class AddNorm(nn.Module):
    """What surrounds every sub-layer: residual connection, dropout and layer norm (section 5.4)."""

    def __init__(self, dim: int, *, dropout: float, norm_first: bool) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.norm = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply a sub-layer (B, T, D) → (B, T, D) to x."""
        if self.norm_first:
            return x + self.dropout(sublayer(self.norm(x)))
        return self.norm(x + self.dropout(sublayer(x)))


class FeedForward(nn.Module):
    """The network that every token passes by itself: widen, activate, narrow (section 3.3).

    Args:
        dim: Width D.
        hidden: Width of the middle; 4·D if left out.
        activation: "relu" (paper) or "gelu".

    Raises:
        ValueError: If `hidden` is not positive or the activation unknown.
    """

    def __init__(self, dim: int, hidden: int | None = None, *, activation: str = "relu") -> None:
        hidden = 4 * dim if hidden is None else hidden
        if hidden < 1:
            raise ValueError(f"hidden must be a positive integer, got {hidden}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {[*ACTIVATIONS]}, got {activation!r}")
        super().__init__()
        self.widen = nn.Linear(dim, hidden)
        self.activation = ACTIVATIONS[activation]()
        self.narrow = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to each token of x (B, T, D)."""
        # As a list of tokens: of three axes `widen` would return a view, slow to write over.
        hidden = self.activation(self.widen(x.flatten(0, 1)))  # (B·T, hidden)
        return self.narrow(hidden).view_as(x)


class _Layer(nn.Module):
    """The parts of a layer; the two kinds say in which order x passes them."""

    crosses: ClassVar[bool]
    """Whether it attends to a memory, too."""

    def __init__(
        self,
        dim: int,
        *,
        heads: int = 8,
        hidden: int | None = None,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        activation: str = "relu",
        norm_first: bool = False,
        bias: bool = False,
    ) -> None:
        super().__init__()

        def attention() -> MultiHeadAttention:
            return MultiHeadAttention(dim, heads=heads, dropout=attention_dropout, bias=bias)

        def add_norm() -> AddNorm:
            return AddNorm(dim, dropout=dropout, norm_first=norm_first)

        self.self_attention = attention()
        if self.crosses:
            self.cross_attention = attention()
        self.feed_forward = FeedForward(dim, hidden, activation=activation)
        self.add_norm1 = add_norm()
        self.add_norm2 = add_norm()
        if self.crosses:
            self.add_norm3 = add_norm()


class EncoderLayer(_Layer):
    """Self-attention and feed-forward network.

    Args:
        dim: Width D.
        heads: Number of heads h; divides `dim`.
        hidden: Width of the feed-forward network; 4·D if left out.
        dropout: Of what each sub-layer adds.
        attention_dropout: Of the attention weights.
        activation: "relu" or "gelu".
        norm_first: Pre-norm: the residual path then carries no norm, and a stack of such layers
            needs one after its last layer.
        bias: Whether the projections of the attention have a bias.

    Shape:
        (B, T, D) → (B, T, D)

    Raises:
        ValueError: If an argument is out of its range.
    """

    crosses = False

    def forward(self, x: Tensor, *, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """Encode x (B, T, D).

        Args:
            x: The sequence.
            mask: Boolean (B, T) or (B, T, T), True = may be attended to.
            causal: Whether a position sees only itself and what is before it.
        """
        x = self.add_norm1(x, lambda y: self.self_attention(y, mask=mask, causal=causal)[0])
        x = self.add_norm2(x, self.feed_forward)
        return x


class DecoderLayer(_Layer):
    """Self-attention to what has been written, attention to the memory, feed-forward network.

    Args:
        dim: Width D of sequence and memory.
        heads: Number of heads h; divides `dim`.
        hidden: Width of the feed-forward network; 4·D if left out.
        dropout: Of what each sub-layer adds.
        attention_dropout: Of the attention weights.
        activation: "relu" or "gelu".
        norm_first: Pre-norm, as in `EncoderLayer`.
        bias: Whether the projections of the attentions have a bias.

    Shape:
        (B, T, D), memory (B, S, D) → (B, T, D)

    Raises:
        ValueError: If an argument is out of its range.
    """

    crosses = True

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        *,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        causal: bool = True,
        cache: DecoderCache | None = None,
    ) -> Tensor:
        """Decode x (B, T, D) with a view of the memory (B, S, D).

        Args:
            x: The sequence; with a cache only what is new of it.
            memory: The encoder's output.
            mask: Boolean (B, T) or (B, T, T), for the sequence; True = may be attended to.
            memory_mask: Boolean (B, S) or (B, T, S), for the memory.
            causal: Whether a position sees only itself and what is before it.
            cache: Of the earlier steps; it is added to.
        """
        own = None if cache is None else cache.self_attention
        crossed = None if cache is None else cache.cross_attention
        x = self.add_norm1(
            x, lambda y: self.self_attention(y, mask=mask, causal=causal, cache=own)[0]
        )
        x = self.add_norm2(
            x, lambda y: self.cross_attention(y, memory, mask=memory_mask, cache=crossed)[0]
        )
        x = self.add_norm3(x, self.feed_forward)
        return x
