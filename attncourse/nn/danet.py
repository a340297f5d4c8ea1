"""Dual attention: every place looks at all places, every channel at all channels.

Paper: Fu, Liu, Tian, Li, Bao, Fang, Lu, Dual Attention Network for Scene Segmentation, CVPR 2019,
    arXiv:1809.02983.
Official code: junfu1115/DANet.

Position: y = x + α · V softmax(QᵀK)ᵀ,  Q = W_q x,  K = W_k x,  V = W_v x,  over N = H·W places
Channel:  y = x + β · softmax(A Aᵀ) A,  A = x as a C × N matrix

Shape: (B, C, H, W) → (B, C, H, W); the head: (B, C, H, W) → three maps (B, classes, H, W)

The head stands on a backbone whose maps are an eighth of the image.

Differences:
| | paper | official code | ours |
|---|---|---|---|
| channel weights | softmax(A Aᵀ) | softmax(max − A Aᵀ) = softmax(−A Aᵀ) | either; `sign` |
| width of Q and K | C | C / 8 | C / `reduction`, 8 |
| scale of QᵀK | none | none | none |
| memory of the position module | N² | N² | linear in N, forward and backward |
"""

from contextlib import nullcontext
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.amp import is_autocast_available

from attncourse.functional.chunked import chunked_attention
from attncourse.functional.sizes import positive, reduced

Sign = Literal["paper", "official"]


class PositionAttention(nn.Module):
    """Every place becomes itself plus a mixture of all places (section 3.2).

    The N × N weights are made for some queries at a time and again in the backward pass, so memory
    grows with N and not with N².

    Args:
        channels: C of the maps.
        reduction: Queries and keys have C // reduction channels.

    Shape:
        (B, C, H, W) → (B, C, H, W)

    Raises:
        ValueError: If the reduction leaves no channel.
    """

    def __init__(self, channels: int, *, reduction: int = 8) -> None:
        super().__init__()
        width = reduced(channels, reduction)
        self.query = nn.Conv2d(channels, width, 1)
        self.key = nn.Conv2d(channels, width, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.alpha = nn.Parameter(torch.zeros(()))  # starts as the identity

    def forward(self, x: Tensor) -> Tensor:
        """Attend within each map of (B, C, H, W)."""
        query, key, value = (part(x).flatten(2) for part in (self.query, self.key, self.value))
        return torch.addcmul(x, self.alpha, chunked_attention(query, key, value).view_as(x))


class ChannelAttention(nn.Module):
    """Every channel becomes itself plus a mixture of all channels (section 3.3).

    Args:
        sign: "paper" mixes in the channels that are most alike, "official" those least alike, as
            the official code does.

    Shape:
        (B, C, H, W) → (B, C, H, W)

    Raises:
        ValueError: If there is no such sign.
    """

    def __init__(self, *, sign: Sign = "paper") -> None:
        super().__init__()
        if sign not in get_args(Sign):
            raise ValueError(f"sign must be one of {get_args(Sign)}, got {sign!r}")
        self.sign = sign
        self.beta = nn.Parameter(torch.zeros(()))  # starts as the identity

    def forward(self, x: Tensor) -> Tensor:
        """Mix the channels of (B, C, H, W)."""
        channels = x.flatten(2)  # (B, C, N)
        with _without_autocast(x.device.type):
            # Sums of N products overflow half precision.
            wide = channels.to(torch.promote_types(x.dtype, torch.float32))
            affinity = wide @ wide.mT  # (B, C, C)
            weights = torch.softmax(affinity if self.sign == "paper" else -affinity, -1)
            mixed = torch.baddbmm(channels, (weights * self.beta).to(x.dtype), channels)
        return mixed.view_as(x)


class DANetLogits(NamedTuple):
    """Scores of the classes at each place (B, classes, H, W): of both branches, of each alone."""

    fused: Tensor
    position: Tensor
    channel: Tensor


class DANetHead(nn.Module):
    """Both modules side by side on narrowed maps, summed and classified (section 3.4).

    Each branch has a classifier of its own, whose loss is added while training.

    Args:
        channels: C of the backbone's maps.
        num_classes: How many classes a place can have.
        width: Channels of each branch; None is channels // 4.
        reduction: Of the position module.
        sign: Of the channel module.
        dropout: Share of the channels dropped before each classifier.

    Shape:
        (B, C, H, W) → three times (B, num_classes, H, W)

    Raises:
        ValueError: If a size is not positive or the sign unknown.
    """

    def __init__(
        self,
        channels: int,
        *,
        num_classes: int,
        width: int | None = None,
        reduction: int = 8,
        sign: Sign = "paper",
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        width = reduced(channels, 4) if width is None else width
        positive(channels=channels, num_classes=num_classes, width=width)

        def branch(attention: nn.Module) -> nn.Sequential:
            return nn.Sequential(*_conv3x3(channels, width), attention, *_conv3x3(width, width))

        def classifier() -> nn.Sequential:
            return nn.Sequential(nn.Dropout2d(dropout), nn.Conv2d(width, num_classes, 1))

        self.position = branch(PositionAttention(width, reduction=reduction))
        self.channel = branch(ChannelAttention(sign=sign))
        self.classify_fused = classifier()
        self.classify_position = classifier()
        self.classify_channel = classifier()

    def forward(self, x: Tensor) -> DANetLogits:
        """Classify every place of (B, C, H, W), from both branches and from each."""
        position, channel = self.position(x), self.channel(x)
        return DANetLogits(
            self.classify_fused(position + channel),
            self.classify_position(position),
            self.classify_channel(channel),
        )


def _conv3x3(channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels, out_channels, 3, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(out_channels), nn.ReLU()


def _without_autocast(device: str) -> Any:
    # The meta device knows no autocast and cannot be told to leave it.
    return torch.autocast(device, enabled=False) if is_autocast_available(device) else nullcontext()
