"""What is read: the context vector."""

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, wrong
from attncourse.exercises.core.laws import tensor


def _context_inputs(draw: Draw) -> Inputs:
    batch, source, width = draw.sizes((3, 5, 7), (2, 7, 3))
    weights = draw.normal(batch, source).softmax(-1)
    return {"weights": weights, "annotations": draw.normal(batch, source, width, offset=0.5)}


def _context(weights: Tensor, annotations: Tensor) -> Tensor:
    return (weights[:, :, None] * annotations).sum(dim=1)


def _context_by_loop(weights: Tensor, annotations: Tensor) -> Tensor:
    context = torch.zeros_like(annotations[:, 0])
    for j in range(annotations.shape[1]):
        context = context + weights[:, j : j + 1] * annotations[:, j]
    return context


def _peaked(inputs: Inputs) -> Inputs:
    weights = tensor(inputs, "weights")
    one_hot = torch.zeros_like(weights)
    one_hot[:, 1] = 1.0
    return inputs | {"weights": one_hot}


def _is_the_place(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    annotations = tensor(inputs, "annotations")
    return torch.allclose(after["context"], annotations[:, 1])


context_vector = Exercise(
    points=2,
    kind=Function(("context",)),
    title="context: the annotations, summed with their weights",
    oracle=_context,
    draw=_context_inputs,
    batched=("weights", "annotations"),
    laws=(
        Law("all weight on one place returns the annotation of that place", _is_the_place, _peaked),
    ),
    misconceptions=(
        wrong("plain-mean", lambda w, h: h.mean(1)).because(
            "That is the plain mean of the annotations: the weights are not used."
        ),
        wrong(
            "hard-choice", lambda w, h: h[torch.arange(len(h), device=h.device), w.argmax(1)]
        ).because(
            "You take the annotation with the largest weight. That is hard attention: nothing "
            "could learn *where* to look, as argmax has no gradient. Sum all annotations with "
            "their weights."
        ),
        wrong("mean-of-weighted", lambda w, h: (w[:, :, None] * h).mean(1)).because(
            "You divide by the source length too. The weights already sum to one: sum, do not "
            "average."
        ),
        wrong("sum-over-width", lambda w, h: (w[:, :, None] * h).sum(2)).because(
            "You sum over the width and keep the places. Sum over the places: the context has the "
            "width of an annotation."
        ),
        wrong("plain-sum", lambda w, h: h.sum(1)).because(
            "That is the plain sum of the annotations: the weights are not used."
        ),
        wrong(
            "renormalised", lambda w, h: ((w / w.sum(1, keepdim=True))[:, :, None] * h).sum(1)
        ).because(
            "You divide the weights by their sum. They sum to one already: the numbers stay, but "
            "the gradient becomes another one."
        ),
        wrong("not-summed", lambda w, h: w[:, :, None] * h).because(
            "These are the weighted annotations, one a place. The context is their sum."
        ),
        wrong("weights-twice", lambda w, h: (w.softmax(1)[:, :, None] * h).sum(1)).because(
            "The weights go through a softmax again. They are weights already; a second softmax "
            "flattens them."
        ),
    ),
    right=(
        lambda w, h: torch.einsum("bs,bsd->bd", w, h),
        lambda w, h: torch.bmm(w.unsqueeze(1), h).squeeze(1),
        _context_by_loop,
        lambda w, h: (h.mT @ w.unsqueeze(-1)).squeeze(-1),
    ),
)
