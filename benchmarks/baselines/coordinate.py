"""Coordinate attention as its official code is built."""

import torch
from torch import Tensor, nn


class HSwish(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return x * (self.relu(x + 3) / 6)


class CoordinateAttention(nn.Module):
    """Adaptive pooling to a column and to a row, which is turned to stand below the column."""

    def __init__(self, channels: int, reduction: int = 32) -> None:
        super().__init__()
        hidden = max(8, channels // reduction)
        self.pool_h = nn.AdaptiveAvgPool2d((None, 1))
        self.pool_w = nn.AdaptiveAvgPool2d((1, None))
        self.conv = nn.Conv2d(channels, hidden, 1)
        self.norm = nn.BatchNorm2d(hidden)
        self.act = HSwish()
        self.conv_h = nn.Conv2d(hidden, channels, 1)
        self.conv_w = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        column, row = self.pool_h(x), self.pool_w(x).permute(0, 1, 3, 2)
        mixed = self.act(self.norm(self.conv(torch.cat([column, row], dim=2))))
        column, row = torch.split(mixed, [height, width], dim=2)
        gate_h = self.conv_h(column).sigmoid()
        gate_w = self.conv_w(row.permute(0, 1, 3, 2)).sigmoid()
        return x * gate_w * gate_h
