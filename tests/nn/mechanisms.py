"""Every mechanism that the laws are held against, with what it takes and gives.

The gates come from the one table of `attncourse.models.gates`; beside them stand their variants and
parts, and what is no gate.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from attncourse.models.gates import GATES
from attncourse.nn import excitation, squeeze
from attncourse.nn.bahdanau import BahdanauAttention
from attncourse.nn.cbam import BAM, ChannelGate, SpatialGate
from attncourse.nn.conv_norm import ConvNorm
from attncourse.nn.danet import ChannelAttention, DANetHead, PositionAttention
from attncourse.nn.map_gate import MapGate
from attncourse.nn.positions import SinusoidalPositions
from attncourse.nn.se import (
    ChannelSelfAttention,
    MultiScaleChannelAttention,
    Recalibration,
    SqueezeExcitation,
)
from attncourse.nn.seaformer import DropPath, SeaFormerBlock, SqueezeEnhancedAxialAttention
from attncourse.nn.transformer import DecoderLayer, EncoderLayer, FeedForward, MultiHeadAttention
from attncourse.nn.triplet import TripletAttention

C = 8
"""Channels of the maps, and width of the sequences."""

Size = tuple[int, int, int]
"""The batch, and two lengths: the sides of a map, or T and S of sequences."""


@dataclass(frozen=True)
class Mechanism:
    """One row of laws × mechanisms.

    Attributes:
        make: Makes the module.
        shapes: Of its inputs, at a size.
        out: Of its first output.
    """

    make: Callable[[], nn.Module]
    shapes: Callable[[Size], tuple[tuple[int, ...], ...]] = lambda size: ((size[0], C, *size[1:]),)
    out: Callable[[Size], tuple[int, ...]] = lambda size: (size[0], C, *size[1:])

    def draw(self, size: Size, seed: int = 0) -> tuple[Tensor, ...]:
        """Inputs in float64 with another offset in each channel, which no mean can hide."""
        generator = torch.Generator().manual_seed(seed)
        return tuple(_offset_normal(shape, generator) for shape in self.shapes(size))


def _offset_normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    axis = 2 if len(shape) == 3 else 1  # sequences are (B, T, D), maps (B, C, H, W)
    apart = [size if i == axis else 1 for i, size in enumerate(shape)]
    noise = torch.randn(shape, dtype=torch.float64, generator=generator)
    return noise + 2 * torch.randn(apart, dtype=torch.float64, generator=generator)


def _small(kind: type[nn.Module], make: Callable[..., nn.Module]) -> Callable[[], nn.Module]:
    """A gate as it fits few channels, by the options that it knows."""
    fitting = {"reduction": 2, "kernel": 3, "groups": 2, "branches": 3}
    known = inspect.signature(kind).parameters
    return lambda: make(C, **{name: value for name, value in fitting.items() if name in known})


def _sequence(size: Size) -> tuple[tuple[int, ...], ...]:
    return ((size[0], size[1], C),)


def _pair(size: Size) -> tuple[tuple[int, ...], ...]:
    return (size[0], size[1], C), (size[0], size[2], C)


def _alike(size: Size) -> tuple[int, ...]:
    return (size[0], size[1], C)


def _of_sequence(make: Callable[[], nn.Module], shapes: Any = _sequence) -> Mechanism:
    return Mechanism(make, shapes, _alike)


def _descriptors(features: int) -> Callable[[Size], tuple[tuple[int, ...], ...]]:
    return lambda size: ((size[0], C, features),)


def _excitation(make: Callable[[], nn.Module], features: int = 2) -> Mechanism:
    return Mechanism(make, _descriptors(features), lambda size: (size[0], C))


def _squeeze(make: Callable[[], squeeze.Squeeze]) -> Mechanism:
    return Mechanism(make, out=lambda size: (size[0], C, make().features))


MAPS = {
    **{name: Mechanism(_small(gate.kind, gate.make)) for name, gate in GATES.items()},
    "se_max": Mechanism(lambda: SqueezeExcitation(C, reduction=2, squeeze="max")),
    "se_mean_std": Mechanism(lambda: SqueezeExcitation(C, reduction=2, squeeze="mean_std")),
    "se_learned": Mechanism(lambda: SqueezeExcitation(C, reduction=2, squeeze="learned")),
    "multi_scale": Mechanism(lambda: MultiScaleChannelAttention(C)),
    "channel_self_attention": Mechanism(lambda: ChannelSelfAttention(C)),
    "recalibration": Mechanism(
        lambda: Recalibration(squeeze.MaxSqueeze(), excitation.LocalExcitation(3))
    ),
    "channel_gate": Mechanism(lambda: ChannelGate(C, reduction=2)),
    "spatial_gate": Mechanism(lambda: SpatialGate(kernel=3)),
    "bam_multiply": Mechanism(lambda: BAM(C, reduction=2, combine="multiply")),
    "triplet_without_spatial": Mechanism(lambda: TripletAttention(kernel=3, spatial=False)),
    "position": Mechanism(lambda: PositionAttention(C, reduction=2)),
    "channel": Mechanism(lambda: ChannelAttention()),
    "channel_official": Mechanism(lambda: ChannelAttention(sign="official")),
    "sea": Mechanism(lambda: SqueezeEnhancedAxialAttention(C, key_dim=3, heads=2, attn_ratio=1.5)),
    "seaformer_block": Mechanism(lambda: SeaFormerBlock(C, key_dim=3, heads=2)),
    "conv_norm": Mechanism(lambda: ConvNorm(C, C, kernel=3, groups=2)),
    "drop_path": Mechanism(lambda: DropPath(0.0)),
}
"""From maps (B, C, H, W) to maps of the same shape."""

OTHERS = {
    "danet_head": Mechanism(
        lambda: DANetHead(C, num_classes=3, width=4, reduction=2, dropout=0.0),
        out=lambda size: (size[0], 3, *size[1:]),
    ),
    "map_gate": Mechanism(
        lambda: MapGate(3),
        lambda size: ((size[0], 2, *size[1:]),),
        lambda size: (size[0], 1, *size[1:]),
    ),
    "mean_squeeze": _squeeze(squeeze.MeanSqueeze),
    "max_squeeze": _squeeze(squeeze.MaxSqueeze),
    "mean_std_squeeze": _squeeze(squeeze.MeanStdSqueeze),
    "learned_squeeze": _squeeze(lambda: squeeze.LearnedSqueeze(C)),
    "full_excitation": _excitation(lambda: excitation.FullExcitation(C, features=2, reduction=2)),
    "local_excitation": _excitation(lambda: excitation.LocalExcitation(3, features=2)),
    "multi_scale_excitation": _excitation(lambda: excitation.MultiScaleExcitation(features=2)),
    "attention_excitation": _excitation(lambda: excitation.AttentionExcitation(3, features=2)),
    "bahdanau": _of_sequence(lambda: BahdanauAttention(C, align_dim=5, bias=True), _pair),
    "self_attention": _of_sequence(lambda: MultiHeadAttention(C, heads=2, bias=True)),
    "cross_attention": _of_sequence(lambda: MultiHeadAttention(C, heads=2), _pair),
    "feed_forward": _of_sequence(lambda: FeedForward(C, activation="gelu")),
    "encoder_layer": _of_sequence(lambda: EncoderLayer(C, heads=2, dropout=0.0)),
    "decoder_layer": _of_sequence(
        lambda: DecoderLayer(C, heads=2, dropout=0.0, norm_first=True), _pair
    ),
    "positions": _of_sequence(lambda: SinusoidalPositions(C, max_length=64)),
}
"""What takes or gives something else."""

MECHANISMS = MAPS | OTHERS

EXEMPT = {
    "AddNorm": "takes a function beside a tensor; every layer holds two, and is under the laws",
    "Squeeze": "abstract: its four kinds are under the laws",
}
"""Public modules that no law is held against, and why."""
