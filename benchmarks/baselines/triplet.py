"""Triplet attention as its official code is built: rotated copies of the map."""

import torch
from torch import Tensor, nn


class Gate(nn.Module):
    """Maximum and mean over the second axis, a convolution, a norm, a product."""

    def __init__(self, kernel: int = 7) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(1, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.cat((x.max(1)[0].unsqueeze(1), x.mean(1).unsqueeze(1)), dim=1)
        return x * self.norm(self.conv(pooled)).sigmoid()


class TripletAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cw = Gate()
        self.hc = Gate()
        self.hw = Gate()

    def forward(self, x: Tensor) -> Tensor:
        turned = x.permute(0, 2, 1, 3).contiguous()
        cw = self.cw(turned).permute(0, 2, 1, 3).contiguous()
        turned = x.permute(0, 3, 2, 1).contiguous()
        hc = self.hc(turned).permute(0, 3, 2, 1).contiguous()
        return (cw + hc + self.hw(x)) / 3
