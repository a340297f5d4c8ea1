"""What a channel tells about its map: one number."""

import torch
from torch import Tensor

from attncourse.exercises.common.draws import maps
from attncourse.exercises.core import Exercise, Function, Inputs, Law, wrong
from attncourse.exercises.core.laws import flipped, tensor, unchanged


def _squeeze(x: Tensor) -> Tensor:
    return x.sum(dim=(-2, -1)) / (x.shape[-2] * x.shape[-1])


def _squeeze_by_loop(x: Tensor) -> Tensor:
    images = [torch.stack([channel.mean() for channel in image]) for image in x]
    return torch.stack(images)


def _lift(inputs: Inputs) -> Inputs:
    x = tensor(inputs, "x")
    return inputs | {"x": x + torch.arange(x.shape[1], dtype=x.dtype)[:, None, None]}


squeeze = Exercise(
    points=2,
    kind=Function(("descriptors",)),
    title="descriptors: the mean of every channel of every image",
    oracle=_squeeze,
    draw=maps((2, 8, 5, 7), (3, 5, 7, 2)),
    batched=("x",),
    laws=(
        Law(
            "turning the map upside down changes nothing",
            unchanged("descriptors"),
            flipped("x", 2, 3),
        ),
        Law(
            "adding a number to a channel adds it to its descriptor",
            lambda i, before, after: torch.allclose(
                after["descriptors"] - before["descriptors"],
                torch.arange(before["descriptors"].shape[1])
                .double()
                .expand_as(after["descriptors"]),
            ),
            _lift,
        ),
    ),
    misconceptions=(
        wrong("over-channels", lambda x: x.mean(1)).because(
            "You average over the channels and keep the pixels. That describes places, as CBAM "
            "will in lesson 08; SE wants one number for each *channel*: average over height and "
            "width."
        ),
        wrong(
            "channel-and-row",
            lambda x: x.mean((1, 2)),
            lambda x: x.mean((1, 3)),
            lambda x: x.mean((1, 2, 3)),
        ).because(
            "You average over the channels too. Of x (B, C, H, W) the first two axes stay, and the "
            "two of the pixels go; axes are counted from 0."
        ),
        wrong("one-axis", lambda x: x.mean(-1)).because(
            "Only the width is averaged away, so a row is left of every channel. Average over the "
            "height too."
        ),
        wrong("maximum", lambda x: x.amax((2, 3))).because(
            "You take the greatest value of each channel. The paper tried that as well and found "
            "it slightly worse; asked for is the mean."
        ),
        wrong("sum", lambda x: x.sum((2, 3))).because(
            "You sum over the pixels. A sum grows with the size of the image, and the gates would "
            "with it: divide by H·W."
        ),
        wrong("axes-kept", lambda x: x.mean((2, 3), keepdim=True)).because(
            "The numbers are right, but the axes of height and width are still there. The linear "
            "layers that follow want (B, C)."
        ),
        wrong("over-the-batch", lambda x: x.mean((0, 2, 3)).expand(x.shape[0], -1)).because(
            "You average over the images of the batch as well, as batch norm does. The gate must "
            "depend on *this* image: keep the first axis."
        ),
    ),
    right=(
        lambda x: x.mean((2, 3)),
        lambda x: x.flatten(2).mean(-1),
        lambda x: torch.nn.functional.adaptive_avg_pool2d(x, 1).flatten(1),
        _squeeze_by_loop,
    ),
)
