"""Cases of multi-head attention and of the encoder layer."""

from collections.abc import Iterator

import torch
from torch import Tensor

from attncourse.nn.transformer import EncoderLayer, MultiHeadAttention
from benchmarks.baselines import transformer as baselines
from benchmarks.harness import Case, Inputs

D, HEADS = 256, 8
SHORT, LONG = (32, 128), (8, 1024)  # B, T


def sequences(batch: int, length: int) -> Inputs:
    def make() -> tuple[Tensor]:
        return (torch.randn(batch, length, D),)

    return make


def cases() -> Iterator[Case]:
    attention = MultiHeadAttention(D, heads=HEADS, bias=True)
    # Dropout costs all forms the same, and is off so that they can be compared.
    layer = EncoderLayer(D, heads=HEADS, dropout=0.0, bias=True)
    for (batch, length), forward, both in ((SHORT, 1.1, 1.1), (LONG, 1.9, 1.0)):
        yield Case(
            f"multi-head attention: B={batch}, T={length}, D={D}, h={HEADS}",
            inputs=sequences(batch, length),
            ours=attention,
            baselines={
                "four projections": baselines.FourProjections.like(attention),
                "nn.MultiheadAttention": baselines.TorchAttention.like(attention),
            },
            forward=forward,
            both=both,
            large=sequences(8 * batch, length),
        )
    for (batch, length), stretch in ((SHORT, None), (LONG, 1.6)):
        yield Case(
            f"encoder layer: B={batch}, T={length}, D={D}, h={HEADS}",
            inputs=sequences(batch, length),
            ours=layer,
            baselines={
                "four projections": baselines.PostNormLayer.like(layer),
                "nn.TransformerEncoderLayer": baselines.TorchLayer.like(layer),
            },
            stretch=(stretch, None),
            large=sequences(8 * batch, length),
        )
