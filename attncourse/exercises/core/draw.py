"""Seeded sources of inputs for probes.

Probes are designed, not just random: an exercise asks for axes of different prime sizes, an offset
that keeps ReLUs alive, masks that leave at least one key, and so on.
"""

import torch
from torch import Tensor


class Draw:
    """Draws the inputs of one probe.

    Args:
        seed: everything drawn is a function of it.
        variant: 0 for the first set of sizes, 1 for the second.
    """

    def __init__(self, seed: int, variant: int = 0) -> None:
        self.variant = variant
        self._generator = torch.Generator().manual_seed(seed)

    def sizes(self, *choices: tuple[int, ...]) -> tuple[int, ...]:
        """Pick the axis sizes of this probe's variant."""
        return choices[self.variant]

    def normal(self, *shape: int, offset: float = 0.0, scale: float = 1.0) -> Tensor:
        """Normal float64 numbers with the given mean and standard deviation."""
        noise = torch.randn(shape, generator=self._generator, dtype=torch.float64)
        return noise * scale + offset

    def integers(self, high: int, *shape: int, low: int = 0) -> Tensor:
        """Uniform int64 numbers in [low, high)."""
        return torch.randint(low, high, shape, generator=self._generator)

    def padding(self, batch: int, length: int) -> Tensor:
        """A (batch, length) key mask, True = real: the first row full, no row empty, all differ."""
        lengths = length - torch.arange(batch) % length
        return torch.arange(length) < lengths[:, None]
