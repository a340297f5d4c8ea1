"""Cases of squeeze-enhanced axial attention."""

from collections.abc import Iterator

import torch
from torch import nn

from attncourse.nn.conv_norm import fold_norms
from attncourse.nn.seaformer import SqueezeEnhancedAxialAttention
from benchmarks.baselines import seaformer as baselines
from benchmarks.harness import Case, Inputs

HEADS = 8


def maps(*shape: int) -> Inputs:
    return lambda: (torch.randn(shape),)


def cases() -> Iterator[Case]:
    for batch, channels, side in ((8, 64, 56), (8, 256, 28)):
        ours = SqueezeEnhancedAxialAttention(channels, heads=HEADS)
        for part in (ours.row, ours.column, ours.gate):
            nn.init.ones_(part[-1].norm.weight)  # with the first gammas all is gated by a half
        form = {"three projections": baselines.SqueezeEnhancedAxialAttention.like(ours)}
        shape = f"B={batch}, C={channels}, {side}×{side}, h={HEADS}"
        yield Case(
            shape,
            inputs=maps(batch, channels, side, side),
            ours=ours,
            baselines=form,
            large=maps(8 * batch, channels, side, side),
        )
        yield Case(
            f"{shape}, norms folded",
            inputs=maps(batch, channels, side, side),
            ours=fold_norms(ours),
            baselines=form,
            both=None,
            stretch=(1.3, None),
            large=maps(8 * batch, channels, side, side),
        )
