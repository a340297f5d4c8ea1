"""The additive score in blocks is the additive score as it is read."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from attncourse.functional import additive_score, plain_additive_score
from benchmarks.traffic import traffic

SEEDS = st.integers(0, 2**31 - 1)
SIZES = st.integers(1, 7)
BOUND = 39.2  # of float32; see the head of attncourse/functional/additive.py


def arguments(seed, b, t, s, a, *, scale=1.0, dtype=torch.float64) -> tuple[Tensor, ...]:
    """Queries, keys and v with the gradient of the score last."""
    generator = torch.Generator().manual_seed(seed)
    shapes, scales = ((b, t, a), (b, s, a), (a,), (b, t, s)), (scale, scale, 1, 1)
    return tuple(
        (size * torch.randn(shape, dtype=dtype, generator=generator)).requires_grad_()
        for shape, size in zip(shapes, scales, strict=True)
    )


def values_and_gradients(score, query, keys, v, grad) -> tuple[Tensor, ...]:
    scores = score(query, keys, v)
    return scores, *torch.autograd.grad(scores, (query, keys, v), grad)


def assert_equals_its_twin(*inputs: Tensor, score=additive_score, **tolerance) -> None:
    ours, twin = (values_and_gradients(f, *inputs) for f in (score, plain_additive_score))
    for one, other in zip(ours, twin, strict=True):
        assert_close(one, other, **tolerance)


@given(SEEDS, SIZES, SIZES, SIZES, SIZES, st.sampled_from([0.01, 1, 50, 300, 1e4]))
def test_it_equals_its_twin_for_arguments_of_any_size(seed, b, t, s, a, scale):
    assert_equals_its_twin(*arguments(seed, b, t, s, a, scale=scale), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "shape",
    [
        (2, 7, 211, 499),  # several queries a block, fewer in the last
        (2, 3, 331, 997),  # one query is more than a block
        (11, 3, 53, 499),  # several samples a block, fewer in the last
        (101, 1, 53, 499),  # the same for a step of a decoder
    ],
)
@pytest.mark.parametrize("scale", [1, 1e3])
def test_it_equals_its_twin_across_blocks(shape, scale):
    assert_equals_its_twin(*arguments(0, *shape, scale=scale), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [0.99 * BOUND, 1.01 * BOUND, 2 * BOUND, 1e3])
@pytest.mark.parametrize("sign", [1, -1])
def test_large_arguments_that_cancel(size, sign):
    """q = -k + x: tanh x is to be found between a factor near overflow and one near underflow."""
    query, keys, v, grad = arguments(1, 2, 5, 7, 11, dtype=torch.float32)
    with torch.no_grad():
        query += sign * size
        keys -= sign * size
    ours = values_and_gradients(additive_score, query, keys, v, grad)
    wide = [x.detach().double().requires_grad_() for x in (query, keys, v, grad)]
    for one, exact in zip(ours, values_and_gradients(plain_additive_score, *wide), strict=True):
        assert_close(one.double(), exact, rtol=1e-5, atol=1e-5)


def test_one_sample_out_of_bounds_leaves_the_others_alone():
    query, keys, v, grad = arguments(2, 3, 5, 53, 4999)
    with torch.no_grad():
        query[1] *= 1e4
        keys[1] *= 1e4
    assert_equals_its_twin(query, keys, v, grad, rtol=1e-9, atol=1e-9)


def test_infinite_and_undefined_arguments_are_treated_as_by_the_twin():
    query = torch.tensor([math.inf, -math.inf, math.nan, 1.0]).reshape(1, 4, 1)
    keys = torch.tensor([0.0, 1e30, -math.inf]).reshape(1, 3, 1)
    v = torch.tensor([2.0])
    twin = plain_additive_score(query, keys, v)
    assert_close(additive_score(query, keys, v), twin, equal_nan=True)


def test_no_tensor_of_all_pairs_and_features_is_made():
    b, t, s, a = 2, 64, 67, 128
    inputs = arguments(3, b, t, s, a, dtype=torch.float32)
    ours = traffic(values_and_gradients, additive_score, *inputs)
    twin = traffic(values_and_gradients, plain_additive_score, *inputs)
    assert twin.largest == b * t * s * a
    assert ours.largest <= 2**18 < t * s * a


def test_the_graph_keeps_only_the_arguments():
    inputs = arguments(4, 2, 3, 5, 7)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda x: x):
        additive_score(*inputs[:3])
    assert {x.data_ptr() for x in kept} <= {x.data_ptr() for x in inputs}


def test_gradients_are_right_to_the_second_order():
    query, keys, v, _ = arguments(5, 2, 3, 4, 5)
    assert torch.autograd.gradcheck(additive_score, (query, keys, v))
    assert torch.autograd.gradgradcheck(additive_score, (query, keys, v))


def test_gradients_of_some_arguments_only():
    query, keys, v, _ = arguments(5, 2, 3, 4, 5)
    for create_graph in (False, True):
        scores = additive_score(query, keys.detach(), v.detach())
        (grad,) = torch.autograd.grad(scores.sum(), query, create_graph=create_graph)
        (twin,) = torch.autograd.grad(plain_additive_score(query, keys, v).sum(), query)
        assert_close(grad, twin)


def test_nothing_to_score():
    for b, t, s in ((0, 2, 3), (2, 0, 3), (2, 3, 0)):
        query, keys, v, grad = arguments(6, b, t, s, 5)
        scores, *grads = values_and_gradients(additive_score, query, keys, v, grad)
        assert scores.shape == (b, t, s)
        assert not any(g.any() for g in grads)


def test_float32_is_as_exact_as_its_twin():
    inputs = arguments(7, 3, 31, 37, 101, dtype=torch.float32)
    exact = plain_additive_score(*(x.double() for x in inputs[:3]))
    ours = (additive_score(*inputs[:3]) - exact).abs().max()
    twin = (plain_additive_score(*inputs[:3]) - exact).abs().max()
    assert ours < 3 * twin


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_arguments_are_scored_in_float32(dtype):
    query, keys, v, _ = (x.detach().to(dtype) for x in arguments(8, 2, 5, 7, 11))
    scores = additive_score(query, keys, v)
    exact = plain_additive_score(query.double(), keys.double(), v.double())
    assert scores.dtype == dtype
    assert_close(scores, exact.to(dtype), rtol=torch.finfo(dtype).eps, atol=1e-5)


def test_autocast_does_not_narrow_what_happens_inside():
    query, keys, v, grad = arguments(9, 2, 5, 7, 11, dtype=torch.float32)
    outside = values_and_gradients(additive_score, query, keys, v, grad)
    with torch.autocast("cpu", torch.bfloat16):
        inside = values_and_gradients(additive_score, query, keys, v, grad)
    for one, other in zip(inside, outside, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("targets", [1, 5])
@pytest.mark.parametrize("dynamic", [False, True])
def test_it_compiles_as_one_graph_for_arguments_of_any_size(targets, dynamic):
    compiled = torch.compile(additive_score, fullgraph=True, backend="aot_eager", dynamic=dynamic)
    for scale in (1, 1e4):
        inputs = arguments(10, 2, targets, 7, 11, scale=scale)
        assert_equals_its_twin(*inputs, score=compiled, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
def test_it_equals_its_twin_when_generated_code_computes_it():
    compiled = torch.compile(additive_score, fullgraph=True, dynamic=False)
    for scale in (1, 1e4):
        inputs = arguments(11, 2, 5, 7, 11, scale=scale)
        assert_equals_its_twin(*inputs, score=compiled, rtol=1e-9, atol=1e-9)


@pytest.mark.gpu
@pytest.mark.parametrize("scale", [1, 50, 1e4])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_gpu_agrees(scale, compiled):
    score = torch.compile(additive_score, fullgraph=True) if compiled else additive_score
    inputs = [x.detach() for x in arguments(12, 3, 5, 7, 11, scale=scale)]
    there = [x.cuda().requires_grad_() for x in inputs]
    here = [x.requires_grad_() for x in inputs]
    for one, other in zip(
        values_and_gradients(score, *there),
        values_and_gradients(plain_additive_score, *here),
        strict=True,
    ):
        assert_close(one.cpu(), other, rtol=1e-9, atol=1e-9)


def test_shapes_that_do_not_fit_are_refused():
    query, keys, v, _ = arguments(13, 2, 3, 5, 7)
    for wrong in (keys[:1], keys[..., :1], keys[0]):
        with pytest.raises(ValueError, match=r"query and keys must be .* got \(2, 3, 7\) and"):
            additive_score(query, wrong, v)
    with pytest.raises(ValueError, match=r"v must have shape \(7,\), got \(7, 1\)"):
        additive_score(query, keys, v[:, None])
