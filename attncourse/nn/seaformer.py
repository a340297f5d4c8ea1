"""Squeeze-enhanced axial attention: look along each axis only, and put the detail back afterwards.

Paper: Wan, Huang, Lu, Yu, Zhang, SeaFormer: Squeeze-enhanced Axial Transformer for Mobile Semantic
    Segmentation, ICLR 2023, arXiv:2301.13156.
Official code: fudan-zvg/SeaFormer.

[q; k; v] = CN(x),  row = CN(attend(mean_W of q, k, v)),  column = CN(attend(mean_H of q, k, v))
y = CN(CN₃([q; k; v])) · h-sigmoid(CN(v + row + column)),  CN = convolution and batch norm

Shape: (B, C, H, W) → (B, C, H, W)

The detail branch (left factor) is gated by the axial branch (right factor). An activation stands
before every CN but the first and CN₃, which is depthwise.

Differences:
| | paper | official code | ours |
|---|---|---|---|
| q, k, v of the detail branch | projected apart | those of attention | those of attention |
| v beside row and column | not drawn | added | added |
| projections | three | three | one, for q, k and v at once |
| attn_ratio | any | 2 in the segmentation file | any |
| last norm of each axial branch | – | starts at 0, then 1 in segmentation | starts at 0 |
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attncourse.functional import maps
from attncourse.functional.sizes import positive
from attncourse.nn.conv_norm import ConvNorm


class SqueezeEnhancedAxialAttention(nn.Module):
    """SEA attention (Wan et al. 2023, section 3.2).

    Args:
        channels: C of the maps.
        key_dim: Width of the queries and keys of one head.
        heads: h, the number of heads.
        attn_ratio: Width of a value by that of a key.
        positions: Length of the learned position embeddings, interpolated to the side of a map.

    Shape:
        (B, C, H, W) → (B, C, H, W)

    Raises:
        ValueError: If a size is not positive.
    """

    def __init__(
        self,
        channels: int,
        *,
        key_dim: int = 16,
        heads: int = 4,
        attn_ratio: float = 2,
        positions: int = 16,
    ) -> None:
        super().__init__()
        value_dim = int(attn_ratio * key_dim)
        positive(key_dim=key_dim, heads=heads, positions=positions)
        if value_dim < 1:
            raise ValueError(
                f"attn_ratio must be at least 1/key_dim = 1/{key_dim}, got {attn_ratio}"
            )
        self.heads = heads
        self.widths = (2 * heads * key_dim, heads * value_dim)  # of q and k, of v
        qk, v = self.widths

        def axial(out_channels: int) -> nn.Sequential:
            return nn.Sequential(nn.ReLU6(), ConvNorm(v, out_channels, gamma=0.0))

        self.qkv = ConvNorm(channels, qk + v)
        self.row_positions = nn.Parameter(torch.randn(1, qk, positions))
        self.column_positions = nn.Parameter(torch.randn(1, qk, positions))
        self.row, self.column, self.gate = axial(v), axial(v), axial(channels)
        self.detail = nn.Sequential(
            ConvNorm(qk + v, qk + v, kernel=3, groups=qk + v),
            nn.ReLU6(),
            ConvNorm(qk + v, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Attend along the axes of (B, C, H, W)."""
        qkv = self.qkv(x)
        value = qkv[:, self.widths[0] :]
        rows = self._attend(maps.mean(qkv, 3), self.row_positions)  # (B, h·dv, H)
        columns = self._attend(maps.mean(qkv, 2), self.column_positions)  # (B, h·dv, W)
        axial = value + self.row(rows.unsqueeze(3)) + self.column(columns.unsqueeze(2))
        detail: Tensor = self.detail(qkv)
        return F.hardsigmoid(self.gate(axial)) * detail

    def _attend(self, squeezed: Tensor, positions: Tensor) -> Tensor:
        """Attend along one axis, (B, 2·h·dk + h·dv, L) → (B, h·dv, L)."""
        query_key, value = squeezed.split(self.widths, 1)
        query_key = query_key + F.interpolate(positions, squeezed.shape[2], mode="linear")
        query, key, value = (
            part.unflatten(1, (self.heads, -1)).mT  # (B, h, L, dk or dv)
            for part in (*query_key.chunk(2, 1), value)
        )
        return F.scaled_dot_product_attention(query, key, value).mT.flatten(1, 2)


class SeaFormerBlock(nn.Module):
    """SEA attention and a two-layer network with a 3×3 look around, both residual (section 3.2).

    Args:
        channels: C of the maps.
        key_dim: Width of the queries and keys of one head.
        heads: h, the number of heads.
        attn_ratio: Width of a value by that of a key.
        mlp_ratio: Hidden channels of the network by C.
        drop_path: Probability that a sample skips a branch while training.

    Shape:
        (B, C, H, W) → (B, C, H, W)

    Raises:
        ValueError: If a size is not positive or the probability not in [0, 1).
    """

    def __init__(
        self,
        channels: int,
        *,
        key_dim: int = 16,
        heads: int = 4,
        attn_ratio: float = 2,
        mlp_ratio: int = 2,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        positive(channels=channels, mlp_ratio=mlp_ratio)
        hidden = mlp_ratio * channels
        self.attention = SqueezeEnhancedAxialAttention(
            channels, key_dim=key_dim, heads=heads, attn_ratio=attn_ratio
        )
        self.mlp = nn.Sequential(
            ConvNorm(channels, hidden),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
            nn.ReLU6(),
            ConvNorm(hidden, channels),
        )
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Attend, then transform each place of (B, C, H, W)."""
        x = torch.add(x, self.drop_path(self.attention(x)))
        return torch.add(x, self.drop_path(self.mlp(x)))


class DropPath(nn.Module):
    """Stochastic depth: a sample's branch is dropped whole (Huang et al. 2016, arXiv:1603.09382).

    Args:
        probability: That a sample is dropped; the others grow so that the mean stays.

    Raises:
        ValueError: If the probability is not in [0, 1).
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        if not 0 <= probability < 1:
            raise ValueError(f"probability must be in [0, 1), got {probability}")
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Drop some samples of (B, …) while training."""
        if not self.training or self.probability == 0:
            return x
        keep = 1 - self.probability
        mask = x.new_empty(x.shape[0], *(1 for _ in x.shape[1:])).bernoulli_(keep)
        return x * mask.div_(keep)
