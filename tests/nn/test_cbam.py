"""CBAM and BAM: formulas in loops, and laws."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from attncourse.nn.cbam import BAM, CBAM, ChannelGate, SpatialGate
from attncourse.profiling import macs, parameters

seeds = st.integers(0, 2**31)
sides = st.integers(1, 6)


def sigmoid(number):
    return 1 / (1 + math.exp(-number))


def normed(norm, number):
    """Batch norm of one number in evaluation mode, by the statistics of a norm's only channel."""
    mean, var, gamma, beta = (
        t.item() for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return (number - mean) / math.sqrt(var + norm.eps) * gamma + beta


def channel_gate_in_loops(gate, x):
    """σ(MLP(mean) + MLP(max)), channel by channel."""
    first, _, second = gate.mlp
    y = torch.empty_like(x)
    for b, sample in enumerate(x):
        logits = torch.zeros(len(sample), dtype=x.dtype)
        for pool in (torch.mean, torch.max):
            pooled = torch.stack([pool(channel) for channel in sample])
            hidden = (first.weight @ pooled + first.bias).clamp(min=0)
            logits += second.weight @ hidden + second.bias
        for c, logit in enumerate(logits.tolist()):
            y[b, c] = sample[c] * sigmoid(logit)
    return y


def spatial_gate_in_loops(gate, x):
    """σ(BN(conv([max ; mean]))), place by place; outside the map there are zeros."""
    weight, norm = gate.map.conv.weight[0], gate.map.norm
    half = weight.shape[-1] // 2
    height, width = x.shape[2:]
    y = torch.empty_like(x)
    for b in range(len(x)):
        for i in range(height):
            for j in range(width):
                logit = 0.0
                for row in range(max(0, i - half), min(height, i + half + 1)):
                    for column in range(max(0, j - half), min(width, j + half + 1)):
                        seen = x[b, :, row, column]
                        taps = weight[:, row - i + half, column - j + half].tolist()
                        logit += taps[0] * seen.max().item() + taps[1] * seen.mean().item()
                y[b, :, i, j] = x[b, :, i, j] * sigmoid(normed(norm, logit))
    return y


@settings(max_examples=20)
@given(
    batch=st.integers(1, 2),
    channels=st.integers(4, 8),
    height=sides,
    width=sides,
    kernel=st.sampled_from([1, 3, 7]),
    seed=seeds,
)
def test_cbam_is_the_channel_gate_then_the_spatial_gate(
    randomise, features, batch, channels, height, width, kernel, seed
):
    cbam = randomise(CBAM(channels, reduction=2, kernel=kernel).double().eval(), seed)
    x = features((batch, channels, height, width), seed)
    with torch.no_grad():
        gated = channel_gate_in_loops(cbam.channel, x)
        torch.testing.assert_close(cbam.channel(x), gated)
        torch.testing.assert_close(cbam(x), spatial_gate_in_loops(cbam.spatial, gated))


def test_in_training_the_spatial_gate_is_normed_by_the_batch(randomise, features):
    gate = randomise(SpatialGate(kernel=3).double().train(), 0)
    x = features((3, 8, 5, 7), 0)
    pooled = torch.stack((x.amax(1), x.mean(1)), 1)
    logits = torch.nn.functional.conv2d(pooled, gate.map.conv.weight, padding=1)
    norm = gate.map.norm
    before = norm.running_mean.clone()
    var, mean = torch.var_mean(logits, correction=0)
    logits = (logits - mean) / (var + norm.eps).sqrt() * norm.weight + norm.bias
    torch.testing.assert_close(gate(x), x * logits.sigmoid())
    torch.testing.assert_close(norm.running_mean, 0.99 * before + 0.01 * mean)


@given(height=sides, width=sides, seed=seeds)
def test_the_channel_gate_moves_with_the_pixels(randomise, features, height, width, seed):
    gate = randomise(ChannelGate(8, reduction=2).double(), seed)
    x, order = features((2, 8, height, width), seed), torch.randperm(height * width)

    def move(maps):
        return maps.flatten(2)[..., order].unflatten(2, (height, width))

    torch.testing.assert_close(gate(move(x)), move(gate(x)))


@given(seed=seeds)
def test_the_spatial_gate_does_not_know_the_order_of_channels(randomise, features, seed):
    gate = randomise(SpatialGate().double().eval(), seed)
    x, order = features((2, 8, 5, 7), seed), torch.randperm(8)
    torch.testing.assert_close(gate.gate(x[:, order]), gate.gate(x))


@given(down=st.integers(0, 3), right=st.integers(0, 3), seed=seeds)
def test_the_spatial_gate_moves_with_the_map_inside_the_border(
    randomise, features, down, right, seed
):
    gate = randomise(SpatialGate(kernel=3).double().eval(), seed)
    x = torch.nn.functional.pad(features((2, 8, 5, 7), seed), (4, 4, 4, 4))
    moved = gate(x.roll((down, right), (2, 3)))
    torch.testing.assert_close(moved, gate(x).roll((down, right), (2, 3)))


def test_a_constant_map_makes_mean_and_maximum_one(randomise, features):
    gate = randomise(ChannelGate(8, reduction=2).double(), 0)
    pooled = features((2, 8, 1, 1), 0)
    logits = gate.mlp(pooled.flatten(1))[..., None, None]
    torch.testing.assert_close(gate.gate(pooled.expand(2, 8, 5, 7)), (2 * logits).sigmoid())


def test_without_logits_cbam_quarters_and_bam_adds_a_half(features):
    x = features((2, 8, 5, 7), 0)
    for module, factor in ((CBAM(8, reduction=2), 0.25), (BAM(8, reduction=2), 1.5)):
        for parameter in module.double().eval().parameters():
            nn.init.zeros_(parameter)
        torch.testing.assert_close(module(x), x * factor)


def test_an_open_spatial_gate_leaves_the_channel_gate(randomise, features):
    cbam, x = randomise(CBAM(8, reduction=2).double().eval(), 0), features((2, 8, 5, 7), 0)
    nn.init.zeros_(cbam.spatial.map.conv.weight)
    nn.init.zeros_(cbam.spatial.map.norm.running_mean)
    nn.init.constant_(cbam.spatial.map.norm.bias, 800)
    torch.testing.assert_close(cbam(x), cbam.channel(x))


def test_with_kernel_one_each_place_decides_alone(randomise, features):
    gate = randomise(SpatialGate(kernel=1).double().eval(), 0)
    x = features((2, 8, 5, 7), 0)
    torch.testing.assert_close(gate(x)[..., 2:3, 4:5], gate(x[..., 2:3, 4:5]))


@pytest.mark.parametrize("combine", ["add", "multiply"])
@given(height=sides, width=sides, seed=seeds)
def test_bam_is_one_plus_the_gate_of_both_branches(
    randomise, features, combine, height, width, seed
):
    bam = randomise(BAM(8, reduction=2, combine=combine).double().eval(), seed)
    x = features((2, 8, height, width), seed)
    y = bam(x)
    channel, spatial = bam.channel(x.mean((2, 3))), bam.spatial(x)
    for b in range(2):
        for c in range(8):
            logits = [
                [channel[b, c] + s if combine == "add" else channel[b, c] * s for s in row]
                for row in spatial[b, 0]
            ]
            gate = 1 + torch.stack([torch.stack(row) for row in logits]).sigmoid()
            torch.testing.assert_close(y[b, c], x[b, c] * gate)


def test_bam_sees_far_and_is_constant_on_a_constant_map_away_from_the_border(randomise, features):
    bam = randomise(BAM(8, reduction=2).double().eval(), 0)
    gate = bam.gate(features((1, 8, 1, 1), 0).expand(1, 8, 21, 23))
    inside = gate[..., 8:-8, 8:-8]  # two convolutions that reach four pixels each
    torch.testing.assert_close(inside, inside[..., :1, :1].expand_as(inside))
    assert not torch.allclose(gate, gate[..., 10:11, 10:11].expand_as(gate))


def test_parameters_and_macs():
    channels, hidden, places = 256, 16, 5 * 7
    x = torch.randn(1, channels, 5, 7)
    assert parameters(CBAM(channels)) == 8_564
    assert parameters(CBAM(channels, bias=False)) == 2 * channels * hidden + 2 * 49 + 2
    assert macs(CBAM(channels), x) == 4 * channels * hidden + 98 * places
    bam = 2 * channels * hidden + places * (channels * hidden + 18 * hidden**2 + hidden)
    assert macs(BAM(channels), x) == bam
