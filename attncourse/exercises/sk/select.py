"""The branches compete for each channel: a softmax over them, and a weighted sum."""

from collections.abc import Callable

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, wrong
from attncourse.exercises.core.laws import sums_to_one, tensor, unchanged

Answer = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def _select_inputs(draw: Draw) -> Inputs:
    """Branches and hidden units as ReLUs leave them: one ReLU more would do no harm."""
    sizes = draw.sizes((2, 3, 11, 5, 7, 4), (4, 2, 7, 5, 3, 6))
    batch, branches, channels, height, width, hidden = sizes
    level = torch.linspace(0, 2, branches * channels, dtype=torch.float64)
    return {
        "u": draw.normal(batch, branches, channels, height, width).abs()
        + level.view(branches, channels, 1, 1),
        "z": draw.normal(batch, hidden, offset=0.5).abs(),
        "w_select": draw.normal(branches, channels, hidden, scale=hidden**-0.5),
    }


def _select(u: Tensor, z: Tensor, w_select: Tensor) -> tuple[Tensor, Tensor]:
    scores = torch.tensordot(z, w_select, dims=([1], [2]))  # (B, M, C)
    raised = torch.exp(scores - scores.amax(1, keepdim=True))
    weights = raised / raised.sum(1, keepdim=True)
    return torch.einsum("bmchw,bmc->bchw", u, weights), weights


def _logits(z: Tensor, w_select: Tensor) -> Tensor:
    return torch.einsum("bd,mcd->bmc", z, w_select)


def _mixed(u: Tensor, weights: Tensor) -> Tensor:
    return (u * weights[..., None, None]).sum(1)


def _select_with(normalise: Callable[[Tensor], Tensor]) -> Answer:
    """A selection that makes its weights of the logits (B, M, C) in another way."""

    def select(u: Tensor, z: Tensor, w_select: Tensor) -> tuple[Tensor, Tensor]:
        weights = normalise(_logits(z, w_select))
        return _mixed(u, weights), weights

    return select


def _combine_with(combine: Callable[[Tensor, Tensor], Tensor]) -> Answer:
    """A selection with the right weights, which makes something else of the branches."""

    def select(u: Tensor, z: Tensor, w_select: Tensor) -> tuple[Tensor, Tensor]:
        weights = _logits(z, w_select).softmax(1)
        return combine(u, weights), weights

    return select


def _hard(logits: Tensor) -> Tensor:
    return torch.zeros_like(logits).scatter(1, logits.argmax(1, keepdim=True), 1.0)


def _other_layout(u: Tensor, z: Tensor, w_select: Tensor) -> tuple[Tensor, Tensor]:
    branches, channels, _ = w_select.shape
    logits = (z @ w_select.flatten(0, 1).T).view(len(z), channels, branches)
    weights = logits.softmax(2).mT
    return _mixed(u, weights), weights


def _by_linear(u: Tensor, z: Tensor, w_select: Tensor) -> tuple[Tensor, Tensor]:
    logits = torch.nn.functional.linear(z, w_select.flatten(0, 1))
    weights = logits.unflatten(1, w_select.shape[:2]).softmax(dim=1)
    images = [(m * w[..., None, None]).sum(0) for m, w in zip(u, weights, strict=True)]
    return torch.stack(images), weights


def _by_branch(u: Tensor, z: Tensor, w_select: Tensor) -> tuple[Tensor, Tensor]:
    raised = [torch.exp(z @ rows.T) for rows in w_select]  # a branch at a time
    total = torch.stack(raised).sum(0)
    weights = [each / total for each in raised]
    maps = torch.zeros_like(u[:, 0])
    for number, weight in enumerate(weights):
        maps = maps + weight[:, :, None, None] * u[:, number]
    return maps, torch.stack(weights, dim=1)


def _by_matmul(u: Tensor, z: Tensor, w_select: Tensor) -> tuple[Tensor, Tensor]:
    weights = (w_select @ z.T).permute(2, 0, 1).softmax(-2)  # from (M, C, B)
    pixels = u.flatten(3).transpose(1, 2)  # (B, C, M, HW)
    mixed = weights.mT.unsqueeze(2) @ pixels  # (B, C, 1, HW)
    return mixed.squeeze(2).unflatten(2, u.shape[3:]), weights


def _in_between(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    u = tensor(inputs, "u")
    maps = before["maps"]
    return bool(((maps <= u.amax(1) + 1e-9) & (maps >= u.amin(1) - 1e-9)).all())


def _prefer_all(inputs: Inputs) -> Inputs:
    """Raise the logits of all branches alike."""
    w_select = tensor(inputs, "w_select")
    return inputs | {"w_select": w_select + torch.linspace(-1, 1, w_select.shape[-1]).double()}


select = Exercise(
    points=4,
    kind=Function(("maps", "weights")),
    title="maps: the branches, weighted by a softmax over them",
    oracle=_select,
    draw=_select_inputs,
    batched=("u", "z"),
    laws=(
        Law("the weights of the branches sum to one", sums_to_one("weights", 1)),
        Law("the result lies between the branches", _in_between),
        Law("what speaks for all branches alike changes nothing", unchanged("maps"), _prefer_all),
    ),
    misconceptions=(
        wrong("over-channels", _select_with(lambda logits: logits.softmax(2))).because(
            "Your weights sum to one over the channels, so channels compete. It is the *branches* "
            "that compete, for each channel on its own: the softmax runs over M."
        ),
        wrong("over-the-batch", _select_with(lambda logits: logits.softmax(0))).because(
            "Your weights sum to one over the images of the batch: the softmax runs over the first "
            "axis. It should run over the branches."
        ),
        wrong(
            "over-everything",
            _select_with(lambda logits: logits.flatten(1).softmax(1).view_as(logits)),
        ).because(
            "One softmax runs over branches and channels together, so a channel that is wanted "
            "takes from all others. Each channel has a whole to share out among the branches."
        ),
        wrong("sigmoid", _select_with(torch.sigmoid)).because(
            "These are gates: each branch decides alone, and all may be open or shut at once. Here "
            "the branches share one whole: softmax over M."
        ),
        wrong(
            "sigmoids-shared-out",
            _select_with(lambda logits: logits.sigmoid() / logits.sigmoid().sum(1, keepdim=True)),
        ).because(
            "The weights sum to one, but they are sigmoids divided by their sum. What speaks for "
            "all branches alike then changes the choice: take the softmax of the logits."
        ),
        wrong(
            "logits-returned", lambda u, z, w: (_mixed(u, _logits(z, w).softmax(1)), _logits(z, w))
        ).because(
            "The maps are right, but beside them you return the logits. Return the weights: what "
            "the softmax made of them."
        ),
        wrong("no-softmax", _select_with(lambda logits: logits)).because(
            "You weigh the branches by the logits themselves, which may be negative or large. Put "
            "a softmax over the branches."
        ),
        wrong("hard-choice", _select_with(_hard)).because(
            "You take the best branch only. The name says *select*, but softly: a choice by argmax "
            "has no gradient, so nobody could learn to choose."
        ),
        wrong(
            "average", _select_with(lambda logits: torch.full_like(logits, 1 / logits.shape[1]))
        ).because(
            "That is the plain mean of the branches, the same for every image: `z` is not used."
        ),
        wrong(
            "one-weight-a-branch",
            _select_with(lambda logits: logits.mean(2, keepdim=True).softmax(1).expand_as(logits)),
        ).because(
            "All channels choose alike. Each channel has logits of its own and may choose "
            "differently."
        ),
        wrong(
            "scaled",
            lambda u, z, w: _select_with(lambda logits: logits.softmax(1))(
                u, z / z.shape[1] ** 0.5, w
            ),
        ).because(
            "The logits are divided by the root of the hidden width. The Transformer does that "
            "with its dot products; here they go into the softmax as they are."
        ),
        wrong("turned-around", _select_with(lambda logits: logits.softmax(1).flip(1))).because(
            "The weights go to the wrong branches: the first branch gets the last one's."
        ),
        wrong("least-wanted", _select_with(lambda logits: (-logits).softmax(1))).because(
            "The branch with the smallest logit gets most: there is a minus before the softmax."
        ),
        wrong("other-layout", _other_layout).because(
            "The logits are laid out the other way round: first come all channels of the first "
            "branch, then all of the second. A reshape to (B, M, C) keeps that order, one to "
            "(B, C, M) mixes branches and channels."
        ),
        wrong("averaged", _combine_with(lambda u, w: (u * w[..., None, None]).mean(1))).because(
            "You average the weighted branches. The weights sum to one already: sum."
        ),
        wrong("not-summed", _combine_with(lambda u, w: u * w[..., None, None])).because(
            "These are the weighted branches, side by side. Sum them over M."
        ),
        wrong("strongest", _combine_with(lambda u, w: (u * w[..., None, None]).amax(1))).because(
            "You take the greatest of the weighted branches at each place. Sum them over M."
        ),
        wrong(
            "weights-on-the-sum", _combine_with(lambda u, w: u.sum(1) * w[:, 0, :, None, None])
        ).because(
            "You add the branches first and weigh the sum, so nothing is chosen. Weigh each branch "
            "by its own weight, then add."
        ),
        wrong(
            "axes-kept",
            lambda u, z, w: (
                _mixed(u, _logits(z, w).softmax(1)),
                _logits(z, w).softmax(1)[..., None, None],
            ),
        ).because(
            "The maps are right; return the weights as (B, M, C), without the two axes that you "
            "added for the product."
        ),
        wrong("detached", _combine_with(lambda u, w: _mixed(u, w.detach()))).because(
            "The numbers are right, but the weights are cut off from the graph: the choice would "
            "never be learned."
        ),
    ),
    right=(_by_linear, _by_branch, _by_matmul, _select_with(lambda logits: logits.softmax(1))),
)
