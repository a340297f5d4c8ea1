"""The Transformer's layers against PyTorch's, and against the laws that follow from the paper."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from attncourse.nn.recording import record_weights
from attncourse.nn.transformer import DecoderCache, DecoderLayer, EncoderLayer, FeedForward
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

OPTIONS = st.fixed_dictionaries(
    {"norm_first": st.booleans(), "activation": st.sampled_from(["relu", "gelu"])}
)


def peer_of(ours, kind, **options):
    """PyTorch's encoder or decoder layer with the weights of ours."""
    hidden, dim = ours.feed_forward.widen.weight.shape
    peer = kind(dim, ours.self_attention.heads, hidden, batch_first=True, **options).double()
    baselines.copy_attention(ours.self_attention, peer.self_attn)
    baselines.copy_rest(ours, peer)
    if isinstance(ours, DecoderLayer):
        baselines.copy_attention(ours.cross_attention, peer.multihead_attn)
        peer.norm3.load_state_dict(ours.add_norm3.norm.state_dict())
    return peer.eval()


@pytest.mark.parametrize("kind", MASKS)
@given(seed=SEEDS, size=SIZES, hidden=st.integers(1, 40), options=OPTIONS)
def test_an_encoder_layer_is_pytorchs(kind, seed, size, hidden, options):
    torch.manual_seed(seed)
    ours = shaken(EncoderLayer(**size, hidden=hidden, bias=True, **options))
    x = draw(B, T, size["dim"]).requires_grad_()
    masks, allowed = masks_of(kind, T, T)
    y = ours(x, **masks)
    blocked = (~allowed).repeat_interleave(size["heads"], 0)
    expected = peer_of(ours, nn.TransformerEncoderLayer, **options)(x, src_mask=blocked)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(gradients(y, x), gradients(expected, x))


@given(seed=SEEDS, size=SIZES, hidden=st.integers(1, 40), options=OPTIONS)
def test_a_decoder_layer_is_pytorchs(seed, size, hidden, options):
    torch.manual_seed(seed)
    ours = shaken(DecoderLayer(**size, hidden=hidden, bias=True, **options))
    x, memory = draw(B, T, size["dim"]).requires_grad_(), draw(B, S, size["dim"]).requires_grad_()
    y = ours(x, memory, mask=padding(T), memory_mask=padding(S))
    expected = peer_of(ours, nn.TransformerDecoderLayer, **options)(
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
    layer = shaken(EncoderLayer(12, heads=3, norm_first=norm_first))
    x, order = draw(B, T, 12), torch.randperm(T)
    torch.testing.assert_close(layer(x[:, order]), layer(x)[:, order])


@given(seed=SEEDS, t=st.integers(0, T - 1))
def test_what_comes_later_is_not_seen(seed, t):
    torch.manual_seed(seed)
    encoder, decoder = shaken(EncoderLayer(12, heads=3)), shaken(DecoderLayer(12, heads=3))
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
    encoder, decoder = shaken(EncoderLayer(12, heads=3)), shaken(DecoderLayer(12, heads=3))
    x, y = draw(B, T, 12), draw(B, S, 12)
    together = encoder(x, mask=padding(T))
    crossed = decoder(y, x, memory_mask=padding(T))
    for row in range(B):
        real = x[row : row + 1, : T - row]
        torch.testing.assert_close(together[row : row + 1, : T - row], encoder(real))
        torch.testing.assert_close(crossed[row : row + 1], decoder(y[row : row + 1], real))


def test_dropout_is_on_what_each_sublayer_adds():
    torch.manual_seed(0)
    layer = shaken(EncoderLayer(12, heads=3, dropout=1.0, norm_first=True)).train()
    x = draw(B, T, 12)
    torch.testing.assert_close(layer(x), x)


def test_the_feed_forward_network_is_four_times_as_wide_by_default():
    assert FeedForward(6).widen.out_features == 24


@given(seed=SEEDS, cuts=st.sets(st.integers(1, 8)))
def test_decoding_piece_by_piece_is_decoding_at_once(seed, cuts):
    torch.manual_seed(seed)
    layer = shaken(DecoderLayer(12, heads=3, bias=True))
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


@pytest.mark.parametrize("form", [baselines.PostNormLayer, baselines.TorchLayer])
@given(seed=SEEDS, size=SIZES)
def test_the_usual_layers_compute_the_same(form, seed, size):
    torch.manual_seed(seed)
    ours = shaken(EncoderLayer(**size, bias=True))
    x = draw(B, T, size["dim"])
    torch.testing.assert_close(form.like(ours).eval()(x), ours(x))


def test_it_takes_fewer_operations_than_the_usual_form():
    ours = EncoderLayer(12, heads=3, bias=True)
    x = draw(B, T, 12, dtype=torch.float32).requires_grad_()
    theirs = baselines.PostNormLayer.like(ours)
    assert traffic(ours, x).ops < traffic(theirs, x).ops
    assert (
        traffic(lambda: ours(x).sum().backward()).ops
        < traffic(lambda: theirs(x).sum().backward()).ops
    )


def test_recording_collects_the_weights_of_every_attention_and_leaves_no_trace():
    torch.manual_seed(0)
    layer = shaken(DecoderLayer(12, heads=3))
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


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_precisions_agree_with_double(dtype):
    torch.manual_seed(0)
    layer = shaken(DecoderLayer(12, heads=3))
    x, memory = draw(B, T, 12), draw(B, S, 12)
    exact = layer(x, memory, memory_mask=padding(S))
    rough = layer.to(dtype)(x.to(dtype), memory.to(dtype), memory_mask=padding(S))
    assert rough.dtype == dtype
    tolerance = 30 * torch.finfo(dtype).eps
    torch.testing.assert_close(rough.double(), exact, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("layer", [EncoderLayer, DecoderLayer])
@pytest.mark.parametrize("norm_first", [False, True])
def test_a_layer_compiles_to_one_graph(layer, norm_first):
    torch.manual_seed(0)
    layer = shaken(layer(12, heads=3, norm_first=norm_first), torch.float32)
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
    layer = shaken(EncoderLayer(12, heads=3), torch.float32)
    x = draw(B, T, 12, dtype=torch.float32)
    compiled = torch.compile(layer, fullgraph=True)
    torch.testing.assert_close(compiled(x, mask=padding(T)), layer(x, mask=padding(T)))


@pytest.mark.parametrize("options", [{}, {"mask": padding(T)}, {"causal": True}])
def test_a_layer_exports_for_every_length_and_batch(options):
    torch.manual_seed(0)
    layer = shaken(EncoderLayer(12, heads=3), torch.float32)
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
    one, other = shaken(layer(12, heads=3, bias=True)), shaken(layer(12, heads=3, bias=True))
    other.load_state_dict(one.state_dict())
    inputs = [draw(B, T, 12), draw(B, S, 12)][: 1 + (layer is DecoderLayer)]
    assert other(*inputs).equal(one(*inputs))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 0}, "hidden must be a positive integer, got 0"),
        ({"activation": "swish"}, r"\['relu', 'gelu'\], got 'swish'"),
        ({"heads": 5}, "positive divisor of dim=6, got 5"),
    ],
)
@pytest.mark.parametrize("layer", [EncoderLayer, DecoderLayer])
def test_a_wrong_argument_is_told_what_is_allowed(layer, options, message):
    with pytest.raises(ValueError, match=message):
        layer(6, **{"heads": 2} | options)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gpu_agrees_with_the_cpu(kind, dtype):
    torch.manual_seed(0)
    layer = shaken(EncoderLayer(64, heads=4, bias=True), torch.float32)
    x = draw(B, T, 64, dtype=torch.float32)
    masks, _ = masks_of(kind, T, T)
    expected = layer(x, **masks)
    on_gpu = {k: m.cuda() if isinstance(m, torch.Tensor) else m for k, m in masks.items()}
    y = layer.to("cuda", dtype)(x.to("cuda", dtype), **on_gpu)
    tolerance = 1e-4 if dtype == torch.float32 else 0.1
    torch.testing.assert_close(y.float().cpu(), expected, atol=tolerance, rtol=tolerance)


@pytest.mark.gpu
def test_on_a_gpu_decoding_piece_by_piece_is_decoding_at_once():
    torch.manual_seed(0)
    layer = shaken(DecoderLayer(64, heads=4), torch.float32).cuda()
    x, memory = (draw(B, n, 64, dtype=torch.float32).cuda() for n in (9, S))
    cache = DecoderCache()
    pieces = [layer(token, memory, cache=cache) for token in x.split(1, dim=1)]
    torch.testing.assert_close(torch.cat(pieces, 1), layer(x, memory), atol=1e-4, rtol=1e-4)
