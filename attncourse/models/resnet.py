"""ResNet and ResNeXt with a place for every gate.

Papers: He et al., Deep Residual Learning, CVPR 2016, arXiv:1512.03385. Xie et al., Aggregated
    Residual Transformations (ResNeXt), CVPR 2017, arXiv:1611.05431. The gates: see `attncourse.nn`.

y = ReLU(gate(body(x)) + shortcut(x))

Shape: images (B, 3, H, W) → logits (B, classes)

Where each gate stands is in `attncourse.models.gates`: most close the residual branch, after its
last norm. Papers differ in where a bottleneck that halves the map has its stride: on the 3×3
convolution (SK, triplet attention, torch's own ResNets), or on the first 1×1 (the first ResNet, SE,
CBAM), which costs 6 % less: `stride_first`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from attncourse.functional import maps
from attncourse.functional.sizes import positive
from attncourse.models.gates import Make, Place, carried_by, places
from attncourse.models.registry import register
from attncourse.nn.conv_norm import ConvNorm


class Residual(nn.Module):
    """A body beside a shortcut, which is a projection where the shapes differ.

    Args:
        body: The layers of the branch, ending in a norm.
        channels: Channels of the input.
        out_channels: Channels of the output.
        stride: Of the body as a whole.
        gate: Makes what closes the branch.

    Shape:
        (B, C, H, W) → (B, C', ⌈H/stride⌉, ⌈W/stride⌉)
    """

    def __init__(
        self, body: nn.Module, channels: int, out_channels: int, *, stride: int, gate: Make | None
    ) -> None:
        super().__init__()
        same = stride == 1 and channels == out_channels
        self.out_channels = out_channels
        self.body = body
        self.gate = gate(out_channels) if gate else nn.Identity()
        self.shortcut = nn.Identity() if same else ConvNorm(channels, out_channels, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Add the gated branch to maps (B, C, H, W)."""
        return F.relu(self.gate(self.body(x)) + self.shortcut(x))


class Basic(Residual):
    """Two 3×3 convolutions: the block of ResNet-18 and 34."""

    def __init__(
        self,
        channels: int,
        width: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        gate: Make | None = None,
    ) -> None:
        body = nn.Sequential(
            ConvNorm(channels, width, kernel=3, stride=stride, dilation=dilation),
            nn.ReLU(inplace=True),
            ConvNorm(width, width, kernel=3, dilation=dilation),
        )
        super().__init__(body, channels, width, stride=stride, gate=gate)


class Bottleneck(Residual):
    """1×1, 3×3, 1×1: the block of the deeper ResNets, and with groups that of ResNeXt.

    Args:
        channels: Channels of the input.
        width: A quarter of the channels of the output.
        stride: Of the block.
        dilation: Of the 3×3 convolution.
        gate: Makes what closes the branch.
        groups: Of the 3×3 convolution.
        group_width: Channels of a group of the 3×3 convolution where `width` is 64.
        stride_first: Whether the first 1×1 convolution has the stride, and not the 3×3.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        gate: Make | None = None,
        groups: int = 1,
        group_width: int = 64,
        stride_first: bool = False,
    ) -> None:
        inner = width * group_width // 64 * groups
        first, second = (stride, 1) if stride_first else (1, stride)
        body = nn.Sequential(
            ConvNorm(channels, inner, stride=first),
            nn.ReLU(inplace=True),
            ConvNorm(inner, inner, kernel=3, stride=second, dilation=dilation, groups=groups),
            nn.ReLU(inplace=True),
            ConvNorm(inner, 4 * width),
        )
        super().__init__(body, channels, 4 * width, stride=stride, gate=gate)


class ResNet(nn.Module):
    """A stem, four stages of residual blocks, and a linear classifier.

    Args:
        block: Makes a block of the channels that come in and the stage's width, which is 64 and
            doubles; takes `stride` and `dilation`.
        depths: Number of blocks in each stage.
        between: Makes what follows each stage but the last.
        output_stride: How many times smaller than the image the last map is: 32, 16 or 8. Stages
            that must not shrink it are dilated.
        multi_grid: Dilation of each block of the last stage, if not the same for all.
        in_channels: Channels of the images.
        num_classes: Number of logits.

    Attributes:
        channels: Channels of the last map.

    Shape:
        (B, in_channels, H, W) → (B, num_classes)

    Raises:
        ValueError: If there is no such output stride, or `multi_grid` does not fit the last stage.
    """

    def __init__(
        self,
        block: Callable[..., Residual],
        depths: Sequence[int],
        *,
        between: Make | None = None,
        output_stride: int = 32,
        multi_grid: Sequence[int] | None = None,
        in_channels: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        positive(in_channels=in_channels, num_classes=num_classes)
        if output_stride not in (8, 16, 32):
            raise ValueError(f"output_stride must be 8, 16 or 32, got {output_stride}")
        if multi_grid is not None and len(multi_grid) != depths[-1]:
            raise ValueError(
                f"multi_grid must hold a dilation for each of the {depths[-1]} blocks of the last "
                f"stage, got {tuple(multi_grid)}"
            )
        self.stem = nn.Sequential(
            ConvNorm(in_channels, 64, kernel=7, stride=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.stages = nn.Sequential()
        channels = 64
        for i, (stride, dilations) in enumerate(_plan(depths, output_stride, multi_grid)):
            stage = nn.Sequential()
            for dilation in dilations:
                unit = block(channels, 64 * 2**i, stride=stride, dilation=dilation)
                stage.append(unit)
                channels, stride = unit.out_channels, 1  # only the first of a stage has a stride
            if between is not None and i < len(depths) - 1:
                stage.append(between(channels))
            self.stages.append(stage)
        self.channels = channels
        self.classifier = nn.Linear(channels, num_classes)
        initialise(self)

    def features(self, x: Tensor) -> Tensor:
        """Turn images (B, in_channels, H, W) into the last map (B, channels, H/s, W/s)."""
        out: Tensor = self.stages(self.stem(x))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Classify images (B, in_channels, H, W): logits (B, num_classes)."""
        logits: Tensor = self.classifier(maps.mean(self.features(x), (2, 3)))
        return logits


def _plan(
    depths: Sequence[int], output_stride: int, multi_grid: Sequence[int] | None
) -> Iterator[tuple[int, Sequence[int]]]:
    """Yield the stride of each stage, and the dilation of each of its blocks.

    A stage that must not shrink the map leaves every second place of its filters out instead, so
    that they see as much; its first block still stands on the denser grid of the stage before.
    """
    reached, dilation = 4, 1  # the stem leaves a quarter
    for i, depth in enumerate(depths):
        stride, before = (1 if i == 0 else 2), dilation
        if reached * stride > output_stride:
            stride, dilation = 1, dilation * stride
        reached *= stride
        last = i == len(depths) - 1
        yield stride, multi_grid if last and multi_grid else [before] + [dilation] * (depth - 1)


def initialise(network: nn.Module) -> None:
    """Draw convolutions as He et al. do."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


_DEPTHS = {
    18: (Basic, (2, 2, 2, 2)),
    34: (Basic, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}
_OF_BLOCKS = ("groups", "group_width", "stride_first")


def resnet(
    depth: int,
    *,
    attention: str | Make | None = None,
    gate_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> ResNet:
    """Build a ResNet of one of the papers' depths.

    Args:
        depth: 18, 34, 50, 101 or 152 layers.
        attention: A gate of `attncourse.models.gates`, or what makes one for so many channels: it
            closes each block's residual branch.
        gate_options: Of a gate that is named, such as `{"reduction": 8}`.
        options: Of `ResNet`, and from 50 layers on `groups`, `group_width` and `stride_first` of
            `Bottleneck`.

    Raises:
        ValueError: If there is no such depth or gate.
    """
    if depth not in _DEPTHS:
        raise ValueError(f"depth must be one of {sorted(_DEPTHS)}, got {depth}")
    stands: dict[Place, Make]
    if callable(attention):
        stands = {"end": attention}
    else:
        stands = places("resnet", attention, **gate_options or {})
    block, depths = _DEPTHS[depth]
    of_block = {name: options.pop(name) for name in _OF_BLOCKS if name in options}
    return ResNet(
        partial(block, gate=stands.get("end"), **of_block),
        depths,
        between=stands.get("between"),
        **options,
    )


for _depth in _DEPTHS:
    register(f"resnet{_depth}")(partial(resnet, _depth))
for _depth in (50, 101):
    register(f"resnext{_depth}")(partial(resnet, _depth, groups=32, group_width=4))
for _gate, _name in carried_by("resnet"):
    register(_name)(partial(resnet, int(_name.rpartition("resnet")[2]), attention=_gate))
