"""The gate: what the axes have seen opens and shuts the detail."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, wrong
from attncourse.exercises.core.laws import tensor

Layer = Callable[[Tensor], Tensor]


def _inputs(draw: Draw) -> Inputs:
    """Sums on both sides of 0 and 6, and gates on both sides of 0 and 1; then a square map."""
    batch, channels, told, height, width = draw.sizes((2, 3, 8, 5, 7), (3, 5, 4, 6, 6))
    return {
        "detail": draw.normal(batch, channels, height, width, offset=0.5),
        "value": draw.normal(batch, told, height, width, offset=1.0, scale=2),
        "rows": draw.normal(batch, told, height, offset=0.5, scale=2),
        "columns": draw.normal(batch, told, width, offset=1.5, scale=2),
        "weight": draw.normal(channels, told, scale=told**-0.5) * 1.5,
        "bias": draw.normal(channels),
    }


def _call(answer: Callable[..., Any], inputs: Inputs) -> Any:
    """Give the answer a `project` that is made of the probe's tensors."""
    *maps, weight, bias = inputs.values()
    assert isinstance(weight, Tensor) and isinstance(bias, Tensor)

    def project(z: Tensor) -> Tensor:
        return F.conv2d(z, weight[:, :, None, None], bias)

    return answer(*maps, project)


def _clip(z: Tensor) -> Tensor:
    return torch.where(z > 6, 6.0, torch.where(z < 0, 0.0, z))


def _gate_detail(
    detail: Tensor, value: Tensor, rows: Tensor, columns: Tensor, project: Layer
) -> Tensor:
    along_rows, along_columns = rows.unsqueeze(3), columns.unsqueeze(2)
    gate = _clip(project(_clip(along_rows + along_columns + value)) + 3) / 6
    return gate.mul(detail)


def _by_einsum(
    detail: Tensor, value: Tensor, rows: Tensor, columns: Tensor, project: Layer
) -> Tensor:
    height, width = value.shape[2:]
    ones = [rows.new_ones(side) for side in (width, height)]
    z = value + torch.einsum("bch,w->bchw", rows, ones[0])
    z = z + torch.einsum("bcw,h->bchw", columns, ones[1])
    return detail * torch.clamp(project(z.clamp(0, 6)) / 6 + 0.5, 0, 1)


def _row_by_row(
    detail: Tensor, value: Tensor, rows: Tensor, columns: Tensor, project: Layer
) -> Tensor:
    z = torch.stack(
        [value[:, :, i] + rows[:, :, i, None] + columns for i in range(value.shape[2])], 2
    )
    return torch.nn.Hardsigmoid()(project(torch.nn.ReLU6()(z))) * detail


def _sum(value: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    return value + rows[..., None] + columns[:, :, None]


def _with(
    *,
    add: Callable[[Tensor, Tensor, Tensor], Tensor] = _sum,
    activation: Layer = F.relu6,
    squash: Layer = F.hardsigmoid,
    apply: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda gate, logits, detail: gate * detail,
) -> Callable[..., Tensor]:
    """A gate with one of its parts exchanged."""

    def gate_detail(
        detail: Tensor, value: Tensor, rows: Tensor, columns: Tensor, project: Layer
    ) -> Tensor:
        logits = project(activation(add(value, rows, columns)))
        return apply(squash(logits), logits, detail)

    return gate_detail


def _late(detail: Tensor, value: Tensor, rows: Tensor, columns: Tensor, project: Layer) -> Tensor:
    """The activation behind the projection."""
    return F.hardsigmoid(F.relu6(project(_sum(value, rows, columns)))) * detail


def _early(detail: Tensor, value: Tensor, rows: Tensor, columns: Tensor, project: Layer) -> Tensor:
    """h-sigmoid in front of the projection."""
    return project(F.hardsigmoid(F.relu6(_sum(value, rows, columns)))) * detail


def _shut(inputs: Inputs) -> Inputs:
    """Biases that shut the first channel's gate everywhere."""
    bias = tensor(inputs, "bias")
    return inputs | {"bias": torch.cat((torch.full_like(bias[:1], -1e4), bias[1:]))}


def _first_is_zero(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    rest = torch.allclose(before["y"][:, 1:], after["y"][:, 1:])
    return bool((after["y"][:, 0] == 0).all()) and rest


gate_detail = Exercise(
    points=3,
    kind=Function(("y",), call=_call),
    title="y: the detail, times a gate from value, rows and columns",
    oracle=_gate_detail,
    draw=_inputs,
    batched=("detail", "value", "rows", "columns"),
    laws=(Law("a gate that is shut lets nothing through", _first_is_zero, _shut),),
    misconceptions=(
        wrong(
            "sides-exchanged", _with(add=lambda v, r, c: v + r[:, :, None] + c[..., None])
        ).because(
            "Rows and columns have exchanged their places; only a square map lets this run. A "
            "number for each row goes along the width: (B, E, H, 1)."
        ),
        wrong("no-value", _with(add=lambda v, r, c: r[..., None] + c[:, :, None])).because(
            "`value` is left out: two maps whose rows and columns have collected the same then get "
            "the same gate. Add it before the projection, as the official code does."
        ),
        wrong("no-rows", _with(add=lambda v, r, c: v + c[:, :, None])).because(
            "The rows are left out of the sum."
        ),
        wrong("no-columns", _with(add=lambda v, r, c: v + r[..., None])).because(
            "The columns are left out of the sum."
        ),
        wrong(
            "multiplied",
            _with(add=lambda v, r, c: v + r[..., None] * c[:, :, None]),
            _with(add=lambda v, r, c: v * r[..., None] * c[:, :, None]),
        ).because(
            "You multiply rows by columns, as coordinate attention does with its gates. Here they "
            "are added, and there is one gate, at the end."
        ),
        wrong(
            "averaged",
            _with(add=lambda v, r, c: v + (r[..., None] + c[:, :, None]) / 2),
            _with(add=lambda v, r, c: _sum(v, r, c) / 3),
        ).because("You take the mean of rows and columns; add them as they are."),
        wrong("sigmoid", _with(squash=torch.sigmoid)).because(
            "You close the gate with a sigmoid. SeaFormer has h-sigmoid, which is straight between "
            "−3 and 3: `F.hardsigmoid`."
        ),
        wrong("no-squash", _with(squash=lambda z: z)).because(
            "Nothing keeps the gate between 0 and 1: put h-sigmoid behind `project`."
        ),
        wrong("h-swish", _with(squash=F.hardswish)).because(
            "That is h-swish, which multiplies by its input once more. A gate lies between 0 and "
            "1: h-sigmoid."
        ),
        wrong("no-activation", _with(activation=lambda z: z)).because(
            "There is no ReLU6 before `project`."
        ),
        wrong("relu", _with(activation=torch.relu)).because(
            "You take ReLU before `project`. It is ReLU6, which also stops at 6."
        ),
        wrong("activation-without-floor", _with(activation=lambda z: z.clamp(max=6))).because(
            "Before `project`, you stop at 6 alone. ReLU6 stops at 0 as well."
        ),
        wrong(
            "activation-before-the-sum",
            _with(
                add=lambda v, r, c: _sum(F.relu6(v), F.relu6(r), F.relu6(c)), activation=lambda z: z
            ),
            _with(add=lambda v, r, c: _sum(F.relu6(v), F.relu6(r), F.relu6(c))),
        ).because(
            "ReLU6 is applied to values, rows and columns apart. Add the three first: they may "
            "cancel each other."
        ),
        wrong("squashed-before", _early).because(
            "h-sigmoid comes before `project`, so that nothing keeps the gate between 0 and 1. It "
            "comes last."
        ),
        wrong("h-sigmoid-unbounded", _with(squash=lambda z: z / 6 + 0.5)).because(
            "Your h-sigmoid goes on beyond 0 and 1. It is 0 up to −3, and 1 from 3 on."
        ),
        wrong("h-sigmoid-up-to-six", _with(squash=lambda z: F.relu6(z + 3))).because(
            "Your gate goes up to 6. h-sigmoid is ReLU6 of z + 3, divided by 6."
        ),
        wrong("gate-turned", _with(apply=lambda gate, logits, detail: (1 - gate) * detail)).because(
            "Your gate is shut where it should be open: you multiply by 1 minus the gate."
        ),
        wrong("activation-late", _late).because(
            "ReLU6 comes after `project`, so that no gate is ever less than one half. It belongs "
            "before."
        ),
        wrong("gate-returned", _with(apply=lambda gate, logits, detail: gate)).because(
            "You return the gate. Multiply the detail by it."
        ),
        wrong(
            "roles-exchanged",
            _with(
                squash=lambda z: z,
                apply=lambda gate, logits, detail: logits * F.hardsigmoid(detail),
            ),
        ).because(
            "Your detail gates what the axes have seen. It is the other way round: the axial "
            "branch is the gate, and the detail passes through it."
        ),
        wrong("added", _with(apply=lambda gate, logits, detail: gate + detail)).because(
            "You add the gate to the detail; multiply."
        ),
        wrong("residual", _with(apply=lambda gate, logits, detail: detail + gate * detail)).because(
            "You add the detail once more, so that nothing can be shut. The shortcut of the block "
            "comes later, and is another."
        ),
        wrong("detached", _with(apply=lambda gate, logits, detail: gate.detach() * detail)).because(
            "The numbers are right, but the gate is cut off from the graph and would never learn."
        ),
    ),
    right=(
        _with(),
        _by_einsum,
        _row_by_row,
        lambda detail, value, rows, columns, project: (
            detail * F.relu6(project(F.relu6(_sum(value, rows, columns))) + 3) / 6
        ),
    ),
)
