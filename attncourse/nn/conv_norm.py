"""A convolution and its batch norm as one layer, which evaluation can fold into one convolution."""

import copy

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from attncourse.functional.sizes import positive


class ConvNorm(nn.Sequential):
    """Convolution without bias, then batch norm; an odd kernel keeps the size of the maps.

    Args:
        channels: Of the input.
        out_channels: Of the output.
        kernel: Side of the kernel.
        stride: Of the convolution.
        dilation: Of the convolution.
        groups: Of the convolution.
        gamma: First scale of the norm; 0 makes the layer start as zero.

    Shape:
        (B, channels, H, W) → (B, out_channels, ⌈H/stride⌉, ⌈W/stride⌉)

    Raises:
        ValueError: If a size is not positive, the kernel even, or the groups do not divide the
            channels.
    """

    conv: nn.Conv2d
    norm: nn.BatchNorm2d

    def __init__(
        self,
        channels: int,
        out_channels: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        gamma: float = 1.0,
    ) -> None:
        positive(
            channels=channels,
            out_channels=out_channels,
            kernel=kernel,
            stride=stride,
            dilation=dilation,
            groups=groups,
        )
        if kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, got {kernel}")
        super().__init__()
        self.conv = nn.Conv2d(
            channels,
            out_channels,
            kernel,
            stride=stride,
            padding=kernel // 2 * dilation,
            dilation=dilation,
            groups=groups,
            bias=False,
        )
        self.norm = nn.BatchNorm2d(out_channels)
        nn.init.constant_(self.norm.weight, gamma)


def fold_norms(module: nn.Module) -> nn.Module:
    """Return a copy for evaluation in which every `ConvNorm` is one convolution with a bias.

    Its outputs are those of `module.eval()`; the norms no longer pass over the maps.
    """
    module = copy.deepcopy(module).eval()
    if isinstance(module, ConvNorm):
        return fuse_conv_bn_eval(module.conv, module.norm)
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ConvNorm):
                setattr(parent, name, fuse_conv_bn_eval(child.conv, child.norm))
    return module
