"""Cases of additive attention."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from attncourse.functional import additive_score, plain_additive_score
from attncourse.nn.bahdanau import BahdanauAttention
from benchmarks.baselines import bahdanau as baselines
from benchmarks.harness import Case

B, T, S, D = 32, 128, 128, 256


class Step(nn.Module):
    """One step of a decoder that computed U h before the first."""

    def __init__(self, attention: BahdanauAttention) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, query: Tensor, keys: Tensor, projected: Tensor) -> tuple[Tensor, Tensor]:
        return self.attention(query, keys, projected_keys=projected)


class ForgetfulStep(baselines.StepAttention):
    """The same step, to which the projected keys are of no use."""

    def forward(self, query: Tensor, keys: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        return super().forward(query, keys)


def cases() -> Iterator[Case]:
    ours = BahdanauAttention(D)

    def inputs(queries: int) -> tuple[Tensor, Tensor]:
        return torch.randn(B, queries, D), torch.randn(B, S, D)

    def step_inputs() -> tuple[Tensor, Tensor, Tensor]:
        query, keys = inputs(1)
        with torch.no_grad():
            weight = ours.key_projection.weight
            return query, keys, keys.to(weight) @ weight.mT

    yield Case(
        f"many queries, scores alone: B={B}, T=S={T}, D={D}",
        inputs=lambda: (*inputs(T), torch.randn(D)),
        ours=additive_score,
        baselines={"broadcast": plain_additive_score},
        forward=10,
        both=6,
        memory=1 / 20,
        stretch=(25, 15),
        compiled=True,
    )
    yield Case(
        f"many queries: B={B}, T=S={T}, D={D}",
        inputs=lambda: inputs(T),
        ours=ours,
        baselines={"broadcast": baselines.BroadcastAttention.like(ours)},
        forward=10,
        both=6,
        memory=1 / 20,
        stretch=(25, 15),
        compiled=True,
    )
    yield Case(
        f"many queries, theirs one by one: B={B}, T=S={T}, D={D}",
        inputs=lambda: inputs(T),
        ours=ours,
        baselines={"keys projected again": baselines.StepAttention.like(ours)},
        forward=10,
        both=6,
    )
    yield Case(
        f"one query, keys known: B={B}, S={S}, D={D}",
        inputs=step_inputs,
        ours=Step(ours),
        baselines={"keys projected again": ForgetfulStep.like(ours)},
        forward=2,
        both=None,
    )
