"""Squeeze-and-excitation and its variants: one gate for each channel of a map.

Papers: Hu et al., Squeeze-and-Excitation Networks, CVPR 2018, arXiv:1709.01507. Wang et al.,
    ECA-Net, CVPR 2020, arXiv:1910.03151. The other two are definitions of this course.
Official code: hujie-frank/SENet, BangguWu/ECANet.

y = x · σ(excite(squeeze(x)));  SE: squeeze = mean over the map, excite(s) = W₂ ReLU(W₁ s + b₁) + b₂

Shape: (B, C, H, W) → (B, C, H, W)

Any squeeze of `attncourse.nn.squeeze` goes with any excitation of `attncourse.nn.excitation`. In a
ResNet the gate closes the residual branch: after its last norm, before the addition.

Differences:
| | paper | official code | ours |
|---|---|---|---|
| biases of SE | none in the journal version's ResNets | both layers | both; `bias=False` |
| kernel of ECA | from C: ResNet-50 5, 5, 5, 7 | given: ResNet-50 3, 5, 5, 7 | from C; `kernel=3` |
| the rest | | | in the two parts |
"""

from torch import Tensor, nn

from attncourse.functional.maps import scale
from attncourse.nn.excitation import (
    AttentionExcitation,
    FullExcitation,
    LocalExcitation,
    MultiScaleExcitation,
    adaptive_kernel,
)
from attncourse.nn.squeeze import Squeeze, SqueezeName, squeeze_by


class Recalibration(nn.Module):
    """Scales every channel by a gate between 0 and 1 that it computes from the whole map.

    Args:
        squeeze: Describes the channels, (B, C, H, W) → (B, C, F).
        excitation: Makes logits of the descriptors, (B, C, F) → (B, C).

    Shape:
        (B, C, H, W) → (B, C, H, W)
    """

    def __init__(self, squeeze: Squeeze, excitation: nn.Module) -> None:
        super().__init__()
        self.squeeze = squeeze
        self.excitation = excitation

    def gate(self, x: Tensor) -> Tensor:
        """Return the gates of maps (B, C, H, W): (B, C, 1, 1)."""
        logits: Tensor = self.excitation(self.squeeze(x))  # (B, C)
        return logits.sigmoid().unsqueeze(-1).unsqueeze(-1)

    def forward(self, x: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        return scale(x, self.gate(x))


class SqueezeExcitation(Recalibration):
    """Squeeze-and-excitation (Hu et al. 2018, section 3).

    Args:
        channels: C of the maps.
        reduction: r; the hidden layer has C // r units.
        bias: Whether the two linear layers have biases: yes in the official networks.
        squeeze: "mean" (the paper's), "max", "mean_std" or "learned".

    Shape:
        (B, C, H, W) → (B, C, H, W)

    Raises:
        ValueError: If the reduction leaves no hidden unit, or there is no such squeeze.
    """

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 16,
        bias: bool = True,
        squeeze: SqueezeName = "mean",
    ) -> None:
        pool = squeeze_by(squeeze, channels)
        super().__init__(
            pool,
            FullExcitation(channels, features=pool.features, reduction=reduction, bias=bias),
        )


class EfficientChannelAttention(Recalibration):
    """ECA: SE whose excitation is one small convolution along the channels (Wang et al. 2020).

    Args:
        channels: C of the maps.
        kernel: How many channels each gate hears, odd; None takes the paper's formula.
        squeeze: "mean" (the paper's), "max", "mean_std" or "learned".

    Shape:
        (B, C, H, W) → (B, C, H, W)

    Raises:
        ValueError: If the kernel is not odd and positive, or there is no such squeeze.
    """

    def __init__(
        self, channels: int, *, kernel: int | None = None, squeeze: SqueezeName = "mean"
    ) -> None:
        pool = squeeze_by(squeeze, channels)
        kernel = adaptive_kernel(channels) if kernel is None else kernel
        super().__init__(pool, LocalExcitation(kernel, features=pool.features))


class MultiScaleChannelAttention(Recalibration):
    """ECA with kernels of several sizes, of which each channel softly selects.

    Args:
        channels: C of the maps.
        kernels: How many channels each branch hears, odd.
        squeeze: "mean", "max", "mean_std" or "learned".

    Shape:
        (B, C, H, W) → (B, C, H, W)

    Raises:
        ValueError: If a kernel is not odd and positive, or there is no such squeeze.
    """

    def __init__(
        self,
        channels: int,
        *,
        kernels: tuple[int, ...] = (3, 5, 7),
        squeeze: SqueezeName = "mean",
    ) -> None:
        pool = squeeze_by(squeeze, channels)
        super().__init__(pool, MultiScaleExcitation(kernels, features=pool.features))


class ChannelSelfAttention(Recalibration):
    """SE whose excitation is self-attention between the channels.

    Args:
        channels: C of the maps.
        width: D of queries, keys and values.
        squeeze: "mean_std", so that a channel has more than one number to say; or another.

    Shape:
        (B, C, H, W) → (B, C, H, W)

    Raises:
        ValueError: If the width is not positive, or there is no such squeeze.
    """

    def __init__(self, channels: int, *, width: int = 8, squeeze: SqueezeName = "mean_std") -> None:
        pool = squeeze_by(squeeze, channels)
        super().__init__(pool, AttentionExcitation(width, features=pool.features))
