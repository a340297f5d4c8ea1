"""One gate for each channel, from its mean and its maximum, both heard by one small network."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from attncourse.exercises.common.draws import levels
from attncourse.exercises.common.laws import between_zero_and_one
from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, wrong
from attncourse.exercises.core.laws import flipped, unchanged

Pool = Callable[[Tensor], Tensor]


def _inputs(draw: Draw) -> Inputs:
    batch, channels, height, width, hidden = draw.sizes((2, 8, 5, 7, 6), (3, 5, 7, 2, 4))
    return {
        "x": draw.normal(batch, channels, height, width) + levels(-1, 2, channels),
        "w_reduce": draw.normal(hidden, channels, scale=channels**-0.5),
        "b_reduce": draw.normal(hidden, offset=0.3, scale=0.5),
        "w_expand": draw.normal(channels, hidden, scale=hidden**-0.5),
        "b_expand": draw.normal(channels, scale=0.7),
    }


def _channel_gate(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    pooled = torch.stack((x.mean((2, 3)), x.amax((2, 3))))  # (2, B, C)
    hidden = (pooled @ w1.T + b1).clamp(min=0)
    return 1 / (1 + torch.exp(-(hidden @ w2.T + b2).sum(0)))


def _mean(x: Tensor) -> Tensor:
    return x.mean((2, 3))


def _max(x: Tensor) -> Tensor:
    return x.amax((2, 3))


def _of_sum(*logits: Tensor) -> Tensor:
    return torch.stack(logits).sum(0).sigmoid()


def _gate_with(
    *pools: Pool,
    middle: Callable[[Tensor], Tensor] = torch.relu,
    join: Callable[..., Tensor] = _of_sum,
    first: float = 1.0,
    second: float = 1.0,
) -> Callable[..., Tensor]:
    """A gate that hears other poolings, joins their logits otherwise, or weighs its biases."""

    def gate(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
        heard = [middle(pool(x) @ w1.T + first * b1) for pool in pools or (_mean, _max)]
        return join(*(h @ w2.T + second * b2 for h in heard))

    return gate


def _by_layers(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    def mlp(pooled: Tensor) -> Tensor:
        return F.linear(F.relu(F.linear(pooled.flatten(1), w1, b1)), w2, b2)

    both = mlp(F.adaptive_avg_pool2d(x, 1)) + mlp(F.adaptive_max_pool2d(x, 1))
    return torch.sigmoid(both)


def _hidden_first(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    pixels = x.flatten(2)
    told, loudest = pixels.mean(-1) @ w1.T, pixels.max(-1).values @ w1.T
    return torch.sigmoid(((told + b1).relu() + (loudest + b1).relu()) @ w2.T + 2 * b2)


def _by_image(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    def logits(pooled: Tensor) -> Tensor:
        return w2 @ torch.relu(w1 @ pooled + b1) + b2

    return torch.stack([(logits(i.mean((1, 2))) + logits(i.amax((1, 2)))).sigmoid() for i in x])


def _once(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    heard = (_mean(x) @ w1.T + b1).relu() + (_max(x) @ w1.T + b1).relu()
    return torch.sigmoid(heard @ w2.T + b2)


def _each_an_mlp_of_half(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    heard = (_mean(x) @ w1.T + b1).relu() + (_max(x) @ w1.T).relu()
    return torch.sigmoid(heard @ w2.T + 2 * b2)


channel_gate = Exercise(
    points=3,
    kind=Function(("gate",)),
    title="gate: σ(MLP(mean) + MLP(maximum)), one for each channel",
    oracle=_channel_gate,
    draw=_inputs,
    batched=("x",),
    laws=(
        Law("every gate lies between 0 and 1", between_zero_and_one),
        Law("turning the map upside down changes nothing", unchanged("gate"), flipped("x", 2, 3)),
    ),
    misconceptions=(
        wrong("mean-only", _gate_with(_mean)).because(
            "Only the mean is asked: this is SE of lesson 06. CBAM asks for the maximum too, and "
            "adds what the network says to both."
        ),
        wrong("maximum-only", _gate_with(_max)).because(
            "Only the maximum is asked. The mean belongs to it: a channel can be loud in one "
            "place, or a little everywhere."
        ),
        wrong("one-pool-twice", _gate_with(_mean, _mean), _gate_with(_max, _max)).because(
            "Both times the network hears the same pooling. One of the two should be the mean, the "
            "other the maximum."
        ),
        wrong(
            "added-before",
            _gate_with(lambda x: _mean(x) + _max(x)),
            _gate_with(lambda x: (_mean(x) + _max(x)) / 2),
            _gate_with(lambda x: (_mean(x) + _max(x)) / 2, join=lambda a: (2 * a).sigmoid()),
        ).because(
            "You join mean and maximum before the network hears them. Each goes through the whole "
            "network by itself, and the *logits* are added: the ReLU between makes the difference."
        ),
        wrong("second-bias-once", _once).because(
            "`b_expand` counts once. To add the hidden layers first is a good idea, and saves half "
            "of the second layer; but each of the two answers brings the bias along, so it counts "
            "twice."
        ),
        wrong("first-bias-once", _each_an_mlp_of_half).because(
            "`b_reduce` reaches only one of the two poolings. It is the same network both times."
        ),
        wrong(
            "sigmoid-each",
            _gate_with(join=lambda a, b: a.sigmoid() + b.sigmoid()),
            _gate_with(join=lambda a, b: (a.sigmoid() + b.sigmoid()) / 2),
            _gate_with(join=lambda a, b: a.sigmoid() * b.sigmoid()),
        ).because(
            "You squash both answers and join the gates. Add the logits first; one sigmoid stands "
            "at the end."
        ),
        wrong("halved", _gate_with(join=lambda a, b: ((a + b) / 2).sigmoid())).because(
            "You average the two answers; CBAM adds them. So on a map that is the same everywhere "
            "the gate hears everything twice."
        ),
        wrong(
            "greater-of-both", _gate_with(join=lambda a, b: torch.maximum(a, b).sigmoid())
        ).because(
            "You keep the greater of the two answers. They are added: one may speak for a channel "
            "and the other against it."
        ),
        wrong("no-relu", _gate_with(middle=lambda z: z)).because(
            "There is no ReLU between the two layers, so they are one."
        ),
        wrong(
            "second-relu",
            _gate_with(join=lambda a, b: (a.relu() + b.relu()).sigmoid()),
            _gate_with(join=lambda a, b: (a + b).relu().sigmoid()),
        ).because(
            "A second ReLU stands behind the second layer, so no gate falls below one half. The "
            "only ReLU is between the layers."
        ),
        wrong("no-sigmoid", _gate_with(join=lambda a, b: a + b)).because(
            "These are logits, of any size and sign: squash their sum with a sigmoid."
        ),
        wrong("softmax", _gate_with(join=lambda a, b: (a + b).softmax(-1))).because(
            "Your gates sum to one over the channels: they compete. A sigmoid decides about each "
            "channel on its own."
        ),
        wrong("no-biases", _gate_with(first=0.0, second=0.0)).because(
            "The biases are not used; the official network has both."
        ),
        wrong(
            "one-axis-at-a-time",
            _gate_with(_mean, lambda x: x.amax(3).mean(2)),
            _gate_with(_mean, lambda x: x.amax(2).mean(2)),
        ).because(
            "Your maximum is taken along one axis and then averaged along the other. Take it over "
            "height and width at once."
        ),
        wrong("largest-size", _gate_with(_mean, lambda x: x.abs().amax((2, 3)))).because(
            "You take the largest number *without its sign*. The maximum of negative numbers is "
            "the one nearest to zero."
        ),
        wrong(
            "over-the-batch",
            _gate_with(
                lambda x: x.mean((0, 2, 3)).expand(len(x), -1),
                lambda x: x.amax((0, 2, 3)).expand(len(x), -1),
            ),
        ).because(
            "All images of the batch get the same gates. Pool over height and width alone, so that "
            "each image decides for itself."
        ),
        wrong(
            "axes-kept", _gate_with(join=lambda a, b: (a + b).sigmoid()[:, :, None, None])
        ).because(
            "The numbers are right, but two axes of length 1 are still there: return (B, C)."
        ),
    ),
    right=(_by_layers, _hidden_first, _by_image, _gate_with()),
)
