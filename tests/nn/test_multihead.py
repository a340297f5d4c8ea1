"""Multi-head attention against PyTorch's, and against the laws that follow from the formula."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from attncourse.nn.cache import KeyValueCache
from attncourse.nn.multihead import MultiHeadAttention
from benchmarks.baselines import transformer as baselines
from benchmarks.traffic import traffic
from tests.nn.sequences import (
    MASKS,
    SEEDS,
    SIZES,
    B,
    S,
    T,
    draw,
    gradients,
    masks_of,
    padding,
    shaken,
)


def peer_of(attention):
    """PyTorch's multi-head attention with the weights of ours."""
    bias = attention.out.bias is not None
    peer = nn.MultiheadAttention(attention.dim, attention.heads, bias=bias, batch_first=True)
    baselines.copy_attention(attention, peer.double())
    return peer.eval()


@pytest.mark.parametrize("kind", MASKS)
@given(seed=SEEDS, size=SIZES, bias=st.booleans(), weights=st.booleans())
def test_self_attention_is_pytorchs(kind, seed, size, bias, weights):
    torch.manual_seed(seed)
    ours = shaken(MultiHeadAttention(**size, bias=bias))
    x = draw(B, T, size["dim"]).requires_grad_()
    options, allowed = masks_of(kind, T, T)
    y, w = ours(x, **options, return_weights=weights)
    blocked = (~allowed).repeat_interleave(size["heads"], 0)
    expected, expected_w = peer_of(ours)(x, x, x, attn_mask=blocked, average_attn_weights=False)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(gradients(y, x), gradients(expected, x))
    if weights:
        torch.testing.assert_close(w, expected_w)


@pytest.mark.parametrize("kind", ["none", "padding", "full"])
@given(seed=SEEDS, size=SIZES, bias=st.booleans(), weights=st.booleans())
def test_cross_attention_is_pytorchs(kind, seed, size, bias, weights):
    torch.manual_seed(seed)
    ours = shaken(MultiHeadAttention(**size, bias=bias))
    q, k, v = draw(B, T, size["dim"]), draw(B, S, size["dim"]), draw(B, S, size["dim"])
    options, allowed = masks_of(kind, T, S)
    y, w = ours(q, k, v, **options, return_weights=weights)
    blocked = (~allowed).repeat_interleave(size["heads"], 0)
    expected, expected_w = peer_of(ours)(q, k, v, attn_mask=blocked, average_attn_weights=False)
    torch.testing.assert_close(y, expected)
    if weights:
        torch.testing.assert_close(w, expected_w)


@given(seed=SEEDS)
def test_the_values_are_the_keys_unless_given(seed):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, heads=3))
    q, k = draw(B, T, 12), draw(B, S, 12)
    torch.testing.assert_close(attention(q, k)[0], attention(q, k, k)[0])
    torch.testing.assert_close(attention(q)[0], attention(q, q, q)[0])


@pytest.mark.parametrize("weights", [False, True])
@given(seed=SEEDS)
def test_a_query_that_may_attend_to_nothing_gets_a_zero_context(weights, seed):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, heads=3, bias=True))
    x = draw(B, T, 12).requires_grad_()
    mask = torch.rand(B, T, T) < 0.6
    mask[0, 2] = mask[1] = False
    y, w = attention(x, mask=mask, return_weights=weights)
    nothing = attention.out.bias.expand(12)
    torch.testing.assert_close(y[0, 2], nothing)
    torch.testing.assert_close(y[1], nothing.expand(T, 12))
    assert w is None or (w[1] == 0).all()
    (gradient,) = gradients(y, x)
    assert gradient.isfinite().all()
    assert (gradient[1] == 0).all()


@given(seed=SEEDS)
def test_a_masked_key_is_as_good_as_removed(seed):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, heads=3))
    q, k = draw(B, T, 12), draw(B, S, 12)
    mask = torch.arange(S).expand(B, S) != 3
    kept = k[:, mask[0]]
    torch.testing.assert_close(attention(q, k, mask=mask)[0], attention(q, kept)[0])


@pytest.mark.parametrize(("targets", "sources"), [(5, 5), (3, 5), (5, 3), (1, 5)])
def test_the_last_query_sees_all_keys_and_the_one_before_all_but_the_last(targets, sources):
    torch.manual_seed(0)
    attention = shaken(MultiHeadAttention(12, heads=3))
    q, k = draw(B, targets, 12), draw(B, sources, 12)
    y, weights = attention(q, k, causal=True, return_weights=True)
    seen = torch.ones(targets, sources, dtype=torch.bool).tril(sources - targets)
    assert ((weights > 0) == seen).all()
    torch.testing.assert_close(attention(q, k, causal=True)[0], y)


@given(seed=SEEDS, shift=st.floats(-3, 3))
def test_a_bias_of_the_keys_does_nothing(seed, shift):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, heads=3, bias=True))
    x = draw(B, T, 12)
    before, _ = attention(x)
    attention.qkv.bias.data[12:24] += shift
    torch.testing.assert_close(attention(x)[0], before)


@given(seed=SEEDS)
def test_the_order_of_the_keys_does_not_matter_that_of_the_queries_is_kept(seed):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, heads=3))
    q, k, v = draw(B, T, 12), draw(B, S, 12), draw(B, S, 12)
    queries, keys = torch.randperm(T), torch.randperm(S)
    y, _ = attention(q, k, v)
    torch.testing.assert_close(attention(q[:, queries], k[:, keys], v[:, keys])[0], y[:, queries])


@given(seed=SEEDS)
def test_one_key_gives_its_value(seed):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, heads=3, bias=True))
    q, k = draw(B, T, 12), draw(B, 1, 12)
    value = nn.functional.linear(k, attention.qkv.weight[24:], attention.qkv.bias[24:])
    torch.testing.assert_close(attention(q, k)[0], attention.out(value).expand(B, T, 12))


@given(seed=SEEDS)
def test_weights_of_allowed_keys_sum_to_one(seed):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, heads=3))
    weights = attention(draw(B, T, 12), mask=padding(T), causal=True, return_weights=True)[1]
    assert weights.shape == (B, 3, T, T)
    torch.testing.assert_close(weights.sum(-1), torch.ones(B, 3, T, dtype=torch.float64))


def test_dropout_keeps_the_mean_and_the_returned_weights():
    torch.manual_seed(0)
    attention = shaken(MultiHeadAttention(6, heads=2, dropout=0.3))
    x = draw(1, 3, 6)
    y, w = attention(x, return_weights=True)
    attention.train()
    for weights in (False, True):
        runs = [attention(x, return_weights=weights) for _ in range(2000)]
        outputs = torch.stack([output for output, _ in runs])
        assert not outputs[0].equal(outputs[1])
        error = outputs.std(0) / math.sqrt(len(runs))  # of the mean
        assert ((outputs.mean(0) - y).abs() < 6 * error).all()
    assert runs[0][1].equal(w)


@given(seed=SEEDS)
def test_a_selected_cache_is_that_of_the_selected_rows(seed):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, heads=3))
    x, rows = draw(3, T, 12), torch.tensor([2, 0, 0, 1])
    cache = KeyValueCache()
    attention(x[:, :-1], causal=True, cache=cache)
    cache.select(rows)
    last, _ = attention(x[rows, -1:], causal=True, cache=cache)
    torch.testing.assert_close(last, attention(x, causal=True)[0][rows, -1:])


def test_an_empty_cache_has_nothing_to_select():
    cache = KeyValueCache()
    cache.select(torch.tensor([0]))
    assert len(cache) == 0


@pytest.mark.parametrize("form", [baselines.FourProjections, baselines.TorchAttention])
@given(seed=SEEDS, size=SIZES)
def test_the_usual_attentions_compute_the_same(form, seed, size):
    torch.manual_seed(seed)
    ours = shaken(MultiHeadAttention(**size, bias=True))
    x = draw(B, T, size["dim"])
    torch.testing.assert_close(form.like(ours).eval()(x), ours(x)[0])


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"mask": padding(256)}])
def test_nothing_is_larger_than_the_three_projections(options):
    attention = MultiHeadAttention(12, heads=3)
    x = draw(B, 256, 12, dtype=torch.float32).requires_grad_()
    moved = traffic(lambda: attention(x, **options)[0].sum().backward())
    assert moved.largest == B * 256 * 36 < 256 * 256


@pytest.mark.parametrize("weights", [False, True])
def test_autocast_trains(weights):
    torch.manual_seed(0)
    attention = shaken(MultiHeadAttention(12, heads=3), torch.float32)
    x = draw(B, T, 12, dtype=torch.float32).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = attention(x, mask=padding(T), causal=True, return_weights=weights)
    assert y.dtype == torch.bfloat16
    y.float().square().sum().backward()
    assert x.grad.dtype == torch.float32
    expected, _ = attention(x, mask=padding(T), causal=True)
    torch.testing.assert_close(y.float(), expected, atol=0.05, rtol=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 3}, "positive divisor of dim=10, got 3"),
        ({"heads": 0}, "positive divisor of dim=10, got 0"),
        ({"heads": 5, "dropout": 1.5}, "probability, from 0 to 1, got 1.5"),
    ],
)
def test_a_wrong_argument_is_told_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        MultiHeadAttention(10, **options)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda a, x: a(x[..., :4]), ValueError, r"\(B, T, D=6\), got \(2, 5, 4\)"),
        (lambda a, x: a(x[0]), ValueError, r"\(B, T, D=6\), got \(5, 6\)"),
        (lambda a, x: a(x, values=x), ValueError, "values need keys"),
        (lambda a, x: a(x, mask=torch.ones(B, T)), TypeError, "boolean .* got torch.float32"),
        (
            lambda a, x: a(x, mask=torch.ones(B, S, dtype=torch.bool)),
            ValueError,
            r"\(B, S\) = \(2, 5\) or \(B, T, S\) = \(2, 5, 5\), got \(2, 7\)",
        ),
    ],
)
def test_a_wrong_input_is_told_what_is_allowed(call, error, message):
    with pytest.raises(error, match=message):
        call(MultiHeadAttention(6, heads=2), torch.zeros(B, T, 6))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_on_a_gpu_a_query_that_may_attend_to_nothing_gets_a_zero_context(dtype):
    torch.manual_seed(0)
    attention = shaken(MultiHeadAttention(64, heads=4), dtype).cuda()
    x = draw(B, 16, 64, dtype=dtype).cuda().requires_grad_()
    mask = torch.rand(B, 16, 16, device="cuda") < 0.6
    mask[0, 2] = mask[1] = False
    y, _ = attention(x, mask=mask)
    assert (y[1] == 0).all()
    assert (y[0, 2] == 0).all()
    (gradient,) = gradients(y, x)
    assert gradient.isfinite().all()
    assert (gradient[1] == 0).all()
