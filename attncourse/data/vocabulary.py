"""Sentences as numbers: which symbol has which id, and back."""

from collections import Counter
from collections.abc import Iterable, Sequence


class Vocabulary:
    """The symbols of one language, numbered.

    The first four ids are the same in every vocabulary: `pad` fills up short sentences, `sos`
    starts and `eos` ends a sentence, `unk` stands for every symbol that the vocabulary lacks.

    Args:
        symbols: The symbols, each once, in the order of their ids.
        words: Whether the symbols are words, apart by white space, or characters.

    Raises:
        ValueError: If a symbol is given twice, or is one of the four marks.
    """

    pad, sos, eos, unk = range(4)
    marks = ("<pad>", "<sos>", "<eos>", "<unk>")

    def __init__(self, symbols: Iterable[str], *, words: bool = False) -> None:
        self.symbols = (*self.marks, *symbols)
        self.words = words
        self._ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        if len(self._ids) != len(self.symbols):
            twice = sorted(s for s, count in Counter(self.symbols).items() if count > 1)
            raise ValueError(f"symbols must differ from each other and from {self.marks}: {twice}")

    @classmethod
    def build(
        cls,
        sentences: Iterable[str],
        *,
        words: bool = False,
        min_frequency: int = 1,
        max_size: int | None = None,
    ) -> "Vocabulary":
        """Count and number the symbols of some sentences, frequent ones first.

        Args:
            sentences: The text.
            words: As for the class.
            min_frequency: A symbol that is seen less often is unknown.
            max_size: The greatest length of the vocabulary, the four marks included.

        Raises:
            ValueError: If a limit leaves no room for a single symbol.
        """
        if min_frequency < 1:
            raise ValueError(f"min_frequency must be at least 1, got {min_frequency}")
        if max_size is not None and max_size <= len(cls.marks):
            raise ValueError(f"max_size must be more than {len(cls.marks)} (marks), got {max_size}")
        counts = Counter(s for sentence in sentences for s in _split(sentence, words))
        for mark in cls.marks:
            del counts[mark]  # a text may hold a mark: as text it is unknown
        frequent = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
        kept = [symbol for symbol in frequent if counts[symbol] >= min_frequency]
        room = None if max_size is None else max_size - len(cls.marks)
        return cls(kept[:room], words=words)

    def encode(self, sentence: str) -> list[int]:
        """Return the ids of the symbols of a sentence, without marks at its ends."""
        return [self._ids.get(s, self.unk) for s in _split(sentence, self.words)]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the sentence up to the first `eos`, without `sos` and `pad`: undoes `encode`."""
        symbols = []
        for i in ids:
            if i == self.eos:
                break
            if i not in (self.pad, self.sos):
                symbols.append(self.symbols[i])
        return (" " if self.words else "").join(symbols)

    def __len__(self) -> int:
        return len(self.symbols)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return (self.symbols, self.words) == (other.symbols, other.words)

    def __hash__(self) -> int:
        return hash((self.symbols, self.words))


def _split(sentence: str, words: bool) -> Sequence[str]:
    return sentence.split() if words else sentence
