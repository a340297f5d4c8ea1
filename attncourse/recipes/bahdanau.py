"""RNNsearch on a parallel text such as Multi30k: two files with a sentence a line."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

if TYPE_CHECKING:
    from attncourse.data.parallel_text import ParallelText
    from attncourse.models.translator import Translator
    from attncourse.training import History


def _text(help: str) -> Any:
    return Option(help=help, exists=True, dir_okay=False, readable=True)


def _at_least(least: float, help: str) -> Any:
    return Option(help=help, min=least)


def train(
    *,
    source: Annotated[Path, _text("The text to translate, a sentence a line.")],
    target: Annotated[Path, _text("Its translation, line for line.")],
    folder: Annotated[Path, Option(help="Where the run is kept.")] = Path("runs/bahdanau"),
    resume: Annotated[bool, Option("--resume", help="Go on with the run in the folder.")] = False,
    steps: Annotated[int, _at_least(1, "Length of the training.")] = 10_000,
    batch: Annotated[int, _at_least(1, "Pairs a step, in each process.")] = 80,
    lr: Annotated[float, _at_least(0, "The greatest learning rate, of Adam.")] = 1e-3,
    every: Annotated[int, _at_least(1, "Steps between two checkpoints.")] = 500,
    test: Annotated[int, _at_least(1, "Pairs kept for testing.")] = 1000,
    min_frequency: Annotated[int, _at_least(1, "Rarer words are unknown.")] = 2,
    max_size: Annotated[int, _at_least(5, "Greatest size of a vocabulary.")] = 30_000,
    embedding: Annotated[int, _at_least(1, "Width of the embeddings.")] = 620,
    hidden: Annotated[int, _at_least(1, "Units of each recurrent network.")] = 1000,
    readout: Annotated[int, _at_least(1, "Units of the maxout layer.")] = 500,
    attention: Annotated[bool, Option(help="Attention, or the fixed context.")] = True,
    beams: Annotated[int, _at_least(1, "Beams of the translations shown at the end.")] = 4,
    seed: Annotated[int, _at_least(0, "Fixes weights, order and test pairs.")] = 0,
    amp: Annotated[bool, Option("--amp", help="Mixed precision.")] = False,
    compile: Annotated[bool, Option("--compile", help="Compile the decoder's step.")] = False,
    workers: Annotated[int, _at_least(0, "Processes that prepare batches.")] = 0,
) -> None:
    """Translate as Bahdanau et al. 2014 do, at the paper's sizes.

    Examples:
      attncourse train bahdanau --source train.de --target train.en
      attncourse train bahdanau --source train.de --target train.en --amp --compile --resume
      torchrun --nproc-per-node 2 -m attncourse train bahdanau --source train.de --target train.en
    """
    config = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in locals().items()
        if name not in ("folder", "resume", "workers", "beams")  # they do not change the result
    }
    import torch

    from attncourse.data.parallel_text import read
    from attncourse.models.seq2seq import Seq2Seq
    from attncourse.models.translation import measure, translation_loss
    from attncourse.recipes.run import Run
    from attncourse.training import best_device, fit, warm_up_then_decay, world

    text = read(
        source, target, test=test, min_frequency=min_frequency, max_size=max_size, seed=seed
    )
    batches = text.batches(batch, seed=seed)
    torch.manual_seed(seed)
    model = Seq2Seq(
        len(text.source),
        len(text.target),
        embedding=embedding,
        hidden=hidden,
        readout=readout,
        attention=attention,
    )
    run = Run(folder, config, resume=resume)
    history = fit(
        model,
        batches,
        translation_loss,
        steps=steps,
        lr=lr,
        schedule=warm_up_then_decay(steps),
        seed=seed,
        device=best_device(),
        amp=amp,
        compile=compile,
        evaluate=lambda model: measure(model, text, text.test),
        every=every,
        checkpoint=run.checkpoint,
        resume=resume,
        workers=workers,
        progress="rnnsearch" if attention else "rnnencdec",
    )
    if world().rank == 0:
        run.finish(history)
        _report(model, text, history, beams=beams)


def _report(model: "Translator", text: "ParallelText", history: "History", *, beams: int) -> None:
    from attncourse.models.translation import translate

    last = history.metrics[-1]
    answers = translate(model, text, [source for source, _ in text.test], beams=beams)
    judged = list(zip(text.test, answers, strict=True))
    exact = sum(answer == target for (_, target), answer in judged)
    print(f"{len(judged):,} test pairs after {last['step']:,} steps:")
    print(f"  perplexity      {last['perplexity']:.2f}")
    print(f"  token accuracy  {last['token_accuracy']:.3f}")
    print(f"  exact match     {exact / len(judged):.3f} with {beams} beams")
    for (source, target), answer in judged[:5]:
        print(f"\n  source      {source}\n  reference   {target}\n  translated  {answer}")
