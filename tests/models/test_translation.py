import math

import pytest
import torch

from attncourse.data import reversal
from attncourse.models.seq2seq import Seq2Seq
from attncourse.models.transformer import Transformer
from attncourse.models.translation import measure, translate, translation_loss


@pytest.fixture(scope="module")
def task():
    return reversal.load(200, longest=6)


@pytest.fixture(params=["seq2seq", "transformer"])
def model(request, task):
    torch.manual_seed(0)
    sizes = len(task.source), len(task.target)
    if request.param == "seq2seq":
        return Seq2Seq(*sizes, embedding=4, hidden=8, readout=4)
    return Transformer(*sizes, dim=8, heads=2, layers=1)


def test_a_network_that_knows_nothing_is_as_perplexed_as_a_die(task, model):
    for p in model.parameters():
        torch.nn.init.zeros_(p)
    loss = translation_loss(model, task.batch(task.train[:20]))
    assert loss.item() == pytest.approx(math.log(len(task.target)))


def test_the_loss_is_the_mean_over_all_tokens(task, model):
    model.eval()
    pairs = task.train[:20]
    tokens = [len(target) + 1 for _, target in pairs]
    each = [translation_loss(model, task.batch([pair])).item() for pair in pairs]
    mean = sum(n * loss for n, loss in zip(tokens, each, strict=True)) / sum(tokens)
    assert translation_loss(model, task.batch(pairs)).item() == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("beams", [1, 2])
def test_translations_come_in_order_and_without_dropout(task, model, beams):
    sources = [source for source, _ in task.test]
    together = translate(model, task, sources, beams=beams, size=7)
    assert together == [translate(model, task, [source], beams=beams)[0] for source in sources]
    assert all(len(text) <= 7 for text in together)
    assert model.training


def test_what_is_measured_is_the_loss_of_all_pairs_together(task, model):
    model.eval()
    measured = measure(model, task, task.test, size=7)
    loss = translation_loss(model, task.batch(task.test))
    assert measured["perplexity"] == pytest.approx(loss.exp().item(), rel=1e-5)


def test_token_accuracy_counts_ends_but_no_padding(task, model):
    """A network that always says "end" is right once a sentence."""
    model.eval()

    def always_end(source, target, *, mask):
        logits = model(source, target, mask=mask).detach()
        logits[..., task.target.eos] = 100.0
        return logits

    always_end.parameters = model.parameters
    pairs = [("1", "1"), ("123", "321")]
    assert measure(always_end, task, pairs)["token_accuracy"] == pytest.approx(2 / 6)
