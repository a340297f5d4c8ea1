"""What attention keeps between the steps of decoding, so that no token is projected twice."""

from dataclasses import dataclass, field

import torch
from torch import Tensor


class KeyValueCache:
    """The projected keys and values of one attention, kept from step to step while decoding.

    Self-attention appends to it, so that a step projects one token and not all of them again.
    Cross-attention fills it once, because what it looks at stays the same.

    Attributes:
        keys: (B, h, S, D/h), or None before the first step.
        values: Likewise.
    """

    def __init__(self) -> None:
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    def __len__(self) -> int:
        """Return the number of keys, S."""
        return 0 if self.keys is None else self.keys.shape[2]

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add keys and values (B, h, T, D/h) of new tokens and return those of all tokens."""
        if self.keys is not None and self.values is not None:
            keys, values = torch.cat((self.keys, keys), 2), torch.cat((self.values, values), 2)
        self.keys, self.values = keys, values
        return keys, values

    def select(self, rows: Tensor) -> None:
        """Keep these rows of the batch, in this order; a row may come more than once."""
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self.keys[rows], self.values[rows]


@dataclass(frozen=True)
class DecoderCache:
    """What one layer of the Transformer's decoder keeps."""

    self_attention: KeyValueCache = field(default_factory=KeyValueCache)
    cross_attention: KeyValueCache = field(default_factory=KeyValueCache)
