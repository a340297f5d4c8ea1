"""The gates against the forms that the benchmarks measure them with: equal, and no more work."""

import copy

import pytest
import torch

from attncourse.models.gates import GATES
from benchmarks.baselines.weights import like
from benchmarks.harness import cases, slugs
from benchmarks.traffic import traffic

GATE_SLUGS = sorted({gate.slug for gate in GATES.values()} & set(slugs()))
CASES = [case for slug in GATE_SLUGS for case in cases(slug)]
PAIRS = {
    f"{case.name}, {form}": (case.ours, baseline)
    for case in CASES
    for form, baseline in case.baselines.items()
    if "8×64×" in case.name
}
C = 64
every_pair = pytest.mark.parametrize("name", PAIRS)


@every_pair
@pytest.mark.parametrize("training", [False, True])
def test_both_compute_the_same(name, randomise, features, training):
    ours, baseline = (copy.deepcopy(module).double().train(training) for module in PAIRS[name])
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
        pair = (copy.deepcopy(module).to("meta").eval() for module in PAIRS[name])
        ours, baseline = (traffic(module, x) for module in pair)
    assert ours.ops <= baseline.ops
    assert ours.passes(x) <= baseline.passes(x)


@every_pair
def test_nothing_larger_than_the_map_is_ever_made(name):
    x = torch.randn(2, C, 28, 28, requires_grad=True)
    ours = copy.deepcopy(PAIRS[name][0])
    assert traffic(lambda: ours(x).sum().backward()).largest == x.numel()
