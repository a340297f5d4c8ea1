"""The gates against the forms that the benchmarks measure them with: equal, and no more work."""

import pytest
import torch

from attncourse.nn.cbam import CBAM
from attncourse.nn.coordinate import CoordinateAttention
from attncourse.nn.se import EfficientChannelAttention, SqueezeExcitation
from attncourse.nn.sk import SelectiveKernel
from attncourse.nn.triplet import TripletAttention
from benchmarks.baselines import cbam, coordinate, se, sk, triplet
from benchmarks.baselines.weights import like
from benchmarks.traffic import traffic

C = 32
PAIRS = {
    "se": (lambda: SqueezeExcitation(C), lambda: se.SqueezeExcitation(C)),
    "se, linear": (lambda: SqueezeExcitation(C), lambda: se.LinearSqueezeExcitation(C)),
    "eca": (
        lambda: EfficientChannelAttention(C, kernel=5),
        lambda: se.EfficientChannelAttention(5),
    ),
    "sk": (lambda: SelectiveKernel(C, groups=8), lambda: sk.SelectiveKernel(C, groups=8)),
    "cbam": (lambda: CBAM(C), lambda: cbam.CBAM(C)),
    "coordinate": (lambda: CoordinateAttention(C), lambda: coordinate.CoordinateAttention(C)),
    "triplet": (TripletAttention, triplet.TripletAttention),
}
every_pair = pytest.mark.parametrize("name", PAIRS)


@every_pair
@pytest.mark.parametrize("training", [False, True])
def test_both_compute_the_same(name, randomise, features, training):
    ours, baseline = (make().double().train(training) for make in PAIRS[name])
    like(randomise(ours, 0), baseline)
    x = features((2, C, 5, 7), 0).requires_grad_()
    grad = features((2, C, 5, 7), 1)
    torch.testing.assert_close(ours(x), baseline(x))
    (our_grad,) = torch.autograd.grad(ours(x), x, grad)
    (baseline_grad,) = torch.autograd.grad(baseline(x), x, grad)
    torch.testing.assert_close(our_grad, baseline_grad)


@every_pair
def test_ours_takes_no_more_operations_and_no_more_traffic(name):
    """As a GPU runs it, where an operation is a launch: the meta device takes the same road."""
    with torch.device("meta"), torch.no_grad():
        x = torch.empty(8, C, 56, 56)
        ours, baseline = (traffic(make().eval(), x) for make in PAIRS[name])
    assert ours.ops <= baseline.ops
    assert ours.passes(x) <= baseline.passes(x)


@pytest.mark.parametrize("make", [make for make, _ in PAIRS.values()])
def test_nothing_larger_than_the_map_is_ever_made(make):
    x = torch.randn(2, C, 28, 28, requires_grad=True)
    module = make()
    assert traffic(lambda: module(x).sum().backward()).largest == x.numel()
