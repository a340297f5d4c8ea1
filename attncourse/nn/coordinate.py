"""Coordinate attention: a gate for each row and one for each column, in every channel.

Paper: Hou, Zhou, Feng, Coordinate Attention for Efficient Mobile Network Design, CVPR 2021,
    arXiv:2103.02907.
Official code: houqb/CoordAttention.

f = δ(BN(W₁ [mean_W x ; mean_H x])) = [f_h ; f_w],  y = x · σ(W_h f_h) · σ(W_w f_w)

Shape: (B, C, H, W) → (B, C, H, W)

In a MobileNetV2 block it stands after the depthwise convolution and before the linear projection.

Differences:
| | paper | official code | ours |
|---|---|---|---|
| δ | some non-linearity | h-swish | h-swish |
| hidden width | C / r | max(8, C // r) | max(8, C // r) |
| the two averages | side by side | as a map of width 1, one transposed | side by side |
| output channels | C | may differ from C, which only broadcasting could use | C |
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attncourse.functional import maps
from attncourse.functional.faces import scale_sides
from attncourse.functional.sizes import positive


class CoordinateAttention(nn.Module):
    """Coordinate attention (Hou et al. 2021, section 3.2).

    Args:
        channels: C of the maps.
        reduction: r; the hidden width is C // r, but at least `min_hidden`.
        min_hidden: Least hidden width.

    Shape:
        (B, C, H, W) → (B, C, H, W)

    Raises:
        ValueError: If an argument is not positive.
    """

    def __init__(self, channels: int, *, reduction: int = 32, min_hidden: int = 8) -> None:
        super().__init__()
        positive(channels=channels, reduction=reduction, min_hidden=min_hidden)
        hidden = max(min_hidden, channels // reduction)
        self.mix = nn.Conv1d(channels, hidden, 1)
        self.norm = nn.BatchNorm1d(hidden)
        self.rows = nn.Conv1d(hidden, channels, 1)
        self.columns = nn.Conv1d(hidden, channels, 1)

    def gates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gates of the rows (B, C, H, 1) and of the columns (B, C, 1, W)."""
        sides = torch.cat((maps.mean(x, 3), maps.mean(x, 2)), dim=2)  # (B, C, H + W)
        mixed = F.hardswish(self.norm(self.mix(sides)))  # (B, hidden, H + W)
        of_rows, of_columns = mixed.split((x.shape[2], x.shape[3]), dim=2)
        rows: Tensor = self.rows(of_rows)  # (B, C, H)
        columns: Tensor = self.columns(of_columns)  # (B, C, W)
        return rows.sigmoid().unsqueeze(3), columns.sigmoid().unsqueeze(2)

    def forward(self, x: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        return scale_sides(x, *self.gates(x))
