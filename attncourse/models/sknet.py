"""SKNet: ResNeXt's bottleneck with a selective kernel in its middle.

Paper: Li, Wang, Hu, Yang, Selective Kernel Networks, CVPR 2019, arXiv:1903.06586.
Official code: implus/SKNet (Caffe).

y = ReLU(1×1(SK(1×1(x))) + shortcut(x))

Shape: images (B, 3, H, W) → logits (B, classes)

Differences: SKNet-101's official description has a hidden width of 16 instead of 32 in the units of
its second stage; ours has the paper's 32 there.
"""

from functools import partial
from typing import Any

from torch import nn

from attncourse.models.gates import Make, places
from attncourse.models.registry import register
from attncourse.models.resnet import Residual, ResNet
from attncourse.nn.conv_norm import ConvNorm


class SKUnit(Residual):
    """1×1, selective kernel, 1×1 (section 3.2).

    Args:
        channels: Channels of the input.
        width: Half the channels of the selective kernel, a quarter of those of the output.
        stride: Of the selective kernel.
        dilation: 1: the kernel itself chooses its dilation.
        kernel: Makes the selective kernel.

    Raises:
        ValueError: If the dilation is another, or the selective kernel cannot be made.
    """

    def __init__(
        self, channels: int, width: int, *, kernel: Make, stride: int = 1, dilation: int = 1
    ) -> None:
        if dilation != 1:
            raise ValueError(f"a selective kernel cannot be dilated as a whole, got {dilation}")
        body = nn.Sequential(
            ConvNorm(channels, 2 * width),
            nn.ReLU(inplace=True),
            kernel(2 * width, stride=stride),
            ConvNorm(2 * width, 4 * width),
        )
        super().__init__(body, channels, 4 * width, stride=stride, gate=None)


@register("sknet50")
def sknet50(
    *,
    branches: int = 2,
    groups: int = 32,
    reduction: int = 16,
    min_hidden: int = 32,
    depths: tuple[int, int, int, int] = (3, 4, 6, 3),
    **options: Any,
) -> ResNet:
    """Build SKNet-50, SK[M=2, G=32, r=16] with L = 32 (section 3.2).

    Args:
        branches: M.
        groups: G.
        reduction: r.
        min_hidden: L.
        depths: Number of units in each stage.
        options: Of `ResNet`.
    """
    stands = places(
        "sknet", "sk", branches=branches, groups=groups, reduction=reduction, min_hidden=min_hidden
    )
    return ResNet(partial(SKUnit, kernel=stands["kernel"]), depths, **options)


@register("sknet101")
def sknet101(**options: Any) -> ResNet:
    """Build SKNet-101: SKNet-50 with 23 units in the third stage; the same options."""
    return sknet50(depths=(3, 4, 23, 3), **options)
