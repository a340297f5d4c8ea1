"""What surrounds every sub-layer: a shortcut, and a norm of each symbol by itself."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Misconception, Outputs

EPS = 1e-5


def _inputs(draw: Draw) -> Inputs:
    batch, length, width = draw.sizes((3, 5, 7), (2, 3, 5))
    return {
        # Small numbers in some places, so that it matters where ε stands.
        "x": draw.normal(batch, length, width, offset=0.5) * draw.normal(1, length, 1).abs(),
        "gain": draw.normal(width, offset=1.0, scale=0.3),
        "bias": draw.normal(width),
        "inner": draw.normal(width, width, scale=width**-0.5),
    }


def _call(answer: Callable[..., Any], inputs: Inputs) -> Any:
    """Give the answer a sub-layer in which the places of a sentence meet."""
    x, gain, bias, inner = inputs.values()
    assert isinstance(inner, Tensor)

    def sublayer(y: Tensor) -> Tensor:
        return torch.tanh(y @ inner + y.mean(1, keepdim=True))

    return answer(x, sublayer, gain, bias)


def _add_and_norm(x: Tensor, sublayer: Any, gain: Tensor, bias: Tensor) -> Tensor:
    y = x + sublayer(x)
    centred = y - y.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    return gain * centred / (variance + EPS).sqrt() + bias


def _by_moments(x: Tensor, sublayer: Any, gain: Tensor, bias: Tensor) -> Tensor:
    y = sublayer(x) + x
    mean = y.mean(dim=2, keepdim=True)
    variance = (y**2).mean(dim=2, keepdim=True) - mean**2
    return (y - mean) * torch.rsqrt(variance + 1e-5) * gain + bias


def _by_var_mean(x: Tensor, sublayer: Any, gain: Tensor, bias: Tensor) -> Tensor:
    y = torch.add(x, sublayer(x))
    variance, mean = torch.var_mean(y, -1, correction=0, keepdim=True)
    return bias + gain * ((y - mean) / torch.sqrt(variance + 1e-5))


def _by_symbols(x: Tensor, sublayer: Any, gain: Tensor, bias: Tensor) -> Tensor:
    y = (x + sublayer(x)).flatten(0, 1)
    rows = [(row - row.mean()) / (row.var(correction=0) + 1e-5) ** 0.5 for row in y]
    return (torch.stack(rows) * gain + bias).view_as(x)


def _norm(
    y: Tensor,
    gain: Tensor,
    bias: Tensor,
    *,
    over: tuple[int, ...] = (-1,),
    correction: int = 0,
) -> Tensor:
    centred = y - y.mean(over, keepdim=True)
    return gain * centred / (y.var(over, correction=correction, keepdim=True) + EPS).sqrt() + bias


def _with(
    enter: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda x, g, b: x,
    leave: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = lambda x, f, g, b: _norm(
        x + f, g, b
    ),
) -> Callable[..., Tensor]:
    """Another form: what enters the sub-layer, and what becomes of its result f and of x."""

    def layer(x: Tensor, sublayer: Any, gain: Tensor, bias: Tensor) -> Tensor:
        return leave(x, sublayer(enter(x, gain, bias)), gain, bias)

    return layer


def _normed(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    """Of a symbol's features, before gain and bias, the mean is 0."""
    gain, bias = inputs["gain"], inputs["bias"]
    assert isinstance(gain, Tensor) and isinstance(bias, Tensor)
    plain = (before["output"] - bias) / gain
    return torch.allclose(plain.mean(-1), torch.zeros_like(plain[..., 0]), atol=1e-6)


add_and_norm = Exercise(
    name="add_and_norm",
    lesson="04-transformer",
    points=3,
    kind=Function(("output",), call=_call),
    says="output: the layer norm of x plus what the sub-layer says",
    oracle=_add_and_norm,
    draw=_inputs,
    batched=("x",),
    refuses=("layer_norm", "native_layer_norm", "LayerNorm", "batch_norm", "instance_norm"),
    laws=(Law("every symbol has mean 0 before gain and bias", _normed),),
    misconceptions=(
        Misconception(
            "pre-norm",
            _with(enter=lambda x, g, b: _norm(x, g, b), leave=lambda x, f, g, b: x + f),
            "You norm what enters the sub-layer, and not the sum. That is *pre-norm*, which "
            "many later models use; the paper norms after adding: LayerNorm(x + f(x)).",
        ),
        Misconception(
            "no-shortcut",
            _with(leave=lambda x, f, g, b: _norm(f, g, b)),
            "You norm what the sub-layer says, and x is gone. Add it first: the shortcut is what "
            "lets gradients through a deep stack.",
        ),
        Misconception(
            "norm-before-adding",
            _with(leave=lambda x, f, g, b: x + _norm(f, g, b)),
            "You norm the sub-layer's result and then add x. The norm comes last: "
            "LayerNorm(x + f(x)).",
        ),
        Misconception(
            "batch-norm",
            _with(leave=lambda x, f, g, b: _norm(x + f, g, b, over=(0, 1))),
            "Each feature is normed over all symbols of the batch: that is batch norm. Then a "
            "sentence depends on its neighbours and on their padding. Norm each symbol over its "
            "own features, the last axis.",
        ),
        Misconception(
            "over-places",
            _with(leave=lambda x, f, g, b: _norm(x + f, g, b, over=(1,))),
            "Each feature is normed over the places of its sentence. Norm each symbol over its "
            "own features: the last axis.",
        ),
        Misconception(
            "over-the-sentence",
            _with(leave=lambda x, f, g, b: _norm(x + f, g, b, over=(1, 2))),
            "You norm over places and features together. Each symbol has a mean and a variance "
            "of its own: take the last axis only.",
        ),
        Misconception(
            "unbiased-variance",
            _with(leave=lambda x, f, g, b: _norm(x + f, g, b, correction=1)),
            "The variance is divided by D − 1, as `.var()` and `.std()` do by default. A norm "
            "divides by D: `correction=0`, or the mean of the squares.",
        ),
        Misconception(
            "not-divided",
            _with(leave=lambda x, f, g, b: g * (x + f - (x + f).mean(-1, keepdim=True)) + b),
            "The mean is gone, the scale is not: divide by the standard deviation too.",
        ),
        Misconception(
            "variance-as-scale",
            _with(
                leave=lambda x, f, g, b: (
                    g
                    * (x + f - (x + f).mean(-1, keepdim=True))
                    / ((x + f).var(-1, correction=0, keepdim=True) + EPS)
                    + b
                )
            ),
            "You divide by the variance; the scale is its square root.",
        ),
        Misconception(
            "no-gain",
            _with(leave=lambda x, f, g, b: _norm(x + f, torch.ones_like(g), torch.zeros_like(b))),
            "Gain and bias are not used. They let a layer undo the norm where it must.",
        ),
        Misconception(
            "sublayer-not-asked",
            lambda x, sublayer, g, b: _norm(x, g, b),
            "The sub-layer is never called: add `sublayer(x)` to x.",
        ),
    ),
    right=(_by_moments, _by_var_mean, _by_symbols),
)
