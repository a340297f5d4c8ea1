"""Where the gate stands in a block of MobileNetV2."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, wrong

Layer = Callable[[Tensor], Tensor]


def _inputs(draw: Draw) -> Inputs:
    batch, channels, wide, height, width = draw.sizes((2, 3, 8, 5, 7), (3, 5, 11, 6, 4))
    return {
        "x": draw.normal(batch, channels, height, width, offset=0.3),
        "w_expand": draw.normal(wide, channels, scale=2 * channels**-0.5),
        "w_project": draw.normal(channels, wide, scale=2 * wide**-0.5),
    }


def _call(answer: Callable[..., Any], inputs: Inputs) -> Any:
    """Give the answer four layers; that in the middle and the gate take any number of channels.

    The first two end in bounds, but not in ReLU6: a ReLU that the answer adds should show.
    """
    x, w_expand, w_project = inputs.values()
    assert isinstance(w_expand, Tensor) and isinstance(w_project, Tensor)

    def expand(x: Tensor) -> Tensor:
        return torch.einsum("dc,bchw->bdhw", w_expand, x).clamp(-1, 8)

    def depthwise(x: Tensor) -> Tensor:
        return (x + 2 * x.roll(1, 2) - x.roll(1, 3)).clamp(-1, 9)

    def gate(x: Tensor) -> Tensor:
        return x * (2 * x.mean(3, keepdim=True) - 1).sigmoid() * x.mean(2, keepdim=True).sigmoid()

    def project(x: Tensor) -> Tensor:
        return torch.einsum("cd,bdhw->bchw", w_project, x)

    return answer(expand, depthwise, gate, project, x)


def _gated(expand: Layer, depthwise: Layer, gate: Layer, project: Layer, x: Tensor) -> Tensor:
    found = project(gate(depthwise(expand(x))))
    return found + x


def _in_steps(expand: Layer, depthwise: Layer, gate: Layer, project: Layer, x: Tensor) -> Tensor:
    out = expand(x)
    out = depthwise(out)
    out = gate(out)
    out = project(out)
    return x.add(out)


def _in_a_loop(*layers_and_x: Any) -> Tensor:
    *layers, x = layers_and_x
    out = x
    for layer in layers:
        out = layer(out)
    return torch.stack((x, out)).sum(0)


def _sequential(expand: Layer, depthwise: Layer, gate: Layer, project: Layer, x: Tensor) -> Tensor:
    def body(maps: Tensor) -> Tensor:
        return project(gate(depthwise(expand(maps))))

    return torch.add(body(x), x)


gated_bottleneck = Exercise(
    points=2,
    kind=Function(("y",), call=_call),
    title="y: the input, and what the gated wide middle found",
    oracle=_gated,
    draw=_inputs,
    batched=("x",),
    misconceptions=(
        wrong("behind-the-projection", lambda e, d, g, p, x: x + g(p(d(e(x))))).because(
            "The gate stands behind the projection, where triplet attention (lesson 10) has it. "
            "Coordinate attention gates the wide middle, before the channels become few."
        ),
        wrong("before-the-depthwise", lambda e, d, g, p, x: x + p(d(g(e(x))))).because(
            "The gate stands before the depthwise convolution, which then mixes open with shut "
            "neighbours. Let it gate what that convolution has found."
        ),
        wrong("on-the-input", lambda e, d, g, p, x: x + p(d(e(g(x))))).because(
            "You gate what goes into the block, where the channels are few. Gate the wide middle, "
            "after the depthwise convolution."
        ),
        wrong("after-the-addition", lambda e, d, g, p, x: g(x + p(d(e(x))))).because(
            "The gate stands after the addition, so it turns down the shortcut too. It belongs "
            "into the branch, between `depthwise` and `project`."
        ),
        wrong("on-the-shortcut", lambda e, d, g, p, x: g(x) + p(d(e(x)))).because(
            "You gate the shortcut. It should stay open; gate the branch."
        ),
        wrong(
            "gated-twice",
            lambda e, d, g, p, x: x + g(p(g(d(e(x))))),
            lambda e, d, g, p, x: x + p(g(d(g(e(x))))),
        ).because(
            "The gate is called twice. Its place is between `depthwise` and `project`, and only "
            "there."
        ),
        wrong("no-gate", lambda e, d, g, p, x: x + p(d(e(x)))).because(
            "This is MobileNetV2's plain block: the gate is never called."
        ),
        wrong("no-depthwise", lambda e, d, g, p, x: x + p(g(e(x)))).because(
            "`depthwise` is never called: it is the only layer here that sees neighbours."
        ),
        wrong("no-shortcut", lambda e, d, g, p, x: p(g(d(e(x))))).because(
            "The shortcut is missing: add `x`."
        ),
        wrong(
            "relu-in-the-middle",
            lambda e, d, g, p, x: x + p(g(d(e(x)).clamp(0, 6))),
            *tuple(
                form
                for relu in (torch.relu, torch.nn.functional.relu6)
                for form in (
                    lambda e, d, g, p, x, relu=relu: x + p(g(d(relu(e(x))))),
                    lambda e, d, g, p, x, relu=relu: x + p(g(relu(d(e(x))))),
                    lambda e, d, g, p, x, relu=relu: x + p(relu(g(d(e(x))))),
                    lambda e, d, g, p, x, relu=relu: x + p(g(relu(d(relu(e(x)))))),
                    lambda e, d, g, p, x, relu=relu: x + p(relu(g(relu(d(relu(e(x))))))),
                )
            ),
        ).because(
            "You add a ReLU between the four functions. `expand` and `depthwise` bring their own "
            "with them, and the gate has none: call the four, and nothing between."
        ),
        wrong(
            "relu-at-the-end",
            lambda e, d, g, p, x: (x + p(g(d(e(x))))).relu(),
            lambda e, d, g, p, x: (x + p(g(d(e(x))))).clamp(0, 6),
            lambda e, d, g, p, x: x + p(g(d(e(x)))).relu(),
            lambda e, d, g, p, x: x + p(g(d(e(x)))).clamp(0, 6),
        ).because(
            "There is a ReLU at the end. MobileNetV2's narrow ends are linear: with so few "
            "channels a ReLU would throw too much away."
        ),
    ),
    right=(_in_steps, _in_a_loop, _sequential, lambda e, d, g, p, x: x + p(g(d(e(x))))),
)
