"""The gate that CBAM and triplet attention share: two maps in, one gate for each of their places.

Papers: Woo et al., CBAM, ECCV 2018, arXiv:1807.06521, section 3.2. Misra et al., Rotate to Attend,
    WACV 2021, arXiv:2010.03045, section 3.3.
Official code: Jongchan/attention-module, landskape-ai/triplet-attention.

g = σ(BN(conv(z))), z from `attncourse.functional.maps.z_pool`

Shape: (B, 2, H, W) → (B, 1, H, W)

Differences:
| | paper | official code | ours |
|---|---|---|---|
| norm | CBAM: none; triplet: batch norm | batch norm, momentum 0.01 | batch norm, momentum 0.01 |
| bias of the convolution | not written | none | none |
"""

from torch import Tensor, nn

from attncourse.functional.maps import conv_pair


class MapGate(nn.Module):
    """A convolution from two maps to one, batch norm, and a sigmoid.

    Args:
        kernel: Side of the convolution, odd.

    Shape:
        (B, 2, H, W) → (B, 1, H, W)

    Raises:
        ValueError: If the kernel is not odd and positive.
    """

    def __init__(self, kernel: int = 7) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel must be an odd positive integer, got {kernel}")
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(1, momentum=0.01)

    def forward(self, maps: Tensor, *, transposed: bool = False) -> Tensor:
        """Turn two maps (B, 2, H, W) into gates (B, 1, H, W).

        Args:
            maps: The two maps.
            transposed: Whether they lie on their side, (B, 2, W, H); so do the gates, then.
        """
        weight = self.conv.weight.mT if transposed else self.conv.weight
        gates: Tensor = self.norm(conv_pair(maps, weight))
        return gates.sigmoid()
