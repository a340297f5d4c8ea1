"""A shortcut and a scale that starts at zero: a new part that disturbs nothing."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, wrong
from attncourse.exercises.core.kinds import Malformed, described
from attncourse.exercises.core.reason import DECLARED

Combine = Callable[[Tensor, Tensor, Tensor], Tensor]

OTHER_NAME = "The learned number should be called `self.alpha`."


def _inputs(draw: Draw) -> Inputs:
    shape = draw.sizes((2, 3, 5, 7), (3, 5, 7, 2))
    return {
        "x": draw.normal(*shape, offset=0.5),
        "mixed": draw.normal(*shape, offset=-1.0),
        "scale": 0.75,
    }


def _call(answer: Callable[[], Any], inputs: Inputs) -> tuple[Tensor, Tensor, Tensor]:
    """What a new module gives, what it gives with its scale set, and the slope at the start."""
    x, mixed, scale = inputs.values()
    assert isinstance(x, Tensor) and isinstance(mixed, Tensor) and isinstance(scale, float)
    module = answer()
    if not isinstance(module, nn.Module):
        raise Malformed("no-class", got=described(module))
    names = [name for name, _ in module.named_parameters()]
    if names and "alpha" not in names:
        raise Malformed(DECLARED, place="11-danet/ScaledResidual/other-name", text=OTHER_NAME)
    module = module.to(device=x.device, dtype=x.dtype)
    fresh = module(x, mixed)
    learned = list(module.parameters())
    with torch.enable_grad():
        total = module(x.detach(), mixed.detach()).sum()
    slopes: tuple[Tensor | None, ...] = ()
    if learned and total.requires_grad:
        slopes = torch.autograd.grad(total, learned, allow_unused=True)
    slope = [torch.zeros_like(p) if s is None else s for p, s in zip(learned, slopes, strict=False)]
    flat = torch.cat([x.new_zeros(0), *(s.flatten() for s in slope)])
    later = copy.deepcopy(module)
    with torch.no_grad():
        for parameter in later.parameters():
            parameter.fill_(scale)
    return fresh, later(x, mixed), flat


def _module(
    combine: Combine, *, start: Callable[[], Tensor] = lambda: torch.zeros(()), learns: bool = True
) -> type[nn.Module]:
    """A module with another combination (scale, x, mixed), another start, or nothing to learn."""

    class Residual(nn.Module):
        alpha: Tensor

        def __init__(self) -> None:
            super().__init__()
            if learns:
                self.alpha = nn.Parameter(start())
            else:
                self.register_buffer("alpha", start())

        def forward(self, x: Tensor, mixed: Tensor) -> Tensor:
            return combine(self.alpha, x, mixed)

    return Residual


class _Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(0.0))

    def forward(self, x: Tensor, mixed: Tensor) -> Tensor:
        return torch.addcmul(x, self.alpha, mixed)


class _OfOne(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, mixed: Tensor) -> Tensor:
        return self.alpha * mixed + x


class _OnMaps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.empty(1, 1, 1, 1))
        nn.init.zeros_(self.alpha)

    def forward(self, x: Tensor, mixed: Tensor) -> Tensor:
        return torch.stack((x, mixed * self.alpha)).sum(0)


ScaledResidual = Exercise(
    points=2,
    kind=Function(("fresh", "with_alpha", "slope"), call=_call),
    title="fresh: x itself; later x + α · mixed; slope: α can be learned",
    oracle=_Residual,
    draw=_inputs,
    batched=("x", "mixed"),
    misconceptions=(
        wrong(
            "starts-at-one",
            _module(lambda a, x, mixed: x + a * mixed, start=lambda: torch.ones(())),
        ).because("α starts at one, so a new module changes its input at once. Start at zero."),
        wrong(
            "starts-at-random",
            _module(lambda a, x, mixed: x + a * mixed, start=lambda: torch.randn(())),
            _module(lambda a, x, m: x + a * m, start=lambda: 0.1 * torch.randn(())),
        ).because(
            "α starts at a random number. Start at exactly zero, so that a new module changes "
            "nothing."
        ),
        wrong(
            "starts-small",
            _module(lambda a, x, mixed: x + a * mixed, start=lambda: torch.tensor(0.1)),
            _module(lambda a, x, m: x + a * m, start=lambda: torch.tensor(1e-3)),
        ).because("α starts small, but not at zero: a new module should change nothing at all."),
        wrong("not-learned", _module(lambda a, x, mixed: x + a * mixed, learns=False)).because(
            "α is no `nn.Parameter`, so no optimiser would ever find it, and it stays zero."
        ),
        wrong(
            "cut-off",
            _module(lambda a, x, mixed: x + a.detach() * mixed),
            _module(lambda a, x, mixed: x + a.data * mixed),
            _module(lambda a, x, mixed: x + a * mixed if a else x),
        ).because(
            "No gradient reaches α (`.item()`, `.data`, `.detach()`, or an `if` that leaves it out "
            "while it is zero), so it stays zero for ever."
        ),
        wrong("all-scaled", _module(lambda a, x, mixed: a * (x + mixed))).because(
            "α scales the shortcut too: a new module returns zeros and lets nothing through. Scale "
            "`mixed` alone."
        ),
        wrong("shortcut-scaled", _module(lambda a, x, mixed: a * x + mixed)).because(
            "α scales the wrong one of the two: `x` should pass as it is, and `mixed` come in by "
            "and by."
        ),
        wrong("no-shortcut", _module(lambda a, x, mixed: a * mixed)).because(
            "The shortcut is missing: add `x`."
        ),
        wrong("blended", _module(lambda a, x, mixed: (1 - a) * x + a * mixed)).because(
            "You blend from one to the other: as α grows, `x` fades. In DANet the shortcut stays "
            "whole."
        ),
        wrong("squashed", _module(lambda a, x, mixed: x + a.tanh() * mixed)).because(
            "It starts right, but α is squashed before use. Later networks do that; DANet "
            "multiplies by α itself."
        ),
        wrong("through-a-sigmoid", _module(lambda a, x, mixed: x + a.sigmoid() * mixed)).because(
            "α goes through a sigmoid, which makes one half of zero: a new module changes its "
            "input at once. Multiply by α itself."
        ),
        wrong("in-place", _module(lambda a, x, mixed: x.add_(a * mixed))).because(
            "You change `x` itself (`+=` or `add_`), and whoever made it may still need it. Return "
            "a new tensor."
        ),
        wrong("ignored", _module(lambda a, x, mixed: x + mixed)).because(
            "α is there, but has no effect: multiply `mixed` by it."
        ),
        wrong("subtracted", _module(lambda a, x, mixed: x - a * mixed)).because(
            "You subtract the mixture; add it."
        ),
    ),
    right=(
        _OfOne,
        _OnMaps,
        _module(lambda a, x, mixed: x + a * mixed),
        _module(lambda a, x, mixed: torch.add(mixed * a, x), start=lambda: torch.tensor(0.0)),
    ),
)
