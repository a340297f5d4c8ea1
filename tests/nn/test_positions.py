"""Sinusoidal positions against the paper's formula and its laws."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attncourse.nn.positions import SinusoidalPositions, sinusoidal_positions
from tests.nn.sequences import SEEDS, B, draw


@given(dim=st.integers(1, 12).map(lambda n: 2 * n), offset=st.integers(0, 1000))
def test_a_rotation_moves_positions_by_a_fixed_offset(dim, offset):
    table = sinusoidal_positions(1200, dim, dtype=torch.float64)
    sin, cos = table[:, 0::2], table[:, 1::2]
    s, c = sin[offset], cos[offset]  # the angle of every wave, whatever the position
    rotated = torch.stack((sin * c + cos * s, cos * c - sin * s), -1).flatten(1)
    torch.testing.assert_close(rotated[: 1200 - offset], table[offset:])


def test_positions_are_the_papers_formula():
    table = sinusoidal_positions(50, 8, dtype=torch.float64)
    for position in range(50):
        for i in range(4):
            angle = position / 10000 ** (2 * i / 8)
            assert math.isclose(table[position, 2 * i], math.sin(angle), abs_tol=1e-12)
            assert math.isclose(table[position, 2 * i + 1], math.cos(angle), abs_tol=1e-12)


@given(seed=SEEDS, offset=st.integers(0, 6))
def test_an_offset_goes_on_where_the_sequence_stopped(seed, offset):
    torch.manual_seed(seed)
    positions = SinusoidalPositions(6, max_length=9)
    x = draw(B, 9, 6, dtype=torch.float32)
    assert positions(x)[:, offset:].equal(positions(x[:, offset:], offset=offset))


def test_positions_are_no_parameters_and_not_stored():
    positions = SinusoidalPositions(6)
    assert not positions.state_dict()
    assert not [*positions.parameters()]


@pytest.mark.parametrize(
    ("length", "dim", "message"),
    [
        (4, 5, "dim must be a positive even integer, got 5"),
        (4, 0, "dim must be a positive even integer, got 0"),
        (0, 4, "length must be a positive integer, got 0"),
    ],
)
def test_a_wrong_size_is_told_what_is_allowed(length, dim, message):
    with pytest.raises(ValueError, match=message):
        sinusoidal_positions(length, dim)


def test_a_sequence_beyond_the_table_is_told_its_length():
    positions = SinusoidalPositions(6, max_length=8)
    with pytest.raises(ValueError, match="max_length=8, got 9"):
        positions(torch.zeros(B, 5, 6), offset=4)
