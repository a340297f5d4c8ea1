"""Channel gate and spatial gate in sequence: the whole of CBAM."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attncourse.exercises.common.draws import built, maps
from attncourse.exercises.core import Exercise, Inputs, Law, Module, Outputs, wrong
from attncourse.exercises.core.laws import shrinks, tensor


class _Place(nn.Module):
    def __init__(self, kernel: int = 7) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(1)


class _Layers(nn.Module):
    """The layers of a block under the names of the task."""

    def __init__(self, channels: int, reduction: int = 16, kernel: int = 7) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, channels // reduction)
        self.expand = nn.Linear(channels // reduction, channels)
        self.spatial = _Place(kernel)


class _Oracle(_Layers):
    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.stack((x.mean((2, 3)), x.amax((2, 3))))  # (2, B, C)
        logits = self.expand(self.reduce(pooled).relu()).sum(0)
        x = torch.einsum("bchw,bc->bchw", x, logits.sigmoid())
        maps = torch.stack((x.amax(1), x.mean(1)), 1)
        return x * self.spatial.norm(self.spatial.conv(maps)).sigmoid()


def _mlp(block: _Layers, pooled: Tensor) -> Tensor:
    out: Tensor = block.expand(torch.relu(block.reduce(pooled)))
    return out


def _what(block: _Layers, x: Tensor) -> Tensor:
    """Gates of the channels, (B, C, 1, 1)."""
    logits = _mlp(block, x.mean((2, 3))) + _mlp(block, x.amax((2, 3)))
    return logits.sigmoid()[..., None, None]


def _maps(x: Tensor) -> Tensor:
    return torch.cat((x.amax(1, keepdim=True), x.mean(1, keepdim=True)), 1)


def _where(block: _Layers, x: Tensor) -> Tensor:
    """Gates of the places, (B, 1, H, W)."""
    return torch.sigmoid(block.spatial.norm(block.spatial.conv(_maps(x))))


Gate = Callable[[_Layers, Tensor], Tensor]
Join = Callable[[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], Tensor], Tensor]


def _in_sequence(what: Callable[..., Tensor], where: Callable[..., Tensor], x: Tensor) -> Tensor:
    x = x * what(x)
    return x * where(x)


def _by_both(what: Callable[..., Tensor], where: Callable[..., Tensor], x: Tensor) -> Tensor:
    of_channels = what(x)
    return of_channels * where(of_channels * x) * x


def _block_with(
    *, what: Gate = _what, where: Gate = _where, join: Join = _in_sequence
) -> type[nn.Module]:
    """A block with another gate for channels or places, or its two gates put together otherwise."""

    class Block(_Layers):
        def forward(self, x: Tensor) -> Tensor:
            return join(lambda x: what(self, x), lambda x: where(self, x), x)

    return Block


class _Convolutions(nn.Module):
    def __init__(self, channels: int, reduction: int = 16, kernel: int = 7) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, channels // reduction, 1)
        self.expand = nn.Conv2d(channels // reduction, channels, 1)
        self.spatial = _Place(kernel)

    def forward(self, x: Tensor) -> Tensor:
        mean, peak = F.adaptive_avg_pool2d(x, 1), F.adaptive_max_pool2d(x, 1)
        logits = self.expand(self.reduce(mean).relu()) + self.expand(self.reduce(peak).relu())
        gated = x * torch.sigmoid(logits)
        maps = torch.stack((gated.max(1).values, gated.mean(1)), 1)
        return gated * torch.sigmoid(self.spatial.norm(self.spatial.conv(maps)))


class _RegisteredBackwards(nn.Module):
    def __init__(self, channels: int, reduction: int = 16, kernel: int = 7) -> None:
        super().__init__()
        self.spatial = _Place(kernel)
        self.expand = nn.Linear(channels // reduction, channels)
        self.reduce = nn.Linear(channels, channels // reduction)

    def forward(self, x: Tensor) -> Tensor:
        both = torch.cat((x.flatten(2).mean(2), x.flatten(2).amax(2)))  # (2B, C)
        first, second = self.expand(self.reduce(both).relu()).chunk(2)
        x = x * (first + second).sigmoid().unsqueeze(-1).unsqueeze(-1)
        return x * self.spatial.norm(self.spatial.conv(_maps(x))).sigmoid()


def _of_this_batch(block: _Layers, x: Tensor) -> Tensor:
    weight, bias = block.spatial.norm.weight, block.spatial.norm.bias
    z = block.spatial.conv(_maps(x))
    return F.batch_norm(z, None, None, weight, bias, training=True).sigmoid()


def _mean_before_maximum(block: _Layers, x: Tensor) -> Tensor:
    return torch.sigmoid(block.spatial.norm(block.spatial.conv(_maps(x).flip(1))))


def _of_all_batches(block: _Layers, x: Tensor) -> Tensor:
    norm, z = block.spatial.norm, block.spatial.conv(_maps(x))
    mean, variance = norm.running_mean, norm.running_var
    return F.batch_norm(z, mean, variance, norm.weight, norm.bias, training=False).sigmoid()


class _ReductionOf16(_block_with()):  # type: ignore[misc]
    def __init__(self, channels: int, reduction: int = 16, kernel: int = 7) -> None:
        super().__init__(channels, kernel=kernel)


class _KernelOfSeven(_block_with()):  # type: ignore[misc]
    def __init__(self, channels: int, reduction: int = 16, kernel: int = 7) -> None:
        super().__init__(channels, reduction)


def _from(pool: Callable[[Tensor], Tensor]) -> Gate:
    """A channel gate that hears one pooling alone."""
    return lambda block, x: _mlp(block, pool(x)).sigmoid()[..., None, None]


def _in_place(what: Callable[..., Tensor], where: Callable[..., Tensor], x: Tensor) -> Tensor:
    x *= what(x)
    return x * where(x)


def _all_in_place(what: Callable[..., Tensor], where: Callable[..., Tensor], x: Tensor) -> Tensor:
    x *= what(x)
    x *= where(x)
    return x


def _scale_is_a_product(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    """Whether log(y/x) is a number for the channel plus a number for the place."""
    scale = (before["y"] / tensor(inputs, "x")).log()
    rest = scale - scale.mean(1, keepdim=True)  # what is left of the place cancels
    return torch.allclose(rest, rest.mean((2, 3), keepdim=True).expand_as(rest))


CBAM = Exercise(
    points=5,
    kind=Module(("y",), by_name=True, training=True),
    title="y: the map, its channels gated, then its places",
    oracle=_Oracle,
    draw=maps((2, 14, 7, 11), (3, 35, 5, 13), high=1),
    # Reductions that do not divide the channels.
    construction=built(channels=(14, 35), reduction=(4, 16), kernel=(7, 3)),
    batched=("x",),
    laws=(
        Law("no number grows or changes its sign", shrinks),
        Law("every scale is a gate of the channel times one of the place", _scale_is_a_product),
    ),
    misconceptions=(
        wrong("parallel", _block_with(join=lambda what, where, x: x * what(x) * where(x))).because(
            "Both gates look at `x`. The spatial gate should look at what the channel gate has "
            "left: it finds *where* among the channels that matter. Compute it from the gated map."
        ),
        wrong(
            "spatial-first", _block_with(join=lambda what, where, x: _in_sequence(where, what, x))
        ).because(
            "The spatial gate comes first. The paper compares both orders and reports the channels "
            "first as the better one."
        ),
        wrong(
            "channel-gate-forgotten",
            _block_with(join=lambda what, where, x: x * where(x * what(x))),
        ).because(
            "The last product starts from the `x` that came in, so the channel gate only helps to "
            "find the places and is then forgotten. Multiply the gated map."
        ),
        wrong("channels-only", _block_with(join=lambda what, where, x: x * what(x))).because(
            "The spatial gate has no effect: you return what the channel gate made."
        ),
        wrong("places-only", _block_with(join=lambda what, where, x: x * where(x))).because(
            "The channel gate has no effect: it is computed, perhaps, but `x` is never scaled by "
            "it."
        ),
        wrong("maps-exchanged", _block_with(where=_mean_before_maximum)).because(
            "The spatial gate convolves the mean first and the maximum second. It is the other way "
            "round here, as in the official code."
        ),
        wrong(
            "residual", _block_with(join=lambda what, where, x: x + _in_sequence(what, where, x))
        ).because(
            "You add the input to the result, so that nothing can be hidden. BAM does that; CBAM "
            "leaves the shortcut to the residual block around it."
        ),
        wrong(
            "gates-added",
            _block_with(join=lambda what, where, x: x * (what(x) + where(x * what(x)))),
            _block_with(join=lambda what, where, x: x * (what(x) + where(x))),
        ).because(
            "You add the two gates. Multiplied, either of them can hide a number; added, neither "
            "can."
        ),
        wrong(
            "gates-returned",
            _block_with(join=lambda what, where, x: what(x) * where(x * what(x))),
            _block_with(join=lambda what, where, x: where(x * what(x))),
        ).because("You return gates. The block returns the map, scaled by both."),
        wrong("mean-only", _block_with(what=_from(lambda x: x.mean((2, 3))))).because(
            "The channel gate hears only the mean, as SE does. Add what the network says to the "
            "maximum."
        ),
        wrong("maximum-only", _block_with(what=_from(lambda x: x.amax((2, 3))))).because(
            "The channel gate hears only the maximum; the mean belongs to it."
        ),
        wrong(
            "pooled-before", _block_with(what=_from(lambda x: x.mean((2, 3)) + x.amax((2, 3))))
        ).because(
            "You add mean and maximum before the network hears them. Each goes through it alone."
        ),
        wrong(
            "no-norm", _block_with(where=lambda block, x: block.spatial.conv(_maps(x)).sigmoid())
        ).because("The spatial gate has no norm between convolution and sigmoid."),
        wrong("norm-of-this-batch", _block_with(where=_of_this_batch)).because(
            "You norm by this batch even in evaluation: images beside each other change each "
            "other's gates."
        ),
        wrong("never-of-this-batch", _block_with(where=_of_all_batches)).because(
            "In training too the spatial gate's norm goes by its running statistics. Leave the "
            "mode to the modules: call `self.spatial(…)`, and no `eval()`."
        ),
        wrong("in-place", _block_with(join=_in_place), _block_with(join=_all_in_place)).because(
            "The result is right, but the map that came in is overwritten (`x *= …`), and the "
            "shortcut around the block still needs it. Write `x = x * …`."
        ),
        wrong("kernel-ignored", _KernelOfSeven).because(
            "The argument `kernel` has no effect: hand it on to your `SpatialGate`."
        ),
        wrong("reduction-ignored", _ReductionOf16).because(
            "The argument `reduction` has no effect: you always divide the channels by 16."
        ),
    ),
    right=(_block_with(), _block_with(join=_by_both), _Convolutions, _RegisteredBackwards),
)
