"""The sizes of the paper's models: its formula, its table 3, and the vocabulary they imply."""

import pytest
import torch

from attncourse.models import create
from attncourse.models.transformer import Transformer


def parameters(**options):
    with torch.device("meta"):
        return sum(p.numel() for p in Transformer(**options).parameters())


def test_parameters_are_those_of_the_formula():
    """Attention 4D² without biases, feed-forward 8D² + 5D, layer norm 2D, one embedding VD."""
    v, d, n = 37_000, 512, 6
    encoder, decoder = 12 * d * d + 9 * d, 16 * d * d + 11 * d
    assert parameters(source_size=v) == v * d + n * (encoder + decoder)


TABLE_3 = [  # million parameters as published, and what differs from the base model
    (65, {}),
    (36, {"layers": 2}),
    (50, {"layers": 4}),
    (80, {"layers": 8}),
    (28, {"dim": 256, "hidden": 2048}),
    (168, {"dim": 1024, "hidden": 2048}),
    (53, {"hidden": 1024}),
    (90, {"hidden": 4096}),
]


def fits(table, vocabulary):
    return all(
        published == round(parameters(source_size=vocabulary, **options) / 1e6)
        for published, options in table
    )


@pytest.mark.parametrize(
    ("table", "least", "most"),
    [(TABLE_3, 41_004, 41_208), ([(213, {"dim": 1024, "heads": 16})], 35_368, 36_344)],
    ids=["base and its variations", "big"],
)
def test_table_3_says_how_many_embeddings_its_models_had(table, least, most):
    """The text says "about 37000", which fits neither."""
    assert fits(table, least)
    assert fits(table, most)
    assert not fits(table, least - 1)
    assert not fits(table, most + 1)


@pytest.mark.parametrize(
    ("name", "dim", "heads", "dropout"),
    [("transformer_base", 512, 8, 0.1), ("transformer_big", 1024, 16, 0.3)],
)
def test_the_registered_models_are_the_papers(name, dim, heads, dropout):
    with torch.device("meta"):
        model = create(name)
    assert model.embedding.weight.shape == (37_000, dim)
    assert len(model.encoder) == len(model.decoder) == 6
    for layer in (*model.encoder, *model.decoder):
        assert layer.self_attention.heads == heads
        assert layer.feed_forward.widen.out_features == 4 * dim
        assert layer.add_norm1.dropout.p == dropout
        assert not layer.add_norm1.norm_first
