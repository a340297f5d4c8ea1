"""DANet's two modules as its official code is built: the whole matrix of weights at once."""

import torch
from torch import Tensor, nn

from attncourse.nn import danet


class PositionAttention(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // 8, 1)
        self.key = nn.Conv2d(channels, channels // 8, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.alpha = nn.Parameter(torch.zeros(1))

    @classmethod
    def like(cls, ours: danet.PositionAttention) -> "PositionAttention":
        """The same function as ours."""
        same = cls(ours.value.in_channels).to(ours.alpha.dtype)
        for name in ("query", "key", "value"):
            getattr(same, name).load_state_dict(getattr(ours, name).state_dict())
        with torch.no_grad():
            same.alpha.copy_(ours.alpha)
        return same

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        query = self.query(x).view(batch, -1, height * width).permute(0, 2, 1)
        key = self.key(x).view(batch, -1, height * width)
        weights = torch.softmax(torch.bmm(query, key), dim=-1)
        value = self.value(x).view(batch, -1, height * width)
        mixed = torch.bmm(value, weights.permute(0, 2, 1))
        return self.alpha * mixed.view(batch, channels, height, width) + x


class ChannelAttention(nn.Module):
    """With the sign of the official code."""

    def __init__(self) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.zeros(1))

    @classmethod
    def like(cls, ours: danet.ChannelAttention) -> "ChannelAttention":
        """The same function as ours, if it has the same sign."""
        same = cls().to(ours.beta.dtype)
        with torch.no_grad():
            same.beta.copy_(ours.beta)
        return same

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        flat = x.view(batch, channels, -1)
        energy = torch.bmm(flat, flat.permute(0, 2, 1))
        energy = torch.max(energy, -1, keepdim=True)[0].expand_as(energy) - energy
        mixed = torch.bmm(torch.softmax(energy, dim=-1), flat)
        return self.beta * mixed.view(batch, channels, height, width) + x
