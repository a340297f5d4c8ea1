"""Where the selective kernel stands in a residual unit."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, edit, wrong

Layer = Callable[[Tensor], Tensor]


def _unit_inputs(draw: Draw) -> Inputs:
    batch, channels, height, width = draw.sizes((2, 8, 5, 7), (3, 5, 2, 3))
    inputs: Inputs = {"x": draw.normal(batch, channels, height, width, offset=0.3)}
    for name in ("w_enter", "w_kernel", "w_leave", "w_shortcut"):
        # The widths are all the same here, so that layers in the wrong order still run.
        inputs[name] = draw.normal(channels, channels, scale=channels**-0.5)
    inputs["projects"] = draw.variant == 0  # otherwise the shortcut hands on `x` itself
    return inputs


class _Projection(nn.Module):
    """A 1×1 convolution with a probe's weight (D, C); a module, since answers may chain layers."""

    def __init__(self, weight: Any) -> None:
        super().__init__()
        self.matrix: Tensor = weight

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("dc,bchw->bdhw", self.matrix, x) + self.matrix.mean()


class _Kernel(_Projection):
    def forward(self, x: Tensor) -> Tensor:
        # A mixture of ReLUs, as a selective kernel's, is nowhere negative.
        found = super().forward(x)
        return found.square() * found.mean((2, 3), keepdim=True).sigmoid()


def _call_unit(answer: Callable[..., Any], inputs: Inputs) -> Any:
    """Give the answer layers that are made of the probe's tensors."""
    layers = (
        _Projection(inputs["w_enter"]),
        _Kernel(inputs["w_kernel"]),
        _Projection(inputs["w_leave"]),
        _Projection(inputs["w_shortcut"]) if inputs["projects"] else nn.Identity(),
    )
    return answer(*layers, inputs["x"])


def _unit(enter: Layer, kernel: Layer, leave: Layer, shortcut: Layer, x: Tensor) -> Tensor:
    branch = leave(kernel(enter(x).clamp(min=0)))
    return (branch + shortcut(x)).clamp(min=0)


def _plain(enter: Layer, kernel: Layer, leave: Layer, shortcut: Layer, x: Tensor) -> Tensor:
    return (leave(kernel(enter(x).relu())) + shortcut(x)).relu()


def _in_steps(enter: Layer, kernel: Layer, leave: Layer, shortcut: Layer, x: Tensor) -> Tensor:
    out = torch.relu(enter(x))
    out = torch.relu(kernel(out))  # changes nothing: no selective kernel is negative
    return torch.nn.functional.relu(shortcut(x) + leave(out))


def _into_the_shortcut(
    enter: Layer, kernel: Layer, leave: Layer, shortcut: Layer, x: Tensor
) -> Tensor:
    out = shortcut(x)
    out += leave(kernel(enter(x).relu()))
    return out.relu()


def _into_the_branch(
    enter: Layer, kernel: Layer, leave: Layer, shortcut: Layer, x: Tensor
) -> Tensor:
    out = leave(kernel(enter(x).relu()))
    out += shortcut(x)
    return out.relu_()


def _chained(enter: Any, kernel: Any, leave: Any, shortcut: Any, x: Tensor) -> Tensor:
    out: Tensor = nn.Sequential(enter, nn.ReLU(), kernel, leave)(x)
    return nn.ReLU()(out + shortcut(x))


def _by_choice(enter: Layer, kernel: Layer, leave: Layer, shortcut: Layer, x: Tensor) -> Tensor:
    entered = enter(x)
    total = torch.stack([leave(kernel(entered * (entered > 0))), shortcut(x)]).sum(0)
    return torch.where(total > 0, total, 0.0)


sk_unit = Exercise(
    points=2,
    kind=Function(("y",), call=_call_unit),
    title="y: ReLU of the branch plus the shortcut",
    oracle=_unit,
    draw=_unit_inputs,
    batched=("x",),
    misconceptions=(
        wrong("no-relu-after-enter", edit("enter(x).relu()", "enter(x)")).because(
            "A ReLU is missing between `enter` and `kernel`. Without it the narrow convolution "
            "and the kernel are linear in a row."
        ),
        wrong(
            "relu-before-the-addition",
            edit(" + shortcut(x)", ".relu() + shortcut(x)"),
            edit(" + shortcut(x)).relu()", ".relu() + shortcut(x))"),
        ).because(
            "A ReLU stands between `leave` and the addition, so the branch could only ever add."
        ),
        wrong("no-last-relu", edit("shortcut(x)).relu()", "shortcut(x))")).because(
            "The last ReLU is missing: the unit ends with it, after the addition."
        ),
        wrong(
            "kernel-at-the-end",
            edit(
                "(leave(kernel(enter(x).relu())) + shortcut(x)).relu()",
                "kernel((leave(enter(x).relu()) + shortcut(x)).relu())",
            ),
            edit("leave(kernel(", "kernel(leave("),
        ).because(
            "The kernel stands behind the whole unit, as a gate might. It is a convolution: it "
            "takes the place of the 3×3 one, in the middle of the branch."
        ),
        wrong(
            "kernel-at-the-start", edit("kernel(enter(x).relu())", "enter(kernel(x)).relu()")
        ).because(
            "The kernel stands first, where the map is widest and costs most. `enter` narrows the "
            "map, then comes the kernel."
        ),
        wrong(
            "kernel-on-the-shortcut",
            edit("kernel(enter(x).relu())", "enter(x).relu()")
            & edit("shortcut(x)", "kernel(shortcut(x))"),
        ).because(
            "The kernel acts on the shortcut. That should stay open: it is how signal and gradient "
            "get through a deep network."
        ),
        wrong("no-kernel", edit("kernel(enter(x).relu())", "enter(x).relu()")).because(
            "The kernel is never called: two 1×1 convolutions see no neighbours at all."
        ),
        wrong("no-shortcut", edit(" + shortcut(x)", "")).because(
            "The shortcut is missing: add `shortcut(x)` before the last ReLU."
        ),
        wrong("shortcut-not-called", edit("+ shortcut(x)", "+ x")).because(
            "You add `x` itself. Where shapes differ the shortcut is a projection: call "
            "`shortcut(x)`, which knows."
        ),
        wrong("into-the-shortcut", _into_the_shortcut).because(
            "You add in place to what `shortcut(x)` returned. Where the shortcut is the identity, "
            "that is `x` itself, and whoever called finds it changed: make a new tensor, `a + b`."
        ),
        wrong(
            "does-not-leave", edit("leave(kernel(enter(x).relu()))", "kernel(enter(x).relu())")
        ).because(
            "`leave` is never called; it widens the map again, or the addition would not fit."
        ),
        wrong("does-not-enter", edit("enter(x).relu()", "x")).because(
            "`enter` is never called; it narrows the map for the kernel."
        ),
        wrong("multiplied", edit("+", "*")).because(
            "You multiply branch and shortcut. A unit *adds* what it found."
        ),
    ),
    right=(
        _plain,
        _in_steps,
        _by_choice,
        _chained,
        _into_the_branch,
        lambda enter, kernel, leave, shortcut, x: torch.add(
            leave(kernel(enter(x).relu())), shortcut(x)
        ).relu(),
    ),
)
