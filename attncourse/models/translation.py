"""Teaching any `Translator` a parallel text, and having it translate."""

import math
from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attncourse.data.parallel_text import Batch, Pair, ParallelText
from attncourse.data.vocabulary import Vocabulary
from attncourse.models.translator import Translator


def translation_loss(model: nn.Module, batch: Batch, *, smoothing: float = 0.0) -> Tensor:
    """Return the cross-entropy of the target's tokens, each predicted from those before it.

    Args:
        model: A `Translator`, or what wraps one to train it on several devices.
        batch: On the model's device.
        smoothing: ε of label smoothing: the share of the probability that is expected not of the
            right token but, evenly, of the whole vocabulary. Transformers train with 0.1 (Vaswani
            et al. 2017, section 5.4); perplexity is worse for it, translations are better.

    Returns:
        A scalar: the mean over all tokens that are not padding, in nats; e to this power is the
        perplexity.
    """
    logits = model(batch.source, batch.target[:, :-1], mask=batch.mask)
    said = batch.target[:, 1:]
    return F.cross_entropy(
        logits.flatten(0, 1),
        said.flatten(),
        ignore_index=Vocabulary.pad,
        label_smoothing=smoothing,
    )


def measure(
    model: nn.Module, text: ParallelText, pairs: Sequence[Pair], *, size: int = 64
) -> dict[str, float]:
    """Measure how well a model predicts each token of the targets from those before it.

    Args:
        model: A `Translator` in evaluation mode.
        text: Gives the vocabularies.
        pairs: What to predict.
        size: How many pairs are looked at together.

    Returns:
        The "perplexity", and the "token_accuracy" between 0 and 1.
    """
    device = next(model.parameters()).device
    tokens = right = 0
    nats = 0.0
    in_order = sorted(pairs, key=lambda pair: len(pair[0]))  # for little padding
    for start in range(0, len(in_order), size):
        batch = text.batch(in_order[start : start + size], device=device)
        said = batch.target[:, 1:]
        real = said != Vocabulary.pad
        with torch.no_grad():
            logits = model(batch.source, batch.target[:, :-1], mask=batch.mask)
        nats += F.cross_entropy(logits[real], said[real], reduction="sum").item()
        right += int((logits.argmax(-1) == said)[real].sum())
        tokens += int(real.sum())
    return {"perplexity": math.exp(nats / tokens), "token_accuracy": right / tokens}


def translate(
    model: Translator,
    text: ParallelText,
    sources: Sequence[str],
    *,
    beams: int = 1,
    max_length: int | None = None,
    size: int = 256,
) -> list[str]:
    """Translate sentences, with the model in evaluation mode.

    Args:
        model: Trained on `text`.
        text: Gives the vocabularies.
        sources: What to translate.
        beams: Width of the beam search; 1 is greedy search.
        max_length: The most tokens a translation may have; by default, what the longest of the
            test's targets has.
        size: How many sentences are translated at a time.

    Returns:
        The translations, in the order of the sources.
    """
    vocabulary = text.target
    if max_length is None:
        max_length = 1 + max(len(vocabulary.encode(target)) for _, target in text.test)
    search = model.greedy if beams == 1 else partial(model.beam, beams=beams)
    device = next(model.parameters()).device
    order = sorted(range(len(sources)), key=lambda i: len(sources[i]))  # for little padding
    training = model.training
    model.eval()
    translations = [""] * len(sources)
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        batch = text.batch([(sources[i], "") for i in rows], device=device)
        decoded = search(
            batch.source,
            mask=batch.mask,
            max_length=max_length,
            sos=vocabulary.sos,
            eos=vocabulary.eos,
        )
        for i, tokens in zip(rows, decoded.tokens.tolist(), strict=True):
            translations[i] = vocabulary.decode(tokens)
    model.train(training)
    return translations
