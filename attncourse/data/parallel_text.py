"""Pairs of sentences, a source and what it should become: the data of every translation task."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from attncourse.data.vocabulary import Vocabulary

Pair: TypeAlias = tuple[str, str]


class Batch(NamedTuple):
    """Some pairs as tensors.

    Attributes:
        source: Ids, padded at the end, (B, S).
        mask: True where `source` holds a symbol and not padding, (B, S).
        target: Ids from `sos` to `eos`, padded at the end, (B, T + 1): without its last column it
            is what a decoder is told, without its first what it should say.
    """

    source: Tensor
    mask: Tensor
    target: Tensor


@dataclass(frozen=True, repr=False)
class ParallelText:
    """A translation task.

    Attributes:
        train: Pairs to learn from.
        test: Pairs to be judged by.
        source: Vocabulary of the sources.
        target: Vocabulary of the targets.
    """

    train: Sequence[Pair]
    test: Sequence[Pair]
    source: Vocabulary
    target: Vocabulary

    @classmethod
    def build(
        cls, train: Sequence[Pair], test: Sequence[Pair], *, shared: bool = False, **options: Any
    ) -> "ParallelText":
        """Make a task whose vocabularies are those of its training pairs.

        Args:
            train: Pairs to learn from.
            test: Pairs to be judged by.
            shared: Whether both languages have one vocabulary.
            options: Of `Vocabulary.build`, for both languages.
        """
        if shared:
            both = Vocabulary.build(chain.from_iterable(train), **options)
            return cls(train, test, both, both)
        source, target = (Vocabulary.build(side, **options) for side in zip(*train, strict=True))
        return cls(train, test, source, target)

    def batch(self, pairs: Iterable[Pair], *, device: torch.device | str = "cpu") -> Batch:
        """Turn pairs into tensors, in their order.

        Raises:
            ValueError: If there is no pair, or a pair has an empty source.
        """
        sources, targets = [], []
        for source, target in pairs:
            sources.append(torch.tensor(self.source.encode(source), dtype=torch.long))
            ids = [self.target.sos, *self.target.encode(target), self.target.eos]
            targets.append(torch.tensor(ids))
        if not sources or min(map(len, sources)) == 0:
            raise ValueError("a batch needs at least one pair, and every pair a source")
        padded = pad_sequence(sources, batch_first=True, padding_value=self.source.pad).to(device)
        target_ids = pad_sequence(targets, batch_first=True, padding_value=self.target.pad)
        return Batch(padded, padded != self.source.pad, target_ids.to(device))

    def __repr__(self) -> str:
        return (
            f"ParallelText({len(self.train):,} training pairs, {len(self.test):,} test pairs, "
            f"{len(self.source):,} → {len(self.target):,} symbols)"
        )

    def batches(self, size: int, *, seed: int = 0, pool: int = 20) -> "Batches":
        """Return batches of the training pairs, endlessly: see `Batches`."""
        return Batches(self, size, seed=seed, pool=pool)


class Batches:
    """Training batches by number: `batches[step]` is always the same batch.

    The numbers run on over the epochs; every epoch has its own order. So that a batch holds little
    padding, `pool` batches at a time are drawn, sorted by length and cut (Bahdanau et al. 2014,
    appendix B.2). A number, a seed and the text fix a batch: to go on after an interruption, or to
    share the work among machines, one only needs to know the numbers.

    Args:
        text: Its training pairs are served.
        size: Pairs a batch, B. Pairs that do not fill a batch wait for the next epoch.
        seed: Another seed, another order.
        pool: How many batches are sorted together; 1 leaves the lengths mixed.

    Raises:
        ValueError: If there are fewer than `size` pairs, or a number is not positive.
    """

    def __init__(self, text: ParallelText, size: int, *, seed: int = 0, pool: int = 20) -> None:
        if pool < 1 or not 1 <= size <= len(text.train):
            raise ValueError(
                f"size must be from 1 to the number of training pairs, {len(text.train)}, and pool "
                f"at least 1; got size={size}, pool={pool}"
            )
        self.text, self.size, self.seed, self.pool = text, size, seed, pool
        self.per_epoch = len(text.train) // size
        self._lengths = np.array([len(source) for source, _ in text.train])
        self._epoch, self._order = -1, np.empty((0, size), dtype=int)

    def __getitem__(self, step: int) -> Batch:
        epoch, number = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._plan(epoch)
        return self.text.batch([self.text.train[i] for i in self._order[number]])

    def _plan(self, epoch: int) -> np.ndarray:
        """Return which pairs stand in which batch of an epoch, (batches, size)."""
        rng = np.random.default_rng((self.seed, epoch))
        order = rng.permutation(len(self._lengths))[: self.per_epoch * self.size]
        for start in range(0, len(order), self.pool * self.size):
            part = order[start : start + self.pool * self.size]
            part[:] = part[np.argsort(self._lengths[part], kind="stable")]
        return rng.permutation(order.reshape(self.per_epoch, self.size))


def read(
    source: Path,
    target: Path,
    *,
    test: int = 1000,
    min_frequency: int = 2,
    max_size: int | None = 30_000,
    shared: bool = False,
    seed: int = 0,
) -> ParallelText:
    """Read two files with a sentence a line: line n of one translates line n of the other.

    Args:
        source: UTF-8 text, words apart by white space.
        target: Its translation, line for line.
        test: How many pairs, drawn at random, are kept for testing.
        min_frequency: A word that training shows less often is unknown.
        max_size: The greatest length of each vocabulary; 30,000 is the paper's shortlist.
        shared: Whether both languages have one vocabulary.
        seed: Fixes which pairs are tested.

    Raises:
        ValueError: If a file is empty or not UTF-8, the files differ in the number of lines, a line
            is empty, or nothing is left to train on.
    """
    sources, targets = _lines(source), _lines(target)
    if len(sources) != len(targets):
        raise ValueError(
            f"the files must have the same number of lines: {source} has {len(sources):,}, "
            f"{target} has {len(targets):,}"
        )
    if not 0 < test < len(sources):
        raise ValueError(
            f"test must leave pairs to train on: {source} has {len(sources):,}, got test={test:,}"
        )
    pairs = list(zip(sources, targets, strict=True))
    order = np.random.default_rng(seed).permutation(len(pairs))
    tested, trained = [[pairs[i] for i in part] for part in (order[:test], order[test:])]
    return ParallelText.build(
        trained,
        tested,
        shared=shared,
        words=True,
        min_frequency=min_frequency,
        max_size=max_size,
    )


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: byte {error.start:,} is wrong") from error
    if not lines:
        raise ValueError(f"{path} is empty")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            raise ValueError(f"{path}, line {number:,} is empty: a pair needs both sentences")
    return lines
