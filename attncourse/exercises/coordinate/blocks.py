"""Blocks of coordinate attention, right and wrong: what the check of `CoordinateBlock` knows."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Sides = tuple[Tensor, Tensor]
Layer = Callable[[Tensor], Tensor]


def _means(x: Tensor) -> Sides:
    return x.mean(3), x.mean(2)


def _as_rows_and_columns(rows: Tensor, columns: Tensor) -> Sides:
    return rows[:, :, :, None], columns[:, :, None, :]


def together(rows: Tensor, columns: Tensor, mix: Layer, norm: Layer) -> Sides:
    """Right: one norm sees both sides."""
    z = norm(mix(torch.cat((rows, columns), 2)))
    return z[..., : rows.shape[2]], z[..., rows.shape[2] :]


def normed_apart(rows: Tensor, columns: Tensor, mix: Layer, norm: Layer) -> Sides:
    """Wrong in training: the norm sees one side after the other."""
    return norm(mix(rows)), norm(mix(columns))


def cut_after_the_width(rows: Tensor, columns: Tensor, mix: Layer, norm: Layer) -> Sides:
    """Wrong unless the map is square."""
    z = norm(mix(torch.cat((rows, columns), 2)))
    return z[..., : columns.shape[2]], z[..., columns.shape[2] :]


def frozen(rows: Tensor, columns: Tensor, mix: Layer, norm: Layer) -> Sides:
    """Wrong in training: the norm is put into evaluation mode."""
    assert isinstance(norm, nn.Module)
    return together(rows, columns, mix, norm.eval())


def _times(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    return x * rows * columns


def _hidden(channels: int, reduction: int) -> int:
    return max(8, channels // reduction)


def block_with(
    *,
    pool: Callable[[Tensor], Sides] = _means,
    transform: Callable[[Tensor, Tensor, Layer, Layer], Sides] = together,
    middle: Layer = F.hardswish,
    end: Layer = torch.sigmoid,
    layers: tuple[str, str] = ("rows", "columns"),
    place: Callable[[Tensor, Tensor], Sides] = _as_rows_and_columns,
    scale: Callable[[Tensor, Tensor, Tensor], Tensor] = _times,
    hidden: Callable[[int, int], int] = _hidden,
    default: int = 32,
) -> type[nn.Module]:
    """A block with one of its parts exchanged; `scale` gets maps and what `place` made."""

    class Block(nn.Module):
        def __init__(self, channels: int, reduction: int = default) -> None:
            super().__init__()
            width = hidden(channels, reduction)
            self.mix, self.norm = nn.Conv1d(channels, width, 1), nn.BatchNorm1d(width)
            self.rows = nn.Conv1d(width, channels, 1)
            self.columns = nn.Conv1d(width, channels, 1)

        def forward(self, x: Tensor) -> Tensor:
            """Gate maps (B, C, H, W)."""
            sides = transform(*pool(x), self.mix, self.norm)
            by_name = {"rows": self.rows, "columns": self.columns}
            made = [
                end(by_name[name](middle(side))) for name, side in zip(layers, sides, strict=True)
            ]
            return scale(x, *place(made[0], made[1]))

    return Block


class NoDefault(block_with()):  # type: ignore[misc]  # a class that a function made
    """Wrong: whoever builds it has to say the reduction."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__(channels, reduction)


class OneAfterTheOther(block_with()):  # type: ignore[misc]  # as above
    """Wrong: the columns are pooled from the map that the rows have gated."""

    def forward(self, x: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        rows, _ = together(*_means(x), self.mix, self.norm)
        x = x * self.rows(F.hardswish(rows)).sigmoid()[..., None]
        _, columns = together(*_means(x), self.mix, self.norm)
        return x * self.columns(F.hardswish(columns)).sigmoid()[:, :, None]


class AsLinearLayers(nn.Module):
    """Channels last, so that linear layers do what convolutions of kernel 1 do."""

    def __init__(self, channels: int, reduction: int = 32) -> None:
        super().__init__()
        hidden = max(8, channels // reduction)
        self.mix, self.norm = nn.Linear(channels, hidden), nn.BatchNorm1d(hidden)
        self.rows, self.columns = nn.Linear(hidden, channels), nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        sides = torch.cat((x.mean(3), x.mean(2)), dim=2).mT  # (B, H + W, C)
        z = F.hardswish(self.norm(self.mix(sides).mT)).mT
        rows, columns = z[:, : x.shape[2]], z[:, x.shape[2] :]
        gates = self.rows(rows).sigmoid().mT, self.columns(columns).sigmoid().mT
        return x * gates[0].unsqueeze(3) * gates[1].unsqueeze(2)


class AsMaps(nn.Module):
    """As the official code has it: sides as maps of width 1, one of them turned."""

    def __init__(self, channels: int, reduction: int = 32) -> None:
        super().__init__()
        hidden = max(8, channels // reduction)
        self.mix = nn.Conv2d(channels, hidden, kernel_size=1)
        self.norm = nn.BatchNorm2d(hidden)
        self.rows = nn.Conv2d(hidden, channels, kernel_size=1)
        self.columns = nn.Conv2d(hidden, channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        _, _, height, width = x.size()
        rows = F.adaptive_avg_pool2d(x, (None, 1))
        columns = F.adaptive_avg_pool2d(x, (1, None)).permute(0, 1, 3, 2)
        z = F.hardswish(self.norm(self.mix(torch.cat([rows, columns], dim=2))))
        rows, columns = torch.split(z, [height, width], dim=2)
        gate = self.rows(rows).sigmoid() * self.columns(columns.permute(0, 1, 3, 2)).sigmoid()
        return x * gate


class ColumnsFirst(nn.Module):
    """Everything the other way round, and nothing different."""

    def __init__(self, channels: int, reduction: int = 32) -> None:
        super().__init__()
        hidden = max(channels // reduction, 8)
        self.columns, self.rows = nn.Conv1d(hidden, channels, 1), nn.Conv1d(hidden, channels, 1)
        self.norm, self.mix = nn.BatchNorm1d(hidden), nn.Conv1d(channels, hidden, 1)
        self.act = nn.Hardswish()

    def forward(self, x: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        z = torch.cat([self.mix(x.mean(2)), self.mix(x.mean(3))], dim=-1)
        columns, rows = self.act(self.norm(z)).split([x.shape[3], x.shape[2]], dim=-1)
        rows, columns = self.rows(rows).unsqueeze(3), self.columns(columns).unsqueeze(2)
        return torch.sigmoid(columns) * (torch.sigmoid(rows) * x)


class AlwaysByTheBatch(nn.Module):
    """Never looks at the running statistics of its norm."""

    def __init__(self, channels: int, reduction: int = 32) -> None:
        super().__init__()
        hidden = max(8, channels // reduction)
        self.mix, self.norm = nn.Conv1d(channels, hidden, 1), nn.BatchNorm1d(hidden)
        self.rows, self.columns = nn.Conv1d(hidden, channels, 1), nn.Conv1d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        z = self.mix(torch.cat((x.mean(3), x.mean(2)), 2))
        z = F.batch_norm(z, None, None, self.norm.weight, self.norm.bias, training=True)
        rows, columns = F.hardswish(z).split((x.shape[2], x.shape[3]), 2)
        return (
            x * self.rows(rows).sigmoid()[..., None] * self.columns(columns).sigmoid()[:, :, None]
        )
