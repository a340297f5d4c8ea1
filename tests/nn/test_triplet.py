"""Triplet attention: the formula as the paper tells it, by rotations, and laws."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from attncourse.nn.triplet import TripletAttention
from attncourse.profiling import macs, parameters

seeds = st.integers(0, 2**31)
sizes = st.integers(1, 6)


@pytest.fixture(scope="session")
def triplet(randomise):
    """`triplet(seed, …)`: in evaluation mode, away from its initial values."""
    return lambda seed, **options: randomise(TripletAttention(**options).double().eval(), seed)


def gated(gate, x):
    """x, gated over its second axis: what every branch of the paper does to its rotated copy."""
    norm = gate.norm
    pooled = torch.stack((x.amax(1), x.mean(1)), 1)
    logits = F.conv2d(pooled, gate.conv.weight, padding=gate.conv.padding)
    logits = (logits - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
    return x * (logits * norm.weight + norm.bias).sigmoid()


def by_rotation(module, x):
    """Rotate, gate, rotate back, and take the mean (paper, section 3.3)."""
    copies = [
        gated(module.cw, x.permute(0, 2, 1, 3)).permute(0, 2, 1, 3),  # rows C, columns W
        gated(module.hc, x.permute(0, 3, 2, 1)).permute(0, 3, 2, 1),  # rows H, columns C
    ]
    if module.hw is not None:
        copies.append(gated(module.hw, x))
    return sum(copies) / len(copies)


@given(
    batch=st.integers(1, 2),
    channels=sizes,
    height=sizes,
    width=sizes,
    kernel=st.sampled_from([1, 3, 7]),
    spatial=st.booleans(),
    seed=seeds,
)
def test_triplet_is_the_mean_of_three_rotations(
    triplet, features, batch, channels, height, width, kernel, spatial, seed
):
    module = triplet(seed, kernel=kernel, spatial=spatial)
    x = features((batch, channels, height, width), seed)
    torch.testing.assert_close(module(x), by_rotation(module, x))


def test_in_training_each_face_is_normed_by_the_batch(randomise, features):
    module = randomise(TripletAttention(kernel=3).double().train(), 0)
    x = features((2, 8, 5, 7), 0)
    y = module(x)
    norms = [gate.norm for gate in (module.cw, module.hc, module.hw)]
    faces = [x.transpose(1, 2), x.permute(0, 3, 2, 1), x]
    for gate, face in zip((module.cw, module.hc, module.hw), faces, strict=True):
        pooled = torch.stack((face.amax(1), face.mean(1)), 1)
        var, mean = torch.var_mean(F.conv2d(pooled, gate.conv.weight, padding=1), correction=0)
        gate.norm.running_mean, gate.norm.running_var = mean.view(1), var.view(1)
    assert len(set(norms)) == 3
    torch.testing.assert_close(y, by_rotation(module, x))


def test_without_logits_it_halves(triplet, features):
    module, x = triplet(0), features((2, 8, 5, 7), 0)
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    torch.testing.assert_close(module(x), x / 2)


@pytest.mark.parametrize("alone, dim", [("cw", 2), ("hc", 3), ("hw", 1)])
@given(seed=seeds)
def test_each_face_moves_with_the_axis_that_it_pools(triplet, features, alone, dim, seed):
    module, x = triplet(seed), features((2, 8, 5, 7), seed)
    for face in {"cw", "hc", "hw"} - {alone}:  # these gates are constant
        nn.init.zeros_(getattr(module, face).norm.weight)
    order = torch.randperm(x.shape[dim])
    torch.testing.assert_close(
        module(x.index_select(dim, order)), module(x).index_select(dim, order)
    )


def test_the_order_of_channels_matters_to_the_whole(triplet, features):
    module, x = triplet(0), features((2, 8, 5, 7), 0)
    order = torch.arange(8).roll(3)
    assert not torch.allclose(module(x[:, order]), module(x)[:, order], atol=1e-3)


@given(seed=seeds)
def test_turning_the_map_exchanges_two_faces_and_turns_all_kernels(triplet, features, seed):
    module, x = triplet(seed), features((2, 8, 5, 7), seed)
    y = module(x)
    module.cw, module.hc = module.hc, module.cw
    assert not torch.allclose(module(x.mT), y.mT, atol=1e-6)
    for gate in (module.cw, module.hc, module.hw):
        gate.conv.weight = nn.Parameter(gate.conv.weight.mT)
    torch.testing.assert_close(module(x.mT), y.mT)


def test_parameters_do_not_depend_on_the_maps_and_macs_on_their_faces():
    assert parameters(TripletAttention()) == 300
    assert parameters(TripletAttention(kernel=3)) == 60
    assert parameters(TripletAttention(spatial=False)) == 200
    channels, height, width = 8, 5, 7
    faces = channels * width + height * channels + height * width
    assert macs(TripletAttention(), torch.randn(1, channels, height, width)) == 98 * faces
