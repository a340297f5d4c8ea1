"""Squeezes: what a channel tells about its map, in one number or a few.

Papers: mean: Hu et al., Squeeze-and-Excitation Networks, CVPR 2018, arXiv:1709.01507, section 3.1.
    Mean and deviation: Lee et al., SRM, ICCV 2019, arXiv:1903.10829. Learned: Cao et al., GCNet,
    ICCVW 2019, arXiv:1904.11492.
Official code: hujie-frank/SENet, hyunjaelee410/style-based-recalibration-module, xvjiarui/GCNet.

s = squeeze(x), with F numbers for each channel; a squeeze tells its F as `features`

Shape: (B, C, H, W) → (B, C, F)

Differences:
| | paper | official code | ours |
|---|---|---|---|
| deviation | divides by HW | divides by HW - 1, adds 1e-5 to the variance | by HW, adds 1e-5 |
| bias of the learned score | a weight alone | has one, which a softmax cannot see | none |
| learned, before training | not given | Kaiming | zeros: the mean |
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from attncourse.functional import maps
from attncourse.functional.sizes import positive

SqueezeName = Literal["mean", "max", "mean_std", "learned"]


def squeeze_by(name: SqueezeName, channels: int) -> "Squeeze":
    """Make the squeeze of that name for maps with so many channels.

    Raises:
        ValueError: If there is no squeeze of that name, or `channels` is not positive.
    """
    positive(channels=channels)
    match name:
        case "mean":
            return MeanSqueeze()
        case "max":
            return MaxSqueeze()
        case "mean_std":
            return MeanStdSqueeze()
        case "learned":
            return LearnedSqueeze(channels)
    raise ValueError(f"squeeze must be one of {get_args(SqueezeName)}, got {name!r}")


class Squeeze(nn.Module, ABC):
    """Describes every channel of a map by `features` numbers: (B, C, H, W) → (B, C, F)."""

    features: ClassVar[int] = 1

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Squeeze maps (B, C, H, W) into descriptors (B, C, F)."""


class MeanSqueeze(Squeeze):
    """Global average pooling, the squeeze of SE: (B, C, H, W) → (B, C, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        """Squeeze maps (B, C, H, W) into descriptors (B, C, 1)."""
        return maps.mean(x, (2, 3)).unsqueeze(-1)


class MaxSqueeze(Squeeze):
    """Global maximum pooling: (B, C, H, W) → (B, C, 1). Pixels that share it share its gradient."""

    def forward(self, x: Tensor) -> Tensor:
        """Squeeze maps (B, C, H, W) into descriptors (B, C, 1)."""
        return maps.amax(x, (2, 3)).unsqueeze(-1)


class MeanStdSqueeze(Squeeze):
    """Mean and standard deviation: (B, C, H, W) → (B, C, 2)."""

    features = 2

    def forward(self, x: Tensor) -> Tensor:
        """Squeeze maps (B, C, H, W) into descriptors (B, C, 2)."""
        variance, mean = torch.var_mean(x, (2, 3), correction=0)
        return torch.stack((mean, (variance + 1e-5).sqrt()), dim=-1)


class LearnedSqueeze(Squeeze):
    """An average whose weights are learned: a softmax over pixels of a 1×1 convolution.

    Args:
        channels: C of the maps.

    Shape:
        (B, C, H, W) → (B, C, 1)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score = nn.Conv2d(channels, 1, 1, bias=False)
        nn.init.zeros_(self.score.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Squeeze maps (B, C, H, W) into descriptors (B, C, 1)."""
        weights: Tensor = self.score(x).flatten(2).softmax(-1)  # (B, 1, HW)
        return x.flatten(2) @ weights.mT  # (B, C, 1)
