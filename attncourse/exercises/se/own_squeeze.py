"""Another squeeze, of the learner's own choice: there is no oracle, the laws judge."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.common.draws import levels
from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, wrong
from attncourse.exercises.core.laws import tensor


def _positive_maps(draw: Draw) -> Inputs:
    """Maps as a ReLU leaves them, though never quite 0, so that roots and powers are smooth."""
    batch, channels, height, width = draw.sizes((2, 8, 5, 7), (3, 5, 7, 2))
    return {"x": draw.normal(batch, channels, height, width).abs() + levels(0.2, 2, channels)}


def _call_squeeze(answer: Callable[..., Any], inputs: Inputs) -> Any:
    """Descriptors of the maps, and the gradient of their sum in each pixel: 0 where none flows."""
    x = tensor(inputs, "x")
    descriptors = answer(x)
    leaf = x.detach().clone().requires_grad_()
    gradient = torch.zeros_like(leaf)
    with torch.enable_grad():
        again = answer(leaf.clone())
    if isinstance(again, Tensor) and again.requires_grad:
        gradient = torch.autograd.grad(again.sum(), leaf, allow_unused=True)[0]
    return descriptors, torch.zeros_like(leaf) if gradient is None else gradient


def _one_number_a_channel(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    s = before["descriptors"]
    return s.shape == tensor(inputs, "x").shape[:2] and bool(s.isfinite().all())


def _shuffle_pixels(inputs: Inputs) -> Inputs:
    """Every pixel moves: they change places in one ring, whose order is random."""
    x = tensor(inputs, "x")
    ring = torch.randperm(x[0, 0].numel(), generator=torch.Generator().manual_seed(1))
    order = torch.empty_like(ring).scatter(0, ring, ring.roll(1))
    return inputs | {"x": x.flatten(2)[..., order].unflatten(2, x.shape[2:])}


def _flatter(inputs: Inputs) -> Inputs:
    x = tensor(inputs, "x")
    mean = x.mean((2, 3), keepdim=True)
    return inputs | {"x": mean + (x - mean) / 2}


def _other_first_image(inputs: Inputs) -> Inputs:
    x = tensor(inputs, "x")
    return inputs | {"x": torch.cat([3 * x[:1].flip(1), x[1:]])}


def _other_first_channel(inputs: Inputs) -> Inputs:
    x = tensor(inputs, "x")
    return inputs | {"x": torch.cat([3 * x[:, :1] ** 2, x[:, 1:]], dim=1)}


def _same(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=0, atol=1e-8)


def _tells_apart(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    differ = (before["descriptors"] - after["descriptors"]).abs() > 1e-6
    return bool(differ.all())


def _gradient_flows(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    return bool((before["gradient"] != 0).flatten(2).any(-1).all())


def _power_mean(x: Tensor) -> Tensor:
    return x.pow(3).mean((2, 3)).pow(1 / 3)


def _weighted_by_itself(x: Tensor) -> Tensor:
    pixels = x.flatten(2)
    return (pixels.softmax(-1) * pixels).sum(-1)


own_squeeze = Exercise(
    points=3,
    kind=Function(("descriptors", "gradient"), call=_call_squeeze),
    title="descriptors: a squeeze of your own",
    oracle=None,
    draw=_positive_maps,
    differentiable=False,  # the gradient is among the outputs: there is no oracle's to compare with
    laws=(
        Law("there is one finite number for each channel of each image", _one_number_a_channel),
        Law(
            "shuffling the pixels changes nothing",
            lambda i, before, after: _same(before["descriptors"], after["descriptors"]),
            _shuffle_pixels,
        ),
        Law(
            "an image's descriptors do not depend on the other images",
            lambda i, before, after: _same(before["descriptors"][1:], after["descriptors"][1:]),
            _other_first_image,
        ),
        Law(
            "a channel's descriptor does not depend on the other channels",
            lambda i, before, after: _same(
                before["descriptors"][:, 1:], after["descriptors"][:, 1:]
            ),
            _other_first_channel,
        ),
        Law("maps with the same mean but half the contrast are told apart", _tells_apart, _flatter),
        Law("a gradient flows back into every channel", _gradient_flows),
    ),
    misconceptions=(
        wrong("the-mean-again", lambda x: x.mean((2, 3))).because(
            "This is the mean once more. Look for something that it cannot see: two maps with the "
            "same mean, one of them flatter."
        ),
        wrong("axes-kept", lambda x: x.amax((2, 3), keepdim=True)).because(
            "A good choice, but the axes of height and width are still there: return (B, C)."
        ),
        wrong(
            "one-pixel",
            lambda x: x[:, :, x.shape[2] // 2, x.shape[3] // 2],
            lambda x: x[:, :, 0, 0],
            lambda x: x[:, :, -1, -1],
        ).because(
            "You read a single pixel. A squeeze should hear the whole map, wherever things stand."
        ),
        wrong(
            "detached", lambda x: x.detach().amax((2, 3)), lambda x: x.detach().std((2, 3))
        ).because(
            "Your squeeze is a good one, but cut off from the graph: no gradient flows through it, "
            "and the layers before it could not learn what to tell."
        ),
        wrong("one-axis", lambda x: x.amax(3).mean(2)).because(
            "You treat the rows and the columns differently, so it matters where things stand. "
            "Take both axes at once: `dim=(2, 3)`, or `x.flatten(2)`."
        ),
        wrong("across-channels", lambda x: x.amax((2, 3)).softmax(1)).because(
            "Your channels compare themselves with each other. That is the excitation's work; a "
            "squeeze describes each channel by itself."
        ),
        wrong("across-images", lambda x: x.amax((2, 3)) - x.amax((2, 3)).mean(0)).because(
            "What an image is told depends on the other images of the batch; alone it would get "
            "another gate."
        ),
    ),
    right=(
        lambda x: x.amax((2, 3)),
        lambda x: x.std((2, 3)),
        _power_mean,
        _weighted_by_itself,
        lambda x: x.flatten(2).median(-1).values,
        lambda x: x.mean((2, 3)) + x.std((2, 3)),
        lambda x: x.flatten(2).logsumexp(-1),
    ),
)
