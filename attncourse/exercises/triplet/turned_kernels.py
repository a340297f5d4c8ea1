"""The kernels that do for a turned image what these do for the image."""

from collections.abc import Callable

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, wrong

Kernels = tuple[Tensor, Tensor, Tensor]
Turn = Callable[[Tensor], Tensor]


def _kernels(draw: Draw) -> Inputs:
    """Three kernels (1, 2, k, k)."""
    (kernel,) = draw.sizes((7,), (3,))
    return {face: draw.normal(1, 2, kernel, kernel) for face in ("cw", "hc", "hw")}


def _oracle(cw: Tensor, hc: Tensor, hw: Tensor) -> Kernels:
    return hc.transpose(2, 3), cw.transpose(2, 3), hw.transpose(2, 3)


def _each(turn: Turn, *, exchange: bool = True) -> Callable[[Tensor, Tensor, Tensor], Kernels]:
    """All three turned in some way, and the first two exchanged or not."""

    def kernels(cw: Tensor, hc: Tensor, hw: Tensor) -> Kernels:
        first, second = (hc, cw) if exchange else (cw, hc)
        return turn(first), turn(second), turn(hw)

    return kernels


def _by_tables(cw: Tensor, hc: Tensor, hw: Tensor) -> Kernels:
    first, second, third = torch.stack((hc, cw, hw)).permute(0, 1, 2, 4, 3).contiguous()
    return first, second, third


def _number_by_number(cw: Tensor, hc: Tensor, hw: Tensor) -> Kernels:
    side = range(cw.shape[-1])

    def turned(kernel: Tensor) -> Tensor:
        rows = [torch.stack([kernel[:, :, j, i] for j in side], -1) for i in side]
        return torch.stack(rows, -2)

    return turned(hc), turned(cw), turned(hw)


def _copied(cw: Tensor, hc: Tensor, hw: Tensor) -> Kernels:
    with torch.no_grad():
        return hc.detach().mT.clone(), cw.mT.contiguous(), hw.mT.clone()


def _all_transposed(inputs: Inputs) -> Inputs:
    cw, hc, hw = _oracle(*(k for k in inputs.values() if isinstance(k, Tensor)))
    return {"cw": cw, "hc": hc, "hw": hw}


def _back_again(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    return all(
        torch.equal(after[f"of_{face}"], kernel)
        for face, kernel in inputs.items()
        if isinstance(kernel, Tensor)
    )


def _turned_by(quarters: int) -> Turn:
    return lambda kernel: torch.rot90(kernel, quarters, (2, 3))


turned_kernels = Exercise(
    points=2,
    kind=Function(("of_cw", "of_hc", "of_hw")),
    title="of_cw, of_hc and of_hw: the kernels for the turned image",
    oracle=_oracle,
    draw=_kernels,
    differentiable=False,  # trained weights are carried over on copies: nobody learns through them
    laws=(
        Law(
            "kernels that lie transposed come back upright, each on its face",
            _back_again,
            _all_transposed,
        ),
    ),
    misconceptions=(
        wrong("exchanged-only", _each(lambda kernel: kernel)).because(
            "The two faces have changed places, but their kernels still lie as before. The face "
            "C × W of the turned image is the face H × C of the image *lying on its side*."
        ),
        wrong("turned-only", _each(lambda kernel: kernel.mT, exchange=False)).because(
            "The kernels are turned, but each stays with its face. In the turned image the rows "
            "are the old columns: what looked at C × W must look at H × C."
        ),
        wrong("untouched", lambda cw, hc, hw: (cw.clone(), hc.clone(), hw.clone())).because(
            "These are the kernels you were given."
        ),
        wrong("hw-not-turned", lambda cw, hc, hw: (hc.mT, cw.mT, hw.clone())).because(
            "The third kernel looks at the image itself. The image is turned, so must it be."
        ),
        wrong(
            "hw-alone-turned",
            lambda cw, hc, hw: (hc.clone(), cw.clone(), hw.mT),
            lambda cw, hc, hw: (cw.clone(), hc.clone(), hw.mT),
        ).because("Only the third kernel is turned. The first two lie on their side as well."),
        wrong(
            "one-of-two-turned",
            lambda cw, hc, hw: (hc.mT, cw.clone(), hw.mT),
            lambda cw, hc, hw: (hc.clone(), cw.mT, hw.mT),
        ).because(
            "Of the first two, only one is turned. Both lie on their side in the turned image."
        ),
        wrong(
            "quarter-turn",
            _each(_turned_by(1)),
            _each(_turned_by(-1)),
            _each(_turned_by(1), exchange=False),
            _each(_turned_by(-1), exchange=False),
        ).because(
            "You rotate by a quarter turn. To transpose is to mirror at the diagonal: row and "
            "column change roles, and the first stays the first."
        ),
        wrong(
            "mirrored",
            _each(lambda kernel: kernel.flip(2, 3)),
            _each(lambda kernel: kernel.flip(3)),
            _each(lambda kernel: kernel.flip(2)),
            _each(lambda kernel: kernel.flip(2, 3), exchange=False),
            _each(lambda kernel: kernel.flip(3), exchange=False),
            _each(lambda kernel: kernel.flip(2), exchange=False),
        ).because(
            "You flip the kernels. Transposing exchanges rows and columns; nothing runs backwards."
        ),
        wrong("pair-exchanged", _each(lambda kernel: kernel.mT.flip(1))).because(
            "Maximum and mean have changed places within the kernels. Turn the last two axes only."
        ),
        wrong(
            "all-axes-turned",
            _each(lambda kernel: kernel.permute(*reversed(range(kernel.dim())))),
            _each(lambda kernel: kernel.permute(0, 2, 1, 3)),
        ).because(
            "All four axes are in reverse. Exchange the last two only: (1, 2, k, k) it stays."
        ),
        wrong(
            "handed-round",
            lambda cw, hc, hw: (hw.mT, cw.mT, hc.mT),
            lambda cw, hc, hw: (hc.mT, hw.mT, cw.mT),
            lambda cw, hc, hw: (hw.mT, hc.mT, cw.mT),
            lambda cw, hc, hw: (cw.mT, hw.mT, hc.mT),
        ).because(
            "A kernel lands at the wrong face. The image's own face H × W stays itself; the other "
            "two change places."
        ),
    ),
    right=(_each(lambda kernel: kernel.mT), _by_tables, _number_by_number, _copied),
)
