"""A gate for each place, from what the places around it tell."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attncourse.exercises.cbam.two_maps import draw_maps
from attncourse.exercises.core import Draw, Exercise, Inputs, Law, Module, Outputs, wrong
from attncourse.exercises.core.laws import flipped, tensor, unchanged


def _construction(draw: Draw) -> dict[str, int | float | bool | str | None]:
    """No kernel at first, so that the default counts."""
    return {"kernel": 3} if draw.variant else {}


class _Oracle(nn.Module):
    def __init__(self, kernel: int = 7) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        maps = torch.stack((x.amax(1), x.mean(1)), 1)
        logits: Tensor = self.norm(self.conv(maps))
        return logits.sigmoid()


Maps = Callable[[Tensor], Tensor]


def _max_mean(x: Tensor) -> Tensor:
    return torch.cat((x.max(1, keepdim=True).values, x.mean(1, keepdim=True)), 1)


def _gate_with(
    *,
    maps: Maps = _max_mean,
    end: Callable[["_Plain", Tensor], Tensor] = lambda gate, z: gate.norm(z).sigmoid(),
    give: Callable[[Tensor, Tensor], Tensor] = lambda x, gate: gate,
    padding: Callable[[int], int] = lambda kernel: kernel // 2,
    border: Literal["zeros", "reflect", "replicate", "circular"] = "zeros",
    kernel_used: int | None = None,
) -> type[nn.Module]:
    """A gate with one of its parts exchanged."""

    class Gate(_Plain):
        def __init__(self, kernel: int = 7) -> None:
            super().__init__()
            kernel = kernel_used or kernel
            self.conv = nn.Conv2d(
                2, 1, kernel, padding=padding(kernel), padding_mode=border, bias=False
            )
            self.norm = nn.BatchNorm2d(1)

        def forward(self, x: Tensor) -> Tensor:
            return give(x, end(self, self.conv(maps(x))))

    return Gate


class _Plain(nn.Module):
    conv: nn.Conv2d
    norm: nn.BatchNorm2d


class _AsSequence(nn.Module):
    def __init__(self, kernel: int = 7) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, (kernel, kernel), padding="same", bias=False)
        self.norm = nn.BatchNorm2d(1, eps=1e-5, momentum=0.01)
        self.squash = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        maps = torch.stack([x.amax(dim=1), x.mean(dim=1)], dim=1)
        out: Tensor = nn.Sequential(self.conv, self.norm, self.squash)(maps)
        return out


class _Padded(nn.Module):
    def __init__(self, kernel: int = 7) -> None:
        super().__init__()
        self.kernel = kernel
        self.conv = nn.Conv2d(2, 1, kernel, bias=False)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        edge = (self.kernel - 1) // 2
        loud, told = x.amax(1, keepdim=True), x.mean(1, keepdim=True)
        padded = F.pad(torch.cat([loud, told], dim=1), (edge, edge, edge, edge))
        return torch.sigmoid(self.norm(self.conv(padded)))


class _EachMap(nn.Module):
    def __init__(self, kernel: int = 7) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        edge, (of_max, of_mean) = self.conv.padding, self.conv.weight.split(1, dim=1)
        z = F.conv2d(x.amax(1, keepdim=True), of_max, padding=edge)
        z = z + F.conv2d(x.mean(1, keepdim=True), of_mean, padding=edge)
        return 1 / (1 + torch.exp(-self.norm(z)))


def _of_this_batch(gate: _Plain, z: Tensor) -> Tensor:
    weight, bias = gate.norm.weight, gate.norm.bias
    return F.batch_norm(z, None, None, weight, bias, training=True).sigmoid()


def _of_all_batches(gate: _Plain, z: Tensor) -> Tensor:
    norm = gate.norm
    assert norm.running_mean is not None and norm.running_var is not None
    z = (z - norm.running_mean) / torch.sqrt(norm.running_var + norm.eps)
    return torch.sigmoid(z * norm.weight + norm.bias)


def _of_each_image(gate: _Plain, z: Tensor) -> Tensor:
    if not gate.training:
        return gate.norm(z).sigmoid()
    return F.instance_norm(z, None, None, gate.norm.weight, gate.norm.bias).sigmoid()


class _Small(_gate_with()):  # type: ignore[misc]
    def __init__(self, kernel: int = 3) -> None:
        super().__init__(kernel)


class _NoDefault(_gate_with()):  # type: ignore[misc]
    def __init__(self, kernel: int) -> None:
        super().__init__(kernel)


def _one_gate_a_place(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    x, gate = tensor(inputs, "x"), before["gate"]
    inside = bool(((gate > 0) & (gate < 1)).all())
    return gate.shape == (len(x), 1, *x.shape[2:]) and inside


SpatialGate = Exercise(
    points=4,
    kind=Module(("gate",), by_name=True, training=True),
    title="gate: σ(norm(convolution of the two maps)), one for each place",
    oracle=_Oracle,
    draw=draw_maps,
    construction=_construction,
    batched=("x",),
    laws=(
        Law("every place has one gate, between 0 and 1", _one_gate_a_place),
        Law("the order of the channels does not matter", unchanged("gate"), flipped("x", 1)),
    ),
    misconceptions=(
        wrong("maps-exchanged", _gate_with(maps=lambda x: _max_mean(x).flip(1))).because(
            "The convolution gets the mean first and the maximum second. A network that you train "
            "yourself does not mind, but weights made for the official order would be applied to "
            "the wrong map: maximum first."
        ),
        wrong("no-norm", _gate_with(end=lambda gate, z: z.sigmoid())).because(
            "The norm is never applied. The paper's formula has none, but its code does, and so "
            "has the task here: between the convolution and the sigmoid."
        ),
        wrong("norm-of-this-batch", _gate_with(end=_of_this_batch)).because(
            "You norm by this batch even in evaluation, so that an image's gate depends on the "
            "others beside it. Call the module: `self.norm(…)` knows in which mode it is."
        ),
        wrong(
            "never-of-this-batch",
            _gate_with(end=_of_all_batches),
            _gate_with(end=lambda gate, z: gate.norm.eval()(z).sigmoid()),
        ).because(
            "In training too you norm by the running statistics, so the norm never does its work. "
            "Call the module: `self.norm(…)` knows in which mode it is."
        ),
        wrong("norm-of-each-image", _gate_with(end=_of_each_image)).because(
            "In training you norm each image by itself. Asked for is `nn.BatchNorm2d`, which takes "
            "the mean and the variance over the whole batch."
        ),
        wrong(
            "sigmoid-before-the-norm", _gate_with(end=lambda gate, z: gate.norm(z.sigmoid()))
        ).because(
            "The sigmoid comes before the norm, which then moves the gate out of 0 to 1. Norm "
            "first, then squash."
        ),
        wrong("relu", _gate_with(end=lambda gate, z: gate.norm(z).relu().sigmoid())).because(
            "A ReLU stands before the sigmoid, and σ of a positive number is at least ½: your gate "
            "can never hide a place."
        ),
        wrong(
            "relu-before-the-norm", _gate_with(end=lambda gate, z: gate.norm(z.relu()).sigmoid())
        ).because(
            "A ReLU stands between convolution and norm. All that speaks against a place becomes "
            "the same zero there; nothing but the norm stands between them."
        ),
        wrong("no-sigmoid", _gate_with(end=lambda gate, z: gate.norm(z))).because(
            "These are logits. A gate says how far to open, from 0 to 1: end in a sigmoid."
        ),
        wrong(
            "softmax",
            _gate_with(end=lambda gate, z: gate.norm(z).flatten(2).softmax(-1).view_as(z)),
        ).because(
            "Your gates sum to one over the places: with every place added to the map, each would "
            "shrink. A sigmoid decides about each place by itself."
        ),
        wrong("gated-map", _gate_with(give=lambda x, gate: x * gate)).because(
            "You return the gated map. Return the gate alone, (B, 1, H, W), so that we can look at "
            "it; the multiplication follows in the next exercise."
        ),
        wrong("no-padding", _gate_with(padding=lambda kernel: 0)).because(
            "The gate is smaller than the map: without padding a convolution loses its border. Pad "
            "by half a kernel."
        ),
        wrong("padding-fixed", _gate_with(padding=lambda kernel: 3)).because(
            "A padding of 3 fits a kernel of 7 and no other; `kernel // 2` fits every odd one."
        ),
        wrong("kernel-ignored", _gate_with(kernel_used=7)).because(
            "The argument `kernel` has no effect: your convolution is always 7 wide."
        ),
        wrong("other-default", _Small, _NoDefault).because(
            "Your gate is right where `kernel` is given. Where it is not, 7 should count, as in "
            "the stub: `kernel=7`."
        ),
        wrong(
            "border-invented",
            _gate_with(border="reflect"),
            _gate_with(border="replicate"),
            _gate_with(border="circular"),
        ).because(
            "Beyond the border you repeat what is inside. Asked for is the usual padding, zeros."
        ),
        wrong(
            "one-map-twice",
            _gate_with(maps=lambda x: x.amax(1, keepdim=True).expand(-1, 2, -1, -1)),
            _gate_with(maps=lambda x: x.mean(1, keepdim=True).expand(-1, 2, -1, -1)),
        ).because("Both maps that you convolve are the same: one holds maxima, the other means."),
        wrong("sum", _gate_with(maps=lambda x: torch.stack((x.amax(1), x.sum(1)), 1))).because(
            "The second map is a sum over the channels; take the mean."
        ),
        wrong("detached", _gate_with(maps=lambda x: _max_mean(x).detach())).because(
            "The numbers are right, but the maps are cut off from the graph: nothing before the "
            "gate would learn what it should show to it."
        ),
        wrong("turned-around", _gate_with(end=lambda gate, z: 1 - gate.norm(z).sigmoid())).because(
            "Your gates shut where they should open: 1 − σ(z) in the place of σ(z)."
        ),
    ),
    right=(_AsSequence, _Padded, _EachMap, _gate_with()),
)
