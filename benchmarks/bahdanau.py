"""Cases of additive attention."""

from collections.abc import Iterator

import torch
from torch import Tensor

from attncourse.functional import additive_score, plain_additive_score
from attncourse.nn.bahdanau import BahdanauAttention
from benchmarks.harness import Case
from benchmarks.usual import bahdanau as usual

B, T, S, D = 32, 128, 128, 256


def cases() -> Iterator[Case]:
    attention = BahdanauAttention(D)
    broadcast = usual.BroadcastAttention.like(attention)
    step = usual.StepAttention.like(attention)

    def cached(query: Tensor, keys: Tensor, projected: Tensor) -> Tensor:
        return attention(query, keys, projected_keys=projected)[0]

    yield Case(
        f"score of many queries, B={B} T=S={T} D={D}",
        inputs=lambda: (torch.randn(B, T, D), torch.randn(B, S, D), torch.randn(D)),
        ours=additive_score,
        usual={"broadcast": plain_additive_score},
        forward=10,
        both=6,
        memory=1 / 20,
        stretch=(25, 15),
        compiled=True,
    )
    yield Case(
        f"many queries, B={B} T=S={T} D={D}",
        inputs=lambda: (torch.randn(B, T, D), torch.randn(B, S, D)),
        ours=attention,
        usual={"broadcast": broadcast, "step by step": step},
        forward=10,
        both=6,
        memory=1 / 20,
        stretch=(25, 15),
        compiled=True,
    )
