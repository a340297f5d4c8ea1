"""Coordinate attention: the formula in loops, and laws."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from attncourse.nn.coordinate import CoordinateAttention
from attncourse.profiling import macs, parameters

seeds = st.integers(0, 2**31)
sides = st.integers(1, 6)


@pytest.fixture(scope="session")
def coordinate(randomise):
    """`coordinate(seed)`: for 6 channels, 4 hidden, away from its initial values."""
    return lambda seed: randomise(CoordinateAttention(6, min_hidden=4).double().eval(), seed)


def side_gate_in_loops(module, out, averages):
    """The gate of one row or column, from the averages of its channels."""
    hidden = module.mix.weight[..., 0] @ averages + module.mix.bias
    norm = module.norm
    hidden = (hidden - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
    hidden = hidden * norm.weight + norm.bias
    swished = [h * min(max(h + 3, 0), 6) / 6 for h in hidden.tolist()]
    logits = out.weight[..., 0] @ torch.tensor(swished, dtype=averages.dtype) + out.bias
    return [1 / (1 + math.exp(-logit)) for logit in logits.tolist()]


@settings(max_examples=25)
@given(batch=st.integers(1, 2), height=sides, width=sides, seed=seeds)
def test_coordinate_is_the_papers_formula(coordinate, features, batch, height, width, seed):
    module, x = coordinate(seed), features((batch, 6, height, width), seed)
    expected = torch.empty_like(x)
    with torch.no_grad():
        for b in range(batch):
            rows = [
                side_gate_in_loops(module, module.rows, x[b, :, i].mean(1)) for i in range(height)
            ]
            columns = [
                side_gate_in_loops(module, module.columns, x[b, :, :, j].mean(1))
                for j in range(width)
            ]
            for c in range(6):
                for i in range(height):
                    for j in range(width):
                        expected[b, c, i, j] = x[b, c, i, j] * rows[i][c] * columns[j][c]
        torch.testing.assert_close(module(x), expected)


def test_in_training_rows_and_columns_share_one_norm(randomise, features):
    module = randomise(CoordinateAttention(6).double().train(), 0)
    x = features((2, 6, 5, 7), 0)
    sides = torch.cat((x.mean(3), x.mean(2)), 2)
    mixed = module.mix(sides)
    var, mean = torch.var_mean(mixed, (0, 2), correction=0, keepdim=True)
    gamma, beta = module.norm.weight[:, None], module.norm.bias[:, None]
    mixed = (mixed - mean) / (var + module.norm.eps).sqrt() * gamma + beta
    mixed = mixed * (mixed + 3).clamp(0, 6) / 6
    rows = module.rows(mixed[..., :5]).sigmoid()[..., None]
    columns = module.columns(mixed[..., 5:]).sigmoid()[:, :, None]
    torch.testing.assert_close(module(x), x * rows * columns)


@given(height=sides, width=sides, seed=seeds)
def test_the_gate_of_a_channel_has_rank_one(coordinate, features, height, width, seed):
    rows, columns = coordinate(seed).gates(features((2, 6, height, width), seed))
    gate = rows * columns
    i, j = height - 1, width - 1
    torch.testing.assert_close(gate[..., 0, 0] * gate[..., i, j], gate[..., 0, j] * gate[..., i, 0])


@given(seed=seeds)
def test_it_moves_with_rows_and_with_columns(coordinate, features, seed):
    module, x = coordinate(seed), features((2, 6, 5, 7), seed)
    rows, columns = torch.randperm(5), torch.randperm(7)
    torch.testing.assert_close(
        module(x[:, :, rows][..., columns]), module(x)[:, :, rows][..., columns]
    )


def test_it_does_not_move_with_single_pixels(coordinate, features):
    module, x = coordinate(0), features((2, 6, 5, 7), 0)
    order = torch.arange(35).roll(1)

    def move(maps):
        return maps.flatten(2)[..., order].unflatten(2, (5, 7))

    assert not torch.allclose(module(move(x)), move(module(x)), atol=1e-3)


@given(seed=seeds)
def test_turning_the_map_exchanges_the_sides(coordinate, features, seed):
    module, x = coordinate(seed), features((2, 6, 5, 7), seed)
    y = module(x)
    module.rows, module.columns = module.columns, module.rows
    torch.testing.assert_close(module(x.mT), y.mT)


@given(seed=seeds)
def test_the_row_gates_see_only_the_means_of_rows(coordinate, features, seed):
    module, x = coordinate(seed), features((2, 6, 5, 7), seed)
    change = features((2, 6, 5, 7), seed + 1)
    change = change - change.mean(3, keepdim=True)
    rows, _ = module.gates(x)
    changed, _ = module.gates(x + change)
    torch.testing.assert_close(changed, rows)


def test_without_logits_both_gates_halve(coordinate, features):
    module, x = coordinate(0), features((2, 6, 5, 7), 0)
    for out in (module.rows, module.columns):
        nn.init.zeros_(out.weight)
        nn.init.zeros_(out.bias)
    torch.testing.assert_close(module(x), x / 4)


@pytest.mark.parametrize("channels, hidden", [(16, 8), (256, 8), (512, 16)])
def test_the_hidden_width_is_at_least_eight(channels, hidden):
    assert CoordinateAttention(channels).norm.num_features == hidden


def test_parameters_and_macs():
    assert parameters(CoordinateAttention(256)) == 6_680
    assert parameters(CoordinateAttention(64)) == 1_688
    assert macs(CoordinateAttention(256), torch.randn(1, 256, 5, 7)) == 2 * (5 + 7) * 256 * 8
