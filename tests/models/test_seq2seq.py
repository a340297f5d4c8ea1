"""RNNsearch against its paper, equation by equation, and against itself under padding."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F

from attncourse.models import create
from attncourse.models.seq2seq import Seq2Seq

SOURCE, TARGET, SOS, EOS = 11, 7, 1, 2
LENGTHS = (5, 2, 7, 1)

both = pytest.mark.parametrize("attention", [True, False], ids=["attention", "fixed context"])


def network(attention=True, **options):
    torch.manual_seed(0)
    sizes = {"embedding": 3, "hidden": 5, "align": 4, "readout": 6} | options
    return Seq2Seq(SOURCE, TARGET, attention=attention, **sizes).double()


@pytest.fixture
def batch():
    """Sources of different lengths, padded with tokens that are not the padding's."""
    random = torch.Generator().manual_seed(1)
    source = torch.randint(SOURCE, (len(LENGTHS), max(LENGTHS)), generator=random)
    target = torch.randint(TARGET, (len(LENGTHS), 6), generator=random)
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    return source, target, mask


def gru(cell, suffix, x, h):
    """A step of PyTorch's GRU, from its documentation."""
    weights = {name.removesuffix(suffix): p for name, p in cell.named_parameters()}
    xr, xz, xn = (weights["weight_ih"] @ x + weights["bias_ih"]).chunk(3)
    hr, hz, hn = (weights["weight_hh"] @ h + weights["bias_hh"]).chunk(3)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    return (1 - z) * torch.tanh(xn + r * hn) + z * h


def as_in_the_paper(model, source, target):
    """Logits (T, V) of one sentence pair, by the equations of appendix A."""
    words = [model.source_embedding.weight[i] for i in source]
    n = model.first_state.in_features

    def read(rnn, words):
        states = [torch.zeros(n, dtype=torch.double)]
        for word in words:
            states.append(gru(rnn, "_l0", word, states[-1]))
        return states[1:]

    forth = read(model.forward_rnn, words)
    back = read(model.backward_rnn, words[::-1])[::-1]
    annotations = [torch.cat(pair) for pair in zip(forth, back, strict=True)]
    state = torch.tanh(model.first_state.weight @ back[0])
    logits = []
    for token in target:
        if model.attention is None:
            context = torch.cat((forth[-1], back[0]))
        else:
            w = model.attention.query_projection.weight
            u = model.attention.key_projection.weight
            scores = [model.attention.v @ torch.tanh(w @ state + u @ h) for h in annotations]
            weights = torch.stack(scores).softmax(0)
            context = sum(a * h for a, h in zip(weights, annotations, strict=True))
        previous = model.target_embedding.weight[token]
        t = model.readout(torch.cat((state, previous, context)))
        maxout = torch.stack([t[i : i + 2].max() for i in range(0, len(t), 2)])
        logits.append(model.output(maxout))
        state = gru(model.cell, "", torch.cat((previous, context)), state)
    return torch.stack(logits)


@both
def test_it_computes_what_the_paper_says(attention, batch):
    model = network(attention)
    source, target, mask = batch
    logits = model(source, target, mask=mask)
    for row, length in enumerate(LENGTHS):
        expected = as_in_the_paper(model, source[row, :length], target[row])
        torch.testing.assert_close(logits[row], expected)


@both
def test_padding_changes_nothing(attention, batch):
    model = network(attention)
    source, target, mask = batch

    def gradients(rows):
        model.zero_grad()
        loss = sum(model(*row[:2], mask=row[2]).square().sum() for row in rows)
        loss.backward()
        return [p.grad.clone() for p in model.parameters()]

    alone = [(source[i : i + 1, :n], target[i : i + 1], None) for i, n in enumerate(LENGTHS)]
    together = gradients([(source, target, mask)])
    torch.testing.assert_close(together, gradients(alone))

    for search in (model.greedy, model.beam):
        found = search(source, mask=mask, max_length=4, sos=SOS, eos=EOS)
        for row, (sentence, _, _) in enumerate(alone):
            one = search(sentence, max_length=4, sos=SOS, eos=EOS)
            length = one.tokens.shape[1]
            assert found.tokens[row, :length].equal(one.tokens[0])
            looked_at = one.weights.shape[2]
            torch.testing.assert_close(found.weights[row, :length, :looked_at], one.weights[0])
            assert (found.weights[row, :, looked_at:] == 0).all()


@both
def test_steps_of_the_decoder_add_up_to_the_whole(attention, batch):
    model = network(attention)
    source, target, mask = batch
    memory, state = model.encode(source, mask=mask)
    steps = []
    for token in target.unbind(1):
        logits, state, weights = model.decoder_step(token, state, *memory)
        steps.append(logits)
        assert weights.shape == memory.annotations.shape[:2]
        torch.testing.assert_close(weights.sum(1), torch.ones_like(weights[:, 0]))
    torch.testing.assert_close(torch.stack(steps, 1), model(source, target, mask=mask))


def test_the_first_state_comes_from_reading_the_first_word_last(batch):
    model = network()
    source, _, mask = batch
    _, state = model.encode(source, mask=mask)
    other = source.clone()
    other[0, LENGTHS[0] - 1] = (other[0, LENGTHS[0] - 1] + 1) % SOURCE  # its last word
    _, changed = model.encode(other, mask=mask)
    assert not changed[0].equal(state[0])
    assert changed[1:].equal(state[1:])


def test_a_target_does_not_see_what_follows(batch):
    model = network()
    source, target, mask = batch
    other = target.clone()
    other[:, 3:] = (other[:, 3:] + 1) % TARGET
    before, after = (model(source, t, mask=mask) for t in (target, other))
    assert before[:, :3].equal(after[:, :3])
    assert not before[:, 3:].equal(after[:, 3:])


@both
def test_a_wide_beam_finds_the_most_probable_sentence(attention):
    model = network(attention, embedding=2)
    length, source = 3, torch.tensor([[3, 9, 4]])
    found = model.beam(
        source, beams=TARGET**length, max_length=length, length_penalty=0.0, sos=SOS, eos=EOS
    )

    def log_p(tokens):
        target = torch.tensor([[SOS, *tokens]])
        chances = model(source, target[:, :-1]).log_softmax(-1)
        return chances.gather(2, target[:, 1:, None]).sum().item()

    sentences = (
        tokens[: tokens.index(EOS) + 1] if EOS in tokens else tokens
        for tokens in product(range(TARGET), repeat=length)
    )
    best = max(set(sentences), key=log_p)
    written = found.tokens[0].tolist()
    assert tuple(written[: len(best)]) == best


def test_without_attention_every_step_gets_the_same(batch):
    source, _, mask = batch
    memory, _ = network(False).encode(source, mask=mask)
    assert memory.annotations.shape == (len(LENGTHS), 1, 10)
    assert memory.projected_keys is memory.mask is None


def test_it_learns_to_reverse():
    torch.manual_seed(0)
    model = Seq2Seq(9, 9, embedding=16, hidden=32, readout=16)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    start = torch.full((32, 1), SOS)
    for _ in range(120):
        source = torch.randint(3, 9, (32, 3))
        target = source.flip(1)
        logits = model(source, torch.cat((start, target[:, :-1]), 1))
        optimizer.zero_grad()
        F.cross_entropy(logits.flatten(0, 1), target.flatten()).backward()
        optimizer.step()
    source = torch.tensor(list(product(range(3, 9), repeat=3)))
    written = model.greedy(source, max_length=3, sos=SOS, eos=EOS).tokens
    assert (written == source.flip(1)).all(1).float().mean() > 0.95


def test_names_of_the_weights_are_stable():
    names = {name.rpartition(".")[0] for name in network().state_dict()} - {"attention"}
    assert names == {
        *("source_embedding", "forward_rnn", "backward_rnn", "first_state", "target_embedding"),
        *("attention.query_projection", "attention.key_projection", "cell", "readout", "output"),
    }


def test_the_registered_networks_are_the_paper_s():
    with torch.device("meta"):
        search, fixed = create("rnnsearch"), create("rnnencdec")
    assert search.source_embedding.weight.shape == (30_000, 620)
    assert search.forward_rnn.weight_hh_l0.shape == (3_000, 1_000)
    assert search.attention.key_projection.weight.shape == (1_000, 2_000)
    assert search.output.weight.shape == (30_000, 500)
    without = {k: v.shape for k, v in search.state_dict().items() if "attention" not in k}
    assert {k: v.shape for k, v in fixed.state_dict().items()} == without


def test_mixed_precision_stays_near(batch):
    model = network().float()
    source, target, mask = batch
    exact = model(source, target, mask=mask)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(source, target, mask=mask)
    torch.testing.assert_close(rough.float(), exact, atol=0.03, rtol=0.03)


@both
def test_the_compiled_step_serves_every_length(attention, batch):
    model, compiled = network(attention), network(attention)
    compiled.compile(backend="aot_eager", fullgraph=True)
    source, target, mask = batch
    for sources, targets in ((7, 6), (6, 3), (7, 2)):
        args = source[:, :sources], target[:, :targets]
        expected = model(*args, mask=mask[:, :sources])
        torch.testing.assert_close(compiled(*args, mask=mask[:, :sources]), expected)


@pytest.mark.gpu
@both
@pytest.mark.parametrize("amp", [False, True])
def test_it_runs_on_a_gpu(attention, amp, batch):
    model = network(attention).float()
    expected = model(*batch[:2], mask=batch[2])
    source, target, mask = (x.cuda() for x in batch)
    with torch.autocast("cuda", torch.bfloat16, enabled=amp):
        logits = model.cuda()(source, target, mask=mask)
    logits.float().sum().backward()
    tolerance = 0.03 if amp else 1e-4
    torch.testing.assert_close(logits.float().cpu(), expected, atol=tolerance, rtol=tolerance)
    assert all(p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("name", ["source_size", "target_size", "embedding", "hidden", "readout"])
def test_sizes_must_be_positive(name):
    with pytest.raises(ValueError, match=f"{name} must be a positive integer, got 0"):
        Seq2Seq(**({"source_size": 3, "target_size": 3} | {name: 0}))


@pytest.mark.parametrize(
    "mask", [torch.ones(4, 7), torch.ones(4, 6, dtype=torch.bool)], ids=["float", "shape"]
)
def test_a_mask_must_fit(mask, batch):
    source, target, _ = batch
    with pytest.raises(ValueError, match=r"mask must be boolean and of the shape .*\(4, 7\)"):
        network()(source, target, mask=mask)
