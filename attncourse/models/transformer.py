"""The Transformer: an encoder and a decoder of attention, without recurrence or convolution.

Paper: Vaswani et al., Attention Is All You Need, NeurIPS 2017, arXiv:1706.03762.
Official code: tensorflow/tensor2tensor, `models/transformer.py`, `transformer_base_v1`.

p(y_t | y_<t, x) = softmax(E · Decoder(√D E[y_<t] + P, Encoder(√D E[x] + P)))_t

Shape: source (B, S), target so far (B, T) → logits (B, T, V)

Differences:
| | paper | official code | ours |
|---|---|---|---|
| embeddings | one matrix for source, target and output | the same | the same, or a source's own |
| first input of the decoder | not given | a zero vector | the embedding of a start token |
| embedding of the task | none | one of 32, added to every source token | none |
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attncourse.models.decoding import Decoder
from attncourse.models.registry import register
from attncourse.models.translator import Translator
from attncourse.nn.transformer import DecoderCache, DecoderLayer, EncoderLayer, SinusoidalPositions


class Transformer(Translator):
    """Translates sequences of tokens into sequences of tokens.

    Args:
        source_size: Number of tokens of the source's vocabulary.
        target_size: Of the target's; None if both share one vocabulary and one embedding, as in
            the paper. The target's embedding is always the output layer, too.
        dim: Width D.
        heads: Number of heads h; divides `dim`.
        layers: Number of layers N, of the encoder and of the decoder.
        hidden: Width of the feed-forward networks; 4·D if left out.
        dropout: Of the embeddings and of what each sub-layer adds.
        attention_dropout: Of the attention weights.
        activation: "relu" or "gelu".
        norm_first: Pre-norm, with a norm after each stack.
        bias: Whether the projections of the attentions have a bias.
        max_length: Longest source and longest target.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        source_size: int,
        target_size: int | None = None,
        *,
        dim: int = 512,
        heads: int = 8,
        layers: int = 6,
        hidden: int | None = None,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        activation: str = "relu",
        norm_first: bool = False,
        bias: bool = False,
        max_length: int = 2048,
    ) -> None:
        super().__init__()
        sizes = {"source_size": source_size, "target_size": target_size, "layers": layers}
        for name, size in sizes.items():
            if size is not None and size < 1:
                raise ValueError(f"{name} must be a positive integer, got {size}")
        options: dict[str, Any] = {
            "heads": heads,
            "hidden": hidden,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "activation": activation,
            "norm_first": norm_first,
            "bias": bias,
        }
        self.embedding = nn.Embedding(source_size if target_size is None else target_size, dim)
        self.source_embedding = None if target_size is None else nn.Embedding(source_size, dim)
        self.positions = SinusoidalPositions(dim, max_length=max_length)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(dim, **options) for _ in range(layers))
        self.decoder = nn.ModuleList(DecoderLayer(dim, **options) for _ in range(layers))
        self.encoder_norm = nn.LayerNorm(dim) if norm_first else nn.Identity()
        self.decoder_norm = nn.LayerNorm(dim) if norm_first else nn.Identity()
        self.reset_embeddings()

    def reset_embeddings(self) -> None:
        """Draw the embeddings with variance 1/D: the factor √D makes it 1."""
        for embedding in (self.embedding, self.source_embedding):
            if embedding is not None:
                nn.init.normal_(embedding.weight, std=embedding.embedding_dim**-0.5)

    def forward(self, source: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Predict each target token from those before it (teacher forcing).

        Args:
            source: Tokens (B, S).
            target: Tokens (B, T), from the start token on. Padding at the end does no harm: what
                stands before it does not see it.
            mask: Boolean (B, S), True = a token and no padding.

        Returns:
            Logits (B, T, V) of the tokens that follow each target token.
        """
        return self.decode(target, self.encode(source, mask=mask), mask=mask)

    def encode(self, source: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Read the source (B, S): the memory (B, S, D)."""
        table = self.embedding if self.source_embedding is None else self.source_embedding
        x = self._embed(source, table)
        for layer in self.encoder:
            x = layer(x, mask=mask)
        return self.encoder_norm(x)

    def decode(
        self,
        target: Tensor,
        memory: Tensor,
        *,
        mask: Tensor | None = None,
        caches: list[DecoderCache] | None = None,
    ) -> Tensor:
        """Predict what follows each target token.

        Args:
            target: Tokens (B, T); with caches only the new ones.
            memory: (B, S, D), from `encode`.
            mask: Boolean (B, S), of the source.
            caches: One for each layer, from the earlier steps; they are added to.

        Returns:
            Logits (B, T, V).
        """
        written = 0 if caches is None else len(caches[0].self_attention)
        x = self._embed(target, self.embedding, offset=written)
        for i, layer in enumerate(self.decoder):
            cache = None if caches is None else caches[i]
            x = layer(x, memory, memory_mask=mask, cache=cache)
        return F.linear(self.decoder_norm(x), self.embedding.weight)

    @torch.no_grad()
    def start(self, source: Tensor, *, mask: Tensor | None = None, copies: int = 1) -> Decoder:
        """Read the source: see `Translator.start`."""
        memory = self.encode(source, mask=mask).repeat_interleave(copies, 0)
        mask = None if mask is None else mask.repeat_interleave(copies, 0)
        return _Writer(self, memory, mask)

    def _embed(self, tokens: Tensor, table: nn.Embedding, *, offset: int = 0) -> Tensor:
        x = table(tokens) * math.sqrt(table.embedding_dim)
        return self.dropout(self.positions(x, offset=offset))


class _Writer:
    """A Transformer in the middle of its sentences, with a cache for each layer.

    It does not say where it attends: `attncourse.nn.recording.record_weights` shows any run.
    """

    def __init__(self, model: Transformer, memory: Tensor, mask: Tensor | None) -> None:
        self.model = model
        self.memory = memory
        self.mask = mask
        self.caches = [DecoderCache() for _ in model.decoder]

    def step(self, tokens: Tensor) -> tuple[Tensor, None]:
        logits = self.model.decode(tokens[:, None], self.memory, mask=self.mask, caches=self.caches)
        return logits[:, -1], None

    def select(self, rows: Tensor) -> None:
        # Rows change place within their sentence only, and there the memory is the same.
        for cache in self.caches:
            cache.self_attention.select(rows)


@register("transformer_base")
def transformer_base(source_size: int = 37_000, **options: Any) -> Transformer:
    """Build the base model (table 3): N = 6, D = 512, hidden 2048, h = 8, dropout 0.1.

    Args:
        source_size: Number of tokens. English-German had "about 37000", shared by both languages.
        options: Of `Transformer`.
    """
    return Transformer(source_size, **options)


@register("transformer_big")
def transformer_big(source_size: int = 37_000, **options: Any) -> Transformer:
    """Build the big model (table 3): N = 6, D = 1024, hidden 4096, h = 16, dropout 0.3.

    Args:
        source_size: Number of tokens, as in `transformer_base`.
        options: Of `Transformer`.
    """
    return Transformer(source_size, **{"dim": 1024, "heads": 16, "dropout": 0.3} | options)
