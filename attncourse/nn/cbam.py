"""CBAM and BAM: first which channels matter, then which places.

Papers: Woo et al., CBAM: Convolutional Block Attention Module, ECCV 2018, arXiv:1807.06521. Park et
    al., BAM: Bottleneck Attention Module, BMVC 2018, arXiv:1807.06514.
Official code: Jongchan/attention-module.

CBAM: x' = x · σ(MLP(mean x) + MLP(max x)),  y = x' · σ(BN(conv₇([max x' ; mean x'])))
BAM:  y = x · (1 + σ(c + s)),  c = FC(ReLU(BN(FC(mean x)))),  s = 1×1(3×3(3×3(1×1(x))))

Shape: (B, C, H, W) → (B, C, H, W)

In a ResNet, CBAM closes the residual branch, and BAM stands between the stages.

Differences:
| | paper | official code | ours |
|---|---|---|---|
| CBAM, biases of the MLP | not written | both layers | both; `bias=False` |
| CBAM, norm after the convolution | none | batch norm | batch norm |
| CBAM, order of the two maps | mean, max | max, mean | max, mean |
| CBAM, first gamma of that norm | – | 0 in its ResNets: a gate of ½ | 1; 0 in our ResNets |
| BAM, branches | c + s | c · s | c + s; `combine="multiply"` |
| BAM, norm of the channel branch | after the last layer | after the first | after the first |
| BAM, pooling | over the map | window H × H, wrong unless H = W | over the map |
"""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from attncourse.functional import maps
from attncourse.functional.sizes import positive, reduced
from attncourse.nn.map_gate import MapGate

Combine = Literal["add", "multiply"]


class ChannelGate(nn.Module):
    """The first half of CBAM: SE that hears the maximum as well as the mean (section 3.1).

    Args:
        channels: C of the maps.
        reduction: r; the hidden layer has C // r units.
        bias: Whether the two linear layers have biases.

    Shape:
        (B, C, H, W) → (B, C, H, W)

    Raises:
        ValueError: If the reduction leaves no hidden unit.
    """

    def __init__(self, channels: int, *, reduction: int = 16, bias: bool = True) -> None:
        super().__init__()
        hidden = reduced(channels, reduction)
        self.mlp = nn.Sequential(
            nn.Linear(channels, hidden, bias=bias),
            nn.ReLU(),
            nn.Linear(hidden, channels, bias=bias),
        )

    def gate(self, x: Tensor) -> Tensor:
        """Return the gates of maps (B, C, H, W): (B, C, 1, 1)."""
        pooled = torch.stack((maps.mean(x, (2, 3)), maps.amax(x, (2, 3))))  # (2, B, C)
        logits: Tensor = self.mlp(pooled).sum(0)  # one MLP for both
        return logits.sigmoid().unsqueeze(-1).unsqueeze(-1)

    def forward(self, x: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        return maps.scale(x, self.gate(x))


class SpatialGate(nn.Module):
    """The second half of CBAM: one gate for each place, from a look at its surroundings (3.2).

    Args:
        kernel: Side of the convolution, odd.

    Shape:
        (B, C, H, W) → (B, C, H, W)

    Raises:
        ValueError: If the kernel is not odd and positive.
    """

    def __init__(self, *, kernel: int = 7) -> None:
        super().__init__()
        self.map = MapGate(kernel)

    def gate(self, x: Tensor) -> Tensor:
        """Return the gates of maps (B, C, H, W): (B, 1, H, W)."""
        gate: Tensor = self.map(maps.z_pool(x))
        return gate

    def forward(self, x: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        return maps.scale(x, self.gate(x))


class CBAM(nn.Module):
    """Convolutional block attention: the channel gate, then the spatial gate.

    Args:
        channels: C of the maps.
        reduction: r of the channel gate.
        bias: Whether the channel gate's MLP has biases.
        kernel: Side of the spatial gate's convolution, odd.

    Shape:
        (B, C, H, W) → (B, C, H, W)

    Raises:
        ValueError: If the reduction leaves no hidden unit, or the kernel is not odd and positive.
    """

    def __init__(
        self, channels: int, *, reduction: int = 16, bias: bool = True, kernel: int = 7
    ) -> None:
        super().__init__()
        self.channel = ChannelGate(channels, reduction=reduction, bias=bias)
        self.spatial = SpatialGate(kernel=kernel)

    def forward(self, x: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        gated = maps.scale(x, self.channel.gate(x))
        return maps.scale(gated, self.spatial.gate(gated), overwrite=True)


class BAM(nn.Module):
    """Bottleneck attention: channels and places at once, around one (Park et al. 2018, section 3).

    Args:
        channels: C of the maps.
        reduction: r of both branches.
        dilation: Of the spatial branch's two 3×3 convolutions.
        combine: "add" the branches as the paper does, or "multiply" them as the official code does.

    Shape:
        (B, C, H, W) → (B, C, H, W)

    Raises:
        ValueError: If the reduction leaves no hidden unit, the dilation is not positive, or there
            is no such way to combine.
    """

    def __init__(
        self, channels: int, *, reduction: int = 16, dilation: int = 4, combine: Combine = "add"
    ) -> None:
        super().__init__()
        hidden = reduced(channels, reduction)
        positive(dilation=dilation)
        if combine not in get_args(Combine):
            raise ValueError(f"combine must be one of {get_args(Combine)}, got {combine!r}")
        self.combine = combine
        self.channel = nn.Sequential(
            nn.Linear(channels, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, channels),
        )
        self.spatial = nn.Sequential(
            _conv_norm_relu(channels, hidden, 1),
            _conv_norm_relu(hidden, hidden, 3, dilation),
            _conv_norm_relu(hidden, hidden, 3, dilation),
            nn.Conv2d(hidden, 1, 1),
        )

    def gate(self, x: Tensor) -> Tensor:
        """Return what maps (B, C, H, W) are multiplied by, between 1 and 2: (B, C, H, W)."""
        channel: Tensor = self.channel(maps.mean(x, (2, 3)))[..., None, None]  # (B, C, 1, 1)
        spatial: Tensor = self.spatial(x)  # (B, 1, H, W)
        logits = channel + spatial if self.combine == "add" else channel * spatial
        return 1 + logits.sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        return x * self.gate(x)


def _conv_norm_relu(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    padding = kernel // 2 * dilation
    conv = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())
