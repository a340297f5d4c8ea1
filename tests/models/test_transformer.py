"""The Transformer as a whole: what it may see, how it writes, and the sizes of the paper."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from attncourse.data.parallel_text import Batch
from attncourse.models import create
from attncourse.models.transformer import Transformer
from attncourse.models.translation import translation_loss
from attncourse.nn.recording import record_weights
from benchmarks.baselines import transformer as baselines

VOCABULARY, SOS, EOS = 11, 1, 2
B, S, T = 3, 7, 5
SEEDS = st.integers(0, 2**31 - 1)


def small(**options):
    """A small Transformer in double precision, every parameter off its initial value."""
    options = {"dim": 12, "heads": 3, "layers": 2} | options
    model = Transformer(VOCABULARY, **options)
    for name, parameter in model.named_parameters():
        nn.init.normal_(parameter, std=1.0 if "embedding" in name else 0.3)
    return model.double().eval()


def tokens(*shape, size=VOCABULARY):
    return torch.randint(3, size, shape)


def real(length):
    """True for real tokens: the first row is whole, the others get shorter."""
    return torch.arange(length) < length - torch.arange(B)[:, None]


@given(seed=SEEDS, norm_first=st.booleans())
def test_padding_changes_nothing(seed, norm_first):
    torch.manual_seed(seed)
    model = small(norm_first=norm_first)
    source, target = tokens(B, S), tokens(B, T)
    together = model(source, target, mask=real(S))
    for row in range(B):
        alone = model(source[row : row + 1, : S - row], target[row : row + 1, : T - row])
        torch.testing.assert_close(together[row : row + 1, : T - row], alone)


@given(seed=SEEDS, t=st.integers(1, T - 1))
def test_a_prediction_does_not_see_what_it_predicts(seed, t):
    torch.manual_seed(seed)
    model = small()
    source, target = tokens(B, S), tokens(B, T)
    changed = target.clone()
    changed[:, t:] = (target[:, t:] + 1) % VOCABULARY
    before, after = model(source, target), model(source, changed)
    torch.testing.assert_close(after[:, :t], before[:, :t])
    assert not torch.allclose(after[:, t], before[:, t])


@given(seed=SEEDS)
def test_order_matters_because_of_the_positions_alone(seed):
    torch.manual_seed(seed)
    model = small()
    source, target = torch.arange(3, 3 + S).expand(B, S), tokens(B, T)
    turned = source.flip(1)
    assert not torch.allclose(model(turned, target), model(source, target))
    model.positions.table.zero_()
    torch.testing.assert_close(model(turned, target), model(source, target))


@given(seed=SEEDS, norm_first=st.booleans())
@settings(max_examples=25)
def test_it_is_pytorchs_transformer_on_the_same_embeddings(seed, norm_first):
    torch.manual_seed(seed)
    ours = small(norm_first=norm_first, bias=True)
    options = {"dim_feedforward": 48, "norm_first": norm_first, "batch_first": True}
    norms = [ours.encoder_norm, ours.decoder_norm] if norm_first else [None, None]
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(12, 3, **options), 2, norms[0], enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(12, 3, **options), 2, norms[1])
    encoder, decoder = encoder.double().eval(), decoder.double().eval()
    for mine, theirs in zip(ours.encoder, encoder.layers, strict=True):
        copy_layer(mine, theirs)
    for mine, theirs in zip(ours.decoder, decoder.layers, strict=True):
        copy_layer(mine, theirs)
    source, target = tokens(B, S), tokens(B, T)

    def embed(x):
        return ours.embedding(x) * math.sqrt(12) + ours.positions.table[: x.shape[1]]

    memory = encoder(embed(source), src_key_padding_mask=~real(S))
    x = decoder(
        embed(target),
        memory,
        tgt_mask=torch.ones(T, T, dtype=torch.bool).triu(1),
        memory_key_padding_mask=~real(S),
    )
    torch.testing.assert_close(ours(source, target, mask=real(S)), x @ ours.embedding.weight.T)


def copy_layer(ours, theirs):
    baselines.copy_attention(ours.self_attention, theirs.self_attn)
    baselines.copy_rest(ours, theirs)
    if hasattr(ours, "cross_attention"):
        baselines.copy_attention(ours.cross_attention, theirs.multihead_attn)
        theirs.norm3.load_state_dict(ours.add_norm3.norm.state_dict())


# Embeddings


def test_source_target_and_output_share_one_matrix():
    torch.manual_seed(0)
    model = Transformer(VOCABULARY, dim=12, heads=3, layers=1)
    matrices = [p for p in model.parameters() if p.shape == (VOCABULARY, 12)]
    assert len(matrices) == 1
    model(tokens(B, S), tokens(B, T)).sum().backward()
    assert (matrices[0].grad != 0).any(1).all()  # the output layer reaches every token


def test_two_vocabularies_have_two_embeddings():
    torch.manual_seed(0)
    model = small(target_size=5)
    assert model(tokens(B, S), tokens(B, T, size=5)).shape == (B, T, 5)
    assert model.source_embedding.weight.shape == (VOCABULARY, 12)


def test_scaled_embeddings_start_with_the_variance_of_the_positions():
    torch.manual_seed(0)
    model = Transformer(1000, dim=64, layers=1)
    scaled = model.embedding.weight * 8
    assert math.isclose(scaled.var().item(), 1, rel_tol=0.05)


# Writing


def as_written(model, source, mask, length):
    """Greedy search without a cache: the whole target is read again for every token."""
    target = torch.full((len(source), 1), SOS)
    for _ in range(length):
        latest = model(source, target, mask=mask)[:, -1].argmax(-1, keepdim=True)
        ended = (target[:, 1:] == EOS).any(1, keepdim=True)
        target = torch.cat((target, latest.masked_fill(ended, EOS)), 1)
        if (target[:, 1:] == EOS).any(1).all():
            break
    return target[:, 1:]


@given(seed=SEEDS, norm_first=st.booleans())
@settings(max_examples=25)
def test_greedy_search_with_a_cache_is_that_without(seed, norm_first):
    torch.manual_seed(seed)
    model = small(norm_first=norm_first)
    source = tokens(B, S)
    decoded = model.greedy(source, mask=real(S), max_length=8, sos=SOS, eos=EOS)
    assert decoded.tokens.equal(as_written(model, source, real(S), 8))
    assert decoded.weights is None


@given(seed=SEEDS)
@settings(max_examples=25)
def test_one_beam_is_greedy_search(seed):
    torch.manual_seed(seed)
    model, source = small(), tokens(B, S)
    options = {"mask": real(S), "max_length": 8, "sos": SOS, "eos": EOS}
    greedy, beam = model.greedy(source, **options), model.beam(source, beams=1, **options)
    assert beam.tokens.equal(greedy.tokens)


@given(seed=SEEDS)
@settings(max_examples=25)
def test_a_beam_writes_each_sentence_as_if_it_were_alone(seed):
    torch.manual_seed(seed)
    model, source = small(), tokens(B, S)
    options = {"beams": 3, "max_length": 8, "sos": SOS, "eos": EOS}
    together = model.beam(source, mask=real(S), **options).tokens
    for row in range(B):
        alone = model.beam(source[row : row + 1, : S - row], **options).tokens[0]
        assert together[row, : len(alone)].equal(alone)
        assert (together[row, len(alone) :] == EOS).all()


def log_p(model, source, target):
    """The log probability of one sentence, up to and with its first end."""
    if EOS in target.tolist():
        target = target[: target.tolist().index(EOS) + 1]
    given = torch.cat((torch.tensor([SOS]), target[:-1]))
    steps = model(source[None], given[None])[0].log_softmax(-1)
    return steps.gather(1, target[:, None]).sum().item()


@given(seed=SEEDS)
@settings(max_examples=25)
def test_a_beam_as_wide_as_all_sentences_finds_the_best(seed):
    torch.manual_seed(seed)
    model = small(target_size=4)
    source = tokens(1, S)
    found = model.beam(source, beams=64, length_penalty=0.0, max_length=3, sos=SOS, eos=EOS).tokens[
        0
    ]
    everything = torch.cartesian_prod(*[torch.arange(4)] * 3)
    best = max(log_p(model, source[0], sentence) for sentence in everything)
    assert math.isclose(log_p(model, source[0], found), best, rel_tol=1e-5)


def test_every_attention_can_be_seen():
    torch.manual_seed(0)
    model, source, target = small(), tokens(B, S), tokens(B, T)
    with record_weights(model) as weights:
        model(source, target, mask=real(S))
    assert weights["decoder.1.cross_attention"].shape == (B, 3, T, S)
    hidden = weights["decoder.1.cross_attention"].movedim(-1, 1)[~real(S)]
    assert (hidden == 0).all()


# Learning


def test_it_learns_to_reverse():
    torch.manual_seed(0)
    model = Transformer(8, dim=32, heads=4, layers=1, dropout=0.0)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(250):
        source = torch.randint(3, 8, (64, 4))
        target = F.pad(source.flip(1), (1, 0), value=SOS)
        logits = model(source, target[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    source = torch.randint(3, 8, (200, 4))
    written = model.eval().greedy(source, max_length=4, sos=SOS, eos=EOS).tokens
    assert (written == source.flip(1)).all(1).float().mean() > 0.9


@given(seed=SEEDS, smoothing=st.floats(0, 1))
def test_label_smoothing_expects_a_share_of_every_token(seed, smoothing):
    torch.manual_seed(seed)
    model = small()
    target = F.pad(tokens(B, T), (1, 0), value=SOS)
    target[1, -2:] = target[2, -1] = 0  # padding
    batch = Batch(tokens(B, S), real(S), target)
    log_p = model(batch.source, target[:, :-1], mask=batch.mask).log_softmax(-1)
    right = log_p.gather(2, target[:, 1:, None]).squeeze(2)
    expected = (1 - smoothing) * right + smoothing * log_p.mean(2)
    torch.testing.assert_close(
        translation_loss(model, batch, smoothing=smoothing), -expected[target[:, 1:] != 0].mean()
    )


# Where it runs


@pytest.mark.parametrize("name", ["transformer_base", "transformer_big"])
def test_a_registered_model_runs_forward_and_backward(name):
    torch.manual_seed(0)
    model = create(name, source_size=VOCABULARY, layers=1)
    model(tokens(2, 3), tokens(2, 4)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_it_compiles_to_one_graph():
    torch.manual_seed(0)
    model = small(norm_first=True)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    source, target = tokens(B, S), tokens(B, T)
    torch.testing.assert_close(
        compiled(source, target, mask=real(S)), model(source, target, mask=real(S))
    )


def test_it_exports():
    torch.manual_seed(0)
    model, inputs, mask = small(), (tokens(B, S), tokens(B, T)), {"mask": real(S)}
    exported = torch.export.export(model, inputs, mask).module()
    torch.testing.assert_close(exported(*inputs, **mask), model(*inputs, **mask))


def test_a_state_dict_carries_everything():
    torch.manual_seed(0)
    one, other = small(target_size=9), small(target_size=9)
    inputs = tokens(B, S), tokens(B, T, size=9)
    other.load_state_dict(one.state_dict())
    assert other(*inputs).equal(one(*inputs))


def test_bfloat16_trains_under_autocast():
    torch.manual_seed(0)
    model = small().float()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(tokens(B, S), tokens(B, T), mask=real(S))
    logits.float().square().sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": 0}, "layers must be a positive integer, got 0"),
        ({"target_size": 0}, "target_size must be a positive integer, got 0"),
        ({"heads": 5}, "positive divisor of dim=512, got 5"),
        ({"activation": "tanh"}, "'relu', 'gelu'"),
        ({"max_length": 0}, "length must be a positive integer, got 0"),
    ],
)
def test_a_wrong_argument_is_told_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message), torch.device("meta"):
        Transformer(VOCABULARY, **options)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_on_a_gpu_it_writes_and_trains(dtype):
    torch.manual_seed(0)
    model = small().to("cuda", dtype)
    source, target, mask = tokens(B, S).cuda(), tokens(B, T).cuda(), real(S).cuda()
    model(source, target, mask=mask).float().square().sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    options = {"mask": mask, "max_length": 8, "sos": SOS, "eos": EOS}
    for decoded in (model.greedy(source, **options), model.beam(source, **options)):
        assert decoded.tokens.device.type == "cuda"
        assert len(decoded.tokens) == B
