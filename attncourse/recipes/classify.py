"""Naming what photographs show, with a gate in the network or without."""

from collections.abc import Callable
from enum import Enum
from functools import partial
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
from attncourse.recipes.photographs import train_network

if TYPE_CHECKING:
    from attncourse.data.images import Images

PLAIN = ("resnet18", "resnet50", "resnext50", "mobilenetv2")
"""Networks without a gate, to compare with."""


def recipe(slug: str, *networks: str) -> Callable[..., None]:
    """Make the recipe of a lesson.

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
        from attncourse.models.classification import classification_loss, measure
        from attncourse.training import sgd

        train_network(
            options,
            _read(data, side=size),
            partial(classification_loss, side=size, smoothing=smoothing),
            partial(measure, side=size),
            figures={"accuracy": "accuracy", "top5_accuracy": "top-5 accuracy"},
            test_batch=batch,
            warm_up=0.05,
            optimizer=partial(sgd, weight_decay=weight_decay),
            clip=None,
        )

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
