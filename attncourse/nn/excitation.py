"""Excitations: how the descriptors of all channels become one logit for the gate of each.

Papers: full: Hu et al., Squeeze-and-Excitation Networks, CVPR 2018, arXiv:1709.01507, section 3.2.
    Local: Wang et al., ECA-Net, CVPR 2020, arXiv:1910.03151, section 3.2. Multi-scale and attention
    are definitions of this course.
Official code: hujie-frank/SENet, BangguWu/ECANet.

z = excite(s); excitations differ in which channels each channel hears

Shape: (B, C, F) → (B, C), for F numbers from a squeeze

Differences:
| | paper | official code | ours |
|---|---|---|---|
| biases of SE | none in the journal version's ResNets | both layers | both; `bias=False` |
| hidden width of SE | C / r | C / r | C // r, no minimum |
| kernel of ECA | from C: ResNet-50 5, 5, 5, 7 | given: ResNet-50 3, 5, 5, 7 | from C; `kernel=3` |
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attncourse.functional.sizes import positive, reduced


class FullExcitation(nn.Module):
    """Two linear layers with a bottleneck: every channel speaks to every channel, as in SE.

    Args:
        channels: C of the maps.
        features: F, the numbers that describe a channel.
        reduction: r; the bottleneck has C // r units.
        bias: Whether both layers have biases.

    Shape:
        (B, C, F) → (B, C)

    Raises:
        ValueError: If the reduction leaves no unit.
    """

    def __init__(
        self, channels: int, *, features: int = 1, reduction: int = 16, bias: bool = True
    ) -> None:
        super().__init__()
        hidden = reduced(channels, reduction)
        self.reduce = nn.Linear(channels * features, hidden, bias=bias)
        self.expand = nn.Linear(hidden, channels, bias=bias)

    def forward(self, descriptors: Tensor) -> Tensor:
        """Turn descriptors (B, C, F) into logits (B, C)."""
        logits: Tensor = self.expand(self.reduce(descriptors.flatten(1)).relu())
        return logits


class LocalExcitation(nn.Module):
    """A 1-D convolution along the channels: each hears its neighbours alone, as in ECA.

    Zeros stand beyond the first and the last channel. The order of the channels matters.

    Args:
        kernel: How many channels each hears; odd.
        features: F, the numbers that describe a channel.

    Shape:
        (B, C, F) → (B, C)

    Raises:
        ValueError: If the kernel is not odd and positive.
    """

    def __init__(self, kernel: int, *, features: int = 1) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel must be an odd positive integer, got {kernel}")
        self.conv = nn.Conv1d(features, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, descriptors: Tensor) -> Tensor:
        """Turn descriptors (B, C, F) into logits (B, C)."""
        logits: Tensor = self.conv(descriptors.mT)  # (B, 1, C)
        return logits.squeeze(1)


def adaptive_kernel(channels: int, *, gamma: float = 2, offset: float = 1) -> int:
    """Return ECA's kernel: the odd number nearest to (log₂ C + b) / γ, upwards between two.

    Args:
        channels: C of the maps.
        gamma: γ.
        offset: b.
    """
    size = int(abs(math.log2(channels) + offset) / gamma)
    return size if size % 2 else size + 1


class MultiScaleExcitation(nn.Module):
    """Local excitations of several sizes, of which each channel softly selects the strongest.

    z = Σₖ softmaxₖ(zₖ) zₖ. A plain sum would be no more than one convolution, of the largest size.

    Args:
        kernels: How many channels each branch hears; odd.
        features: F, the numbers that describe a channel.

    Shape:
        (B, C, F) → (B, C)

    Raises:
        ValueError: If there are no kernels or one is not odd and positive.
    """

    def __init__(self, kernels: tuple[int, ...] = (3, 5, 7), *, features: int = 1) -> None:
        super().__init__()
        if not kernels:
            raise ValueError("kernels must hold at least one size, got none")
        self.branches = nn.ModuleList(LocalExcitation(k, features=features) for k in kernels)

    def forward(self, descriptors: Tensor) -> Tensor:
        """Turn descriptors (B, C, F) into logits (B, C)."""
        logits = torch.stack([branch(descriptors) for branch in self.branches])  # (K, B, C)
        return (logits.softmax(0) * logits).sum(0)


class AttentionExcitation(nn.Module):
    """Self-attention in which the channels are the tokens: who is heard depends on what is said.

    Without biases, and with one number for each channel, its 4·D parameters act as two: queries and
    keys only ever meet in w_q · w_k, values and output in w_v · w_o. Give it richer descriptors.

    Args:
        width: D of queries, keys and values.
        features: F, the numbers that describe a channel.

    Shape:
        (B, C, F) → (B, C)

    Raises:
        ValueError: If the width is not positive.
    """

    def __init__(self, width: int = 8, *, features: int = 1) -> None:
        super().__init__()
        positive(width=width)
        self.query = nn.Linear(features, width, bias=False)
        self.key = nn.Linear(features, width, bias=False)
        self.value = nn.Linear(features, width, bias=False)
        self.out = nn.Linear(width, 1, bias=False)

    def forward(self, descriptors: Tensor) -> Tensor:
        """Turn descriptors (B, C, F) into logits (B, C)."""
        heard = F.scaled_dot_product_attention(
            self.query(descriptors), self.key(descriptors), self.value(descriptors)
        )  # (B, C, D)
        logits: Tensor = self.out(heard)  # (B, C, 1)
        return logits.squeeze(-1)
