"""MobileNetV2 with a place for every gate.

Papers: Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018,
    arXiv:1801.04381. The gates: see `attncourse.nn`.
Official code of the gated networks: houqb/CoordAttention, landskape-ai/triplet-attention.

y = x + project(gate(depthwise(expand(x))))

Shape: images (B, 3, H, W) → logits (B, classes)

Where the gate stands is each paper's own, and in `attncourse.models.gates`: in the wide middle of
every block that expands for coordinate attention and for what that paper compares with (SE and
CBAM, both with r = 24), behind the projection of every block for ECA and triplet attention.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from attncourse.functional import maps
from attncourse.functional.sizes import positive
from attncourse.models.gates import Make, carried_by, places
from attncourse.models.registry import register
from attncourse.models.resnet import initialise
from attncourse.nn.conv_norm import ConvNorm

_STAGES = (  # expansion, channels, blocks, stride: table 2 of the paper
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """Expand, convolve each channel alone, project; beside a shortcut where the shapes agree.

    Args:
        channels: Channels of the input.
        out_channels: Channels of the output.
        expansion: How many times wider the middle is; 1 leaves the expanding layer away.
        stride: Of the depthwise convolution.
        middle: Makes the gate in the wide middle, if any.
        end: Makes the gate behind the projection, if any.

    Shape:
        (B, C, H, W) → (B, C', ⌈H/stride⌉, ⌈W/stride⌉)
    """

    def __init__(
        self,
        channels: int,
        out_channels: int,
        *,
        expansion: int,
        stride: int,
        middle: Make | None = None,
        end: Make | None = None,
    ) -> None:
        super().__init__()
        width = channels * expansion
        self.shortcut = stride == 1 and channels == out_channels
        self.body = nn.Sequential()
        if expansion > 1:
            self.body.extend((ConvNorm(channels, width), nn.ReLU6(inplace=True)))
        self.body.extend(
            (ConvNorm(width, width, kernel=3, stride=stride, groups=width), nn.ReLU6(inplace=True))
        )
        if middle is not None:
            self.body.append(middle(width))
        self.body.append(ConvNorm(width, out_channels))
        if end is not None:
            self.body.append(end(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Pass maps (B, C, H, W) through the block."""
        out: Tensor = self.body(x)
        return x + out if self.shortcut else out


class MobileNetV2(nn.Module):
    """MobileNetV2 of width 1.

    Args:
        middle: Makes the gate in the middle of the blocks that expand, if any.
        end: Makes the gate at the end of all blocks, if any.
        in_channels: Channels of the images.
        dropout: Probability with which a feature is dropped before the classifier.
        num_classes: Number of logits.

    Shape:
        (B, in_channels, H, W) → (B, num_classes)
    """

    def __init__(
        self,
        *,
        middle: Make | None = None,
        end: Make | None = None,
        in_channels: int = 3,
        dropout: float = 0.2,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        positive(in_channels=in_channels, num_classes=num_classes)
        channels, last = 32, 1280
        self.layers = nn.Sequential(
            ConvNorm(in_channels, channels, kernel=3, stride=2), nn.ReLU6(inplace=True)
        )
        for expansion, out_channels, blocks, stride in _STAGES:
            for i in range(blocks):
                self.layers.append(
                    InvertedResidual(
                        channels,
                        out_channels,
                        expansion=expansion,
                        stride=stride if i == 0 else 1,
                        middle=middle if expansion > 1 else None,
                        end=end,
                    )
                )
                channels = out_channels
        self.layers.extend((ConvNorm(channels, last), nn.ReLU6(inplace=True)))
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, num_classes))
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Classify images (B, in_channels, H, W): logits (B, num_classes)."""
        logits: Tensor = self.classifier(maps.mean(self.layers(x), (2, 3)))
        return logits


@register("mobilenetv2")
def mobilenetv2(
    *,
    attention: str | None = None,
    gate_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> MobileNetV2:
    """Build a MobileNetV2, with a gate where its paper has it.

    Args:
        attention: A gate of `attncourse.models.gates`.
        gate_options: Of this gate, such as `{"reduction": 8}`.
        options: Of `MobileNetV2`.

    Raises:
        ValueError: If there is no such gate.
    """
    for place, make in places("mobilenetv2", attention, **gate_options or {}).items():
        options.setdefault(place, make)
    return MobileNetV2(**options)


for _gate, _name in carried_by("mobilenetv2"):
    register(_name)(partial(mobilenetv2, attention=_gate))
