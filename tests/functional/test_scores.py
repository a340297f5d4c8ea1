"""Scores, and the softmax over what may be attended to."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from attncourse.functional import dot_score, general_score, masked_softmax, scaled_dot_score

SEEDS = st.integers(0, 2**31 - 1)
SIZES = st.integers(1, 6)


def scores_and_mask(seed: int, *shape: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    scores = 3 * torch.randn(shape, dtype=torch.float64, generator=generator)
    return scores, torch.rand(shape, generator=generator) < 0.6


@given(SEEDS, SIZES, SIZES, SIZES, st.integers(-3, 2))
def test_weights_are_positive_where_allowed_and_sum_to_one(seed, b, t, s, dim):
    scores, mask = scores_and_mask(seed, b, t, s)
    weights = masked_softmax(scores, mask, dim)
    assert torch.equal(weights > 0, mask)
    assert_close(weights.sum(dim), mask.any(dim).double())


@given(SEEDS, SIZES)
def test_a_masked_entry_is_a_removed_entry(seed, s):
    scores, mask = scores_and_mask(seed, s)
    assert_close(masked_softmax(scores, mask)[mask], scores[mask].softmax(-1))


@given(SEEDS, SIZES, SIZES, st.floats(-100, 100))
def test_a_constant_added_to_a_row_changes_nothing(seed, t, s, constant):
    scores, mask = scores_and_mask(seed, t, s)
    assert_close(masked_softmax(scores + constant, mask), masked_softmax(scores, mask))


@given(SEEDS, SIZES, SIZES, SIZES, st.integers(-3, 2), st.data())
def test_a_small_mask_is_a_repeated_one(seed, b, t, s, dim, data):
    scores, mask = scores_and_mask(seed, b, t, s)
    for axis in data.draw(st.sets(st.integers(0, 2))):
        mask = mask.narrow(axis, 0, 1)
    if mask.shape[0] == 1 and data.draw(st.booleans()):
        mask = mask[0]
    whole = mask.expand(b, t, s)
    assert torch.equal(masked_softmax(scores, mask, dim), masked_softmax(scores, whole, dim))


def test_without_a_mask_or_with_all_allowed_it_is_the_softmax():
    scores, _ = scores_and_mask(0, 2, 3, 5)
    assert torch.equal(masked_softmax(scores), scores.softmax(-1))
    assert torch.equal(masked_softmax(scores, torch.tensor(True), 1), scores.softmax(1))


def test_an_empty_row_gives_zeros_and_takes_no_gradient():
    scores, mask = scores_and_mask(1, 2, 3, 5)
    mask[0, 1], mask[1, 2] = False, False
    scores.requires_grad_()
    with torch.autograd.detect_anomaly(check_nan=True):  # no step of the backward pass makes NaN
        weights = masked_softmax(scores, mask)
        (weights * torch.rand_like(weights)).sum().backward()
    empty = ~mask.any(-1)
    assert empty.sum() >= 2
    assert not weights[empty].any() and not scores.grad[empty].any()
    assert scores.grad[~empty].any()


def test_what_stands_at_a_masked_entry_has_no_influence():
    scores, mask = scores_and_mask(2, 3, 4, 5)
    mask[1] = False
    spoiled = scores.clone()
    spoiled[~mask] = (
        torch.tensor([math.nan, math.inf, -math.inf]).double().repeat(60)[: int((~mask).sum())]
    )
    clean, dirty = scores.requires_grad_(), spoiled.requires_grad_()
    weights = masked_softmax(dirty, mask)
    assert torch.equal(weights, masked_softmax(clean, mask))
    grad = torch.rand_like(weights)
    (given_clean,) = torch.autograd.grad(masked_softmax(clean, mask), clean, grad)
    (given_dirty,) = torch.autograd.grad(weights, dirty, grad)
    assert torch.equal(given_clean, given_dirty)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("size", [1e4, 6e4])
def test_extreme_logits_choose_the_largest(dtype, size):
    scores = torch.tensor([[-size, size, 0], [-size, -size, size], [-size, 0, -size]], dtype=dtype)
    mask = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 0]]).bool()
    scores.requires_grad_()
    weights = masked_softmax(scores, mask)
    assert weights.dtype == dtype
    assert weights.tolist() == [[0, 1, 0], [0.5, 0.5, 0], [1, 0, 0]]
    (grad,) = torch.autograd.grad(weights[:, 0].sum(), scores)
    assert grad.isfinite().all()


def test_gradients_of_the_softmax_are_right_to_the_second_order():
    scores, mask = scores_and_mask(3, 2, 3, 4)
    mask[0, 0] = False
    scores.requires_grad_()
    assert torch.autograd.gradcheck(masked_softmax, (scores, mask))
    assert torch.autograd.gradgradcheck(masked_softmax, (scores, mask))


@pytest.mark.parametrize("dynamic", [False, True])
def test_the_softmax_compiles_as_one_graph(dynamic):
    scores, mask = scores_and_mask(4, 2, 3, 5)
    compiled = torch.compile(masked_softmax, fullgraph=True, backend="aot_eager", dynamic=dynamic)
    assert_close(compiled(scores, mask), masked_softmax(scores, mask))


@pytest.mark.parametrize("mask", [torch.ones(5), torch.ones(3, 5, dtype=torch.uint8)])
def test_a_mask_of_numbers_is_refused(mask):
    with pytest.raises(TypeError, match=r"mask must be boolean .* got torch\."):
        masked_softmax(torch.zeros(3, 5), mask)


def test_a_mask_with_too_many_dimensions_is_refused():
    with pytest.raises(ValueError, match=r"broadcast to scores \(3, 5\), got \(2, 3, 5\)"):
        masked_softmax(torch.zeros(3, 5), torch.ones(2, 3, 5, dtype=torch.bool))


@given(SEEDS, SIZES, SIZES, SIZES, SIZES, SIZES)
def test_scores_are_products_of_every_pair(seed, b, t, s, dq, dk):
    generator = torch.Generator().manual_seed(seed)
    query, other, keys, weight = (
        torch.randn(shape, dtype=torch.float64, generator=generator)
        for shape in ((b, t, dq), (b, t, dk), (b, s, dk), (dq, dk))
    )
    dots, scaled = dot_score(other, keys), scaled_dot_score(other, keys)
    general = general_score(query, keys, weight)
    assert dots.shape == scaled.shape == general.shape == (b, t, s)
    for i, j, k in ((0, 0, 0), (b - 1, t - 1, s - 1)):
        assert_close(dots[i, j, k], (other[i, j] * keys[i, k]).sum())
        assert_close(scaled[i, j, k], dots[i, j, k] / dk**0.5)
        assert_close(general[i, j, k], query[i, j] @ weight @ keys[i, k])


def test_scaling_keeps_the_variance_of_scores():
    generator = torch.Generator().manual_seed(0)
    for width in (4, 64, 1024):
        query, keys = torch.randn(2, 1, 512, width, generator=generator)
        assert scaled_dot_score(query, keys).std().item() == pytest.approx(1, rel=0.05)


def test_scaling_saves_half_precision_from_overflow():
    query = keys = torch.full((1, 1, 256), 20.0, dtype=torch.float16)
    assert dot_score(query, keys).isinf()  # 256 · 400
    assert scaled_dot_score(query, keys).item() == 6400
