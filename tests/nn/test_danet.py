"""DANet's modules: formulas, parity with PyTorch's attention, laws, and memory."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from attncourse.functional import chunked
from attncourse.functional.chunked import chunked_attention
from attncourse.nn.danet import ChannelAttention, DANetHead, PositionAttention
from attncourse.profiling import macs, parameters, peak_bytes
from benchmarks.baselines import danet as baselines
from benchmarks.traffic import traffic

seeds = st.integers(0, 2**31)
sides = st.integers(1, 7)
signs = pytest.mark.parametrize("sign", ["paper", "official"])


@pytest.fixture(scope="session")
def position(randomise):
    """`position(seed)`: of 8 channels, away from its initial values."""
    return lambda seed: randomise(PositionAttention(8, reduction=2).double(), seed)


@pytest.fixture(scope="session")
def channel(randomise):
    """`channel(seed, sign)`: away from its initial value."""
    return lambda seed, sign="paper": randomise(ChannelAttention(sign=sign).double(), seed)


# Attention over places


@given(batch=st.integers(1, 3), height=sides, width=sides, seed=seeds)
def test_position_is_the_papers_formula(position, features, batch, height, width, seed):
    module, x = position(seed), features((batch, 8, height, width), seed)
    query, key, value = (part(x).flatten(2) for part in (module.query, module.key, module.value))
    y = x.flatten(2).clone()
    for b in range(batch):
        for i in range(height * width):
            weights = torch.softmax(query[b, :, i] @ key[b], 0)
            y[b, :, i] += module.alpha * (weights * value[b]).sum(1)
    torch.testing.assert_close(module(x).flatten(2), y)


@given(height=sides, width=sides, seed=seeds)
def test_position_is_torchs_attention_at_scale_one(position, features, height, width, seed):
    module, x = position(seed), features((2, 8, height, width), seed)
    query, key, value = (part(x).flatten(2).mT for part in (module.query, module.key, module.value))
    attended = F.scaled_dot_product_attention(query, key, value, scale=1.0)
    torch.testing.assert_close(module(x), x + module.alpha * attended.mT.unflatten(2, x.shape[2:]))


@given(seed=seeds)
def test_a_permutation_of_the_places_commutes(position, channel, features, seed):
    x = features((2, 8, 5, 7), seed)
    order = torch.randperm(35, generator=torch.Generator().manual_seed(seed))

    def permuted(maps):
        return maps.flatten(2)[:, :, order].view_as(maps)

    for module in (position(seed), channel(seed), channel(seed, "official")):
        torch.testing.assert_close(module(permuted(x)), permuted(module(x)))


@given(seed=seeds)
def test_position_stays_within_the_values(position, features, seed):
    module, x = position(seed), features((2, 8, 5, 7), seed)
    value = module.value(x)
    mixed = (module(x) - x) / module.alpha
    assert (mixed <= value.amax((2, 3), keepdim=True) + 1e-9).all()
    assert (mixed >= value.amin((2, 3), keepdim=True) - 1e-9).all()


@given(seed=seeds)
def test_without_queries_every_place_gets_the_mean_value(position, features, seed):
    module, x = position(seed), features((2, 8, 5, 7), seed)
    nn.init.zeros_(module.query.weight)
    nn.init.zeros_(module.query.bias)
    mean = module.value(x).mean((2, 3), keepdim=True)
    torch.testing.assert_close(module(x), x + module.alpha * mean)


@given(seed=seeds)
def test_where_all_places_are_alike_each_gets_its_own_value(position, features, seed):
    module, x = position(seed), features((2, 8, 1, 1), seed).expand(2, 8, 5, 7)
    torch.testing.assert_close(module(x), x + module.alpha * module.value(x))


@given(seed=seeds)
def test_a_bias_of_the_keys_changes_nothing(position, features, seed):
    module, x = position(seed), features((2, 8, 5, 7), seed)
    expected = module(x)
    nn.init.zeros_(module.key.bias)
    torch.testing.assert_close(module(x), expected)


@pytest.mark.parametrize("build", [lambda: PositionAttention(8), ChannelAttention])
def test_both_start_as_the_identity(build, features):
    x = features((2, 8, 5, 7), 0)
    assert torch.equal(build().double()(x), x)


def test_until_alpha_moves_queries_learn_nothing(randomise, features):
    module = randomise(PositionAttention(8).double(), 0)
    nn.init.zeros_(module.alpha)
    module(features((2, 8, 5, 7), 0)).pow(2).sum().backward()
    assert module.query.weight.grad.abs().max() == 0
    assert module.alpha.grad.abs() > 0


# Attention over channels


@signs
@given(batch=st.integers(1, 3), height=sides, width=sides, seed=seeds)
def test_channel_is_the_papers_formula(channel, features, sign, batch, height, width, seed):
    module, x = channel(seed, sign), 0.3 * features((batch, 6, height, width), seed)
    y = x.clone()
    for b in range(batch):
        for i in range(6):
            affinity = torch.stack([(x[b, i] * x[b, j]).sum() for j in range(6)])
            weights = torch.softmax(affinity if sign == "paper" else affinity.max() - affinity, 0)
            y[b, i] += module.beta * (weights[:, None, None] * x[b]).sum(0)
    torch.testing.assert_close(module(x), y)


@signs
@given(seed=seeds)
def test_channel_is_torchs_attention_of_channels_to_channels(channel, features, sign, seed):
    module, x = channel(seed, sign), 0.3 * features((2, 8, 5, 7), seed)
    flat = x.flatten(2)
    scale = 1.0 if sign == "paper" else -1.0
    attended = F.scaled_dot_product_attention(flat, flat, flat, scale=scale)
    torch.testing.assert_close(module(x), x + module.beta * attended.view_as(x))


@signs
@given(seed=seeds)
def test_a_permutation_of_the_channels_commutes(channel, features, sign, seed):
    module, x = channel(seed, sign), 0.3 * features((2, 8, 5, 7), seed)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(module(x[:, order]), module(x)[:, order])


def test_the_two_signs_differ(channel, features):
    x = 0.3 * features((2, 8, 5, 7), 0)
    assert (channel(0, "paper")(x) - channel(0, "official")(x)).abs().max() > 1e-2


@signs
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_affinities_beyond_half_precision_stay_right(channel, sign, dtype):
    x = (8 * torch.randn(1, 8, 64, 64, generator=torch.Generator().manual_seed(0))).to(dtype)
    assert x.double().flatten(2).pow(2).sum(2).max() > torch.finfo(torch.float16).max
    module = channel(0, sign)
    expected = module(x.double())
    half = copy.deepcopy(module).to(dtype)(x)
    torch.testing.assert_close(half.double(), expected, rtol=0.02, atol=0.1)
    with torch.autocast("cpu", dtype=dtype):
        single = module.float()(x.float())
    torch.testing.assert_close(single.double(), expected, rtol=1e-5, atol=1e-4)


# The head


def test_the_head_has_three_classifiers_on_two_branches(randomise, features):
    head = randomise(DANetHead(16, num_classes=3, reduction=2).double().eval(), 0)
    x = features((2, 16, 5, 7), 0)
    position, channel = head.position(x), head.channel(x)
    logits = head(x)
    torch.testing.assert_close(logits.fused, head.classify_fused(position + channel))
    torch.testing.assert_close(logits.position, head.classify_position(position))
    torch.testing.assert_close(logits.channel, head.classify_channel(channel))
    assert logits.fused.shape == (2, 3, 5, 7)


def test_the_heads_arguments_reach_its_modules():
    head = DANetHead(16, num_classes=3, width=12, reduction=3, sign="official", dropout=0.3)
    assert head.position[3].query.out_channels == 12 // 3
    assert head.channel[3].sign == "official"
    assert [part.p for part in head.modules() if isinstance(part, nn.Dropout2d)] == 3 * [0.3]


# What it costs


def test_parameters_are_those_of_the_official_code():
    assert parameters(PositionAttention(64)) == 5_201
    assert parameters(PositionAttention(512)) == 328_321
    assert parameters(ChannelAttention()) == 1
    assert parameters(DANetHead(2048, num_classes=19)) == 23_954_619


@pytest.mark.parametrize("height, width", [(5, 7), (11, 4)])
def test_multiply_adds_follow_the_formula(height, width):
    channels, places = 16, height * width
    x = torch.ones(1, channels, height, width)
    projections = places * channels**2 * 5 // 4
    assert macs(PositionAttention(channels), x) == projections + places**2 * channels * 9 // 8
    assert macs(ChannelAttention(), x) == 2 * channels**2 * places


@pytest.mark.parametrize("batch, places", [(1, 1), (3, 40), (2, 1100)], ids=str)
def test_chunks_are_the_plain_formula_with_its_gradient(batch, places):
    generator = torch.Generator().manual_seed(places)
    inputs = [
        torch.randn(
            batch, width, places, dtype=torch.float64, generator=generator, requires_grad=True
        )
        for width in (2, 2, 3)
    ]
    query, key, value = inputs
    ours = chunked_attention(*inputs)
    plain = value @ (query.mT @ key).softmax(-1).mT
    torch.testing.assert_close(ours, plain)
    grad = torch.randn_like(plain)
    torch.testing.assert_close(
        torch.autograd.grad(ours, inputs, grad), torch.autograd.grad(plain, inputs, grad)
    )


def test_the_chunks_above_are_some_samples_and_some_queries_at_a_time():
    def shapes(batch, places):
        query = torch.empty(batch, 1, places)
        return [query[b, :, n].shape for b, n in chunked._chunks(query)]

    assert shapes(3, 40) == [(3, 1, 40)]
    assert shapes(2, 1100) == 2 * [(1, 1, 953), (1, 1, 147)]


def test_the_operator_for_compilers_keeps_pytorchs_contract():
    inputs = [torch.randn(2, width, 6, requires_grad=True) for width in (3, 3, 5)]
    torch.library.opcheck(chunked._attend_operator, inputs)


@pytest.fixture
def step():
    """`step(side)`: forward and backward of 64 channels, counted without arithmetic."""

    def make(side):
        with torch.device("meta"):
            module = PositionAttention(64)
            x = torch.empty(1, 64, side, side, requires_grad=True)
        return lambda: module(x).sum().backward()

    return make


@pytest.mark.parametrize("side", [64, 128, 256])
def test_no_tensor_has_as_many_elements_as_there_are_pairs_of_places(step, side):
    assert traffic(step(side)).largest <= max(2**20, 256 * side**2)


def test_memory_grows_like_the_map(step):
    assert peak_bytes(step(128)) < 4.5 * peak_bytes(step(64))


def test_what_is_kept_for_the_backward_pass_grows_like_the_map():
    module, x = PositionAttention(8), torch.randn(1, 8, 40, 41)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.append(t.numel()) or t, lambda t: t
    ):
        module(x)
    assert max(kept) <= x.numel()
    assert x.shape[2] * x.shape[3] > 8 * 8  # so that pairs of places would have shown


def test_channel_attention_takes_fewer_passes_than_the_usual_form(channel, features):
    ours, x = channel(0, "official").float(), features((2, 32, 16, 16), 0).float()
    theirs = baselines.ChannelAttention.like(ours)
    ours_forward, theirs_forward = traffic(ours, x), traffic(theirs, x)
    assert ours_forward.passes(x) < theirs_forward.passes(x)
    assert ours_forward.ops <= theirs_forward.ops


@settings(max_examples=20)
@given(seed=seeds)
def test_the_usual_forms_compute_the_same(randomise, channel, features, seed):
    x = features((2, 16, 5, 7), seed)
    ours = randomise(PositionAttention(16).double(), seed)
    torch.testing.assert_close(baselines.PositionAttention.like(ours)(x), ours(x))
    ours = channel(seed, "official")
    torch.testing.assert_close(baselines.ChannelAttention.like(ours)(x), ours(x))
