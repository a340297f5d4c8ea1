"""Naming what photographs show, with a gate in the network or without."""

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from attncourse.recipes.options import (
    Amp,
    Compile,
    Data,
    Decay,
    Every,
    Folder,
    Rate,
    Resume,
    Seed,
    Smoothing,
    Steps,
    Workers,
    at_least,
)

if TYPE_CHECKING:
    from attncourse.data.images import Images

PLAIN = ("resnet18", "resnet50", "resnext50", "mobilenetv2")
"""Networks without a gate, to compare with."""


def recipe(slug: str, *networks: str) -> Callable[..., None]:
    """The recipe of a lesson.

    Args:
        slug: Of the lesson.
        networks: Those with its mechanism, the default first.
    """
    Network = Enum("Network", {name: name for name in (*networks, *PLAIN)})  # type: ignore[misc]
    first = Network(networks[0])

    def train(
        *,
        data: Data,
        network: Annotated[Network, Option(help="With a gate, or without.")] = first,
        size: Annotated[int, at_least(32, "Side of the images that the network sees.")] = 128,
        folder: Folder = Path("runs") / slug,
        resume: Resume = False,
        steps: Steps = 78_000,
        batch: Annotated[int, at_least(1, "Images a step, in each process.")] = 128,
        lr: Rate = 0.1,
        weight_decay: Decay = 5e-4,
        smoothing: Smoothing = 0.1,
        every: Every = 2000,
        seed: Seed = 0,
        amp: Amp = False,
        compile: Compile = False,
        workers: Workers = 0,
    ) -> None:
        options = dict(locals())
        from functools import partial

        import torch

        from attncourse.models import create
        from attncourse.models.classification import classification_loss, measure
        from attncourse.recipes.run import Run
        from attncourse.training import sgd, warm_up_then_decay, world

        images = _read(data, side=size)
        batches, tests = images.batches(batch, seed=seed), images.tests(batch, workers=workers)
        torch.manual_seed(seed)
        model = create(network.value, num_classes=images.classes)
        history = Run(options).fit(
            model,
            batches,
            partial(classification_loss, side=size, smoothing=smoothing),
            schedule=warm_up_then_decay(steps, warm_up=0.05),
            optimizer=partial(sgd, weight_decay=weight_decay),
            clip=None,
            evaluate=lambda model: measure(model, tests, side=size),
            progress=network.value,
        )
        if world().rank == 0:
            last = history.metrics[-1]
            print(f"{len(images.test):,} test images after {last['step']:,} steps:")
            print(f"  accuracy        {last['accuracy']:.3f}")
            print(f"  top-5 accuracy  {last['top5_accuracy']:.3f}")

    train.__doc__ = f"""Classify CIFAR-100 or photographs of your own with {networks[0]}.

    The data lie in cifar-100-python/{{train,test,meta}},
    or in train/CLASS/*.png and val/CLASS/*.png.
    Images of CIFAR-100 are enlarged: the networks begin by shrinking them.

    Examples:
      attncourse train {slug} --data data
      attncourse train {slug} --data data --network {PLAIN[0]} --folder runs/{PLAIN[0]}
      attncourse train {slug} --data photos --size 224 --amp --workers 8
      torchrun --nproc-per-node 2 -m attncourse train {slug} --data data
    """
    return train


def _read(folder: Path, *, side: int) -> "Images":
    from attncourse.data import cifar, image_folder

    if (folder / cifar.FOLDER).is_dir():
        return cifar.read(folder)
    if (folder / "train").is_dir():
        return image_folder.read(folder, side=side)
    raise ValueError(
        f"{folder} holds neither {cifar.FOLDER}/{{train,test,meta}} nor {image_folder.LAYOUT}"
    )
