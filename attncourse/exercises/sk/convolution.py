"""Split, fuse and select as one module, for any number of branches."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from attncourse.exercises.common.draws import built, maps
from attncourse.exercises.core import Exercise, Inputs, Law, Module, Outputs, wrong
from attncourse.exercises.sk import branch, fuse


class _Branch(branch.Layers):
    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(self.conv(x)).relu()
        return out


class _Fuse(fuse.Layers):
    def forward(self, u: Tensor) -> Tensor:
        out: Tensor = self.norm(self.narrow(u.sum(1).mean((2, 3)))).relu()
        return out


Dilation = Callable[[int], int]


def _counting(number: int) -> int:
    return number + 1


class Layers(nn.Module):
    """The layers of a selective kernel; `dilation` gives that of a branch by its number from 0."""

    dilation: Dilation = staticmethod(_counting)

    def __init__(
        self,
        channels: int,
        branches: int = 2,
        groups: int = 32,
        reduction: int = 16,
        min_hidden: int = 32,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            _Branch(channels, self.dilation(i), groups) for i in range(branches)
        )
        self.fuse = _Fuse(channels, reduction, min_hidden)
        self.select = nn.Linear(self.fuse.narrow.out_features, branches * channels, bias=False)

    def seen(self, x: Tensor) -> Tensor:
        """The outputs of all branches, (B, M, C, H, W)."""
        return torch.stack([each(x) for each in self.branches], 1)

    def logits(self, u: Tensor) -> Tensor:
        """The logits of the branches, (B, M, C)."""
        out: Tensor = self.select(self.fuse(u)).unflatten(1, (len(self.branches), -1))
        return out


class _SKConv(Layers):
    def forward(self, x: Tensor) -> Tensor:
        u = self.seen(x)
        return torch.einsum("bmchw,bmc->bchw", u, self.logits(u).softmax(1))


def _sk_with(
    forward: Callable[[Layers, Tensor], Tensor], dilation: Dilation = _counting
) -> type[nn.Module]:
    """A selective kernel that applies its layers in a way, or has dilations, of its own."""

    class SKConv(Layers):
        def forward(self, x: Tensor) -> Tensor:
            return forward(self, x)

    SKConv.dilation = staticmethod(dilation)
    return SKConv


def _mixed(u: Tensor, weights: Tensor) -> Tensor:
    return (u * weights[..., None, None]).sum(1)


def _plain(sk: Layers, x: Tensor) -> Tensor:
    u = sk.seen(x)
    return _mixed(u, sk.logits(u).softmax(1))


def _weighing(normalise: Callable[[Tensor], Tensor]) -> type[nn.Module]:
    """A selective kernel that makes its weights of the logits (B, M, C) in another way."""

    def forward(sk: Layers, x: Tensor) -> Tensor:
        u = sk.seen(x)
        return _mixed(u, normalise(sk.logits(u)))

    return _sk_with(forward)


def _hearing(choose: Callable[[Tensor, Tensor], Tensor]) -> type[nn.Module]:
    """A selective kernel whose fusion hears something else, chosen from (input, branches)."""

    def forward(sk: Layers, x: Tensor) -> Tensor:
        u = sk.seen(x)
        return _mixed(u, sk.logits(choose(x, u)).softmax(1))

    return _sk_with(forward)


def _other_layout(sk: Layers, x: Tensor) -> Tensor:
    u = sk.seen(x)
    logits = sk.select(sk.fuse(u)).unflatten(1, (u.shape[2], -1)).mT
    return _mixed(u, logits.softmax(1))


def _two_only(sk: Layers, x: Tensor) -> Tensor:
    u = sk.seen(x)[:, :2]
    return _mixed(u, sk.logits(sk.seen(x))[:, :2].softmax(1))


def _in_a_chain(sk: Layers, x: Tensor) -> Tensor:
    seen = [x]
    for each in sk.branches:
        seen.append(each(seen[-1]))
    u = torch.stack(seen[1:], 1)
    return _mixed(u, sk.logits(u).softmax(1))


def _by_running_sum(sk: Layers, x: Tensor) -> Tensor:
    seen = [each(x) for each in sk.branches]
    z = sk.fuse(torch.stack(seen, dim=1))
    logits = torch.stack([z @ rows.T for rows in sk.select.weight.chunk(len(seen))])  # (M, B, C)
    out = torch.zeros_like(x)
    for each, weight in zip(seen, torch.softmax(logits, 0), strict=True):
        out = out + each * weight[..., None, None]
    return out.relu()  # changes nothing: no branch is negative


def _by_concatenation(sk: Layers, x: Tensor) -> Tensor:
    seen = torch.cat([each(x) for each in sk.branches], dim=1)  # (B, MC, H, W)
    u = seen.view(len(x), len(sk.branches), -1, *x.shape[2:])
    weights = sk.select(sk.fuse(u)).view(*u.shape[:3], 1, 1).softmax(dim=1)
    return (weights * u).sum(dim=1)


def _nowhere_negative(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    return bool((before["y"] >= 0).all())


SKConv = Exercise(
    points=4,
    kind=Module(("y",), by_name=True),
    title="y: the branches, each channel's mixture chosen by what all of them found",
    oracle=_SKConv,
    draw=maps((2, 6, 7, 5), (3, 8, 4, 9), high=1),
    construction=built(
        channels=(6, 8), branches=(3, 2), groups=(3, 2), reduction=(2, 1), min_hidden=(4, 5)
    ),
    batched=("x",),
    laws=(Law("nothing is negative", _nowhere_negative),),
    misconceptions=(
        wrong("all-the-same-size", _sk_with(_plain, dilation=lambda i: 1)).because(
            "All your branches have dilation 1: there is nothing to choose between."
        ),
        wrong("one-too-far", _sk_with(_plain, dilation=lambda i: i + 2)).because(
            "Your dilations begin at 2; the first branch is the plain 3×3 kernel, dilation 1."
        ),
        wrong("doubling", _sk_with(_plain, dilation=lambda i: 2**i)).because(
            "Your dilations double: 1, 2, 4. They count: branch m has dilation m, for a kernel of "
            "2m + 1. With two branches nobody sees the difference."
        ),
        wrong("turned-around", _weighing(lambda logits: logits.softmax(1).flip(1))).because(
            "The weights go to the wrong branches: the smallest kernel gets the largest one's."
        ),
        wrong("other-layout", _sk_with(_other_layout)).because(
            "The logits are laid out the other way round: first come all channels of the first "
            "branch, then all of the second. Give the weight of `select` the shape (M, C, D)."
        ),
        wrong("two-only", _sk_with(_two_only)).because(
            "With three branches, only two take part in the choice: nothing may depend on M = 2."
        ),
        wrong("over-channels", _weighing(lambda logits: logits.softmax(2))).because(
            "The softmax runs over the channels. The branches compete, not the channels."
        ),
        wrong("sigmoid", _weighing(torch.sigmoid)).because(
            "Each branch has a gate of its own. They should share one whole: softmax over M."
        ),
        wrong(
            "average", _weighing(lambda logits: torch.full_like(logits, 1 / logits.shape[1]))
        ).because("That is the plain mean of the branches; nothing is selected."),
        wrong("plain-sum", _weighing(torch.ones_like)).because(
            "That is the plain sum of the branches; nothing is selected."
        ),
        wrong("hears-the-input", _hearing(lambda x, u: x[:, None])).because(
            "The fusion hears the input. It should hear what the branches found."
        ),
        wrong("hears-one-branch", _hearing(lambda x, u: u[:, :1])).because(
            "The fusion hears the first branch only. Give it all of them."
        ),
        wrong("in-a-chain", _sk_with(_in_a_chain)).because(
            "Each branch sees what the one before it found. They stand side by side: call every "
            "branch on `x`."
        ),
        wrong("residual", _sk_with(lambda sk, x: x + _plain(sk, x))).because(
            "You add the input. The shortcut belongs to the unit around this layer."
        ),
        wrong("detached", _weighing(lambda logits: logits.softmax(1).detach())).because(
            "The numbers are right, but the weights are cut off from the graph: the choice would "
            "never be learned."
        ),
    ),
    right=(
        _sk_with(_plain),
        _sk_with(_by_running_sum),
        _sk_with(_by_concatenation),
        _weighing(lambda logits: torch.softmax(logits, dim=-2)),
    ),
)
