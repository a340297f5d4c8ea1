"""One layer of the encoder: attention and a small network, each with a shortcut and a norm."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, wrong
from attncourse.exercises.core.laws import tensor

EPS = 1e-5
Part = Callable[[Tensor], Tensor]


def _inputs(draw: Draw) -> Inputs:
    batch, length, width, hidden = draw.sizes((3, 5, 7, 11), (2, 3, 5, 4))
    return {
        # Small numbers in some places, so that it matters where ε stands.
        "x": draw.normal(batch, length, width, offset=0.5) * draw.normal(1, length, 1).abs() / 9,
        "gains": draw.normal(2, width, offset=1.0, scale=0.3),
        "biases": draw.normal(2, width),
        "meet": draw.normal(width, width, scale=width**-0.5) / 9,
        "up": draw.normal(hidden, width, scale=width**-0.5),
        "down": draw.normal(width, hidden, scale=hidden**-0.5),
    }


def _call(answer: Callable[..., Any], inputs: Inputs) -> Any:
    """Give the answer sub-layers: symbols meet in the first, and the second has two halves."""
    x, gains, biases, *weights = inputs.values()
    calls = dict.fromkeys(("attend", "widen", "narrow"), 0)
    meet, up, down = (w for w in weights if isinstance(w, Tensor))

    def once(name: str, y: Tensor) -> Tensor:
        calls[name] += 1  # as with dropout, a second call says something else
        return y / calls[name]

    def attend(y: Tensor) -> Tensor:
        return once("attend", torch.tanh(y @ meet + y.mean(1, keepdim=True) / 9))

    def widen(y: Tensor) -> Tensor:
        return once("widen", y @ up.T - 0.1)

    def narrow(y: Tensor) -> Tensor:
        return once("narrow", y @ down.T + 0.2)

    return answer(x, attend, widen, narrow, gains, biases)


def _encoder_layer(
    x: Tensor, attend: Part, widen: Part, narrow: Part, gains: Tensor, biases: Tensor
) -> Tensor:
    parts: tuple[Part, Part] = attend, lambda y: narrow(widen(y).relu())
    for part, gain, bias in zip(parts, gains, biases, strict=True):
        y = x + part(x)
        centred = y - y.mean(-1, keepdim=True)
        variance = centred.square().mean(-1, keepdim=True)
        x = gain * centred / (variance + EPS).sqrt() + bias
    return x


def _by_moments(
    x: Tensor, attend: Part, widen: Part, narrow: Part, gains: Tensor, biases: Tensor
) -> Tensor:
    def norm(y: Tensor, i: int) -> Tensor:
        mean = y.mean(dim=2, keepdim=True)
        variance = (y**2).mean(dim=2, keepdim=True) - mean**2
        return (y - mean) * torch.rsqrt(variance + 1e-5) * gains[i] + biases[i]

    x = norm(attend(x) + x, 0)
    return norm(narrow(torch.relu(widen(x))) + x, 1)


def _by_var_mean(
    x: Tensor, attend: Part, widen: Part, narrow: Part, gains: Tensor, biases: Tensor
) -> Tensor:
    def add_and_norm(x: Tensor, said: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
        y = torch.add(x, said)
        variance, mean = torch.var_mean(y, -1, correction=0, keepdim=True)
        return torch.addcmul(bias, gain, (y - mean) / torch.sqrt(variance + 1e-5))

    h = add_and_norm(x, attend(x), *(p[0] for p in (gains, biases)))
    return add_and_norm(h, narrow(widen(h).clamp(min=0)), gains[1], biases[1])


def _by_symbols(
    x: Tensor, attend: Part, widen: Part, narrow: Part, gains: Tensor, biases: Tensor
) -> Tensor:
    def norm(y: Tensor, i: int) -> Tensor:
        rows = [
            (row - row.mean()) / (row.var(correction=0) + 1e-5) ** 0.5 for row in y.flatten(0, 1)
        ]
        return (torch.stack(rows) * gains[i] + biases[i]).view_as(x)

    x = norm(x + attend(x), 0)
    hidden = widen(x)
    return norm(x + narrow(torch.where(hidden > 0, hidden, 0.0)), 1)


def _norm(
    y: Tensor,
    gain: Tensor,
    bias: Tensor,
    *,
    over: tuple[int, ...] = (-1,),
    correction: int = 0,
    scale: Callable[[Tensor], Tensor] = lambda variance: (variance + EPS).sqrt(),
) -> Tensor:
    centred = y - y.mean(over, keepdim=True)
    return gain * centred / scale(y.var(over, correction=correction, keepdim=True)) + bias


def _wrapped(x: Tensor, part: Part, gain: Tensor, bias: Tensor) -> Tensor:
    return _norm(x + part(x), gain, bias)


def _twice(x: Tensor, part: Part, gain: Tensor, bias: Tensor) -> Tensor:
    centred = x + part(x) - (x + part(x)).mean(-1, keepdim=True)
    return gain * centred / (centred.var(-1, correction=0, keepdim=True) + EPS).sqrt() + bias


def _thrice(x: Tensor, part: Part, gain: Tensor, bias: Tensor) -> Tensor:
    centred = x + part(x) - (x + part(x)).mean(-1, keepdim=True)
    variance = (x + part(x)).var(-1, correction=0, keepdim=True)
    return gain * centred / (variance + EPS).sqrt() + bias


def _feed_forward(widen: Part, narrow: Part) -> Part:
    return lambda y: narrow(widen(y).relu())


def _with(
    *,
    wrap: Callable[[Tensor, Part, Tensor, Tensor], Tensor] = _wrapped,
    feed: Callable[[Part, Part], Part] = _feed_forward,
) -> Callable[..., Tensor]:
    """A layer whose sub-layers are wrapped, or whose small network is made, in another way."""

    def layer(
        x: Tensor, attend: Part, widen: Part, narrow: Part, gains: Tensor, biases: Tensor
    ) -> Tensor:
        x = wrap(x, attend, gains[0], biases[0])
        return wrap(x, feed(widen, narrow), gains[1], biases[1])

    return layer


def _in_parallel(
    x: Tensor, attend: Part, widen: Part, narrow: Part, gains: Tensor, biases: Tensor
) -> Tensor:
    h = _wrapped(x, attend, gains[0], biases[0])
    return _norm(h + narrow(widen(x).relu()), gains[1], biases[1])


def _first_shortcut_twice(
    x: Tensor, attend: Part, widen: Part, narrow: Part, gains: Tensor, biases: Tensor
) -> Tensor:
    h = _wrapped(x, attend, gains[0], biases[0])
    return _norm(x + narrow(widen(h).relu()), gains[1], biases[1])


def _other_order(
    x: Tensor, attend: Part, widen: Part, narrow: Part, gains: Tensor, biases: Tensor
) -> Tensor:
    x = _wrapped(x, _feed_forward(widen, narrow), gains[0], biases[0])
    return _wrapped(x, attend, gains[1], biases[1])


def _normed(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    """Of a symbol's features, before gain and bias, the mean is 0."""
    gains, biases = tensor(inputs, "gains"), tensor(inputs, "biases")
    plain = (before["output"] - biases[1]) / gains[1]
    return torch.allclose(plain.mean(-1), torch.zeros_like(plain[..., 0]), atol=1e-6)


encoder_layer = Exercise(
    points=3,
    kind=Function(("output",), call=_call),
    title="output: attend, add and norm; feed forward, add and norm",
    oracle=_encoder_layer,
    draw=_inputs,
    batched=("x",),
    refuses=("layer_norm", "native_layer_norm", "LayerNorm", "batch_norm", "instance_norm"),
    laws=(Law("every symbol has mean 0 before the last gain and bias", _normed),),
    misconceptions=(
        wrong("pre-norm", _with(wrap=lambda x, f, g, b: x + f(_norm(x, g, b)))).because(
            "You norm what enters a sub-layer, and not the sum. That is *pre-norm*, which "
            "many later models use; the paper norms after adding: LayerNorm(x + f(x))."
        ),
        wrong("no-shortcut", _with(wrap=lambda x, f, g, b: _norm(f(x), g, b))).because(
            "You norm what the sub-layers say, and x is gone. Add it first: the shortcut is what "
            "lets gradients through a deep stack."
        ),
        wrong("norm-before-adding", _with(wrap=lambda x, f, g, b: x + _norm(f(x), g, b))).because(
            "You norm a sub-layer's result and then add x. The norm comes last: "
            "LayerNorm(x + f(x))."
        ),
        wrong(
            "one-norm",
            lambda x, attend, widen, narrow, g, b: _wrapped(
                x + attend(x), _feed_forward(widen, narrow), g[1], b[1]
            ),
        ).because(
            "There is one norm, at the end. Each of the two sub-layers has its own: norm the sum "
            "of x and the attention before the small network reads it."
        ),
        wrong(
            "first-norm-twice",
            lambda x, attend, widen, narrow, g, b: _with()(
                x, attend, widen, narrow, g[[0, 0]], b[[0, 0]]
            ),
        ).because("Both norms use the first gain and bias. Each has its own: row 0, then row 1."),
        wrong("in-parallel", _in_parallel).because(
            "The small network reads the layer's input. It comes after the attention: give it "
            "what the first norm returns."
        ),
        wrong("first-shortcut-twice", _first_shortcut_twice).because(
            "The second shortcut adds the layer's input. Add what entered the *second* sub-layer: "
            "what the first norm returned."
        ),
        wrong("other-order", _other_order).because(
            "The small network comes first. The attention does: symbols look around, then each "
            "thinks about what it has read."
        ),
        wrong("no-relu", _with(feed=lambda widen, narrow: lambda y: narrow(widen(y)))).because(
            "Nothing stands between widening and narrowing, so that both are one linear map. Put "
            "a ReLU there."
        ),
        wrong(
            "relu-last",
            _with(feed=lambda widen, narrow: lambda y: narrow(widen(y)).relu()),
            _with(feed=lambda widen, narrow: lambda y: narrow(widen(y).relu()).relu()),
        ).because("The ReLU comes last. It belongs between the two maps: widen, ReLU, narrow."),
        wrong(
            "gelu",
            _with(feed=lambda widen, narrow: lambda y: narrow(torch.nn.functional.gelu(widen(y)))),
        ).because("You use a GELU, as many later models do. The paper has a ReLU."),
        wrong(
            "batch-norm", _with(wrap=lambda x, f, g, b: _norm(x + f(x), g, b, over=(0, 1)))
        ).because(
            "Each feature is normed over all symbols of the batch: that is batch norm. Then a "
            "sentence depends on its neighbours and on their padding. Norm each symbol over its "
            "own features, the last axis."
        ),
        wrong(
            "over-places", _with(wrap=lambda x, f, g, b: _norm(x + f(x), g, b, over=(1,)))
        ).because(
            "Each feature is normed over the places of its sentence. Norm each symbol over its "
            "own features: the last axis."
        ),
        wrong(
            "over-the-sentence", _with(wrap=lambda x, f, g, b: _norm(x + f(x), g, b, over=(1, 2)))
        ).because(
            "You norm over places and features together. Each symbol has a mean and a variance "
            "of its own: take the last axis only."
        ),
        wrong(
            "unbiased-variance", _with(wrap=lambda x, f, g, b: _norm(x + f(x), g, b, correction=1))
        ).because(
            "The variance is divided by D − 1, as `.var()` and `.std()` do by default. A norm "
            "divides by D: `correction=0`, or the mean of the squares."
        ),
        wrong(
            "epsilon-outside",
            _with(wrap=lambda x, f, g, b: _norm(x + f(x), g, b, scale=lambda v: v.sqrt() + EPS)),
        ).because(
            "ε is added to the standard deviation. It belongs to the *variance*, inside the root: "
            "for symbols of small numbers that is not the same."
        ),
        wrong(
            "no-epsilon",
            _with(wrap=lambda x, f, g, b: _norm(x + f(x), g, b, scale=lambda v: v.sqrt())),
        ).because(
            "ε is missing. A symbol whose features are all alike has the variance 0, and you "
            "would divide by it: add 10⁻⁵ to the variance."
        ),
        wrong(
            "not-divided",
            _with(wrap=lambda x, f, g, b: _norm(x + f(x), g, b, scale=torch.ones_like)),
        ).because("The mean is gone, the scale is not: divide by the standard deviation too."),
        wrong(
            "variance-as-scale",
            _with(wrap=lambda x, f, g, b: _norm(x + f(x), g, b, scale=lambda v: v + EPS)),
        ).because("You divide by the variance; the scale is its square root."),
        wrong(
            "no-gain", _with(wrap=lambda x, f, g, b: _norm(x + f(x), torch.ones_like(g), b))
        ).because("The gains are not used. A norm multiplies by its gain, then adds its bias."),
        wrong(
            "no-bias", _with(wrap=lambda x, f, g, b: _norm(x + f(x), g, torch.zeros_like(b)))
        ).because("The biases are not used. A norm multiplies by its gain, then adds its bias."),
        wrong(
            "no-gain-no-bias",
            _with(wrap=lambda x, f, g, b: _norm(x + f(x), torch.ones_like(g), torch.zeros_like(b))),
        ).because("Gains and biases are not used. They let a layer undo its norm where it must."),
        wrong("called-twice", _with(wrap=_twice), _with(wrap=_thrice)).because(
            "A sub-layer is called more than once for one result. With dropout in it, each call "
            "says something else: call it once and keep what it says."
        ),
        wrong(
            "attention-only", lambda x, attend, widen, narrow, g, b: _wrapped(x, attend, g[0], b[0])
        ).because(
            "The small network is missing: after the attention comes `narrow(relu(widen(x)))`, "
            "with its own shortcut and norm."
        ),
    ),
    right=(_by_moments, _by_var_mean, _by_symbols),
)
