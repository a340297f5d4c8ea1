"""Sinusoidal positions: a pattern of waves that tells attention where each token stands.

Paper: Vaswani et al., Attention Is All You Need, NeurIPS 2017, arXiv:1706.03762, section 3.5.
Official code: tensorflow/tensor2tensor, `layers/common_attention.py`, `add_timing_signal_1d`.

P(pos, 2i) = sin(pos · 10000^(−2i/D)),  P(pos, 2i+1) = cos(pos · 10000^(−2i/D))

Shape: (B, T, D) → (B, T, D)

Differences:
| | paper | official code | ours |
|---|---|---|---|
| order of the features | sin and cos in turn | all sin, then all cos | as the paper |
| slowest wave | 10000^(−(D−2)/D) | 10000^(−1) | as the paper |
"""

import torch
from torch import Tensor, nn


def sinusoidal_positions(length: int, dim: int, *, dtype: torch.dtype | None = None) -> Tensor:
    """Return the table P of the positions 0 … length − 1.

    Args:
        length: Number of positions.
        dim: Width D, even: every wave has a sine and a cosine.
        dtype: Of the table; torch's default if left out. It is computed in double precision.

    Returns:
        (length, D)

    Raises:
        ValueError: If `dim` is odd, or either is not positive.
    """
    if length < 1:
        raise ValueError(f"length must be a positive integer, got {length}")
    if dim < 2 or dim % 2:
        raise ValueError(f"dim must be a positive even integer, got {dim}")
    position = torch.arange(length, dtype=torch.float64)
    frequency = 10_000 ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angle = torch.outer(position, frequency)
    waves = torch.stack((angle.sin(), angle.cos()), -1).flatten(
        1
    )  # (length, D/2, 2) -> (length, D)
    return waves.to(dtype or torch.get_default_dtype())


class SinusoidalPositions(nn.Module):
    """Adds its position to every token.

    Args:
        dim: Width D, even.
        max_length: Longest sequence. The table follows from this and is not in the `state_dict`.

    Raises:
        ValueError: If `dim` is odd, or either is not positive.
    """

    table: Tensor

    def __init__(self, dim: int, *, max_length: int = 2048) -> None:
        super().__init__()
        table = sinusoidal_positions(max_length, dim)
        self.register_buffer("table", table, persistent=False)

    def forward(self, x: Tensor, *, offset: int = 0) -> Tensor:
        """Add the positions offset … offset + T − 1 to x (B, T, D).

        Raises:
            ValueError: If a position lies beyond `max_length`.
        """
        end = offset + x.shape[1]
        if end > len(self.table):
            raise ValueError(f"sequences must have at most max_length={len(self.table)}, got {end}")
        return x + self.table[offset:end]
