"""Two gates and three ways to arrange them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, wrong

Gate = Callable[[Tensor], Tensor]
ORDERS = ("channel first", "spatial first", "parallel")


def _inputs(draw: Draw) -> Inputs:
    batch, channels, height, width = draw.sizes((2, 8, 5, 7), (3, 5, 2, 3))
    return {
        "x": draw.normal(batch, channels, height, width, offset=0.3),
        "w_channel": draw.normal(channels, channels, scale=2 * channels**-0.5),
        "w_spatial": draw.normal(channels, scale=2 * channels**-0.5),
    }


def _call(answer: Callable[..., Any], inputs: Inputs) -> tuple[Any, ...]:
    """Ask for every order, with two gates that are made of the probe's tensors."""
    x, w_channel, w_spatial = inputs.values()
    assert isinstance(w_channel, Tensor) and isinstance(w_spatial, Tensor)

    def channel(x: Tensor) -> Tensor:
        return (x.mean((2, 3)) @ w_channel.T).sigmoid()[:, :, None, None]

    def spatial(x: Tensor) -> Tensor:
        return torch.einsum("c,bchw->bhw", w_spatial, x.tanh()).sigmoid()[:, None]

    return tuple(answer(channel, spatial, x, order) for order in ORDERS)


def _arrange(channel: Gate, spatial: Gate, x: Tensor, order: str) -> Tensor:
    if order == "parallel":
        return torch.mul(channel(x), x) * spatial(x)
    gates = [channel, spatial]
    for gate in gates if order == "channel first" else gates[::-1]:
        x = gate(x) * x
    return x


def _then(first: Gate, second: Gate, x: Tensor) -> Tensor:
    gated = x * first(x)
    return gated * second(gated)


def _overwriting(first: Gate, second: Gate, x: Tensor) -> Tensor:
    x *= first(x)
    return x * second(x)


def _all_overwriting(first: Gate, second: Gate, x: Tensor) -> Tensor:
    x *= first(x)
    x *= second(x)
    return x


def _both(channel: Gate, spatial: Gate, x: Tensor) -> Tensor:
    return x * channel(x) * spatial(x)


Way = Callable[[Gate, Gate, Tensor], Tensor]


def _ways(
    channel_first: Way = _then,
    spatial_first: Way = lambda channel, spatial, x: _then(spatial, channel, x),
    parallel: Way = _both,
) -> Callable[..., Tensor]:
    """An answer that does one of the orders otherwise."""
    ways = dict(zip(ORDERS, (channel_first, spatial_first, parallel), strict=True))
    return lambda channel, spatial, x, order: ways[order](channel, spatial, x)


def _by_branches(channel: Gate, spatial: Gate, x: Tensor, order: str) -> Tensor:
    if order == "channel first":
        x = x * channel(x)
        return x * spatial(x)
    if order == "spatial first":
        x = x * spatial(x)
        return x * channel(x)
    gate = channel(x) * spatial(x)
    return x * gate


def _in_turn(channel: Gate, spatial: Gate, x: Tensor, order: str) -> Tensor:
    first, second = (spatial, channel) if order == "spatial first" else (channel, spatial)
    gated = x * first(x)
    return gated * second(x if order == "parallel" else gated)


def _by_seen(channel: Gate, spatial: Gate, x: Tensor, order: str) -> Tensor:
    seen_by_spatial = x * channel(x) if order == "channel first" else x
    seen_by_channel = x * spatial(x) if order == "spatial first" else x
    return x * channel(seen_by_channel) * spatial(seen_by_spatial)


arrange = Exercise(
    points=2,
    kind=Function(("channel_first", "spatial_first", "parallel"), call=_call),
    title="the map, scaled by both gates, in each of the three orders",
    oracle=_arrange,
    draw=_inputs,
    batched=("x",),
    misconceptions=(
        wrong(
            "order-ignored",
            _ways(_then, _then, _then),
            _ways(*[lambda channel, spatial, x: _then(spatial, channel, x)] * 3),
            _ways(_then, _then),
            _ways(lambda channel, spatial, x: _then(spatial, channel, x)),
            _ways(_both),
            _ways(_then, _both),
        ).because(
            "Orders of different names give the same. Compare `order` with all three names, letter "
            "by letter: it decides which gate sees the map as it came in."
        ),
        wrong(
            "turned-around", _ways(lambda channel, spatial, x: _then(spatial, channel, x), _then)
        ).because(
            'The two orders have changed places: with "channel first", the channel gate sees `x`, '
            "and the spatial gate what is left of it."
        ),
        wrong("second-gate-sees-the-input", _ways(_both, _both)).because(
            "Your second gate looks at the map that came in, so the order cannot matter: two "
            "numbers may be multiplied either way. Let it look at what the first has gated."
        ),
        wrong(
            "parallel-is-a-sequence",
            _ways(parallel=_then),
            _ways(parallel=lambda channel, spatial, x: _then(spatial, channel, x)),
        ).because("In parallel, neither gate knows of the other: both look at `x`."),
        wrong(
            "first-gate-forgotten",
            _ways(
                lambda channel, spatial, x: x * spatial(x * channel(x)),
                lambda channel, spatial, x: x * channel(x * spatial(x)),
            ),
        ).because(
            "In sequence, your last product starts from `x` again: the first gate is forgotten."
        ),
        wrong(
            "one-gate-only",
            _ways(lambda channel, spatial, x: x * channel(x), lambda c, spatial, x: x * spatial(x)),
        ).because(
            "In sequence, only the first gate is used; the other follows on what it has left."
        ),
        wrong(
            "gates-added", _ways(parallel=lambda channel, spatial, x: x * (channel(x) + spatial(x)))
        ).because(
            "In parallel, you add the gates, so the scale reaches 2 and neither gate alone can "
            "hide anything. Multiply by both."
        ),
        wrong(
            "gates-averaged",
            _ways(parallel=lambda channel, spatial, x: x * (channel(x) + spatial(x)) / 2),
        ).because(
            "In parallel, you take the mean of the gates, so where one is shut the other still "
            "lets through up to half. Multiply by both."
        ),
        wrong(
            "in-place",
            _ways(_overwriting, lambda channel, spatial, x: _overwriting(spatial, channel, x)),
            _ways(
                _all_overwriting,
                lambda channel, spatial, x: _all_overwriting(spatial, channel, x),
            ),
        ).because(
            "You overwrite the map that came in (`x *= …`), which others still need: here the next "
            "order gets what the last one has left. Write `x = x * …`."
        ),
        wrong(
            "gates-returned", _ways(parallel=lambda channel, spatial, x: channel(x) * spatial(x))
        ).because("In parallel, you return the gates; return the map, scaled by both."),
        wrong(
            "squared", _ways(parallel=lambda channel, spatial, x: x * channel(x) * (x * spatial(x)))
        ).because("In parallel, `x` is multiplied in twice. It is one map, times two gates."),
        wrong(
            "residual",
            _ways(
                lambda channel, spatial, x: x + _then(channel, spatial, x),
                lambda channel, spatial, x: x + _then(spatial, channel, x),
                lambda channel, spatial, x: x + _both(channel, spatial, x),
            ),
        ).because("You add the input; that is the work of the residual block around the gates."),
    ),
    right=(_by_branches, _by_seen, _in_turn, _ways()),
)
