"""From what all channels tell to a gate for each."""

import torch
from torch import Tensor

from attncourse.exercises.common.laws import between_zero_and_one
from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, edit, wrong
from attncourse.exercises.core.laws import tensor


def _excitation_inputs(draw: Draw) -> Inputs:
    batch, channels, hidden = draw.sizes((3, 8, 5), (2, 7, 4))
    return {
        "descriptors": draw.normal(batch, channels, offset=0.4),
        "w_reduce": draw.normal(hidden, channels, scale=channels**-0.5),
        "b_reduce": draw.normal(hidden, offset=0.3, scale=0.5),
        "w_expand": draw.normal(channels, hidden),
        "b_expand": draw.normal(channels),
    }


def _excitation(s: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    hidden = (s @ w1.T + b1).clamp(min=0)
    return 1 / (1 + torch.exp(-(hidden @ w2.T + b2)))


def _plain(s: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    hidden = (s @ w1.T + b1).relu()
    return (hidden @ w2.T + b2).sigmoid()


def _by_linear(s: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    linear = torch.nn.functional.linear
    return linear(linear(s, w1, b1).relu(), w2, b2).sigmoid()


def _by_columns(s: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    hidden = torch.einsum("rc,bc->rb", w1, s) + b1[:, None]  # (R, B)
    return torch.sigmoid(w2 @ torch.where(hidden > 0, hidden, 0.0) + b2[:, None]).mT


def _by_image(s: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    return torch.stack([torch.sigmoid(w2 @ torch.relu(w1 @ row + b1) + b2) for row in s])


def _silent(inputs: Inputs) -> Inputs:
    w2, b2 = tensor(inputs, "w_expand"), tensor(inputs, "b_expand")
    return inputs | {"w_expand": torch.zeros_like(w2), "b_expand": torch.zeros_like(b2)}


excitation = Exercise(
    points=3,
    kind=Function(("gate",)),
    title="gate: σ(W₂ ReLU(W₁ s + b₁) + b₂), one for each channel",
    oracle=_excitation,
    draw=_excitation_inputs,
    batched=("descriptors",),
    laws=(
        Law("every gate lies between 0 and 1", between_zero_and_one),
        Law(
            "a second layer of zeros leaves every gate half open",
            lambda i, before, after: torch.allclose(
                after["gate"], torch.full_like(after["gate"], 0.5)
            ),
            _silent,
        ),
    ),
    misconceptions=(
        wrong("softmax", edit("sigmoid()", "softmax(-1)")).because(
            "Your gates compete: a softmax lets one channel open only as another shuts. Several "
            "channels may matter at once; the sigmoid decides about each on its own."
        ),
        wrong("no-relu", edit(".relu()", "")).because(
            "There is no ReLU between the layers. Two linear layers in a row are one: the gate "
            "could add up what it hears, but never ask *if this and not that*."
        ),
        wrong("no-sigmoid", edit(".sigmoid()", "")).because(
            "These are logits: any number, of any sign. A gate says how far to open, from 0 to 1: "
            "put a sigmoid at the end."
        ),
        wrong("tanh-at-the-end", edit("sigmoid", "tanh")).because(
            "The gate ends in tanh, so it can turn a channel's sign around. The paper tried that "
            "too and reports a loss; use the sigmoid."
        ),
        wrong("relu-at-the-end", edit("sigmoid", "relu")).because(
            "The gate ends in a ReLU: it can shut, but it has no upper end. The paper reports that "
            "this is worse than no gate at all; use the sigmoid."
        ),
        wrong("relu-before-sigmoid", edit(".sigmoid", ".relu().sigmoid")).because(
            "A second ReLU stands before the sigmoid, and σ of a positive number is at least ½: "
            "your gates can never shut."
        ),
        wrong("sigmoid-in-the-middle", edit("relu", "sigmoid")).because(
            "Both layers end in a sigmoid. The hidden layer takes a ReLU; only the gate needs to "
            "lie between 0 and 1."
        ),
        wrong("no-biases", edit(" + b1", "") & edit(" + b2", "")).because(
            "The biases are not used. Both of them are given here, as in the official networks: "
            "add each after its product."
        ),
        wrong("first-bias-missing", edit(" + b1", "")).because(
            "`b_reduce` has no effect: add it before the ReLU."
        ),
        wrong("second-bias-missing", edit(" + b2", "")).because(
            "`b_expand` has no effect: it sets how far a gate stands open when nothing is heard."
        ),
        wrong("doubled", edit("return (", "return 2 * (")).because(
            "Your gates reach up to 2. Some later networks do that, so that a new gate passes its "
            "channel unchanged; SE's gate is σ itself and starts half open."
        ),
        wrong("turned-around", edit("return (", "return 1 - (")).because(
            "Your gates shut where they should open: 1 − σ(z) in the place of σ(z)."
        ),
    ),
    right=(_plain, _by_linear, _by_columns, _by_image),
)
