"""What every network that turns one sequence into another can do once it is trained: write."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from attncourse.models.decoding import Decoded, Decoder, beam, greedy


class Translator(nn.Module, ABC):
    """A network from sequences of tokens to sequences of tokens.

    A subclass says how it reads a source (`start`); this class writes.
    """

    @abstractmethod
    def start(self, source: Tensor, *, mask: Tensor | None = None, copies: int = 1) -> Decoder:
        """Read the source, and stand before the first token.

        Args:
            source: Tokens (B, S).
            mask: Boolean (B, S), True = a token and no padding.
            copies: K rows of state for each sentence, one after the other.

        Returns:
            The state of B·K sentences of which nothing is written yet.
        """

    def greedy(
        self, source: Tensor, *, mask: Tensor | None = None, max_length: int, sos: int, eos: int
    ) -> Decoded:
        """Translate, taking the most probable token at every step.

        Args:
            source: Tokens (B, S).
            mask: Boolean (B, S), True = a token and no padding.
            max_length: At most so many tokens are written.
            sos: The start token.
            eos: The token that ends a sentence.

        Raises:
            ValueError: If `max_length` is below 1.
        """
        first = source.new_full((len(source),), sos)
        return greedy(self.start(source, mask=mask), first, eos=eos, max_length=max_length)

    def beam(
        self,
        source: Tensor,
        *,
        mask: Tensor | None = None,
        beams: int = 4,
        length_penalty: float = 0.6,
        max_length: int,
        sos: int,
        eos: int,
    ) -> Decoded:
        """Translate, keeping the K best beginnings of every sentence.

        Args:
            source: Tokens (B, S).
            mask: Boolean (B, S), True = a token and no padding.
            beams: K.
            length_penalty: α of the length penalty, see `attncourse.models.decoding.beam`; 0 for
                none.
            max_length: At most so many tokens are written.
            sos: The start token.
            eos: The token that ends a sentence.

        Raises:
            ValueError: If `beams` or `max_length` is below 1 or `length_penalty` is negative.
        """
        first = source.new_full((len(source),), sos)
        return beam(
            self.start(source, mask=mask, copies=beams),
            first,
            beams=beams,
            eos=eos,
            max_length=max_length,
            length_penalty=length_penalty,
        )
