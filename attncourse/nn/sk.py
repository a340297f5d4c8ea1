"""Selective kernels: every channel chooses, softly, how far its convolution sees.

Paper: Li, Wang, Hu, Yang, Selective Kernel Networks, CVPR 2019, arXiv:1903.06586.
Official code: implus/SKNet (Caffe).

U_m = ReLU(BN(conv_m(x))),  z = ReLU(BN(W₁ mean(Σ U_m))),  a = softmax_m(W₂ z),  V = Σ a_m U_m

Shape: (B, C, H, W) → (B, C', ⌈H/stride⌉, ⌈W/stride⌉)

In a bottleneck it takes the place of the 3×3 convolution and its norm.

Differences:
| | paper | official code | ours |
|---|---|---|---|
| branch m | kernel 2m + 1 | 3×3, dilation m | 3×3, dilation m |
| hidden width | max(C / r, 32) | 16 in SKNet-101's second stage | max(C // r, `min_hidden`) |
| biases of W₁, W₂ | not written | none | none |
| sum Σ U_m | before the mean | before the mean | never formed: mean(ΣU) = Σ mean(U) |
"""

from functools import reduce

import torch
from torch import Tensor, nn

from attncourse.functional import maps
from attncourse.functional.sizes import positive
from attncourse.nn.conv_norm import ConvNorm


class SelectiveKernel(nn.Module):
    """The selective kernel convolution SK[M, G, r] (Li et al. 2019, section 3.1).

    Args:
        channels: C of the maps.
        out_channels: C' of the output; None leaves C.
        stride: Of the convolutions.
        branches: M, one for each dilation from 1 to M.
        groups: G of the convolutions; divides C and C'.
        reduction: r; the hidden width is C' // r, but at least `min_hidden`.
        min_hidden: L, the least hidden width.

    Shape:
        (B, C, H, W) → (B, C', ⌈H/stride⌉, ⌈W/stride⌉)

    Raises:
        ValueError: If an argument is not positive, or the groups do not divide the channels.
    """

    def __init__(
        self,
        channels: int,
        out_channels: int | None = None,
        *,
        stride: int = 1,
        branches: int = 2,
        groups: int = 32,
        reduction: int = 16,
        min_hidden: int = 32,
    ) -> None:
        super().__init__()
        width = channels if out_channels is None else out_channels
        positive(
            channels=channels,
            out_channels=width,
            stride=stride,
            branches=branches,
            groups=groups,
            reduction=reduction,
            min_hidden=min_hidden,
        )
        if channels % groups or width % groups:
            raise ValueError(f"groups must divide channels={channels} and {width}, got {groups}")
        hidden = max(width // reduction, min_hidden)
        self.branches = nn.ModuleList(
            nn.Sequential(
                ConvNorm(channels, width, kernel=3, stride=stride, dilation=i + 1, groups=groups),
                nn.ReLU(inplace=True),
            )
            for i in range(branches)
        )
        self.fuse = nn.Sequential(
            nn.Linear(width, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()
        )
        self.select = nn.Linear(hidden, branches * width, bias=False)

    def weights(self, seen: list[Tensor]) -> Tensor:
        """Return how much each channel takes from each branch.

        Args:
            seen: The outputs of the M branches, (B, C', H', W') each.

        Returns:
            Weights (B, M, C', 1, 1) that sum to one over M.
        """
        pooled = reduce(torch.add, [maps.mean(branch, (2, 3)) for branch in seen])  # (B, C')
        logits: Tensor = self.select(self.fuse(pooled)).unflatten(1, (len(seen), -1))  # (B, M, C')
        return logits.softmax(1)[..., None, None]

    def forward(self, x: Tensor) -> Tensor:
        """Convolve maps (B, C, H, W) with the kernels that their channels select."""
        seen = [branch(x) for branch in self.branches]
        first, *others = self.weights(seen).unbind(1)
        out: Tensor = seen[0] * first
        for branch, weight in zip(seen[1:], others, strict=True):
            out.addcmul_(branch, weight)
        return out
