"""SEA attention as its official code is built: three projections, joined again for the detail."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attncourse.nn import seaformer


class ConvNorm(nn.Sequential):
    def __init__(self, channels: int, out_channels: int, kernel: int = 1, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(
                channels, out_channels, kernel, padding=kernel // 2, groups=groups, bias=False
            ),
            nn.BatchNorm2d(out_channels),
        )


class SqueezeEnhancedAxialAttention(nn.Module):
    def __init__(self, channels: int, key_dim: int, heads: int, attn_ratio: int = 2) -> None:
        super().__init__()
        self.heads, self.scale = heads, key_dim**-0.5
        keys, values = heads * key_dim, heads * attn_ratio * key_dim
        both = 2 * keys + values
        self.to_q = ConvNorm(channels, keys)
        self.to_k = ConvNorm(channels, keys)
        self.to_v = ConvNorm(channels, values)
        self.row_q, self.row_k, self.column_q, self.column_k = (
            nn.Parameter(torch.randn(1, keys, 16)) for _ in range(4)
        )
        self.row = nn.Sequential(nn.ReLU6(), ConvNorm(values, values))
        self.column = nn.Sequential(nn.ReLU6(), ConvNorm(values, values))
        self.project = nn.Sequential(nn.ReLU6(), ConvNorm(values, channels))
        self.depthwise = ConvNorm(both, both, 3, groups=both)
        self.act = nn.ReLU6()
        self.pointwise = ConvNorm(both, channels)

    @classmethod
    def like(cls, ours: seaformer.SqueezeEnhancedAxialAttention) -> "SqueezeEnhancedAxialAttention":
        """The same function as ours, from the thirds of its one projection."""
        keys, values = ours.widths[0] // 2, ours.widths[1]
        same = cls(ours.qkv.conv.in_channels, keys // ours.heads, ours.heads, values // keys)
        same.to(ours.row_positions.dtype)
        thirds = {
            name: tensor.split((keys, keys, values)) if tensor.dim() else [tensor] * 3
            for name, tensor in ours.qkv.state_dict().items()
        }
        for i, projection in enumerate((same.to_q, same.to_k, same.to_v)):
            load(projection, {name: tensors[i] for name, tensors in thirds.items()})
        for layer, twin in (
            (same.row, ours.row),
            (same.column, ours.column),
            (same.project, ours.gate),
            (same.depthwise, ours.detail[0]),
            (same.pointwise, ours.detail[2]),
        ):
            load(layer, twin.state_dict())
        with torch.no_grad():
            rows, columns = ours.row_positions.chunk(2, 1), ours.column_positions.chunk(2, 1)
            for position, value in zip(
                (same.row_q, same.row_k, same.column_q, same.column_k), rows + columns, strict=True
            ):
                position.copy_(value)
        return same

    def axis(self, q: Tensor, k: Tensor, v: Tensor, at_q: Tensor, at_k: Tensor) -> Tensor:
        batch, _, length = q.shape
        q = q + F.interpolate(at_q, length, mode="linear", align_corners=False)
        k = k + F.interpolate(at_k, length, mode="linear", align_corners=False)
        q = q.reshape(batch, self.heads, -1, length).permute(0, 1, 3, 2)
        k = k.reshape(batch, self.heads, -1, length)
        v = v.reshape(batch, self.heads, -1, length).permute(0, 1, 3, 2)
        weights = torch.matmul(q, k) * self.scale
        mixed = torch.matmul(weights.softmax(dim=-1), v)
        return mixed.permute(0, 1, 3, 2).reshape(batch, -1, length)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.to_q(x), self.to_k(x), self.to_v(x)
        detail = self.act(self.depthwise(torch.cat([q, k, v], dim=1)))
        detail = self.pointwise(detail)
        row = self.axis(q.mean(-1), k.mean(-1), v.mean(-1), self.row_q, self.row_k)
        row = self.row(row.unsqueeze(-1))
        column = self.axis(q.mean(-2), k.mean(-2), v.mean(-2), self.column_q, self.column_k)
        column = self.column(column.unsqueeze(-2))
        gate = self.project(v + (row + column))
        return F.relu6(gate + 3) / 6 * detail


def load(layer: nn.Module, state: dict[str, Tensor]) -> None:
    """Tensors in the same order, under whatever names."""
    layer.load_state_dict(dict(zip(layer.state_dict(), state.values(), strict=True)))
