"""SeaFormer: convolutions first, squeeze-enhanced axial attention on the small maps at the end.

Paper: Wan, Huang, Lu, Yu, Zhang, SeaFormer: Squeeze-enhanced Axial Transformer for Mobile Semantic
    Segmentation, ICLR 2023, arXiv:2301.13156.
Official code: fudan-zvg/SeaFormer.

Shape: images (B, 3, H, W) → logits (B, classes), or (B, classes, H/8, W/8) for segmentation

Five stages of inverted residuals halve the map each; SeaFormer blocks follow in the last two or
three. The segmentation head lets their maps gate the detailed one at an eighth of the image.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attncourse.functional.sizes import positive
from attncourse.models.registry import register
from attncourse.models.seaformer_variants import VARIANTS, Stage, Variant, variant_of
from attncourse.nn.conv_norm import ConvNorm
from attncourse.nn.seaformer import SeaFormerBlock


class InvertedResidual(nn.Sequential):
    """Widen, look around in each channel, narrow (Sandler et al. 2018, arXiv:1801.04381).

    Args:
        channels: Of the input.
        out_channels: Of the output.
        kernel: Side of the depthwise convolution.
        stride: Of the depthwise convolution.
        expansion: Inner channels by `channels`; 1 leaves out the widening.

    Shape:
        (B, channels, H, W) → (B, out_channels, ⌈H/stride⌉, ⌈W/stride⌉)
    """

    def __init__(
        self, channels: int, out_channels: int, *, kernel: int, stride: int, expansion: int
    ) -> None:
        inner = channels * expansion
        widen = (ConvNorm(channels, inner), nn.ReLU(inplace=True)) if expansion > 1 else ()
        super().__init__(
            *widen,
            ConvNorm(inner, inner, kernel=kernel, stride=stride, groups=inner),
            nn.ReLU(inplace=True),
            ConvNorm(inner, out_channels),
        )
        self.skip = stride == 1 and channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Transform maps (B, C, H, W), and add them where the shapes agree."""
        out: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return x + out if self.skip else out


class SeaFormer(nn.Module):
    """The backbone.

    Args:
        variant: A name of `VARIANTS` or a size of your own.
        in_channels: Channels of the images.
        drop_path: Probability that a sample skips a branch of the last block of a stage while
            training; it grows from 0 at the first.

    Attributes:
        channels: Channels of the maps that it returns.

    Shape:
        (B, in_channels, H, W) → a map (B, C, ⌈H/8⌉, ⌈W/8⌉) and those of the stages with blocks

    Raises:
        ValueError: If there is no such variant.
    """

    def __init__(
        self, variant: str | Variant, *, in_channels: int = 3, drop_path: float = 0.1
    ) -> None:
        super().__init__()
        size = variant_of(variant)
        stem = ConvNorm(in_channels, size.stem, kernel=3, stride=2)
        self.stem = nn.Sequential(stem, nn.ReLU(inplace=True))
        self.stages = nn.ModuleList()
        channels = size.stem
        for stage in size.stages:
            blocks = _blocks(stage, size.heads, drop_path)
            self.stages.append(nn.Sequential(*_residuals(channels, stage), *blocks))
            channels = stage.channels
        self._returned = [i == 1 or bool(stage.blocks) for i, stage in enumerate(size.stages)]
        self.channels = [s.channels for s, r in zip(size.stages, self._returned, strict=True) if r]

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return maps of images (B, in_channels, H, W), the most detailed first."""
        x = self.stem(x)
        maps = []
        for stage, returned in zip(self.stages, self._returned, strict=True):
            x = stage(x)
            if returned:
                maps.append(x)
        return maps


class SeaFormerClassifier(nn.Module):
    """The backbone and a linear layer on the mean of its last map.

    Args:
        variant: A name of `VARIANTS` or a size of your own.
        num_classes: Number of logits.
        options: Of `SeaFormer`.

    Shape:
        (B, in_channels, H, W) → (B, num_classes)

    Raises:
        ValueError: If there is no such variant.
    """

    def __init__(self, variant: str | Variant, *, num_classes: int = 1000, **options: Any) -> None:
        super().__init__()
        positive(num_classes=num_classes)
        self.backbone = SeaFormer(variant, **options)
        self.classifier = nn.Linear(self.backbone.channels[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Classify images (B, in_channels, H, W): logits (B, num_classes)."""
        logits: Tensor = self.classifier(self.backbone(x)[-1].mean((2, 3)))
        return logits


class SeaFormerSegmenter(nn.Module):
    """The backbone and the light head; the logits are for an eighth of the image.

    Args:
        variant: A name of `VARIANTS` or a size of your own.
        num_classes: How many classes a place can have.
        dropout: Share of the channels dropped before the classifier.
        options: Of `SeaFormer`.

    Shape:
        (B, in_channels, H, W) → (B, num_classes, ⌈H/8⌉, ⌈W/8⌉)

    Raises:
        ValueError: If there is no such variant.
    """

    def __init__(
        self,
        variant: str | Variant,
        *,
        num_classes: int = 150,
        dropout: float = 0.1,
        **options: Any,
    ) -> None:
        super().__init__()
        positive(num_classes=num_classes)
        self.backbone = SeaFormer(variant, **options)
        width, *gating = self.backbone.channels
        self.fusions = nn.ModuleList()
        for gate, out_channels in zip(gating, variant_of(variant).head, strict=True):
            self.fusions.append(Fusion(width, gate, out_channels))
            width = out_channels
        self.classifier = nn.Sequential(
            ConvNorm(width, width, groups=width),
            nn.ReLU(inplace=True),
            nn.Dropout2d(dropout),
            nn.Conv2d(width, num_classes, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Classify the places of images (B, in_channels, H, W)."""
        x, *gating = self.backbone(x)
        for fusion, gate in zip(self.fusions, gating, strict=True):
            x = fusion(x, gate)
        logits: Tensor = self.classifier(x)
        return logits


class Fusion(nn.Module):
    """A detailed map, gated by a small one.

    Shape:
        detailed (B, channels, H, W), small (B, gate_channels, H', W') → (B, out_channels, H, W)
    """

    def __init__(self, channels: int, gate_channels: int, out_channels: int) -> None:
        super().__init__()
        self.detail = ConvNorm(channels, out_channels)
        self.gate = ConvNorm(gate_channels, out_channels)

    def forward(self, detailed: Tensor, small: Tensor) -> Tensor:
        """Gate the detailed map (B, channels, H, W) by the small one, which is enlarged."""
        gate = F.hardsigmoid(self.gate(small))
        enlarged = F.interpolate(gate, detailed.shape[2:], mode="bilinear")
        return torch.mul(self.detail(detailed), enlarged)


def _residuals(channels: int, stage: Stage) -> Iterator[nn.Module]:
    for kernel, expansion, out_channels, stride in stage.residuals:
        yield InvertedResidual(
            channels, out_channels, kernel=kernel, stride=stride, expansion=expansion
        )
        channels = out_channels


def _blocks(stage: Stage, heads: int, drop_path: float) -> Iterator[nn.Module]:
    if stage.blocks is None:
        return
    depth, key_dim, mlp_ratio = stage.blocks
    for i in range(depth):
        yield SeaFormerBlock(
            stage.channels,
            key_dim=key_dim,
            heads=heads,
            mlp_ratio=mlp_ratio,
            drop_path=drop_path * i / max(1, depth - 1),
        )


def _register(name: str, network: Callable[..., nn.Module], variant: str) -> None:
    @register(name)
    def build(**options: Any) -> nn.Module:
        return network(variant, **options)


for _name in VARIANTS:
    _register(f"seaformer_{_name}", SeaFormerClassifier, _name)
    _register(f"seaformer_{_name}_segmentation", SeaFormerSegmenter, _name)
