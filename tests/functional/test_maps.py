"""The shared functions of maps against torch's own expressions."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from attncourse.functional import maps

shapes = st.tuples(*[st.integers(1, 6)] * 4)
seeds = st.integers(0, 2**31)
axes = st.sampled_from([1, 2, 3, (2, 3)])
POOLS = {maps.mean: torch.mean, maps.amax: torch.amax}


def few_levels(shape, seed):
    """Maps in which most maxima are shared by several entries."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-1, 2, shape, generator=generator).double().requires_grad_()


@pytest.mark.parametrize("pool", POOLS)
@given(shape=shapes, seed=seeds, dim=axes)
def test_pools_equal_torchs_in_value_and_gradient(pool, shape, seed, dim):
    x = few_levels(shape, seed)
    ours, expected = pool(x, dim), POOLS[pool](x, dim)
    torch.testing.assert_close(ours, expected)
    grad = torch.randn_like(expected)
    (our_grad,) = torch.autograd.grad(ours, x, grad)
    (expected_grad,) = torch.autograd.grad(expected, x, grad)
    torch.testing.assert_close(our_grad, expected_grad)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("dim", [1, 2, 3, (2, 3)])
def test_pools_can_be_differentiated_twice(pool, dim):
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)

    def squared(x):
        return pool(x * x, dim) ** 2

    assert gradcheck(squared, x)
    assert gradgradcheck(squared, x)


def test_the_gradient_of_a_constant_half_precision_map_survives_its_many_ties():
    x = torch.ones(1, 1, 300, 300, dtype=torch.float16, requires_grad=True)  # 90 000 > 65 504
    maps.amax(x, (2, 3)).backward(torch.full((1, 1), 3e4, dtype=torch.float16))
    torch.testing.assert_close(x.grad, torch.full_like(x, 3e4 / 300**2), rtol=1e-3, atol=0)


@given(shape=shapes, seed=seeds, dim=st.sampled_from([1, 2, 3]))
def test_z_pool_is_maximum_and_mean(shape, seed, dim):
    x = few_levels(shape, seed)
    pooled = maps.z_pool(x, dim)
    assert pooled.shape == (shape[0], 2, *(shape[i] for i in (1, 2, 3) if i != dim))
    torch.testing.assert_close(pooled[:, 0], x.amax(dim))
    torch.testing.assert_close(pooled[:, 1], x.mean(dim))


@given(shape=shapes, seed=seeds, gate_axes=st.sets(st.integers(1, 3), min_size=1))
def test_scale_equals_the_product_in_value_and_gradient(shape, seed, gate_axes):
    generator = torch.Generator().manual_seed(seed)
    small = [1 if axis in gate_axes else size for axis, size in enumerate(shape)]
    x = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    gate = torch.randn(small, generator=generator, dtype=torch.float64, requires_grad=True)
    ours, expected = maps.scale(x, gate), x * gate
    torch.testing.assert_close(ours, expected)
    grad = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(ours, (x, gate), grad), torch.autograd.grad(expected, (x, gate), grad)
    )


def test_scale_takes_a_batch_in_blocks(monkeypatch):
    monkeypatch.setattr(maps, "CPU_BLOCK", 2 * 3 * 4 * 5)
    x = torch.randn(5, 3, 4, 5, dtype=torch.float64, requires_grad=True)  # two, two, and one
    gate = torch.randn(5, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    grad = torch.randn_like(x)
    torch.testing.assert_close(
        torch.autograd.grad(maps.scale(x, gate), (x, gate), grad),
        torch.autograd.grad(x * gate, (x, gate), grad),
    )


def test_a_gate_for_the_whole_batch_is_a_gate_too():
    x = torch.randn(3, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    gate = torch.randn(1, 2, 1, 1, dtype=torch.float64, requires_grad=True)
    assert gradcheck(maps.scale, (x, gate))


def test_scale_overwrites_only_what_no_gradient_needs():
    x, gate = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 1, 1)
    expected = x * gate
    for learned in (x, gate):
        learned.requires_grad_()
        kept = x.detach().clone()
        torch.testing.assert_close(maps.scale(x, gate, overwrite=True), expected)
        assert torch.equal(x, kept)
        learned.requires_grad_(False)
    assert maps.scale(x, gate.double(), overwrite=True).dtype == torch.float64
    assert maps.scale(x, gate, overwrite=True) is x
    torch.testing.assert_close(x, expected)


@given(
    batch=st.integers(1, 4),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    kernel=st.sampled_from([1, 3, 5, 7]),
    seed=seeds,
)
def test_conv_pair_equals_torchs_in_value_and_gradient(batch, height, width, kernel, seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = (batch, 2, height, width), (1, 2, kernel, kernel)
    x, weight = (
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in shapes
    )
    ours, expected = maps.conv_pair(x, weight), F.conv2d(x, weight, padding=kernel // 2)
    torch.testing.assert_close(ours, expected)
    grad = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(ours, (x, weight), grad),
        torch.autograd.grad(expected, (x, weight), grad),
    )


def test_products_and_convolutions_can_be_differentiated_twice():
    x = torch.randn(2, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    gate = torch.randn(2, 1, 3, 4, dtype=torch.float64, requires_grad=True)
    for function, inputs in ((maps.conv_pair, (x, weight)), (maps.scale, (x, gate))):
        assert gradcheck(function, inputs)
        assert gradgradcheck(function, inputs)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_the_functional_transforms_of_torch_see_through():
    x = torch.randn(3, 2, 4, 5, dtype=torch.float64)
    weight = torch.randn(1, 2, 3, 3, dtype=torch.float64)

    def loss(x):
        return maps.conv_pair(maps.z_pool(x[None]), weight).pow(2).sum()

    def plain(x):
        pooled = torch.stack((x[None].amax(1), x[None].mean(1)), 1)
        return F.conv2d(pooled, weight, padding=1).pow(2).sum()

    each = torch.stack([torch.func.grad(plain)(sample) for sample in x])
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(loss))(x), each)


def test_a_gradient_of_the_mean_is_not_written_out():
    x = torch.randn(2, 3, 4, 5, requires_grad=True)
    (grad,) = torch.autograd.grad(maps.mean(x, (2, 3)).sum(), x)
    assert len(grad.untyped_storage()) < len(x.untyped_storage())


@pytest.mark.gpu
@pytest.mark.parametrize("dim", [1, 2, 3, (2, 3)])
def test_pools_agree_on_a_gpu(dim):
    x = torch.randn(2, 3, 5, 7)
    for pool in POOLS:
        torch.testing.assert_close(pool(x.cuda(), dim).cpu(), pool(x, dim))
