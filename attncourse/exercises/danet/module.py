"""Position attention as a module: three 1×1 convolutions, the mixture, the scaled shortcut."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from attncourse.exercises.common.draws import built, maps
from attncourse.exercises.core import Exercise, Inputs, Law, Module, Outputs, edit, wrong
from attncourse.exercises.core.laws import tensor


def _mix(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    weights = torch.einsum("bdn,bdm->bnm", query.flatten(2), key.flatten(2)).softmax(2)
    return torch.einsum("bnm,bcm->bcn", weights, value.flatten(2)).unflatten(2, value.shape[2:])


class _Shortcut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, mixed: Tensor) -> Tensor:
        return x + self.alpha * mixed


class _Parts(nn.Module):
    """The parts, under the names that the task gives them; the answers below combine them."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // reduction, 1)
        self.key = nn.Conv2d(channels, channels // reduction, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.residual = _Shortcut()


class _Module(_Parts):
    def forward(self, x: Tensor) -> Tensor:
        mixed = _mix(self.query(x), self.key(x), self.value(x))
        out: Tensor = self.residual(x, mixed)
        return out


def _with(forward: Callable[[_Parts, Tensor], Tensor]) -> type[nn.Module]:
    """A module that does something else with its parts."""

    class Attention(_Parts):
        def forward(self, x: Tensor) -> Tensor:
            return forward(self, x)

    return Attention


class _Plain(_Parts):
    def forward(self, x: Tensor) -> Tensor:
        mixed = _mix(self.query(x), self.key(x), self.value(x))
        out: Tensor = self.residual(x, mixed)
        return out


class _Linear(nn.Module):
    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        narrow = channels // reduction
        self.residual = _Shortcut()
        self.value = nn.Linear(channels, channels)
        self.query, self.key = nn.Linear(channels, narrow), nn.Linear(channels, narrow)

    def forward(self, x: Tensor) -> Tensor:
        places = x.flatten(2).mT  # (B, N, C)
        weights = (self.query(places) @ self.key(places).mT).softmax(-1)
        out: Tensor = self.residual(x, (weights @ self.value(places)).mT.reshape(x.shape))
        return out


class _OfOne(_Parts):
    """With α of the shape (1,), as in the official code."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__(channels, reduction)
        self.residual.alpha = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        query = self.query(x).view(batch, -1, height * width).permute(0, 2, 1)
        weights = torch.bmm(query, self.key(x).view(batch, -1, height * width)).softmax(-1)
        mixed = torch.bmm(self.value(x).view(batch, channels, -1), weights.permute(0, 2, 1))
        out: Tensor = self.residual(x, mixed.view(batch, channels, height, width))
        return out


def _spread(module: _Parts, x: Tensor) -> Tensor:
    """The softmax over the places that ask."""
    query, key, value = (p(x).flatten(2) for p in (module.query, module.key, module.value))
    weights = (query.mT @ key).softmax(1)
    out: Tensor = module.residual(x, (value @ weights.mT).view_as(x))
    return out


def _shuffled(inputs: Inputs) -> Inputs:
    x = tensor(inputs, "x")
    return {"x": x.flip(2).roll(2, dims=3)}


def _shuffles_along(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    return torch.allclose(after["y"], before["y"].flip(2).roll(2, dims=3))


PositionAttention = Exercise(
    points=3,
    kind=Module(("y",), by_name=True),
    title="y: x + α · the values, mixed by query and key",
    oracle=_Module,
    draw=maps((2, 8, 5, 7), (3, 6, 7, 2), low=-0.5, high=0.5, scale=0.7),
    construction=built(channels=(8, 6), reduction=(2, 3)),
    batched=("x",),
    refuses=("scaled_dot_product_attention", "MultiheadAttention"),
    laws=(Law("shuffling the places shuffles the result alike", _shuffles_along, _shuffled),),
    misconceptions=(
        wrong(
            "query-and-key-exchanged",
            edit("self.query(x), self.key(x)", "self.key(x), self.query(x)"),
        ).because("The keys ask and the queries answer: query and key have exchanged their parts."),
        wrong(
            "query-compared-with-itself",
            edit("self.key(x)", "self.query(x)"),
            edit("self.query(x)", "self.key(x)"),
        ).because(
            "Queries are compared with queries, and `self.key` has no effect. A place may seek "
            "something else than it offers."
        ),
        wrong("maps-mixed", edit("self.value(x)", "x")).because(
            "You mix `x` itself, and `self.value` has no effect. Mix the values."
        ),
        wrong("shortcut-of-values", edit("(x, mixed)", "(self.value(x), mixed)")).because(
            "The shortcut starts at the values. It should pass `x`, untouched: only then is a new "
            "module the identity."
        ),
        wrong("no-shortcut", edit("self.residual(x, mixed)", "mixed")).because(
            "You return the mixture. Give it to `self.residual`, together with `x`."
        ),
        wrong("alpha-left-out", edit("self.residual(x, mixed)", "x + mixed")).because(
            "You add the mixture whole, and α has no effect. Give `x` and the mixture to "
            "`self.residual`."
        ),
        wrong("exchanged-in-the-shortcut", edit("(x, mixed)", "(mixed, x)")).because(
            "`self.residual` gets its two in the wrong order, so α scales `x`. First what passes, "
            "then what is mixed in."
        ),
        wrong("shortcut-twice", edit("self.residual", "x + self.residual")).because(
            "You add `x` once more: `self.residual` has done so already."
        ),
        wrong(
            "relu",
            edit("query(x)", "query(x).relu()")
            & edit("key(x)", "key(x).relu()")
            & edit("value(x)", "value(x).relu()"),
            edit("query(x)", "query(x).relu()") & edit("key(x)", "key(x).relu()"),
        ).because(
            "There is a ReLU behind the convolutions. Queries, keys and values are linear: a "
            "score must be able to say *unlike*."
        ),
        wrong(
            "scaled", edit("self.query(x)", "self.query(x) / len(self.query.weight) ** 0.5")
        ).because(
            "The scores are divided by the root of their width. DANet leaves them as they are."
        ),
        wrong("softmax-over-queries", _with(_spread)).because(
            "The softmax runs over the places that ask; it should run over the places asked."
        ),
    ),
    right=(
        _Plain,
        _Linear,
        _OfOne,
        _with(lambda m, x: m.residual(x, _mix(m.query(x), m.key(x), m.value(x)))),
    ),
)
