"""One branch: rotate an axis into the channels' place, gate what it sees there, rotate back."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, wrong
from attncourse.exercises.core.laws import shrinks
from attncourse.exercises.triplet.z_pool import draw_maps

Gate = Callable[[Tensor], Tensor]
Branch = Callable[[Tensor, int, Gate], Tensor]


def draw_kernel(draw: Draw) -> Tensor:
    """A kernel (1, 2, k, k) that is not its own mirror image, small enough for open gates."""
    (kernel,) = draw.sizes((5,), (3,))
    return draw.normal(1, 2, kernel, kernel, scale=0.6 / kernel)


def gate_of(weight: Tensor) -> Gate:
    """What turns two maps (B, 2, P, Q) into gates (B, 1, P, Q) by this kernel."""

    def gate(maps: Tensor) -> Tensor:
        return F.conv2d(maps, weight, padding=weight.shape[-1] // 2).sigmoid()

    return gate


def _inputs(draw: Draw) -> Inputs:
    return draw_maps(draw) | {"weight": draw_kernel(draw)}


def _call(answer: Callable[..., Any], inputs: Inputs) -> Any:
    x, weight = inputs.values()
    assert isinstance(weight, Tensor)
    return tuple(answer(x, dim, gate_of(weight)) for dim in (2, 3, 1))


def pooled(x: Tensor, dim: int = 1) -> Tensor:
    """Maximum and mean along one axis, the pair on axis 1."""
    return torch.cat((x.amax(dim).unsqueeze(1), x.mean(dim).unsqueeze(1)), dim=1)


def _oracle(x: Tensor, dim: int, gate: Gate) -> Tensor:
    rotated = torch.swapaxes(x, 1, dim)
    maps = torch.stack((rotated.amax(1), rotated.mean(1)), dim=1)
    return torch.swapaxes(rotated * gate(maps), 1, dim)


def branch_with(
    *,
    turn: Callable[[Tensor, int], Tensor] = lambda x, dim: x.transpose(1, dim),
    back: Callable[[Tensor, int], Tensor] = lambda x, dim: x.transpose(1, dim),
    pool: Callable[[Tensor], Tensor] = pooled,
    scale: Callable[[Tensor, Tensor], Tensor] = lambda x, gate: x * gate,
) -> Branch:
    """A branch with one of its parts exchanged."""

    def branch(x: Tensor, dim: int, gate: Gate) -> Tensor:
        rotated = turn(x, dim)
        return back(scale(rotated, gate(pool(rotated))), dim)

    return branch


def _in_place(x: Tensor, dim: int, gate: Gate) -> Tensor:
    maps = pooled(x, dim)
    opened = gate(maps.mT).mT if dim == 3 else gate(maps)
    return x * opened.squeeze(1).unsqueeze(dim)


def _by_tables(x: Tensor, dim: int, gate: Gate) -> Tensor:
    order = {1: (0, 1, 2, 3), 2: (0, 2, 1, 3), 3: (0, 3, 2, 1)}[dim]
    x = x.permute(order).contiguous()
    return torch.mul(gate(pooled(x)), x).permute(order)


def _each_image(x: Tensor, dim: int, gate: Gate) -> Tensor:
    turned = [image.transpose(0, dim - 1) for image in x]
    return torch.stack([(t * gate(pooled(t[None]))[0]).transpose(0, dim - 1) for t in turned])


def _overwritten(x: Tensor, dim: int, gate: Gate) -> Tensor:
    rotated = x.transpose(1, dim)
    rotated *= gate(pooled(rotated))
    return rotated.transpose(1, dim)


def _reshaped(x: Tensor, dim: int) -> Tensor:
    return x.reshape(x.transpose(1, dim).shape)


rotated_branch = Exercise(
    points=3,
    kind=Function(("gated_by_cw", "gated_by_hc", "gated_by_hw"), call=_call),
    title="for dim 2, 3 and 1: x, gated on the face that this axis looks at",
    oracle=_oracle,
    draw=_inputs,
    batched=("x",),
    laws=(Law("every number shrinks, and keeps its sign", shrinks),),
    misconceptions=(
        wrong("never-rotated", branch_with(turn=lambda x, dim: x, back=lambda x, dim: x)).because(
            "`dim` changes nothing: you gate x as it stands, on the face H × W, whatever the axis. "
            "First give axis `dim` the place of the channels."
        ),
        wrong(
            "moved-to-the-front",
            branch_with(
                turn=lambda x, dim: x.movedim(dim, 1), back=lambda x, dim: x.movedim(1, dim)
            ),
            lambda x, dim, gate: x * gate(pooled(x, dim)).squeeze(1).unsqueeze(dim),
        ).because(
            "You pull axis `dim` to the front and push the others along, so that for the width the "
            "face lies C × H. *Exchanged* with the channels, it lies H × C. Kernels are not "
            "symmetric: trained for one face, they are wrong for the other."
        ),
        wrong("not-rotated-back", branch_with(back=lambda x, dim: x)).because(
            "The result is still rotated. Exchange the same two axes once more."
        ),
        wrong(
            "reshaped",
            branch_with(turn=_reshaped, back=_reshaped),
            branch_with(turn=_reshaped),
            branch_with(back=_reshaped),
        ).because(
            "`reshape` and `view` cut the same numbers into lines of another length; they do not "
            "rotate. Exchange axes with `transpose` or `permute`."
        ),
        wrong(
            "gate-returned",
            branch_with(scale=lambda x, gate: gate.expand_as(x)),
            branch_with(scale=lambda x, gate: gate),
        ).because("You return the gate. The branch returns the maps, every number times its gate."),
        wrong("residual", branch_with(scale=lambda x, gate: x + x * gate)).because(
            "You add the maps to the gated maps, so nothing can be shut."
        ),
        wrong("shut-for-open", branch_with(scale=lambda x, gate: x * (1 - gate))).because(
            "You multiply with 1 − gate: what should be open is shut."
        ),
        wrong("added", branch_with(scale=lambda x, gate: x + gate)).because(
            "You add the gate. A gate scales: multiply."
        ),
        wrong("gated-twice", branch_with(scale=lambda x, gate: x * gate.sigmoid())).because(
            "A sigmoid too many: `gate` already gives numbers between 0 and 1."
        ),
        wrong("mean-first", branch_with(pool=lambda x: pooled(x).flip(1))).because(
            "The gate gets the mean first and the maximum second. Is it your `z_pool` that you "
            "call?"
        ),
        wrong(
            "pooled-after-the-rotation-along-dim",
            lambda x, dim, gate: (
                x.transpose(1, dim)
                * gate(pooled(x.transpose(1, dim), dim)).squeeze(1).unsqueeze(dim)
            ).transpose(1, dim),
        ).because(
            "After the rotation the axis to pool is no longer `dim`: it stands on axis 1 now."
        ),
        wrong(
            "other-axis", lambda x, dim, gate: branch_with()(x, {1: 1, 2: 3, 3: 2}[dim], gate)
        ).because("Height and width are exchanged: `dim` 2 is the height, 3 the width."),
        wrong("overwritten", _overwritten).because(
            "You multiply in place. The rotated block is a view of x, so x itself is gated, and "
            "the next branch sees what this one has left. Work on a new tensor."
        ),
        wrong("detached", branch_with(scale=lambda x, gate: x * gate.detach())).because(
            "The numbers are right, but the gate is cut off from the graph: it would never learn."
        ),
    ),
    right=(branch_with(), _in_place, _by_tables, _each_image),
)
