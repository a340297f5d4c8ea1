"""The Transformer's mechanisms against PyTorch's and against the laws that follow from the paper.

Weights are moved away from their initial values first: zero biases hide most errors.
"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from attncourse.nn.cache import KeyValueCache
from attncourse.nn.multihead import MultiHeadAttention
from attncourse.nn.positions import SinusoidalPositions, sinusoidal_positions
from attncourse.nn.recording import record_weights
from attncourse.nn.transformer import DecoderCache, DecoderLayer, EncoderLayer, FeedForward

B, T, S = 2, 5, 7
SEEDS = st.integers(0, 2**31 - 1)
HEADS = st.sampled_from([(6, 1), (12, 3), (10, 5), (22, 11)])  # widths and numbers of heads
MASKS = ["none", "padding", "causal", "both", "full"]


def shaken(module, dtype=torch.float64):
    """In double precision, in eval mode, and with every parameter off its initial value."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.to(dtype).eval()


def draw(*shape, dtype=torch.float64):
    return torch.randn(shape, dtype=dtype)


def padding(length, batch=B):
    """True for real tokens: the first row is whole, the others get shorter."""
    return torch.arange(length) < length - torch.arange(batch)[:, None]


def masks_of(kind, targets, sources):
    """A mask as we say it, and the same as (B, T, S)."""
    whole = torch.ones(B, targets, sources, dtype=torch.bool)
    full = torch.rand(B, targets, sources) < 0.6
    full[..., 0] = True  # fully masked rows have a test of their own
    mask = {"padding": padding(sources), "both": padding(sources), "full": full}.get(kind)
    causal = kind in ("causal", "both")
    explicit = whole if mask is None else mask[:, None] & whole if mask.dim() == 2 else mask
    return {"mask": mask, "causal": causal}, explicit.tril(
        sources - targets
    ) if causal else explicit


def peer_of(attention):
    """PyTorch's multi-head attention with the weights of ours."""
    bias = attention.out.bias is not None
    peer = nn.MultiheadAttention(attention.dim, attention.heads, bias=bias, batch_first=True)
    copy_attention(attention, peer)
    return peer.double().eval()


def copy_attention(ours, theirs):
    theirs.in_proj_weight.data = ours.qkv.weight.data
    theirs.out_proj.weight.data = ours.out.weight.data
    if ours.qkv.bias is not None:
        theirs.in_proj_bias.data = ours.qkv.bias.data
        theirs.out_proj.bias.data = ours.out.bias.data


def gradients(output, *inputs):
    return torch.autograd.grad((output * output.detach().cos()).sum(), inputs)


# Multi-head attention


@pytest.mark.parametrize("kind", MASKS)
@given(seed=SEEDS, size=HEADS, bias=st.booleans(), weights=st.booleans())
def test_self_attention_is_pytorchs(kind, seed, size, bias, weights):
    torch.manual_seed(seed)
    ours = shaken(MultiHeadAttention(*size, bias=bias))
    x = draw(B, T, size[0]).requires_grad_()
    options, allowed = masks_of(kind, T, T)
    y, w = ours(x, **options, return_weights=weights)
    blocked = (~allowed).repeat_interleave(size[1], 0)
    expected, expected_w = peer_of(ours)(x, x, x, attn_mask=blocked, average_attn_weights=False)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(gradients(y, x), gradients(expected, x))
    if weights:
        torch.testing.assert_close(w, expected_w)


@pytest.mark.parametrize("kind", ["none", "padding", "full"])
@given(seed=SEEDS, size=HEADS, bias=st.booleans(), weights=st.booleans())
def test_cross_attention_is_pytorchs(kind, seed, size, bias, weights):
    torch.manual_seed(seed)
    ours = shaken(MultiHeadAttention(*size, bias=bias))
    q, k, v = draw(B, T, size[0]), draw(B, S, size[0]), draw(B, S, size[0])
    options, allowed = masks_of(kind, T, S)
    y, w = ours(q, k, v, **options, return_weights=weights)
    blocked = (~allowed).repeat_interleave(size[1], 0)
    expected, expected_w = peer_of(ours)(q, k, v, attn_mask=blocked, average_attn_weights=False)
    torch.testing.assert_close(y, expected)
    if weights:
        torch.testing.assert_close(w, expected_w)


@given(seed=SEEDS)
def test_the_values_are_the_keys_unless_given(seed):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, 3))
    q, k = draw(B, T, 12), draw(B, S, 12)
    torch.testing.assert_close(attention(q, k)[0], attention(q, k, k)[0])
    torch.testing.assert_close(attention(q)[0], attention(q, q, q)[0])


@pytest.mark.parametrize("weights", [False, True])
@given(seed=SEEDS)
def test_a_query_that_may_attend_to_nothing_gets_a_zero_context(weights, seed):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, 3, bias=True))
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
    attention = shaken(MultiHeadAttention(12, 3))
    q, k = draw(B, T, 12), draw(B, S, 12)
    mask = torch.arange(S).expand(B, S) != 3
    kept = k[:, mask[0]]
    torch.testing.assert_close(attention(q, k, mask=mask)[0], attention(q, kept)[0])


@pytest.mark.parametrize(("targets", "sources"), [(5, 5), (3, 5), (5, 3), (1, 5)])
def test_the_last_query_sees_all_keys_and_the_one_before_all_but_the_last(targets, sources):
    torch.manual_seed(0)
    attention = shaken(MultiHeadAttention(12, 3))
    q, k = draw(B, targets, 12), draw(B, sources, 12)
    y, weights = attention(q, k, causal=True, return_weights=True)
    seen = torch.ones(targets, sources, dtype=torch.bool).tril(sources - targets)
    assert ((weights > 0) == seen).all()
    torch.testing.assert_close(attention(q, k, causal=True)[0], y)


@given(seed=SEEDS, shift=st.floats(-3, 3))
def test_a_bias_of_the_keys_does_nothing(seed, shift):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, 3, bias=True))
    x = draw(B, T, 12)
    before, _ = attention(x)
    attention.qkv.bias.data[12:24] += shift
    torch.testing.assert_close(attention(x)[0], before)


@given(seed=SEEDS)
def test_the_order_of_the_keys_does_not_matter_that_of_the_queries_is_kept(seed):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, 3))
    q, k, v = draw(B, T, 12), draw(B, S, 12), draw(B, S, 12)
    queries, keys = torch.randperm(T), torch.randperm(S)
    y, _ = attention(q, k, v)
    torch.testing.assert_close(attention(q[:, queries], k[:, keys], v[:, keys])[0], y[:, queries])


@given(seed=SEEDS)
def test_one_key_gives_its_value(seed):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, 3, bias=True))
    q, k = draw(B, T, 12), draw(B, 1, 12)
    value = nn.functional.linear(k, attention.qkv.weight[24:], attention.qkv.bias[24:])
    torch.testing.assert_close(attention(q, k)[0], attention.out(value).expand(B, T, 12))


@given(seed=SEEDS)
def test_weights_of_allowed_keys_sum_to_one(seed):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, 3))
    weights = attention(draw(B, T, 12), mask=padding(T), causal=True, return_weights=True)[1]
    assert weights.shape == (B, 3, T, T)
    torch.testing.assert_close(weights.sum(-1), torch.ones(B, 3, T, dtype=torch.float64))


def test_dropout_keeps_the_mean_and_the_returned_weights():
    torch.manual_seed(0)
    attention = shaken(MultiHeadAttention(6, 2, dropout=0.3))
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


# The cache


@given(seed=SEEDS, cuts=st.sets(st.integers(1, 8)))
def test_decoding_piece_by_piece_is_decoding_at_once(seed, cuts):
    torch.manual_seed(seed)
    layer = shaken(DecoderLayer(12, 3, bias=True))
    x, memory, seen = draw(B, 9, 12), draw(B, S, 12), padding(S)
    at_once = layer(x, memory, memory_mask=seen)
    cache = DecoderCache()
    pieces = [
        layer(piece, memory, memory_mask=seen, cache=cache)
        for piece in x.tensor_split(sorted(cuts), dim=1)
    ]
    torch.testing.assert_close(torch.cat(pieces, 1), at_once)
    assert len(cache.self_attention) == 9
    assert len(cache.cross_attention) == S


@given(seed=SEEDS)
def test_a_selected_cache_is_that_of_the_selected_rows(seed):
    torch.manual_seed(seed)
    attention = shaken(MultiHeadAttention(12, 3))
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


# The layers


def encoder_peer(ours, *, norm_first, activation):
    dim, hidden = ours.feed_forward[0].in_features, ours.feed_forward[0].out_features
    peer = nn.TransformerEncoderLayer(
        dim,
        ours.self_attention.heads,
        hidden,
        activation=activation,
        norm_first=norm_first,
        batch_first=True,
    )
    copy_attention(ours.self_attention, peer.self_attn)
    copy_rest(ours, peer)
    return peer.double().eval()


def decoder_peer(ours, *, norm_first, activation):
    dim, hidden = ours.feed_forward[0].in_features, ours.feed_forward[0].out_features
    peer = nn.TransformerDecoderLayer(
        dim,
        ours.self_attention.heads,
        hidden,
        activation=activation,
        norm_first=norm_first,
        batch_first=True,
    )
    copy_attention(ours.self_attention, peer.self_attn)
    copy_attention(ours.cross_attention, peer.multihead_attn)
    copy_rest(ours, peer)
    peer.norm3.load_state_dict(ours.add_norm3.norm.state_dict())
    return peer.double().eval()


def copy_rest(ours, peer):
    peer.linear1.load_state_dict(ours.feed_forward[0].state_dict())
    peer.linear2.load_state_dict(ours.feed_forward[2].state_dict())
    peer.norm1.load_state_dict(ours.add_norm1.norm.state_dict())
    peer.norm2.load_state_dict(ours.add_norm2.norm.state_dict())


OPTIONS = st.fixed_dictionaries(
    {"norm_first": st.booleans(), "activation": st.sampled_from(["relu", "gelu"])}
)


@pytest.mark.parametrize("kind", MASKS)
@given(seed=SEEDS, size=HEADS, hidden=st.integers(1, 40), options=OPTIONS)
def test_an_encoder_layer_is_pytorchs(kind, seed, size, hidden, options):
    torch.manual_seed(seed)
    ours = shaken(EncoderLayer(*size, hidden=hidden, bias=True, **options))
    x = draw(B, T, size[0]).requires_grad_()
    masks, allowed = masks_of(kind, T, T)
    y = ours(x, **masks)
    blocked = (~allowed).repeat_interleave(size[1], 0)
    expected = encoder_peer(ours, **options)(x, src_mask=blocked)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(gradients(y, x), gradients(expected, x))


@given(seed=SEEDS, size=HEADS, hidden=st.integers(1, 40), options=OPTIONS)
def test_a_decoder_layer_is_pytorchs(seed, size, hidden, options):
    torch.manual_seed(seed)
    ours = shaken(DecoderLayer(*size, hidden=hidden, bias=True, **options))
    x, memory = draw(B, T, size[0]).requires_grad_(), draw(B, S, size[0]).requires_grad_()
    y = ours(x, memory, mask=padding(T), memory_mask=padding(S))
    expected = decoder_peer(ours, **options)(
        x,
        memory,
        tgt_mask=torch.ones(T, T, dtype=torch.bool).triu(1),
        tgt_key_padding_mask=~padding(T),
        memory_key_padding_mask=~padding(S),
    )
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(gradients(y, x, memory), gradients(expected, x, memory))


@given(seed=SEEDS, norm_first=st.booleans())
def test_without_positions_an_encoder_layer_keeps_any_order(seed, norm_first):
    torch.manual_seed(seed)
    layer = shaken(EncoderLayer(12, 3, norm_first=norm_first))
    x, order = draw(B, T, 12), torch.randperm(T)
    torch.testing.assert_close(layer(x[:, order]), layer(x)[:, order])


@given(seed=SEEDS, t=st.integers(0, T - 1))
def test_what_comes_later_is_not_seen(seed, t):
    torch.manual_seed(seed)
    encoder, decoder = shaken(EncoderLayer(12, 3)), shaken(DecoderLayer(12, 3))
    x, memory = draw(B, T, 12), draw(B, S, 12)
    other = x.clone()
    other[:, t + 1 :] = draw(B, T - t - 1, 12)
    for layer in (lambda y: encoder(y, causal=True), lambda y: decoder(y, memory)):
        torch.testing.assert_close(layer(other)[:, : t + 1], layer(x)[:, : t + 1])
    if t + 1 < T:  # and without the mask it is
        assert not torch.allclose(encoder(other)[:, : t + 1], encoder(x)[:, : t + 1])


@given(seed=SEEDS)
def test_padding_changes_nothing_for_real_tokens(seed):
    torch.manual_seed(seed)
    encoder, decoder = shaken(EncoderLayer(12, 3)), shaken(DecoderLayer(12, 3))
    x, y = draw(B, T, 12), draw(B, S, 12)
    together = encoder(x, mask=padding(T))
    crossed = decoder(y, x, memory_mask=padding(T))
    for row in range(B):
        real = x[row : row + 1, : T - row]
        torch.testing.assert_close(together[row : row + 1, : T - row], encoder(real))
        torch.testing.assert_close(crossed[row : row + 1], decoder(y[row : row + 1], real))


def test_dropout_is_on_what_each_sublayer_adds():
    torch.manual_seed(0)
    layer = shaken(EncoderLayer(12, 3, dropout=1.0, norm_first=True)).train()
    x = draw(B, T, 12)
    torch.testing.assert_close(layer(x), x)


def test_the_feed_forward_network_is_four_times_as_wide_by_default():
    assert FeedForward(6)[0].out_features == 24


# Positions


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


# Recording


def test_recording_collects_the_weights_of_every_attention_and_leaves_no_trace():
    torch.manual_seed(0)
    layer = shaken(DecoderLayer(12, 3))
    x, memory = draw(B, T, 12), draw(B, S, 12)
    plain = layer(x, memory)
    with record_weights(layer) as weights:
        torch.testing.assert_close(layer(x, memory), plain)
    assert {name: (*w.shape,) for name, w in weights.items()} == {
        "self_attention": (B, 3, T, T),
        "cross_attention": (B, 3, T, S),
    }
    torch.testing.assert_close(
        weights["self_attention"], layer.self_attention(x, causal=True, return_weights=True)[1]
    )
    weights.clear()
    layer(x, memory)
    assert not weights


# Where it runs


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_precisions_agree_with_double(dtype):
    torch.manual_seed(0)
    layer = shaken(DecoderLayer(12, 3))
    x, memory = draw(B, T, 12), draw(B, S, 12)
    exact = layer(x, memory, memory_mask=padding(S))
    rough = layer.to(dtype)(x.to(dtype), memory.to(dtype), memory_mask=padding(S))
    assert rough.dtype == dtype
    tolerance = 30 * torch.finfo(dtype).eps
    torch.testing.assert_close(rough.double(), exact, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("weights", [False, True])
def test_autocast_trains(weights):
    torch.manual_seed(0)
    attention = shaken(MultiHeadAttention(12, 3), torch.float32)
    x = draw(B, T, 12, dtype=torch.float32).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = attention(x, mask=padding(T), causal=True, return_weights=weights)
    assert y.dtype == torch.bfloat16
    y.float().square().sum().backward()
    assert x.grad.dtype == torch.float32
    expected, _ = attention(x, mask=padding(T), causal=True)
    torch.testing.assert_close(y.float(), expected, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("layer", [EncoderLayer, DecoderLayer])
@pytest.mark.parametrize("norm_first", [False, True])
def test_a_layer_compiles_to_one_graph(layer, norm_first):
    torch.manual_seed(0)
    layer = shaken(layer(12, 3, norm_first=norm_first), torch.float32)
    inputs = [draw(B, T, 12, dtype=torch.float32)]
    if isinstance(layer, DecoderLayer):
        inputs.append(draw(B, S, 12, dtype=torch.float32))
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    options = {"mask": padding(T), "causal": True}
    torch.testing.assert_close(compiled(*inputs, **options), layer(*inputs, **options))
    torch.testing.assert_close(compiled(*inputs), layer(*inputs))


@pytest.mark.slow
def test_an_encoder_layer_compiles_with_inductor():
    torch.manual_seed(0)
    layer = shaken(EncoderLayer(12, 3), torch.float32)
    x = draw(B, T, 12, dtype=torch.float32)
    compiled = torch.compile(layer, fullgraph=True)
    torch.testing.assert_close(compiled(x, mask=padding(T)), layer(x, mask=padding(T)))


@pytest.mark.parametrize("options", [{}, {"mask": padding(T)}, {"causal": True}])
def test_a_layer_exports_for_every_length_and_batch(options):
    torch.manual_seed(0)
    layer = shaken(EncoderLayer(12, 3), torch.float32)
    size = {0: torch.export.Dim("B"), 1: torch.export.Dim("T")}
    free = {"mask": size, "causal": None}
    exported = torch.export.export(
        layer,
        (draw(B, T, 12, dtype=torch.float32),),
        options,
        dynamic_shapes={"x": size} | {name: free[name] for name in options},
    ).module()
    if "mask" in options:
        options = {"mask": padding(9, batch=3)}
    longer = draw(3, 9, 12, dtype=torch.float32)
    torch.testing.assert_close(exported(longer, **options), layer(longer, **options))


@pytest.mark.parametrize("layer", [EncoderLayer, DecoderLayer])
def test_a_state_dict_carries_everything(layer):
    torch.manual_seed(0)
    one, other = shaken(layer(12, 3, bias=True)), shaken(layer(12, 3, bias=True))
    other.load_state_dict(one.state_dict())
    inputs = [draw(B, T, 12), draw(B, S, 12)][: 1 + (layer is DecoderLayer)]
    assert other(*inputs).equal(one(*inputs))


# Errors


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MultiHeadAttention(10, 3), "positive divisor of dim=10, got 3"),
        (lambda: MultiHeadAttention(10, 0), "positive divisor of dim=10, got 0"),
        (lambda: MultiHeadAttention(10, 5, dropout=1.5), "probability, from 0 to 1, got 1.5"),
        (lambda: FeedForward(6, 0), "hidden must be a positive integer, got 0"),
        (lambda: FeedForward(6, activation="swish"), r"\['relu', 'gelu'\], got 'swish'"),
        (lambda: sinusoidal_positions(4, 5), "dim must be a positive even integer, got 5"),
        (lambda: sinusoidal_positions(0, 4), "length must be a positive integer, got 0"),
    ],
)
def test_a_wrong_argument_is_told_what_is_allowed(build, message):
    with pytest.raises(ValueError, match=message):
        build()


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
        call(MultiHeadAttention(6, 2), torch.zeros(B, T, 6))


def test_a_sequence_beyond_the_table_is_told_its_length():
    positions = SinusoidalPositions(6, max_length=8)
    with pytest.raises(ValueError, match="max_length=8, got 9"):
        positions(torch.zeros(B, 5, 6), offset=4)


# On a GPU


@pytest.mark.gpu
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gpu_agrees_with_the_cpu(kind, dtype):
    torch.manual_seed(0)
    layer = shaken(EncoderLayer(64, 4, bias=True), torch.float32)
    x = draw(B, T, 64, dtype=torch.float32)
    masks, _ = masks_of(kind, T, T)
    expected = layer(x, **masks)
    on_gpu = {k: m.cuda() if isinstance(m, torch.Tensor) else m for k, m in masks.items()}
    y = layer.to("cuda", dtype)(x.to("cuda", dtype), **on_gpu)
    tolerance = 1e-4 if dtype == torch.float32 else 0.1
    torch.testing.assert_close(y.float().cpu(), expected, atol=tolerance, rtol=tolerance)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_on_a_gpu_a_query_that_may_attend_to_nothing_gets_a_zero_context(dtype):
    torch.manual_seed(0)
    attention = shaken(MultiHeadAttention(64, 4), dtype).cuda()
    x = draw(B, 16, 64, dtype=dtype).cuda().requires_grad_()
    mask = torch.rand(B, 16, 16, device="cuda") < 0.6
    mask[0, 2] = mask[1] = False
    y, _ = attention(x, mask=mask)
    assert (y[1] == 0).all()
    assert (y[0, 2] == 0).all()
    (gradient,) = gradients(y, x)
    assert gradient.isfinite().all()
    assert (gradient[1] == 0).all()


@pytest.mark.gpu
def test_on_a_gpu_decoding_piece_by_piece_is_decoding_at_once():
    torch.manual_seed(0)
    layer = shaken(DecoderLayer(64, 4), torch.float32).cuda()
    x, memory = (draw(B, n, 64, dtype=torch.float32).cuda() for n in (9, S))
    cache = DecoderCache()
    pieces = [layer(token, memory, cache=cache) for token in x.split(1, dim=1)]
    torch.testing.assert_close(torch.cat(pieces, 1), layer(x, memory), atol=1e-4, rtol=1e-4)
