"""The gate: what the axes have seen opens and shuts the detail."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Misconception, Outputs
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
    name="gate_detail",
    lesson="13-seaformer",
    points=3,
    kind=Function(("y",), call=_call),
    title="y: the detail, times a gate from value, rows and columns",
    oracle=_gate_detail,
    draw=_inputs,
    batched=("detail", "value", "rows", "columns"),
    laws=(Law("a gate that is shut lets nothing through", _first_is_zero, _shut),),
    misconceptions=(
        Misconception(
            "sides-exchanged",
            _with(add=lambda v, r, c: v + r[:, :, None] + c[..., None]),
            "Rows and columns have exchanged their places; only a square map lets this run. A "
            "number for each row goes along the width: (B, E, H, 1).",
        ),
        Misconception(
            "no-value",
            _with(add=lambda v, r, c: r[..., None] + c[:, :, None]),
            "`value` is left out: two maps whose rows and columns have collected the same then get "
            "the same gate. Add it before the projection, as the official code does.",
        ),
        Misconception(
            "no-rows",
            _with(add=lambda v, r, c: v + c[:, :, None]),
            "The rows are left out of the sum.",
        ),
        Misconception(
            "no-columns",
            _with(add=lambda v, r, c: v + r[..., None]),
            "The columns are left out of the sum.",
        ),
        Misconception(
            "multiplied",
            _with(add=lambda v, r, c: v + r[..., None] * c[:, :, None]),
            "You multiply rows by columns, as coordinate attention does with its gates. Here they "
            "are added, and there is one gate, at the end.",
            variants=(_with(add=lambda v, r, c: v * r[..., None] * c[:, :, None]),),
        ),
        Misconception(
            "averaged",
            _with(add=lambda v, r, c: v + (r[..., None] + c[:, :, None]) / 2),
            "You take the mean of rows and columns; add them as they are.",
            variants=(_with(add=lambda v, r, c: _sum(v, r, c) / 3),),
        ),
        Misconception(
            "sigmoid",
            _with(squash=torch.sigmoid),
            "You close the gate with a sigmoid. SeaFormer has h-sigmoid, which is straight between "
            "−3 and 3: `F.hardsigmoid`.",
        ),
        Misconception(
            "no-squash",
            _with(squash=lambda z: z),
            "Nothing keeps the gate between 0 and 1: put h-sigmoid behind `project`.",
        ),
        Misconception(
            "h-swish",
            _with(squash=F.hardswish),
            "That is h-swish, which multiplies by its input once more. A gate lies between 0 and "
            "1: h-sigmoid.",
        ),
        Misconception(
            "no-activation", _with(activation=lambda z: z), "There is no ReLU6 before `project`."
        ),
        Misconception(
            "relu",
            _with(activation=torch.relu),
            "You take ReLU before `project`. It is ReLU6, which also stops at 6.",
        ),
        Misconception(
            "activation-without-floor",
            _with(activation=lambda z: z.clamp(max=6)),
            "Before `project`, you stop at 6 alone. ReLU6 stops at 0 as well.",
        ),
        Misconception(
            "activation-before-the-sum",
            _with(
                add=lambda v, r, c: _sum(F.relu6(v), F.relu6(r), F.relu6(c)), activation=lambda z: z
            ),
            "ReLU6 is applied to values, rows and columns apart. Add the three first: they may "
            "cancel each other.",
            variants=(_with(add=lambda v, r, c: _sum(F.relu6(v), F.relu6(r), F.relu6(c))),),
        ),
        Misconception(
            "squashed-before",
            _early,
            "h-sigmoid comes before `project`, so that nothing keeps the gate between 0 and 1. It "
            "comes last.",
        ),
        Misconception(
            "h-sigmoid-unbounded",
            _with(squash=lambda z: z / 6 + 0.5),
            "Your h-sigmoid goes on beyond 0 and 1. It is 0 up to −3, and 1 from 3 on.",
        ),
        Misconception(
            "h-sigmoid-up-to-six",
            _with(squash=lambda z: F.relu6(z + 3)),
            "Your gate goes up to 6. h-sigmoid is ReLU6 of z + 3, divided by 6.",
        ),
        Misconception(
            "gate-turned",
            _with(apply=lambda gate, logits, detail: (1 - gate) * detail),
            "Your gate is shut where it should be open: you multiply by 1 minus the gate.",
        ),
        Misconception(
            "activation-late",
            _late,
            "ReLU6 comes after `project`, so that no gate is ever less than one half. It belongs "
            "before.",
        ),
        Misconception(
            "gate-returned",
            _with(apply=lambda gate, logits, detail: gate),
            "You return the gate. Multiply the detail by it.",
        ),
        Misconception(
            "roles-exchanged",
            _with(
                squash=lambda z: z,
                apply=lambda gate, logits, detail: logits * F.hardsigmoid(detail),
            ),
            "Your detail gates what the axes have seen. It is the other way round: the axial "
            "branch is the gate, and the detail passes through it.",
        ),
        Misconception(
            "added",
            _with(apply=lambda gate, logits, detail: gate + detail),
            "You add the gate to the detail; multiply.",
        ),
        Misconception(
            "residual",
            _with(apply=lambda gate, logits, detail: detail + gate * detail),
            "You add the detail once more, so that nothing can be shut. The shortcut of the block "
            "comes later, and is another.",
        ),
        Misconception(
            "detached",
            _with(apply=lambda gate, logits, detail: gate.detach() * detail),
            "The numbers are right, but the gate is cut off from the graph and would never learn.",
        ),
    ),
    right=(_with(), _by_einsum, _row_by_row),
)
