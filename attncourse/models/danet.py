"""DANet: a ResNet whose last map stays at an eighth of the image, and dual attention on it.

Paper: Fu, Liu, Tian, Li, Bao, Fang, Lu, Dual Attention Network for Scene Segmentation, CVPR 2019,
    arXiv:1809.02983.
Official code: junfu1115/DANet.

Shape: images (B, 3, H, W) → logits of the classes (B, classes, H, W), three times
"""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from attncourse.models.registry import register
from attncourse.models.resnet import resnet
from attncourse.nn.danet import DANetHead, DANetLogits


class DANet(nn.Module):
    """Dilated ResNet, dual attention head, bilinear enlargement to the size of the image.

    Args:
        depth: Of the ResNet: 50, 101 or 152 for the paper's bottlenecks.
        num_classes: How many classes a place can have.
        multi_grid: Dilations of the blocks of the last stage; None gives all of them the same.
        in_channels: Channels of the images.
        head: Options of `DANetHead`, such as `sign="official"`.

    Shape:
        (B, in_channels, H, W) → three times (B, num_classes, H, W)

    Raises:
        ValueError: If there is no such depth, or the dilations do not fit the last stage.
    """

    def __init__(
        self,
        depth: int = 101,
        *,
        num_classes: int = 19,
        multi_grid: Sequence[int] | None = (4, 8, 16),
        in_channels: int = 3,
        **head: Any,
    ) -> None:
        super().__init__()
        network = resnet(depth, output_stride=8, multi_grid=multi_grid, in_channels=in_channels)
        self.backbone = nn.Sequential(network.stem, network.stages)  # all but its classifier
        self.head = DANetHead(network.channels, num_classes=num_classes, **head)

    def forward(self, x: Tensor) -> DANetLogits:
        """Classify every place of images (B, in_channels, H, W), from both branches and each."""
        logits: DANetLogits = self.head(self.backbone(x))
        return DANetLogits(*(_enlarged(small, x) for small in logits))


def _enlarged(logits: Tensor, image: Tensor) -> Tensor:
    return F.interpolate(logits, image.shape[2:], mode="bilinear", align_corners=True)


@register("danet_resnet50")
def danet_resnet50(**options: Any) -> DANet:
    """Build DANet on ResNet-50."""
    return DANet(50, **options)


@register("danet_resnet101")
def danet_resnet101(**options: Any) -> DANet:
    """Build DANet on ResNet-101, the paper's biggest."""
    return DANet(101, **options)
