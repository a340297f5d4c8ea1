"""Naming what every pixel of photographs shows."""

from collections.abc import Callable
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

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
    Steps,
    Workers,
    at_least,
)
from attncourse.recipes.photographs import train_network

Optimizer = Literal["sgd", "adamw"]


def recipe(
    slug: str, *networks: str, optimizer: Optimizer, lr: float, weight_decay: float
) -> Callable[..., None]:
    """Make the recipe of a lesson.

    Args:
        slug: Of the lesson.
        networks: Those with its mechanism, the default first.
        optimizer: What they are trained with.
        lr: Its greatest learning rate.
        weight_decay: And its weight decay.
    """
    Network = Enum("Network", {name: name for name in networks})  # type: ignore[misc]
    first = Network(networks[0])

    def train(
        *,
        data: Data,
        network: Annotated[Network, Option(help="From small to large.")] = first,
        size: Annotated[int, at_least(32, "Side of the squares that are learned from.")] = 512,
        folder: Folder = Path("runs") / slug,
        resume: Resume = False,
        steps: Steps = 80_000,
        batch: Annotated[int, at_least(1, "Squares a step, in each process.")] = 16,
        optimizer: Annotated[Optimizer, Option(help="What changes the weights.")] = optimizer,
        lr: Rate = lr,
        weight_decay: Decay = weight_decay,
        every: Every = 4000,
        seed: Seed = 0,
        amp: Amp = False,
        compile: Compile = False,
        workers: Workers = 0,
    ) -> None:
        options = dict(locals())
        from attncourse.data import segmentation
        from attncourse.models.segmentation import measure, segmentation_loss
        from attncourse.training import adamw, sgd

        images = segmentation.read(data, side=size)
        train_network(
            options,
            images,
            segmentation_loss,
            partial(measure, classes=images.classes),
            figures={"mean_iou": "mean IoU", "pixel_accuracy": "pixel accuracy"},
            test_batch=1,
            warm_up=0.02,
            optimizer=partial(sgd if optimizer == "sgd" else adamw, weight_decay=weight_decay),
        )

    train.__doc__ = f"""Label the pixels of PASCAL VOC 2012 or ADE20K with {networks[0]}.

    The data lie in
    VOCdevkit/VOC2012/{{JPEGImages,SegmentationClass,ImageSets/Segmentation}},
    or in ADEChallengeData2016/{{images,annotations}}/{{training,validation}}.
    The weights start at random; the papers' start from ImageNet.

    Examples:
      attncourse train {slug} --data data
      attncourse train {slug} --data data --amp --compile --workers 8
      torchrun --nproc-per-node 2 -m attncourse train {slug} --data data
    """
    return train
