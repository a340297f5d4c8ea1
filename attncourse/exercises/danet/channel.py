"""Channel attention: every channel mixes all channels, most those that are most like it."""

import torch
from torch import Tensor

from attncourse.exercises.common.draws import maps
from attncourse.exercises.core import Exercise, Function, Inputs, Law, Outputs, edit, wrong
from attncourse.exercises.core.laws import flipped, stays_finite, sums_to_one, tensor


def _channel(x: Tensor) -> tuple[Tensor, Tensor]:
    channels = x.flatten(2)
    weights = torch.bmm(channels, channels.mT).softmax(-1)
    return torch.bmm(weights, channels).reshape(x.shape), weights


def _plain(x: Tensor) -> tuple[Tensor, Tensor]:
    channels = x.flatten(2)
    alike = channels @ channels.mT
    weights = alike.softmax(-1)
    return (weights @ channels).view_as(x), weights


def _by_einsum(x: Tensor) -> tuple[Tensor, Tensor]:
    weights = torch.softmax(torch.einsum("bchw,bdhw->bcd", x, x), dim=2)
    return torch.einsum("bcd,bdhw->bchw", weights, x), weights


def _by_view(x: Tensor) -> list[Tensor]:
    batch, channels, height, width = x.size()
    flat = x.view(batch, channels, height * width)
    affinity = flat @ flat.permute(0, 2, 1)
    affinity = affinity - affinity.max(dim=-1, keepdim=True).values  # a softmax does not see it
    weights = affinity.exp() / affinity.exp().sum(-1, keepdim=True)
    return [(weights @ flat).view(batch, channels, height, width), weights]


def _image_by_image(x: Tensor) -> tuple[Tensor, Tensor]:
    mixed, told = [], []
    for image in x:
        rows = torch.stack([(channel * image).sum((1, 2)).softmax(0) for channel in image])
        mixed.append(torch.tensordot(rows, image, 1))
        told.append(rows)
    return torch.stack(mixed), torch.stack(told)


def _over_places(x: Tensor) -> tuple[Tensor, Tensor]:
    places = x.flatten(2).mT
    weights = (places @ places.mT).softmax(-1)
    return (weights @ places).mT.reshape(x.shape), weights


def _steep(inputs: Inputs) -> Inputs:
    x = tensor(inputs, "x")
    return {"x": 100 * x}


def _follows(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    same = torch.allclose(after["mixed"], before["mixed"].flip(1))
    return same and torch.allclose(after["weights"], before["weights"].flip(1, 2))


channel_attention = Exercise(
    points=3,
    kind=Function(("mixed", "weights")),
    title="mixed and weights: every channel asks all channels, and the most alike count most",
    oracle=_channel,
    # Small numbers: products over all places are summed, and a steep softmax would hide mistakes.
    draw=maps((2, 8, 5, 7), (3, 5, 7, 2), low=-0.1, high=0.2, scale=0.25),
    batched=("x",),
    refuses=("scaled_dot_product_attention", "MultiheadAttention"),
    laws=(
        Law("the weights of every channel sum to one", sums_to_one("weights")),
        Law(
            "channels in reverse order give the result in reverse order", _follows, flipped("x", 1)
        ),
        Law("large numbers do no harm", stays_finite, _steep),
    ),
    misconceptions=(
        wrong(
            "official-sign",
            edit("alike.softmax", "(alike.amax(-1, keepdim=True) - alike).softmax"),
            edit("alike.softmax", "(-alike).softmax"),
        ).because(
            "You have the sign of the official code: a channel mixes in those that are *least* "
            "like it. Asked for is the paper's: softmax of the products as they are."
        ),
        wrong("softmax-over-the-wrong-axis", edit("softmax(-1)", "softmax(-2)")).because(
            "Your columns sum to one. Every channel that asks, a row, shares out its attention."
        ),
        wrong("weights-turned", edit("weights @ channels", "weights.mT @ channels")).because(
            "The products are symmetric, but after the softmax the weights are not: row c belongs "
            "to the channel c that asks, so do not turn them around."
        ),
        wrong("over-places", _over_places).because(
            "Your weights compare places, N × N. Here channels are compared: C × C, each product "
            "a sum over all places."
        ),
        wrong("mean-product", edit("channels.mT", "channels.mT / channels.shape[-1]")).because(
            "You take the mean of the products over the places. DANet takes their sum: nothing is "
            "divided."
        ),
        wrong("scaled", edit("channels.mT", "channels.mT / channels.shape[-1] ** 0.5")).because(
            "You divide by √N. DANet does not scale its scores, neither of places nor of channels."
        ),
        wrong(
            "scaled-by-channels", edit("channels.mT", "channels.mT / channels.shape[1] ** 0.5")
        ).because(
            "You divide by √C. DANet does not scale its scores, neither of places nor of channels."
        ),
        wrong(
            "centred",
            edit(
                "alike = channels @ channels.mT",
                "centred = channels - channels.mean(-1, keepdim=True)\n"
                "    alike = centred @ centred.mT",
            ),
        ).because(
            "You take the mean off each channel first. DANet multiplies the channels as they are."
        ),
        wrong("weights-returned-turned", edit(", weights", ", weights.mT")).because(
            "The mixture is right, but you return the weights turned around: row c belongs to the "
            "channel c that asks."
        ),
        wrong(
            "overflow",
            edit(".softmax(-1)", ".exp()\n    weights = weights / weights.sum(-1, keepdim=True)"),
        ).because(
            "exp of a large score is infinite, and inf / inf is NaN; nothing is divided here, so "
            "products over all places grow. torch's softmax takes the largest of a row away first, "
            "which changes no weight: use it, or do the same."
        ),
        wrong(
            "cosine",
            edit(
                "alike = channels @ channels.mT",
                "unit = torch.nn.functional.normalize(channels, dim=-1)\n"
                "    alike = unit @ unit.mT",
            ),
        ).because(
            "You compare directions: the channels are brought to length one first. In DANet a "
            "strong channel counts more; take the plain products."
        ),
        wrong(
            "no-softmax",
            edit(".softmax(-1)", ""),
            edit(".softmax(-1)", "\n    weights = weights / weights.sum(-1, keepdim=True)"),
        ).because("The products are used as weights, without a softmax."),
        wrong(
            "channels-scrambled",
            edit("x.flatten(2)", "x.permute(0, 2, 3, 1).reshape(len(x), x.shape[1], -1)"),
        ).because(
            "The axes are mixed up: a row should hold one channel at all places. `x` has its "
            "channels in front already; `flatten(2)` is enough."
        ),
        wrong("across-images", edit(".softmax", ".mean(0).expand(len(x), -1, -1).softmax")).because(
            "All images get the same weights. Each image compares its own channels."
        ),
        wrong("maps-added", edit("return (", "return x + (")).because(
            "You add `x`. The shortcut is `ScaledResidual`'s work; return the mixture alone."
        ),
    ),
    right=(_plain, _by_einsum, _by_view, _image_by_image),
)
