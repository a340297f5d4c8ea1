"""Triplet attention: a gate for each face of the block C × H × W, and the mean of the three.

Paper: Misra, Nalamada, Arasanipalai, Hou, Rotate to Attend: Convolutional Triplet Attention Module,
    WACV 2021, arXiv:2010.03045.
Official code: landskape-ai/triplet-attention.

y = x · (g(zpool_H x) + g(zpool_W x) + g(zpool_C x)) / 3,  g(z) = σ(BN(conv₇(z)))

Shape: (B, C, H, W) → (B, C, H, W)

It has no width: 300 parameters for any number of channels. In a ResNet it closes the residual
branch, in MobileNetV2 every block.

Differences:
| | paper | official code | ours |
|---|---|---|---|
| the faces | x rotated, gated, rotated back | so, by permuted copies | x pooled where it stands |
| the mean of three | of gated maps | of gated maps | of gates, which is the same |
| first gamma of the face H × W | – | 0 in its networks: a gate of ½ | 1; 0 in our ResNets |
"""

from torch import Tensor, nn

from attncourse.functional.faces import scale_faces
from attncourse.functional.maps import z_pool
from attncourse.nn.map_gate import MapGate

__all__ = ["TripletAttention", "z_pool"]


class TripletAttention(nn.Module):
    """Triplet attention (Misra et al. 2021, section 3.3).

    Args:
        kernel: Side of the three convolutions, odd.
        spatial: Whether the third face, H × W, takes part.

    Shape:
        (B, C, H, W) → (B, C, H, W)

    Raises:
        ValueError: If the kernel is not odd and positive.
    """

    def __init__(self, *, kernel: int = 7, spatial: bool = True) -> None:
        super().__init__()
        self.cw = MapGate(kernel)
        self.hc = MapGate(kernel)
        self.hw = MapGate(kernel) if spatial else None

    def gates(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the gates of maps (B, C, H, W): (B, C, H, 1), (B, C, 1, W) and (B, 1, H, W)."""
        hc: Tensor = self.hc(z_pool(x, 3), transposed=True)  # (B, 1, C, H); the paper's is H × C
        cw: Tensor = self.cw(z_pool(x, 2))  # (B, 1, C, W)
        hc = hc.squeeze(1).unsqueeze(3)  # (B, C, H, 1)
        cw = cw.squeeze(1).unsqueeze(2)  # (B, C, 1, W)
        return (hc, cw) if self.hw is None else (hc, cw, self.hw(z_pool(x, 1)))

    def forward(self, x: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        gates = self.gates(x)
        return scale_faces(x, *(gate / len(gates) for gate in gates))
