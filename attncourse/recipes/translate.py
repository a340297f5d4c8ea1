"""What recipes that translate share: two files with a sentence a line, and a report at the end."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from attncourse.recipes.options import at_least

if TYPE_CHECKING:
    from torch import Tensor, nn

    from attncourse.data.parallel_text import Batch, ParallelText
    from attncourse.models.translator import Translator
    from attncourse.training import History


def _text(help: str) -> Any:
    return Option(help=help, exists=True, dir_okay=False, readable=True)


Source = Annotated[Path, _text("The text to translate, a sentence a line.")]
Target = Annotated[Path, _text("Its translation, line for line.")]
Test = Annotated[int, at_least(1, "Pairs kept for testing.")]
Rarest = Annotated[int, at_least(1, "Rarer words are unknown.")]
Beams = Annotated[int, at_least(1, "Beams of the translations shown at the end.")]


def train_translator(
    model: "Translator",
    text: "ParallelText",
    loss: "Callable[[nn.Module, Batch], Tensor]",
    options: dict[str, Any],
    **fit_options: Any,
) -> None:
    """Train a network on a text, and print how it translates what it was not shown.

    Args:
        model: For the vocabularies of the text.
        text: What to learn from, and to be judged by.
        loss: Of a model and a batch.
        options: Of the recipe, by name.
        fit_options: Further ones of `attncourse.training.fit`.
    """
    from attncourse.models.translation import measure
    from attncourse.recipes.run import Run
    from attncourse.training import world

    batches = text.batches(options["batch"], seed=options["seed"])
    history = Run(options).fit(
        model,
        batches,
        loss,
        evaluate=lambda model: measure(model, text, text.test),
        **fit_options,
    )
    if world().rank == 0:
        _report(model, text, history, beams=options["beams"])


def _report(model: "Translator", text: "ParallelText", history: "History", *, beams: int) -> None:
    from attncourse.models.bleu import bleu
    from attncourse.models.translation import translate

    last = history.metrics[-1]
    answers = translate(model, text, [source for source, _ in text.test], beams=beams)
    judged = list(zip(text.test, answers, strict=True))
    exact = sum(answer == target for (_, target), answer in judged)
    score = bleu(answers, [target for _, target in text.test])
    print(f"{len(judged):,} test pairs after {last['step']:,} steps:")
    print(f"  perplexity      {last['perplexity']:.2f}")
    print(f"  token accuracy  {last['token_accuracy']:.3f}")
    print(f"  BLEU            {100 * score:.1f} with {beams} beams")
    print(f"  exact match     {exact / len(judged):.3f} with {beams} beams")
    for (source, target), answer in judged[:5]:
        print(f"\n  source      {source}\n  reference   {target}\n  translated  {answer}")
