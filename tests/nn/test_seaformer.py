"""Squeeze-enhanced axial attention: formula, laws, folding, and costs."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from attncourse.nn.conv_norm import ConvNorm, fold_norms
from attncourse.nn.seaformer import DropPath, SeaFormerBlock, SqueezeEnhancedAxialAttention
from attncourse.profiling import macs, parameters
from benchmarks.baselines import seaformer as baselines
from benchmarks.traffic import traffic

C, KEY_DIM, HEADS = 6, 3, 2
seeds = st.integers(0, 2**31)
sides = st.integers(1, 7)


@pytest.fixture(scope="session")
def sea(randomise):
    """`sea(seed, …)`: in evaluation mode, away from its initial values."""

    def build(seed, **options):
        module = SqueezeEnhancedAxialAttention(C, key_dim=KEY_DIM, heads=HEADS, **options)
        return randomise(module.double().eval(), seed)

    return build


def axial_input(module, x):
    """What the gate of the detail is made from: v + row + column, before it is projected."""
    seen = []
    hook = module.gate.register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
    module(x)
    hook.remove()
    return seen[0]


# The formula


@settings(max_examples=20)
@given(ratio=st.sampled_from([1, 1.5, 2, 3]), height=sides, width=sides, seed=seeds)
def test_sea_is_the_papers_formula(sea, features, ratio, height, width, seed):
    module, x = sea(seed, attn_ratio=ratio), features((2, C, height, width), seed)
    keys, values = HEADS * KEY_DIM, HEADS * int(ratio * KEY_DIM)
    q, k, v = module.qkv(x).split((keys, keys, values), 1)

    def along(axis, positions, project):
        length = x.shape[axis]
        places = F.interpolate(positions, length, mode="linear")
        at_q, at_k = places[0].chunk(2)
        squeezed = [part.mean(5 - axis) for part in (q, k, v)]
        out = torch.empty(2, values, length, dtype=x.dtype)
        for b in range(2):
            for head in range(HEADS):
                of_q = slice(head * KEY_DIM, (head + 1) * KEY_DIM)
                of_v = slice(head * values // HEADS, (head + 1) * values // HEADS)
                query = (squeezed[0][b] + at_q)[of_q]
                key = (squeezed[1][b] + at_k)[of_q]
                for i in range(length):
                    weights = torch.softmax(query[:, i] @ key / KEY_DIM**0.5, 0)
                    out[b, of_v, i] = squeezed[2][b][of_v] @ weights
        return project(out.unsqueeze(5 - axis))

    row = along(2, module.row_positions, module.row)
    column = along(3, module.column_positions, module.column)
    gate = (module.gate(v + row + column) + 3).clamp(0, 6) / 6
    torch.testing.assert_close(module(x), gate * module.detail(torch.cat((q, k, v), 1)))


@settings(max_examples=20)
@given(height=st.integers(2, 7), width=st.integers(2, 7), seed=seeds)
def test_one_head_without_positions_is_torchs_attention_on_each_axis(
    randomise, features, height, width, seed
):
    module = SqueezeEnhancedAxialAttention(C, key_dim=KEY_DIM, heads=1).double().eval()
    randomise(module, seed)
    for positions in (module.row_positions, module.column_positions):
        nn.init.zeros_(positions)
    x = features((2, C, height, width), seed)
    q, k, v = module.qkv(x).split((KEY_DIM, KEY_DIM, 2 * KEY_DIM), 1)
    rows, columns = (
        F.scaled_dot_product_attention(*(part.mean(axis).mT for part in (q, k, v))).mT
        for axis in (3, 2)
    )
    expected = v + module.row(rows.unsqueeze(3)) + module.column(columns.unsqueeze(2))
    torch.testing.assert_close(axial_input(module, x), expected)


# Laws


def test_it_starts_with_half_of_the_detail(features):
    module = SqueezeEnhancedAxialAttention(C, key_dim=KEY_DIM, heads=HEADS).double().eval()
    x = features((2, C, 5, 7), 0)
    torch.testing.assert_close(module(x), module.detail(module.qkv(x)) / 2)


@settings(max_examples=20)
@given(seed=seeds)
def test_what_the_axes_add_is_a_sum_over_rows_and_columns(sea, features, seed):
    module, x = sea(seed), features((2, C, 5, 7), seed)
    added = axial_input(module, x) - module.qkv(x)[:, module.widths[0] :]
    corner = added - added[:, :, :1] - added[:, :, :, :1] + added[:, :, :1, :1]
    torch.testing.assert_close(corner, torch.zeros_like(corner))


@settings(max_examples=20)
@given(seed=seeds)
def test_rows_only_see_the_means_of_rows(sea, features, seed):
    module, x = sea(seed), features((2, C, 5, 7), seed)
    order = torch.stack([torch.randperm(7) for _ in range(5)])  # another one in each row
    shuffled = x.gather(3, order.expand_as(x))
    inputs = []
    module.row.register_forward_pre_hook(lambda _, args: inputs.append(args[0].clone()))
    outputs = [module(x), module(shuffled)]
    torch.testing.assert_close(inputs[0], inputs[1])
    assert (outputs[0] - outputs[1]).abs().max() > 1e-3


@settings(max_examples=20)
@given(seed=seeds)
def test_without_queries_every_row_gets_the_mean_value(sea, features, seed):
    module, x = sea(seed), features((2, C, 5, 7), seed)
    for tensor in module.qkv.parameters():
        tensor.data[: HEADS * KEY_DIM] = 0  # kernel, scale and shift of q
    nn.init.zeros_(module.row_positions)
    inputs = []
    module.row.register_forward_pre_hook(lambda _, args: inputs.append(args[0].clone()))
    module(x)
    value = module.qkv(x)[:, module.widths[0] :]
    mean = value.mean((2, 3), keepdim=True)
    torch.testing.assert_close(inputs[0], mean.expand_as(inputs[0]))


@settings(max_examples=20)
@given(seed=seeds)
def test_turning_the_map_exchanges_rows_and_columns(sea, features, seed):
    module, x = sea(seed), features((2, C, 5, 7), seed)
    turned = copy.deepcopy(module)
    turned.row, turned.column = module.column, module.row
    turned.row_positions, turned.column_positions = module.column_positions, module.row_positions
    depthwise = turned.detail[0].conv
    depthwise.weight.data = depthwise.weight.data.mT.contiguous()
    torch.testing.assert_close(turned(x.mT), module(x).mT)


def test_positions_matter_unless_all_values_are_alike(sea, features):
    module = sea(0)
    alike = features((2, C, 1, 1), 0).expand(2, C, 5, 7)
    inputs = [features((2, C, 5, 7), 0), alike]
    before = [axial_input(module, x) for x in inputs]
    nn.init.zeros_(module.row_positions)
    after = [axial_input(module, x) for x in inputs]
    assert (after[0] - before[0]).abs().max() > 1e-3
    torch.testing.assert_close(after[1], before[1])


@given(size=st.integers(2, 40), seed=seeds)
def test_positions_are_learned_for_a_side_and_interpolated_to_others(sea, size, seed):
    module = sea(seed, positions=size)
    squeezed = torch.zeros(1, sum(module.widths), size, dtype=torch.float64)
    squeezed[:, module.widths[0] :] = torch.arange(size)
    keys = HEADS * KEY_DIM
    query, key = (
        part.unflatten(1, (HEADS, KEY_DIM)) for part in module.row_positions.split(keys, 1)
    )
    weights = (query.mT @ key / KEY_DIM**0.5).softmax(-1)  # (1, h, size, size)
    expected = weights @ torch.arange(size, dtype=torch.float64)
    attended = module._attend(squeezed, module.row_positions)
    torch.testing.assert_close(attended.unflatten(1, (HEADS, -1))[:, :, 0], expected)


# The block


@settings(max_examples=20)
@given(seed=seeds)
def test_the_block_adds_attention_and_then_its_network(randomise, features, seed):
    block = randomise(SeaFormerBlock(C, key_dim=3, heads=2).double().eval(), seed)
    x = features((2, C, 5, 7), seed)
    between = x + block.attention(x)
    torch.testing.assert_close(block(x), between + block.mlp(between))


def test_the_network_has_one_bias_and_two_norms():
    block = SeaFormerBlock(C, mlp_ratio=3)
    widen, look, _, narrow = block.mlp
    assert (widen.conv.bias, look.bias.shape, narrow.conv.bias) == (None, (3 * C,), None)
    assert look.groups == 3 * C


def test_the_blocks_arguments_reach_its_attention():
    block = SeaFormerBlock(C, key_dim=5, heads=3, attn_ratio=4, drop_path=0.25)
    assert block.attention.widths == (2 * 3 * 5, 3 * 4 * 5)
    assert block.drop_path.probability == 0.25


@settings(max_examples=20)
@given(probability=st.floats(0, 0.9), seed=seeds)
def test_drop_path_drops_whole_samples_and_keeps_the_mean(probability, seed):
    torch.manual_seed(seed)
    drop, x = DropPath(probability), torch.rand(4000, 2, 1, 3) + 1
    ratio = drop(x) / x
    kept = ratio.amax((1, 2, 3)) > 0
    torch.testing.assert_close(
        ratio, kept[:, None, None, None].float().expand_as(ratio) / (1 - probability)
    )
    assert abs(kept.float().mean() - (1 - probability)) < 0.05  # six standard deviations
    assert torch.equal(drop.eval()(x), x)


# Folding


@settings(max_examples=10)
@given(seed=seeds)
def test_folding_the_norms_changes_no_output(randomise, features, seed):
    block = randomise(SeaFormerBlock(C, key_dim=3, heads=2).double().train(), seed)
    x = features((2, C, 5, 7), seed)
    folded = fold_norms(block)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    assert block.training and not folded.training
    torch.testing.assert_close(folded(x), block.eval()(x))


def test_folding_a_single_layer(randomise, features):
    layer = randomise(ConvNorm(C, 4, kernel=3, stride=2).double().eval(), 0)
    x = features((2, C, 5, 7), 0)
    folded = fold_norms(layer)
    assert isinstance(folded, nn.Conv2d)
    torch.testing.assert_close(folded(x), layer(x))


# What it costs


def test_parameters_are_those_of_the_official_code():
    assert parameters(SqueezeEnhancedAxialAttention(128, key_dim=16, heads=4)) == 123_136
    assert parameters(SeaFormerBlock(128, key_dim=16, heads=4, mlp_ratio=2)) == 192_000


@pytest.mark.parametrize("height, width, ratio", [(5, 7, 2), (8, 3, 1), (6, 6, 3)])
def test_multiply_adds_follow_the_formula(height, width, ratio):
    module = SqueezeEnhancedAxialAttention(C, key_dim=KEY_DIM, heads=HEADS, attn_ratio=ratio)
    places, keys, values = height * width, HEADS * KEY_DIM, HEADS * KEY_DIM * ratio
    qkv = 2 * keys + values
    products = (height**2 + width**2) * (keys + values)
    projections = places * C * qkv + (height + width) * values**2 + places * values * C
    detail = 9 * places * qkv + places * qkv * C
    assert macs(module, torch.ones(1, C, height, width)) == products + projections + detail


@settings(max_examples=20)
@given(height=sides, width=sides, seed=seeds)
def test_the_usual_form_computes_the_same(sea, features, height, width, seed):
    ours, x = sea(seed), features((2, C, height, width), seed)
    theirs = baselines.SqueezeEnhancedAxialAttention.like(ours).eval()
    torch.testing.assert_close(theirs(x), ours(x))


@pytest.mark.parametrize("training", [False, True])
def test_it_takes_fewer_operations_and_passes_than_the_usual_form(training):
    ours = SqueezeEnhancedAxialAttention(32, heads=4).train(training)
    theirs = baselines.SqueezeEnhancedAxialAttention.like(ours).train(training)
    x = torch.randn(2, 32, 14, 15, requires_grad=training)

    def moved(module):
        return traffic(lambda: module(x).sum().backward() if training else module(x))

    assert moved(ours).ops < moved(theirs).ops
    assert moved(ours).passes(x) < moved(theirs).passes(x)
