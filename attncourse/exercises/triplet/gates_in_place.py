"""The gates of all three faces of maps that nobody turned."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.common.laws import between_zero_and_one
from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, wrong
from attncourse.exercises.triplet.rotated_branch import Gate, draw_kernel, gate_of, pooled
from attncourse.exercises.triplet.z_pool import draw_maps

Gates = tuple[Tensor, Tensor, Tensor]


def _inputs(draw: Draw) -> Inputs:
    return draw_maps(draw) | {face: draw_kernel(draw) for face in ("w_cw", "w_hc", "w_hw")}


def _call(answer: Callable[..., Any], inputs: Inputs) -> Any:
    x, *weights = inputs.values()
    return answer(x, *(gate_of(w) for w in weights if isinstance(w, Tensor)))


def _oracle(x: Tensor, cw: Gate, hc: Gate, hw: Gate) -> Gates:
    maps = [torch.stack((x.amax(dim), x.mean(dim)), dim=1) for dim in (2, 3, 1)]
    of_cw, of_hc = cw(maps[0]), hc(maps[1].transpose(2, 3))  # (B, 1, C, W), (B, 1, H, C)
    return of_cw.transpose(1, 2), of_hc.transpose(1, 3), hw(maps[2])


def _by_rotation(x: Tensor, cw: Gate, hc: Gate, hw: Gate) -> Gates:
    of_cw = cw(pooled(x.permute(0, 2, 1, 3))).permute(0, 2, 1, 3)
    of_hc = hc(pooled(x.permute(0, 3, 2, 1))).permute(0, 3, 2, 1)
    return of_cw, of_hc, hw(pooled(x))


def _axes_kept(x: Tensor, cw: Gate, hc: Gate, hw: Gate) -> list[Tensor]:
    low = torch.stack((x.amax(2), x.mean(2)), 1)
    flat = torch.stack((x.amax(3).mT, x.mean(3).mT), 1)  # (B, 2, H, C)
    return [cw(low)[:, 0, :, None], hc(flat)[:, 0].mT[..., None], hw(pooled(x, 1))]


def _with(
    *,
    into: Callable[[Tensor], Tensor] = lambda maps: maps.mT,
    back: Callable[[Tensor], Tensor] = lambda gate: gate.transpose(1, 3),
    flat: Callable[[Tensor], Tensor] = lambda gate: gate.transpose(1, 2),
    pool: Callable[[Tensor, int], Tensor] = pooled,
    axes: tuple[int, int, int] = (2, 3, 1),
    give: Callable[[Tensor, Gates], Any] = lambda x, gates: gates,
) -> Callable[..., Any]:
    """Gates with one of their parts exchanged; `into` and `back` turn the face H × C."""

    def gates(x: Tensor, cw: Gate, hc: Gate, hw: Gate) -> Any:
        of_cw, of_hc = cw(pool(x, axes[0])), hc(into(pool(x, axes[1])))
        return give(x, (flat(of_cw), back(of_hc), hw(pool(x, axes[2]))))

    return gates


def _one_after_the_other(x: Tensor, cw: Gate, hc: Gate, hw: Gate) -> Gates:
    of_cw = cw(pooled(x, 2)).transpose(1, 2)
    x = x * of_cw
    of_hc = hc(pooled(x, 3).mT).transpose(1, 3)
    return of_cw, of_hc, hw(pooled(x * of_hc))


def _from_the_first(x: Tensor, cw: Gate, hc: Gate, hw: Gate) -> Gates:
    of_cw = cw(pooled(x, 2)).transpose(1, 2)
    return of_cw, hc(pooled(x * of_cw, 3).mT).transpose(1, 3), hw(pooled(x))


def _unturned(gate: Tensor) -> Tensor:
    return gate.squeeze(1).unsqueeze(3)


def _cut_anew(maps: Tensor) -> Tensor:
    return maps.reshape(*maps.shape[:2], maps.shape[3], maps.shape[2])


gates_in_place = Exercise(
    points=3,
    kind=Function(("of_cw", "of_hc", "of_hw"), call=_call),
    title="of_cw, of_hc and of_hw: gates that fit x as it stands",
    oracle=_oracle,
    draw=_inputs,
    batched=("x",),
    laws=(Law("every gate lies between 0 and 1", between_zero_and_one),),
    misconceptions=(
        wrong("face-not-turned", _with(into=lambda maps: maps, back=_unturned)).because(
            "You give `hc` the face as pooling left it, C × H. Its kernel was made for rows H and "
            "columns C: turn the small face before the gate, and the gates after it. Or the "
            "kernel would have to be turned."
        ),
        wrong(
            "wrong-face-turned",
            lambda x, cw, hc, hw: (
                cw(pooled(x, 2).mT).mT.transpose(1, 2),
                hc(pooled(x, 3).mT).transpose(1, 3),
                hw(pooled(x)),
            ),
            lambda x, cw, hc, hw: (
                cw(pooled(x, 2).mT).mT.transpose(1, 2),
                _unturned(hc(pooled(x, 3))),
                hw(pooled(x)),
            ),
        ).because(
            "You turn the face C × W too. It already lies as `cw` wants it: rows C, columns W."
        ),
        wrong(
            "map-turned",
            lambda x, cw, hc, hw: (
                cw(pooled(x, 2)).transpose(1, 2),
                hc(pooled(x, 3).mT).transpose(1, 3),
                hw(pooled(x).mT).mT,
            ),
        ).because("You turn the face H × W too. It already lies as `hw` wants it."),
        wrong(
            "cut-anew",
            _with(into=_cut_anew),
            _with(back=lambda gate: gate.reshape(len(gate), gate.shape[3], gate.shape[2], 1)),
            _with(
                into=_cut_anew,
                back=lambda gate: gate.reshape(len(gate), gate.shape[3], gate.shape[2], 1),
            ),
        ).because(
            "`reshape` and `view` do not turn a face, they cut its numbers into lines of another "
            "length. Use `transpose`, or `.mT`."
        ),
        wrong(
            "as-the-gates-came",
            _with(flat=lambda gate: gate, back=lambda gate: gate),
            _with(flat=lambda gate: gate),
            _with(back=lambda gate: gate),
        ).because(
            "The gates have the shape of their faces, with the single axis in second place. For x "
            "as it stands the axis of length 1 belongs where you pooled: (B, C, 1, W) and "
            "(B, C, H, 1)."
        ),
        wrong("gates-not-turned-back", _with(back=_unturned)).because(
            "The gates of the face H × C come back as (B, H, C, 1). Turn them, as you turned the "
            "face: channels before rows."
        ),
        wrong(
            "single-axis-dropped",
            _with(flat=lambda gate: gate.squeeze(1), back=lambda gate: gate.squeeze(1).mT),
        ).because(
            "The gates of the two new faces have lost the axis of length 1, so they do not fit x: "
            "asked for are (B, C, 1, W) and (B, C, H, 1)."
        ),
        wrong(
            "written-out", _with(give=lambda x, gates: tuple(gate.expand_as(x) for gate in gates))
        ).because(
            "The numbers are right, but each gate is written out to the size of x. Leave the axis "
            "that you pooled at length 1; multiplication broadcasts."
        ),
        wrong("gated-maps", _with(give=lambda x, gates: tuple(x * gate for gate in gates))).because(
            "You return gated maps. Return the three gates, so that one product is enough."
        ),
        wrong(
            "pooled-the-other-side",
            lambda x, cw, hc, hw: (
                _unturned(cw(pooled(x, 3))),
                hc(pooled(x, 2).mT).mT.transpose(1, 2),
                hw(pooled(x)),
            ),
            lambda x, cw, hc, hw: (
                hc(pooled(x, 2)).transpose(1, 2),
                cw(pooled(x, 3).mT).transpose(1, 3),
                hw(pooled(x)),
            ),
        ).because(
            "Height and width are exchanged: the face C × W is what remains when the *height* is "
            "pooled."
        ),
        wrong(
            "returned-in-another-order",
            _with(give=lambda x, gates: (gates[1], gates[0], gates[2])),
            _with(give=lambda x, gates: (gates[2], gates[0], gates[1])),
            _with(give=lambda x, gates: (gates[2], gates[1], gates[0])),
        ).because("The order of the results is C × W, H × C, H × W."),
        wrong(
            "one-gate-for-all",
            lambda x, cw, hc, hw: _with()(x, cw, cw, cw),
            lambda x, cw, hc, hw: _with()(x, hc, hc, hc),
            lambda x, cw, hc, hw: _with()(x, hw, hw, hw),
        ).because("All three faces go through one and the same gate. Each has a gate of its own."),
        wrong("one-after-the-other", _one_after_the_other, _from_the_first).because(
            "A face is pooled from maps that another gate has been at. All three look at x itself."
        ),
        wrong("mean-first", _with(pool=lambda x, dim: pooled(x, dim).flip(1))).because(
            "The gates get the mean first and the maximum second. Is it your `z_pool` that you "
            "call?"
        ),
        wrong("thirds", _with(give=lambda x, gates: tuple(gate / 3 for gate in gates))).because(
            "You divide by three already. Return the gates; the mean is taken by who uses them."
        ),
    ),
    right=(
        _with(),
        _by_rotation,
        _axes_kept,
        lambda x, cw, hc, hw: (
            cw(pooled(x, 2)).movedim(1, 2),
            hc(pooled(x, 3).mT).permute(0, 3, 2, 1),
            hw(pooled(x)),
        ),
    ),
)
