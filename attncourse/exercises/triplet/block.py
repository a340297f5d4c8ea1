"""Triplet attention as one module: the mean of three branches, each with a gate of its own."""

import torch
from torch import Tensor, nn

from attncourse.exercises.common.draws import blocks, built
from attncourse.exercises.core import Exercise, Law, Module, wrong
from attncourse.exercises.core.laws import shrinks
from attncourse.exercises.triplet.blocks import (
    AsOfficial,
    FaceGate,
    InPlace,
    block_with,
    both_lying,
    cw_lying,
    product,
    to_the_front,
)
from attncourse.exercises.triplet.rotated_branch import branch_with, pooled


class _Triplet(nn.Module):
    def __init__(self, kernel: int = 7, spatial: bool = True) -> None:
        super().__init__()
        self.cw, self.hc = FaceGate(kernel), FaceGate(kernel)
        self.hw = FaceGate(kernel) if spatial else None

    def forward(self, x: Tensor) -> Tensor:
        branches = []
        for gate, dim in ((self.cw, 2), (self.hc, 3), (self.hw, 1)):
            if gate is not None:
                turned = x.swapaxes(1, dim)
                maps = torch.stack((turned.amax(1), turned.mean(1)), 1)
                branches.append((turned * gate(maps)).swapaxes(1, dim))
        return torch.stack(branches).mean(0)


TripletBlock = Exercise(
    points=5,
    kind=Module(("y",), by_name=True, training=True),
    title="y: the mean of the gated branches",
    oracle=_Triplet,
    # Axes that were exchanged raise an error on all blocks but the cube, which tells how.
    draw=blocks((2, 11, 5, 7), (3, 5, 5, 5)),
    construction=built(kernel=(7, 3), spatial=(True, False)),
    batched=("x",),
    laws=(Law("every number shrinks, and keeps its sign", shrinks),),
    misconceptions=(
        wrong("sum", block_with(mean=lambda branches: sum(branches[1:], branches[0]))).because(
            "You add the branches without dividing: with all gates open the maps would come out "
            "three times as large. Take the mean."
        ),
        wrong(
            "always-thirds", block_with(mean=lambda branches: sum(branches[1:], branches[0]) / 3)
        ).because(
            "Without the spatial branch there are two, and the mean divides by two. You divide by "
            "three in any case."
        ),
        wrong(
            "always-halves", block_with(mean=lambda branches: sum(branches[1:], branches[0]) / 2)
        ).because("You divide by two, also where there are three branches."),
        wrong(
            "mean-of-means",
            block_with(
                mean=lambda branches: (
                    (branches[0] + branches[1]) / 2
                    if len(branches) == 2
                    else ((branches[0] + branches[1]) / 2 + branches[2]) / 2
                )
            ),
        ).because(
            "You average two branches, and then that with the third, which so counts for half. All "
            "three count alike."
        ),
        wrong("gates-exchanged", block_with(gates=("hc", "cw", "hw"))).because(
            "`self.cw` gates the face H × C, and `self.hc` the face C × W. The face C × W is seen "
            "along the height, axis 2."
        ),
        wrong(
            "one-gate-for-all",
            block_with(gates=("cw", "cw", "cw")),
            block_with(gates=("hc", "hc", "hc")),
            block_with(gates=("cw", "cw", "hw")),
            block_with(gates=("hc", "hc", "hw")),
        ).because("All branches use the same gate. Each face has kernel and norm of its own."),
        wrong("never-rotated", block_with(axes=(1, 1, 1))).because(
            "All branches look at the face H × W: that is CBAM's spatial gate three times over. "
            "Rotate for the first two."
        ),
        wrong("same-axis-twice", block_with(axes=(2, 2, 1)), block_with(axes=(3, 3, 1))).because(
            "Both rotated branches look along the same axis. One looks along the height, 2, the "
            "other along the width, 3."
        ),
        wrong("moved-to-the-front", block_with(branch=to_the_front)).because(
            "The third axis is pulled to the front instead of exchanged with the channels, so "
            "`self.hc` sees its face on its side, C × H. Its kernel is then applied transposed."
        ),
        wrong("cw-on-its-side", block_with(branch=cw_lying), block_with(branch=both_lying)).because(
            "`self.cw` sees its face on its side, W × C: rows should be channels."
        ),
        wrong(
            "one-after-the-other",
            block_with(one_after_the_other=True, mean=lambda branches: branches[-1]),
            block_with(
                one_after_the_other=True,
                mean=lambda branches: branches[-1],
                axes=(1, 2, 3),
                gates=("hw", "cw", "hc"),
            ),
            block_with(one_after_the_other=True),
        ).because(
            "Each branch gates what the one before has left, as CBAM does it. Here all three start "
            "from x, side by side."
        ),
        wrong(
            "spatial-alone",
            block_with(mean=lambda branches: branches[-1]),
            block_with(mean=lambda branches: branches[0]),
        ).because("Only the last branch comes out. All of them count."),
        wrong(
            "spatial-forgotten",
            block_with(mean=lambda branches: (branches[0] + branches[1]) / 2),
            block_with(mean=lambda branches: (branches[0] + branches[1]) / len(branches)),
        ).because("`self.hw` is made and never used."),
        wrong(
            "multiplied",
            block_with(mean=product),
            block_with(
                branch=branch_with(scale=lambda x, gate: gate.expand_as(x)),
                mean=product,
                give=lambda x, y: x * y,
            ),
        ).because("You multiply the branches, x with itself among them. Take their mean."),
        wrong(
            "largest", block_with(mean=lambda branches: torch.stack(tuple(branches)).amax(0))
        ).because("You let the largest branch win. Take the mean."),
        wrong("residual", block_with(give=lambda x, y: x + y)).because(
            "You add x to the result, so nothing can be shut. The shortcut belongs to the block of "
            "the ResNet around this one."
        ),
        wrong("gate-returned", block_with(give=lambda x, y: y / x)).because(
            "You return the mean of the gates. The block returns the maps."
        ),
        wrong(
            "mean-first", block_with(branch=branch_with(pool=lambda x: pooled(x).flip(1)))
        ).because(
            "The gates get the mean first and the maximum second. Is it your `z_pool` that is "
            "called?"
        ),
        wrong(
            "argument-ignored", block_with(kernel_used=7), block_with(always_spatial=True)
        ).because(
            "With other arguments your block has other parameters than it should. Does `kernel` "
            "reach every gate, and is `self.hw` left out where `spatial` is false?"
        ),
        wrong(
            "detached", block_with(branch=branch_with(scale=lambda x, gate: x * gate.detach()))
        ).because(
            "The numbers are right, but the gates are cut off from the graph: they would never "
            "learn."
        ),
    ),
    right=(
        block_with(),
        block_with(mean=lambda branches: torch.stack(tuple(branches)).mean(0)),
        InPlace,
        AsOfficial,
    ),
)
