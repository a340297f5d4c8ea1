"""Blocks of triplet attention, right and wrong: what the check of `TripletBlock` knows."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from attncourse.exercises.triplet.rotated_branch import Branch, Gate, branch_with, pooled


class FaceGate(nn.Module):
    """The gate that the lesson gives: convolution, norm, sigmoid."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, maps: Tensor) -> Tensor:
        """Turn two maps (B, 2, P, Q) into gates (B, 1, P, Q)."""
        gate: Tensor = self.norm(self.conv(maps)).sigmoid()
        return gate


def _mean(branches: Sequence[Tensor]) -> Tensor:
    return sum(branches[1:], branches[0]) / len(branches)


_branch = branch_with()


def block_with(
    *,
    branch: Branch = _branch,
    axes: tuple[int, int, int] = (2, 3, 1),
    gates: tuple[str, str, str] = ("cw", "hc", "hw"),
    mean: Callable[[Sequence[Tensor]], Tensor] = _mean,
    give: Callable[[Tensor, Tensor], Tensor] = lambda x, y: y,
    kernel_used: int | None = None,
    always_spatial: bool = False,
    one_after_the_other: bool = False,
) -> type[nn.Module]:
    """A block with one of its parts exchanged; `gates` names who serves each of the branches."""

    class Block(nn.Module):
        def __init__(self, kernel: int = 7, spatial: bool = True) -> None:
            super().__init__()
            self.hc, self.cw = FaceGate(kernel_used or kernel), FaceGate(kernel_used or kernel)
            if spatial or always_spatial:
                self.hw = FaceGate(kernel_used or kernel)

        def forward(self, x: Tensor) -> Tensor:
            """Gate maps (B, C, H, W)."""
            branches: list[Tensor] = []
            for name, dim in list(zip(gates, axes, strict=True))[: 3 if hasattr(self, "hw") else 2]:
                source = branches[-1] if branches and one_after_the_other else x
                branches.append(branch(source, dim, getattr(self, name)))
            return give(x, mean(branches))

    return Block


class InPlace(nn.Module):
    """Nobody is rotated but the small faces; one product with the mean of the gates."""

    cw: FaceGate
    hc: FaceGate
    hw: FaceGate

    def __init__(self, kernel: int = 7, spatial: bool = True) -> None:
        super().__init__()
        for name in ("hw", "hc", "cw") if spatial else ("hc", "cw"):
            setattr(self, name, FaceGate(kernel))

    def forward(self, x: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        gates = self.cw(pooled(x, 2)).transpose(1, 2)
        gates = gates + self.hc(pooled(x, 3).mT).transpose(1, 3)
        if hasattr(self, "hw"):
            return x * (gates + self.hw(pooled(x))) / 3
        return x * gates / 2


class AsOfficial(nn.Module):
    """Permuted copies, as in the official code."""

    def __init__(self, kernel: int = 7, spatial: bool = True) -> None:
        super().__init__()
        self.spatial = spatial
        self.cw = FaceGate(kernel)
        self.hc = FaceGate(kernel)
        if spatial:
            self.hw = FaceGate(kernel)

    def forward(self, x: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        first = x.permute(0, 2, 1, 3).contiguous()
        first = (first * self.cw(pooled(first))).permute(0, 2, 1, 3).contiguous()
        second = x.permute(0, 3, 2, 1).contiguous()
        second = (second * self.hc(pooled(second))).permute(0, 3, 2, 1).contiguous()
        if not self.spatial:
            return 0.5 * (first + second)
        return 1 / 3 * (x * self.hw(pooled(x)) + first + second)


to_the_front = branch_with(
    turn=lambda x, dim: x.movedim(dim, 1), back=lambda x, dim: x.movedim(1, dim)
)


def cw_lying(x: Tensor, dim: int, gate: Gate) -> Tensor:
    """The face C × W on its side, the others as asked."""
    if dim != 2:
        return _branch(x, dim, gate)
    return x * gate(pooled(x, 2).mT).mT.transpose(1, 2)


def both_lying(x: Tensor, dim: int, gate: Gate) -> Tensor:
    """Both faces of the channels on their side."""
    return to_the_front(x, dim, gate) if dim == 3 else cw_lying(x, dim, gate)


def product(branches: Sequence[Tensor]) -> Tensor:
    """The branches multiplied."""
    return torch.stack(tuple(branches)).prod(0)
