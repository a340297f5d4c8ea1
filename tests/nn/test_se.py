"""Squeeze-and-excitation and its variants: formulas in loops, and laws."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from attncourse.nn.excitation import (
    AttentionExcitation,
    FullExcitation,
    LocalExcitation,
    MultiScaleExcitation,
    adaptive_kernel,
)
from attncourse.nn.se import (
    ChannelSelfAttention,
    EfficientChannelAttention,
    MultiScaleChannelAttention,
    SqueezeExcitation,
)
from attncourse.nn.squeeze import (
    LearnedSqueeze,
    MaxSqueeze,
    MeanSqueeze,
    MeanStdSqueeze,
    squeeze_by,
)
from attncourse.profiling import parameters

seeds = st.integers(0, 2**31)
sides = st.integers(1, 6)
SQUEEZES = ["mean", "max", "mean_std", "learned"]


def sigmoid(number):
    return 1 / (1 + math.exp(-number))


def se_in_loops(x, w1, b1, w2, b2):
    """The paper's equations 2 to 4, number by number."""
    y = torch.empty_like(x)
    for sample, out in zip(x, y, strict=True):
        squeezed = [
            sum(pixel.item() for pixel in channel.flatten()) / channel.numel() for channel in sample
        ]
        hidden = [
            max(0.0, sum(w * s for w, s in zip(row, squeezed, strict=True)) + b)
            for row, b in zip(w1.tolist(), b1.tolist(), strict=True)
        ]
        for c, (row, b) in enumerate(zip(w2.tolist(), b2.tolist(), strict=True)):
            gate = sigmoid(sum(w * h for w, h in zip(row, hidden, strict=True)) + b)
            out[c] = sample[c] * gate
    return y


@given(
    batch=st.integers(1, 3),
    channels=st.integers(4, 9),
    reduction=st.integers(1, 4),
    height=sides,
    width=sides,
    bias=st.booleans(),
    seed=seeds,
)
def test_se_is_the_papers_formula(
    randomise, features, batch, channels, reduction, height, width, bias, seed
):
    se = SqueezeExcitation(channels, reduction=reduction, bias=bias).double()
    first, second = randomise(se, seed).excitation.reduce, se.excitation.expand
    x = features((batch, channels, height, width), seed)
    zeros = torch.zeros(channels)
    expected = se_in_loops(
        x,
        first.weight,
        first.bias if bias else zeros[: channels // reduction],
        second.weight,
        second.bias if bias else zeros,
    )
    torch.testing.assert_close(se(x), expected)


@pytest.mark.parametrize("squeeze", SQUEEZES)
@given(height=sides, width=sides, seed=seeds)
def test_moving_pixels_moves_pixels(randomise, features, squeeze, height, width, seed):
    se = randomise(SqueezeExcitation(8, reduction=2, squeeze=squeeze).double(), seed)
    x = features((2, 8, height, width), seed)
    order = torch.randperm(height * width)

    def move(maps):
        return maps.flatten(2)[..., order].unflatten(2, (height, width))

    torch.testing.assert_close(se(move(x)), move(se(x)))


@given(seed=seeds)
def test_the_mean_squeeze_does_not_see_a_change_without_mean(randomise, features, seed):
    se = randomise(SqueezeExcitation(8, reduction=2).double(), seed)
    x, change = features((2, 8, 5, 7), seed), features((2, 8, 5, 7), seed + 1)
    change = change - change.mean((2, 3), keepdim=True)
    torch.testing.assert_close(se.gate(x + change), se.gate(x))


@given(seed=seeds)
def test_the_gate_only_weakens(randomise, features, seed):
    se = randomise(SqueezeExcitation(8, reduction=2).double(), seed)
    x = features((2, 8, 5, 7), seed)
    y = se(x)
    assert torch.equal(y.sign(), x.sign())
    assert (y.abs() < x.abs()).all()


def test_a_silent_last_layer_halves_and_a_loud_bias_opens_or_shuts(randomise, features):
    se = randomise(SqueezeExcitation(8, reduction=2).double(), 0)
    last, x = se.excitation.expand, features((2, 8, 5, 7), 0)
    nn.init.zeros_(last.weight)
    for bias, factor in ((0.0, 0.5), (800.0, 1.0), (-800.0, 0.0)):
        nn.init.constant_(last.bias, bias)
        torch.testing.assert_close(se(x), x * factor)


@given(seed=seeds)
def test_reordering_channels_with_their_weights_reorders_the_output(randomise, features, seed):
    se = randomise(SqueezeExcitation(8, reduction=2).double(), seed)
    other = SqueezeExcitation(8, reduction=2).double()
    order = torch.randperm(8)
    state = {key: value.clone() for key, value in se.state_dict().items()}
    state["excitation.reduce.weight"] = state["excitation.reduce.weight"][:, order]
    state["excitation.expand.weight"] = state["excitation.expand.weight"][order]
    state["excitation.expand.bias"] = state["excitation.expand.bias"][order]
    other.load_state_dict(state)
    x = features((2, 8, 5, 7), seed)
    torch.testing.assert_close(other(x[:, order]), se(x)[:, order])


# The squeezes


def test_each_squeeze_says_how_much_it_says(features):
    x = features((2, 8, 5, 7), 0)
    for name in SQUEEZES:
        squeeze = squeeze_by(name, 8).double()
        assert squeeze(x).shape == (2, 8, squeeze.features)


@given(height=sides, width=sides, seed=seeds)
def test_squeezes_are_what_they_are_called(features, height, width, seed):
    x = features((2, 3, height, width), seed)
    for b, c in ((0, 0), (1, 2)):
        pixels = x[b, c].flatten().tolist()
        mean = sum(pixels) / len(pixels)
        deviation = math.sqrt(sum((p - mean) ** 2 for p in pixels) / len(pixels) + 1e-5)
        assert MeanSqueeze()(x)[b, c].tolist() == pytest.approx([mean])
        assert MaxSqueeze()(x)[b, c].tolist() == pytest.approx([max(pixels)])
        assert MeanStdSqueeze()(x)[b, c].tolist() == pytest.approx([mean, deviation])


@given(seed=seeds)
def test_the_learned_squeeze_starts_as_the_mean_and_stays_an_average(randomise, features, seed):
    squeeze, x = LearnedSqueeze(8).double(), features((2, 8, 5, 7), seed)
    torch.testing.assert_close(squeeze(x), MeanSqueeze()(x))
    averaged = randomise(squeeze, seed)(x).squeeze(-1)
    assert not torch.allclose(averaged, x.mean((2, 3)))
    assert (averaged <= x.amax((2, 3))).all() and (averaged >= x.amin((2, 3))).all()
    constant = torch.ones_like(x) * x[..., :1, :1]
    torch.testing.assert_close(squeeze(constant).squeeze(-1), constant[..., 0, 0])


@given(seed=seeds)
def test_an_se_that_ignores_the_deviation_is_one_of_the_mean(randomise, features, seed):
    both = randomise(SqueezeExcitation(8, reduction=2, squeeze="mean_std").double(), seed)
    mean = SqueezeExcitation(8, reduction=2).double()
    with torch.no_grad():
        of_means, of_deviations = both.excitation.reduce.weight.unflatten(1, (8, 2)).unbind(-1)
        of_deviations.zero_()
        mean.load_state_dict(both.state_dict() | {"excitation.reduce.weight": of_means})
    x = features((2, 8, 5, 7), seed)
    torch.testing.assert_close(both(x), mean(x))


# ECA


@pytest.mark.parametrize(
    "channels, kernel",
    [(8, 3), (32, 3), (64, 3), (96, 3), (128, 5), (256, 5), (512, 5), (1024, 5), (2048, 7)],
)
def test_ecas_kernel_grows_with_the_logarithm_of_the_channels(channels, kernel):
    assert adaptive_kernel(channels) == kernel
    assert parameters(EfficientChannelAttention(channels)) == kernel


@given(channels=st.integers(1, 4096))
def test_the_adaptive_kernel_is_the_nearest_odd_number(channels):
    target = (math.log2(channels) + 1) / 2
    kernel = adaptive_kernel(channels)
    assert kernel % 2 == 1
    assert abs(kernel - target) <= min(abs(odd - target) for odd in (kernel - 2, kernel + 2))


@given(channels=st.integers(1, 9), half=st.integers(0, 4), seed=seeds)
def test_local_excitation_is_a_banded_matrix(randomise, channels, half, seed):
    local = randomise(LocalExcitation(2 * half + 1).double(), seed)
    taps = local.conv.weight.flatten()
    matrix = torch.zeros(channels, channels, dtype=torch.float64)
    for hears in range(channels):
        for heard in range(max(0, hears - half), min(channels, hears + half + 1)):
            matrix[hears, heard] = taps[heard - hears + half]
    descriptors = torch.randn(2, channels, 1, dtype=torch.float64)
    torch.testing.assert_close(local(descriptors), descriptors.squeeze(-1) @ matrix.T)


def test_the_order_of_channels_matters_to_eca_but_not_to_attention(randomise, features):
    x, order = features((2, 8, 5, 7), 0), torch.arange(8).roll(1).flip(0)
    for gate, keeps in ((EfficientChannelAttention(8), False), (ChannelSelfAttention(8), True)):
        randomise(gate.double(), 0)
        assert torch.allclose(gate(x[:, order]), gate(x)[:, order]) == keeps


# Several scales, and attention between channels


@given(seed=seeds)
def test_equal_scales_are_one_and_others_lie_between_their_branches(randomise, seed):
    excite = randomise(MultiScaleExcitation((3, 5, 7), features=2).double(), seed)
    descriptors = torch.randn(2, 8, 2, dtype=torch.float64)
    branches = torch.stack([branch(descriptors) for branch in excite.branches])
    logits = excite(descriptors)
    assert (logits <= branches.amax(0)).all()
    assert (logits >= branches.mean(0) - 1e-12).all()  # it prefers the stronger ones

    same = randomise(MultiScaleExcitation((5, 5)).double(), seed)
    same.branches[1].load_state_dict(same.branches[0].state_dict())
    descriptors = descriptors[..., :1]
    torch.testing.assert_close(same(descriptors), same.branches[0](descriptors))


def test_the_scales_are_no_single_convolution(randomise):
    excite = randomise(MultiScaleExcitation((1, 3)).double(), 0)
    a, b = torch.randn(2, 1, 8, 1, dtype=torch.float64)
    assert not torch.allclose(excite(a + b), excite(a) + excite(b))


@given(channels=st.integers(1, 6), width=st.integers(1, 5), seed=seeds)
def test_attention_of_single_numbers_has_two_scalars(randomise, channels, width, seed):
    excite = randomise(AttentionExcitation(width).double(), seed)
    q, k, v, o = (w.weight.flatten() for w in (excite.query, excite.key, excite.value, excite.out))
    score, value = (q @ k / math.sqrt(width)).item(), (v @ o).item()
    numbers = torch.randn(channels, dtype=torch.float64).tolist()
    expected = []
    for asking in numbers:
        weights = [math.exp(score * asking * answering) for answering in numbers]
        heard = sum(w * n for w, n in zip(weights, numbers, strict=True)) / sum(weights)
        expected.append(value * heard)
    descriptors = torch.tensor(numbers, dtype=torch.float64)[None, :, None]
    assert excite(descriptors)[0].tolist() == pytest.approx(expected)


# What they cost


@pytest.mark.parametrize(
    "module, count",
    [
        (SqueezeExcitation(256), 8_464),
        (SqueezeExcitation(256, bias=False), 2 * 256**2 // 16),
        (SqueezeExcitation(100, bias=False), 2 * 100 * 6),
        (SqueezeExcitation(256, squeeze="mean_std"), 8_464 + 256**2 // 16),
        (EfficientChannelAttention(256), 5),
        (EfficientChannelAttention(256, kernel=9), 9),
        (MultiScaleChannelAttention(256), 3 + 5 + 7),
        (ChannelSelfAttention(256, width=8, squeeze="mean"), 4 * 8),
        (ChannelSelfAttention(256, width=8), 3 * 2 * 8 + 8),
        (FullExcitation(256), 8_464),
    ],
)
def test_parameters(module, count):
    assert parameters(module) == count
