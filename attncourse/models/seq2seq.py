"""RNNsearch: a recurrent encoder and decoder, joined by additive attention or by a fixed context.

Paper: Bahdanau, Cho and Bengio, Neural Machine Translation by Jointly Learning to Align and
    Translate, ICLR 2015, arXiv:1409.0473, section 3 and appendices A and B.
Official code: pascanur/GroundHog, `experiments/nmt/encdec.py`.

h_j = [→h_j; ←h_j],  s_0 = tanh(W ←h_1),  c_i = Σ_j α_ij h_j,  s_i = GRU(s_{i-1}, [y_{i-1}; c_i]),
p(y_i) = softmax(W_o maxout(U s_{i-1} + V y_{i-1} + C c_i))

Shape: source (B, S), target so far (B, T) → logits (B, T, V)

Differences:
| | paper | official code | ours |
|---|---|---|---|
| state in the readout | s_i in section 3, s_{i-1} in appendix A | s_{i-1} | s_{i-1} |
| GRU | resets the state, then multiplies | the same | `nn.GRU` multiplies, then resets |
| without attention | context →h_S | c and s_0 from →h_S | context [→h_S; ←h_1], s_0 from ←h_1 |
| initial weights | N(0, 0.01²), recurrent ones orthogonal | the same | PyTorch's |
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from attncourse.models.decoding import Decoder
from attncourse.models.registry import register
from attncourse.models.translator import Translator
from attncourse.nn.bahdanau import BahdanauAttention


class Memory(NamedTuple):
    """What the decoder may look up about its sources.

    Attributes:
        annotations: (B, S, 2n); without attention a single one that sums up the source, (B, 1, 2n).
        projected_keys: The annotations as the attention scores them, (B, S, A), computed once a
            sentence; None without attention.
        mask: Boolean (B, S), True = an annotation of a token; None if all are.
    """

    annotations: Tensor
    projected_keys: Tensor | None
    mask: Tensor | None

    def select(self, rows: Tensor) -> "Memory":
        """Return the memory of some sentences (N)."""
        keys, mask = self.projected_keys, self.mask
        return Memory(
            self.annotations[rows],
            None if keys is None else keys[rows],
            None if mask is None else mask[rows],
        )


class Seq2Seq(Translator):
    """Translates sequences of tokens into sequences of tokens.

    Args:
        source_size: Number of tokens of the source's vocabulary.
        target_size: Number of tokens of the target's, V.
        embedding: Width of the embeddings, m in the paper.
        hidden: Units of each of the three recurrent networks, n.
        align: Units of the alignment model; `hidden` if left out.
        readout: Units of the maxout layer before the softmax, l; each is the larger of two.
        attention: False gives the paper's baseline: the same context at every step, which is the
            last state of either direction.

    Raises:
        ValueError: If a size is not positive.
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        *,
        embedding: int = 620,
        hidden: int = 1000,
        align: int | None = None,
        readout: int = 500,
        attention: bool = True,
    ) -> None:
        super().__init__()
        sizes = {"source_size": source_size, "target_size": target_size, "embedding": embedding}
        for name, size in {**sizes, "hidden": hidden, "readout": readout}.items():
            if size < 1:
                raise ValueError(f"{name} must be a positive integer, got {size}")
        self.source_embedding = nn.Embedding(source_size, embedding)
        self.forward_rnn = nn.GRU(embedding, hidden, batch_first=True)
        self.backward_rnn = nn.GRU(embedding, hidden, batch_first=True)
        self.first_state = nn.Linear(hidden, hidden, bias=False)
        self.target_embedding = nn.Embedding(target_size, embedding)
        self.attention = (
            BahdanauAttention(hidden, 2 * hidden, align_dim=align) if attention else None
        )
        self.cell = nn.GRUCell(embedding + 2 * hidden, hidden)
        self.readout = nn.Linear(hidden + embedding + 2 * hidden, 2 * readout)  # U, V and C in one
        self.output = nn.Linear(readout, target_size)

    def forward(self, source: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Predict each target token from those before it (teacher forcing).

        Args:
            source: Tokens (B, S), padded at the end.
            target: Tokens (B, T), from the start token on.
            mask: Boolean (B, S), True = a token and no padding.

        Returns:
            Logits (B, T, V) of the tokens that follow each target token.
        """
        memory, state = self.encode(source, mask=mask)
        embedded = self.target_embedding(target)  # (B, T, m)
        states, contexts = [], []
        for previous in embedded.unbind(1):
            states.append(state)
            state, context, _ = self._advance(previous, state, *memory)
            contexts.append(context)
        # The readout does not feed back into the recurrence: once for all steps is enough.
        return self._read_out(torch.stack(states, 1), embedded, torch.stack(contexts, 1))

    def encode(self, source: Tensor, *, mask: Tensor | None = None) -> tuple[Memory, Tensor]:
        """Read the source in both directions.

        Args:
            source: Tokens (B, S), padded at the end.
            mask: Boolean (B, S), True = a token and no padding.

        Returns:
            What the decoder may look up; its first state s_0, (B, n).

        Raises:
            ValueError: If the mask is not a boolean tensor of the shape of `source`.
        """
        if mask is not None and (mask.dtype != torch.bool or mask.shape != source.shape):
            raise ValueError(
                f"mask must be boolean and of the shape of source, {tuple(source.shape)}; "
                f"got {mask.dtype} and {tuple(mask.shape)}"
            )
        words = self.source_embedding(source)  # (B, S, m)
        last, backwards = _ends(source, mask)
        forth = self.forward_rnn(words)[0]  # (B, S, n)
        back = self.backward_rnn(words.take_along_dim(backwards, 1))[0].take_along_dim(backwards, 1)
        state = torch.tanh(self.first_state(back[:, 0]))
        if self.attention is None:
            summary = torch.cat((forth.take_along_dim(last, 1), back[:, :1]), -1)  # (B, 1, 2n)
            return Memory(summary, None, None), state
        annotations = torch.cat((forth, back), -1)
        return Memory(annotations, self.attention.project_keys(annotations), mask), state

    def decoder_step(
        self,
        token: Tensor,
        state: Tensor,
        annotations: Tensor,
        projected_keys: Tensor | None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Look up, say the next token, and move on; `encode` gives the last three arguments.

        Args:
            token: The previous tokens y_{i-1}, (B).
            state: s_{i-1}, (B, n).
            annotations: (B, S, 2n).
            projected_keys: (B, S, A), or None without attention.
            mask: Boolean (B, S), True = an annotation of a token.

        Returns:
            Logits (B, V) of y_i; the new state s_i, (B, n); the weights α_i, (B, S).
        """
        previous = self.target_embedding(token)
        after, context, weights = self._advance(previous, state, annotations, projected_keys, mask)
        return self._read_out(state, previous, context), after, weights

    @torch.no_grad()
    def start(self, source: Tensor, *, mask: Tensor | None = None, copies: int = 1) -> Decoder:
        """Read the source: see `Translator.start`."""
        memory, state = self.encode(source, mask=mask)
        rows = torch.arange(len(source), device=source.device).repeat_interleave(copies)
        return _Writer(self, memory.select(rows), state[rows])

    def compile(self, *args: Any, **options: Any) -> None:
        """Compile the decoder's step, which a loop of any length then calls: see `torch.compile`.

        To compile the loop itself would unroll it, anew for every length of target.
        """
        self._advance = torch.compile(self._advance, *args, **options)  # type: ignore[method-assign]

    def _advance(
        self,
        previous: Tensor,
        state: Tensor,
        annotations: Tensor,
        projected_keys: Tensor | None,
        mask: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Take one step of the recurrence: the new state, the context and the weights."""
        if self.attention is None:
            context, weights = annotations[:, 0], annotations.new_ones(annotations.shape[:2])
        else:
            found = self.attention(
                state[:, None], annotations, mask=mask, projected_keys=projected_keys
            )
            context, weights = (x[:, 0] for x in found)  # from a target of length 1
        return self.cell(torch.cat((previous, context), -1), state), context, weights

    def _read_out(self, state: Tensor, previous: Tensor, context: Tensor) -> Tensor:
        """Return logits (…, V) from s_{i-1} (…, n), y_{i-1} (…, m) and c_i (…, 2n)."""
        pairs = self.readout(torch.cat((state, previous, context), -1)).unflatten(-1, (-1, 2))
        logits: Tensor = self.output(pairs.amax(-1))
        return logits


class _Writer:
    """A `Seq2Seq` in the middle of its sentences."""

    def __init__(self, model: Seq2Seq, memory: Memory, state: Tensor) -> None:
        self.model, self.memory, self.state = model, memory, state

    def step(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        logits, self.state, weights = self.model.decoder_step(tokens, self.state, *self.memory)
        return logits, weights

    def select(self, rows: Tensor) -> None:
        # Rows change place within their sentence only, and there the memory is the same.
        self.state = self.state[rows]


def _ends(source: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return where each sentence ends, (B, 1, 1), and its tokens from last to first, (B, S, 1).

    The second reads padded sentences backwards without their padding, and is its own inverse.
    """
    steps = torch.arange(source.shape[1], device=source.device)
    known = torch.ones_like(source, dtype=torch.bool) if mask is None else mask
    last = known.sum(1, keepdim=True) - 1
    return last[..., None], ((last - steps) % source.shape[1])[..., None]


@register("rnnsearch")
def rnnsearch(source_size: int = 30_000, target_size: int = 30_000, **options: Any) -> Seq2Seq:
    """Build the paper's network: n = 1000, m = 620, l = 500, and the 30,000 most frequent words.

    Args:
        source_size: Number of tokens of the source's vocabulary.
        target_size: Number of tokens of the target's.
        options: Of `Seq2Seq`.
    """
    return Seq2Seq(source_size, target_size, **options)


@register("rnnencdec")
def rnnencdec(source_size: int = 30_000, target_size: int = 30_000, **options: Any) -> Seq2Seq:
    """Build the paper's baseline: `rnnsearch` with a fixed context in place of attention."""
    return Seq2Seq(source_size, target_size, **{"attention": False} | options)
