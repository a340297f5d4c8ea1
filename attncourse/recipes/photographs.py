"""What recipes on photographs share: the training, and a report at the end."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    from attncourse.data.images import Images, Sample


def train_network(
    options: dict[str, Any],
    images: "Images",
    loss: "Callable[[nn.Module, Sample], Tensor]",
    measure: "Callable[[nn.Module, Iterable[Sample]], dict[str, float]]",
    *,
    figures: Mapping[str, str],
    test_batch: int,
    warm_up: float,
    **fit_options: Any,
) -> None:
    """Train a network on photographs, and print how well it does on those it was not shown.

    Args:
        options: Of the recipe, by name.
        images: What to learn from, and to be judged by.
        loss: Of a model and a batch.
        measure: Of a model and the test batches.
        figures: What is printed of that: the names in it, and what each is called.
        test_batch: Photographs judged at a time.
        warm_up: Share of the steps in which the learning rate rises.
        fit_options: Further ones of `attncourse.training.fit`.
    """
    import torch

    from attncourse.models import create
    from attncourse.recipes.run import Run
    from attncourse.training import warm_up_then_decay, world

    batches = images.batches(options["batch"], seed=options["seed"])
    tests = images.tests(test_batch, workers=options["workers"])
    torch.manual_seed(options["seed"])
    network = options["network"].value
    history = Run(options).fit(
        create(network, num_classes=images.classes),
        batches,
        loss,
        schedule=warm_up_then_decay(options["steps"], warm_up=warm_up),
        evaluate=lambda model: measure(model, tests),
        progress=network,
        **fit_options,
    )
    if world().rank == 0:
        last = history.metrics[-1]
        print(f"{len(images.test):,} test images after {last['step']:,} steps:")
        for key, name in figures.items():
            print(f"  {name:<14}  {last[key]:.3f}")
