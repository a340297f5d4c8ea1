"""RNNsearch on a parallel text such as Multi30k: two files with a sentence a line."""

from pathlib import Path
from typing import Annotated

from typer import Option

from attncourse.recipes.options import (
    Amp,
    Compile,
    Every,
    Folder,
    Rate,
    Resume,
    Seed,
    Steps,
    Workers,
    at_least,
)
from attncourse.recipes.translate import Beams, Rarest, Source, Target, Test


def train(
    *,
    source: Source,
    target: Target,
    folder: Folder = Path("runs/bahdanau"),
    resume: Resume = False,
    steps: Steps = 10_000,
    batch: Annotated[int, at_least(1, "Pairs a step, in each process.")] = 80,
    lr: Rate = 1e-3,
    every: Every = 500,
    test: Test = 1000,
    min_frequency: Rarest = 2,
    max_size: Annotated[int, at_least(5, "Greatest size of a vocabulary.")] = 30_000,
    embedding: Annotated[int, at_least(1, "Width of the embeddings.")] = 620,
    hidden: Annotated[int, at_least(1, "Units of each recurrent network.")] = 1000,
    readout: Annotated[int, at_least(1, "Units of the maxout layer.")] = 500,
    attention: Annotated[bool, Option(help="Attention, or the fixed context.")] = True,
    beams: Beams = 4,
    seed: Seed = 0,
    amp: Amp = False,
    compile: Compile = False,
    workers: Workers = 0,
) -> None:
    """Translate as Bahdanau et al. 2014 do, at the paper's sizes.

    Examples:
      attncourse train bahdanau --source train.de --target train.en
      attncourse train bahdanau --source train.de --target train.en --amp --compile --resume
      torchrun --nproc-per-node 2 -m attncourse train bahdanau --source train.de --target train.en
    """
    options = dict(locals())
    import torch

    from attncourse.data.parallel_text import read
    from attncourse.models.seq2seq import Seq2Seq
    from attncourse.models.translation import translation_loss
    from attncourse.recipes.translate import train_translator
    from attncourse.training import warm_up_then_decay

    text = read(
        source, target, test=test, min_frequency=min_frequency, max_size=max_size, seed=seed
    )
    torch.manual_seed(seed)
    model = Seq2Seq(
        len(text.source),
        len(text.target),
        embedding=embedding,
        hidden=hidden,
        readout=readout,
        attention=attention,
    )
    train_translator(
        model,
        text,
        translation_loss,
        options,
        schedule=warm_up_then_decay(steps),
        progress="rnnsearch" if attention else "rnnencdec",
    )
