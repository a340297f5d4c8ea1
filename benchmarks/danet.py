"""Cases of DANet's position and channel modules."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from attncourse.nn.danet import ChannelAttention, PositionAttention
from benchmarks.baselines import danet as baselines
from benchmarks.harness import Case, Inputs

C = 512


def maps(*shape: int) -> Inputs:
    # Channels of a trained head are small: with large ones, softmax has one winner for each place.
    return lambda: (0.1 * torch.randn(shape),)


def products(x: Tensor) -> Tensor:
    """The two products with C × N matrices that channel attention cannot do without."""
    flat = x.flatten(2)
    return torch.bmm(torch.bmm(flat, flat.mT), flat)


def cases() -> Iterator[Case]:
    position = PositionAttention(C)
    nn.init.constant_(position.alpha, 0.7)
    form = {"all weights at once": baselines.PositionAttention.like(position)}
    yield Case(
        f"position: B=2, C={C}, 64×64",
        inputs=maps(2, C, 64, 64),
        ours=position,
        baselines=form,
        forward=1.2,
        both=1.1,
        large=maps(8, C, 64, 64),
    )
    yield Case(
        f"position: B=1, C={C}, 128×128",
        inputs=maps(1, C, 128, 128),
        ours=position,
        baselines=form,
        memory=1 / 10,
    )
    channel = ChannelAttention(sign="official")
    nn.init.constant_(channel.beta, 0.7)
    yield Case(
        f"channel: B=2, C={C}, 64×64",
        inputs=maps(2, C, 64, 64),
        ours=channel,
        baselines={"maximum minus affinity": baselines.ChannelAttention.like(channel)},
        floor=products,
        large=maps(32, C, 64, 64),
    )
