"""Selective kernels as ports of the official Caffe network to PyTorch have them."""

import torch
from torch import Tensor, nn


class SelectiveKernel(nn.Module):
    """The branches side by side in one tensor: summed, pooled, weighed and summed again."""

    def __init__(
        self, channels: int, *, branches: int = 2, groups: int = 32, hidden: int = 32
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(
                    channels,
                    channels,
                    3,
                    padding=1 + i,
                    dilation=1 + i,
                    groups=groups,
                    bias=False,
                ),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            )
            for i in range(branches)
        )
        self.reduce = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU()
        )
        self.select = nn.Conv2d(hidden, channels * branches, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        seen = torch.stack([branch(x) for branch in self.branches], dim=1)
        pooled = seen.sum(1).mean((2, 3), keepdim=True)
        logits = self.select(self.reduce(pooled))
        batch, count, channels = seen.shape[:3]
        weights = logits.view(batch, count, channels, 1, 1).softmax(dim=1)
        return (seen * weights).sum(dim=1)
