"""Where the gate stands in a residual block."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, edit, wrong

Layer = Callable[[Tensor], Tensor]


def _residual_inputs(draw: Draw) -> Inputs:
    batch, channels, height, width = draw.sizes((2, 8, 5, 7), (3, 5, 2, 3))
    scale = channels**-0.5
    return {
        "x": draw.normal(batch, channels, height, width, offset=0.3),
        "w_body": draw.normal(channels, channels, scale=scale),
        "w_gate": draw.normal(channels, channels, scale=2 * scale),
        "w_shortcut": draw.normal(channels, channels, scale=scale),
        "projects": draw.variant == 0,  # otherwise the shortcut hands on `x` itself
    }


def _call_residual(answer: Callable[..., Any], inputs: Inputs) -> Any:
    """Give the answer a body, a gate and a shortcut that are made of the probe's tensors."""
    x, w_body, w_gate, w_shortcut, projects = inputs.values()
    assert isinstance(w_body, Tensor) and isinstance(w_gate, Tensor)
    assert isinstance(w_shortcut, Tensor)

    def body(x: Tensor) -> Tensor:
        return torch.einsum("dc,bchw->bdhw", w_body, x).sin()

    def gate(x: Tensor) -> Tensor:
        return x * (x.mean((2, 3)) @ w_gate.T).sigmoid()[:, :, None, None]

    def shortcut(x: Tensor) -> Tensor:
        return torch.einsum("dc,bchw->bdhw", w_shortcut, x) if projects else x

    return answer(body, gate, shortcut, x)


def _residual(body: Layer, gate: Layer, shortcut: Layer, x: Tensor) -> Tensor:
    branch = gate(body(x))
    return (branch + shortcut(x)).clamp(min=0)


def _plain(body: Layer, gate: Layer, shortcut: Layer, x: Tensor) -> Tensor:
    return (gate(body(x)) + shortcut(x)).relu()


def _in_steps(body: Layer, gate: Layer, shortcut: Layer, x: Tensor) -> Tensor:
    out = body(x)
    out = gate(out)
    out = out + shortcut(x)
    return torch.nn.functional.relu(out)


def _stacked(body: Layer, gate: Layer, shortcut: Layer, x: Tensor) -> Tensor:
    return torch.stack([shortcut(x), gate(body(x))]).sum(0).relu()


def _into_the_shortcut(body: Layer, gate: Layer, shortcut: Layer, x: Tensor) -> Tensor:
    out = shortcut(x)
    out += gate(body(x))
    return out.relu()


def _into_the_branch(body: Layer, gate: Layer, shortcut: Layer, x: Tensor) -> Tensor:
    out = gate(body(x))
    out += shortcut(x)
    return torch.nn.functional.relu(out, inplace=True)


def _by_choice(body: Layer, gate: Layer, shortcut: Layer, x: Tensor) -> Tensor:
    total = torch.add(shortcut(x), gate(body(x)))
    return torch.where(total > 0, total, 0.0)


se_residual = Exercise(
    points=2,
    kind=Function(("y",), call=_call_residual),
    title="y: ReLU of the gated body plus the shortcut",
    oracle=_residual,
    draw=_residual_inputs,
    batched=("x",),
    misconceptions=(
        wrong(
            "after-the-addition",
            edit("(gate(body(x)) + shortcut(x))", "gate(body(x) + shortcut(x))"),
        ).because(
            "The gate stands after the addition, so it turns down the shortcut too, and block "
            "after block the signal fades. Gate the body alone, before you add."
        ),
        wrong(
            "after-the-relu",
            edit("(gate(body(x)) + shortcut(x)).relu()", "gate((body(x) + shortcut(x)).relu())"),
        ).because(
            "The gate stands at the very end. The paper calls this SE-POST and reports that it is "
            "the one place that does worse: gate the body, before the addition."
        ),
        wrong("before-the-body", edit("gate(body(x))", "body(gate(x))")).because(
            "You gate what goes into the body. The paper tried that (SE-PRE) and it learns about "
            "as well, but its standard block gates what the body *found*."
        ),
        wrong(
            "on-the-shortcut", edit("gate(body(x)) + shortcut(x)", "body(x) + gate(shortcut(x))")
        ).because(
            "You gate the shortcut and leave the body alone. The shortcut should stay open: it is "
            "how signal and gradient get through a deep network."
        ),
        wrong(
            "relu-on-the-branch",
            edit("(gate(body(x)) + shortcut(x)).relu()", "gate(body(x)).relu() + shortcut(x)"),
        ).because("The ReLU acts on the branch alone. Add first: the block ends in the ReLU."),
        wrong("relu-before-the-gate", edit("body(x)", "body(x).relu()")).because(
            "A ReLU stands between body and gate, so the branch could only ever add. The body ends "
            "in its norm; the gate follows at once."
        ),
        wrong("no-relu", edit(".relu()", "")).because(
            "The last ReLU is missing: the block ends with it, after the addition."
        ),
        wrong("no-shortcut", edit(" + shortcut(x)", "")).because(
            "The shortcut is missing: add `shortcut(x)` before the ReLU."
        ),
        wrong("shortcut-not-called", edit("+ shortcut(x)", "+ x")).because(
            "You add `x` itself. Where shapes differ the shortcut is a projection: call "
            "`shortcut(x)`, which knows."
        ),
        wrong("into-the-shortcut", _into_the_shortcut).because(
            "You add in place to what `shortcut(x)` returned. Where the shortcut is the identity, "
            "that is `x` itself, and whoever called finds it changed: make a new tensor, `a + b`."
        ),
        wrong("no-gate", edit("gate(body(x))", "body(x)")).because(
            "This is the plain residual block: the gate is never called."
        ),
    ),
    right=(_plain, _in_steps, _stacked, _by_choice, _into_the_branch),
)
