"""The Transformer on a parallel text such as Multi30k: two files with a sentence a line."""

from pathlib import Path
from typing import Annotated

from typer import Option

from attncourse.recipes.options import (
    Amp,
    Compile,
    Every,
    Folder,
    Resume,
    Seed,
    Smoothing,
    Steps,
    Workers,
    at_least,
)
from attncourse.recipes.translate import Beams, Rarest, Source, Target, Test


def train(
    *,
    source: Source,
    target: Target,
    folder: Folder = Path("runs/transformer"),
    resume: Resume = False,
    steps: Steps = 100_000,
    batch: Annotated[int, at_least(1, "Pairs a step, in each process.")] = 256,
    lr: Annotated[
        float | None, at_least(0, "The greatest learning rate; by default 1/√(dim · warm-up).")
    ] = None,
    warm_up: Annotated[int, at_least(1, "Steps in which the learning rate rises.")] = 4000,
    smoothing: Smoothing = 0.1,
    every: Every = 2000,
    test: Test = 1000,
    min_frequency: Rarest = 2,
    max_size: Annotated[int, at_least(5, "Greatest size of a vocabulary.")] = 37_000,
    shared: Annotated[bool, Option(help="One vocabulary and embedding for both languages.")] = True,
    dim: Annotated[int, at_least(1, "Width of the network.")] = 512,
    heads: Annotated[int, at_least(1, "Heads of each attention.")] = 8,
    layers: Annotated[int, at_least(1, "Layers of the encoder, and of the decoder.")] = 6,
    hidden: Annotated[int, at_least(1, "Width of the feed-forward networks.")] = 2048,
    dropout: Annotated[float, Option(help="Share of the units left out.", min=0, max=1)] = 0.1,
    beams: Beams = 4,
    seed: Seed = 0,
    amp: Amp = False,
    compile: Compile = False,
    workers: Workers = 0,
) -> None:
    """Translate as Vaswani et al. 2017 do, with the base model.

    Its embedding is its output layer, too. A small text, such as Multi30k, needs a small network.

    Examples:
      attncourse train transformer --source train.de --target train.en
      attncourse train transformer --source train.de --target train.en --dim 256 --hidden 1024
      torchrun --nproc-per-node 2 -m attncourse train transformer --source train.de ...
    """
    lr = (dim * warm_up) ** -0.5 if lr is None else lr
    options = dict(locals())
    from functools import partial

    import torch

    from attncourse.data.parallel_text import read
    from attncourse.models.transformer import Transformer
    from attncourse.models.translation import translation_loss
    from attncourse.recipes.translate import train_translator
    from attncourse.training import adam, warm_up_then_inverse_root

    text = read(
        source,
        target,
        test=test,
        min_frequency=min_frequency,
        max_size=max_size,
        shared=shared,
        seed=seed,
    )
    torch.manual_seed(seed)
    model = Transformer(
        len(text.source),
        None if shared else len(text.target),
        dim=dim,
        heads=heads,
        layers=layers,
        hidden=hidden,
        dropout=dropout,
    )
    train_translator(
        model,
        text,
        partial(translation_loss, smoothing=smoothing),
        options,
        schedule=warm_up_then_inverse_root(warm_up),
        optimizer=partial(adam, betas=(0.9, 0.98), eps=1e-9),
        progress="transformer",
    )
