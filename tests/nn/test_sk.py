"""Selective kernels: the formula in loops, and laws."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from attncourse.nn.sk import SelectiveKernel
from attncourse.profiling import macs, parameters

seeds = st.integers(0, 2**31)
branch_counts = st.integers(1, 4)


@pytest.fixture(scope="session")
def kernel(randomise):
    """`kernel(seed, …)`: a unit for 8 channels in 2 groups, away from its initial values."""

    def build(seed, *, branches=2, training=False, **options):
        options = {"groups": 2, "reduction": 2, "min_hidden": 3} | options
        unit = SelectiveKernel(8, branches=branches, **options).double().train(training)
        return randomise(unit, seed)

    return build


def normed(norm, x):
    """Batch norm in evaluation mode, for any number of dimensions."""
    shape = (1, -1) + (1,) * (x.dim() - 2)
    mean, var, gamma, beta = (
        t.view(shape) for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return (x - mean) / (var + norm.eps).sqrt() * gamma + beta


def grouped_conv_in_loops(x, weight, dilation, groups, stride):
    """A grouped, dilated, strided 3×3 convolution with zeros around the map, place by place."""
    batch, channels, height, width = x.shape
    outputs = weight.shape[0]
    size = ((height - 1) // stride + 1, (width - 1) // stride + 1)
    y = torch.zeros(batch, outputs, *size, dtype=x.dtype)
    for o in range(outputs):
        group = o // (outputs // groups)
        inputs = range(group * channels // groups, (group + 1) * channels // groups)
        for i in range(size[0]):
            for j in range(size[1]):
                for a in range(3):
                    for b in range(3):
                        row, column = (
                            i * stride + (a - 1) * dilation,
                            j * stride + (b - 1) * dilation,
                        )
                        if 0 <= row < height and 0 <= column < width:
                            for tap, c in enumerate(inputs):
                                y[:, o, i, j] += weight[o, tap, a, b] * x[:, c, row, column]
    return y


@settings(max_examples=10)
@given(
    branches=st.integers(1, 3),
    height=st.integers(1, 4),
    width=st.integers(1, 4),
    stride=st.integers(1, 2),
    seed=seeds,
)
def test_sk_is_the_papers_formula(kernel, features, branches, height, width, stride, seed):
    unit = kernel(seed, branches=branches, stride=stride)
    x = features((2, 8, height, width), seed)
    with torch.no_grad():
        seen = [
            normed(norm, grouped_conv_in_loops(x, conv.weight, m + 1, 2, stride)).relu()
            for m, ((conv, norm), _) in enumerate(unit.branches)
        ]
        squeezed = sum(seen).mean((2, 3))
        hidden = normed(unit.fuse[1], squeezed @ unit.fuse[0].weight.T).relu()
        logits = [hidden @ rows.T for rows in unit.select.weight.chunk(branches)]
        expected = torch.zeros_like(seen[0])
        for b in range(2):
            for c in range(8):
                scores = [math.exp(logit[b, c]) for logit in logits]
                for score, branch in zip(scores, seen, strict=True):
                    expected[b, c] += score / sum(scores) * branch[b, c]
        torch.testing.assert_close(unit(x), expected)


def test_in_training_the_norms_use_the_batch(kernel, features):
    unit, x = kernel(0, training=True), features((4, 8, 5, 7), 0)

    def batch_normed(norm, x):
        dims = [i for i in range(x.dim()) if i != 1]
        var, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
        shape = mean.shape
        gamma, beta = norm.weight.view(shape), norm.bias.view(shape)
        return (x - mean) / (var + norm.eps).sqrt() * gamma + beta

    seen = [batch_normed(norm, conv(x)).relu() for (conv, norm), _ in unit.branches]
    hidden = batch_normed(unit.fuse[1], unit.fuse[0](sum(seen).mean((2, 3)))).relu()
    weights = unit.select(hidden).view(4, 2, 8, 1, 1).softmax(1)
    expected = weights[:, 0] * seen[0] + weights[:, 1] * seen[1]
    torch.testing.assert_close(unit(x), expected)


@given(branches=branch_counts, seed=seeds)
def test_each_channel_shares_itself_out(kernel, features, branches, seed):
    unit = kernel(seed, branches=branches)
    seen = [branch(features((2, 8, 5, 7), seed)) for branch in unit.branches]
    weights = unit.weights(seen)
    assert weights.shape == (2, branches, 8, 1, 1)
    torch.testing.assert_close(weights.sum(1), torch.ones_like(weights[:, 0]))


@given(branches=branch_counts, seed=seeds)
def test_the_output_lies_between_the_branches(kernel, features, branches, seed):
    unit, x = kernel(seed, branches=branches), features((2, 8, 5, 7), seed)
    seen = torch.stack([branch(x) for branch in unit.branches])
    y = unit(x)
    assert (y <= seen.amax(0) + 1e-12).all()
    assert (y >= seen.amin(0) - 1e-12).all()


@given(branches=branch_counts, seed=seeds)
def test_without_preference_the_output_is_the_mean_of_the_branches(
    kernel, features, branches, seed
):
    unit, x = kernel(seed, branches=branches), features((2, 8, 5, 7), seed)
    nn.init.zeros_(unit.select.weight)
    expected = torch.stack([branch(x) for branch in unit.branches]).mean(0)
    torch.testing.assert_close(unit(x), expected)


@given(seed=seeds)
def test_what_all_branches_prefer_changes_nothing(kernel, features, seed):
    unit, x = kernel(seed, branches=3), features((2, 8, 5, 7), seed)
    before = unit(x)
    with torch.no_grad():
        unit.select.weight.view(3, 8, -1).add_(torch.randn(8, unit.select.in_features).double())
    torch.testing.assert_close(unit(x), before)


@given(seed=seeds)
def test_two_branches_are_weighed_by_a_sigmoid(kernel, features, seed):
    unit = kernel(seed)
    seen = [branch(features((2, 8, 5, 7), seed)) for branch in unit.branches]
    a, b = unit.select(unit.fuse(sum(seen).mean((2, 3)))).chunk(2, dim=1)
    torch.testing.assert_close(unit.weights(seen)[:, 0, :, 0, 0], (a - b).sigmoid())


@given(seed=seeds)
def test_equal_branches_are_one(kernel, features, seed):
    unit, seen = kernel(seed, branches=3), features((2, 8, 5, 7), seed)
    weights = unit.weights([seen] * 3)
    torch.testing.assert_close((weights * seen.unsqueeze(1)).sum(1), seen)


@given(seed=seeds)
def test_branches_have_no_order(kernel, features, seed):
    unit, x = kernel(seed), features((2, 8, 1, 1), seed)  # one pixel: dilations do not differ
    before = unit(x)
    unit.branches = nn.ModuleList(reversed(unit.branches))
    with torch.no_grad():
        unit.select.weight.copy_(torch.cat(unit.select.weight.chunk(2)[::-1]))
    torch.testing.assert_close(unit(x), before)


@given(seed=seeds)
def test_one_branch_is_a_plain_grouped_convolution(kernel, features, seed):
    unit, x = kernel(seed, branches=1), features((2, 8, 5, 7), seed)
    (conv, norm), _ = unit.branches[0]
    expected = normed(norm, F.conv2d(x, conv.weight, padding=1, groups=2)).relu()
    torch.testing.assert_close(unit(x), expected)


@pytest.mark.parametrize(
    "size, stride, expected", [((8, 7), 1, (8, 7)), ((8, 7), 2, (4, 4)), ((1, 1), 2, (1, 1))]
)
def test_the_stride_is_the_convolutions(size, stride, expected):
    unit = SelectiveKernel(8, 16, groups=4, stride=stride).eval()
    assert unit(torch.randn(2, 8, *size)).shape == (2, 16, *expected)


@pytest.mark.parametrize("channels, hidden", [(128, 32), (512, 32), (1024, 64)])
def test_the_hidden_width_is_at_least_l(channels, hidden):
    assert SelectiveKernel(channels).select.in_features == hidden


def test_parameters_and_macs():
    unit, hidden, places = SelectiveKernel(256), 32, 5 * 7
    convolutions = 2 * 9 * 256**2 // 32
    assert parameters(unit) == 62_528
    assert macs(unit, torch.randn(1, 256, 5, 7)) == convolutions * places + 3 * 256 * hidden
