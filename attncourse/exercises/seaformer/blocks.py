"""SeaFormer blocks, right and wrong: what the check of `SeaFormerBlock` knows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.module import register_module_forward_pre_hook

from attncourse.exercises.core import Inputs, Module
from attncourse.exercises.core.kinds import Malformed, Opened
from attncourse.exercises.core.probe import Probe
from attncourse.exercises.core.reason import DECLARED

Attend = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
PLACES = 16
TWICE = (
    "A part of the block runs twice on the same numbers. That costs twice as much, and its batch "
    "norm counts the batch twice. Keep what the part gave, and use it again."
)


@dataclass(frozen=True)
class EachOnce(Module):
    """A module whose batch norms may not see the same numbers twice while it trains."""

    def open(self, answer: Any, probe: Probe) -> Opened:
        """Watch the batch norms during each call."""
        opened = super().open(answer, probe)

        def call(inputs: Inputs) -> Any:
            seen: dict[nn.Module, list[Tensor]] = {}

            def look(module: nn.Module, given: tuple[Any, ...]) -> None:
                if isinstance(module, _BatchNorm) and module.training and not probe.elsewhere:
                    seen.setdefault(module, []).append(given[0].detach())

            hook = register_module_forward_pre_hook(look)
            try:
                returned = opened.call(inputs)
            finally:
                hook.remove()
            for given in seen.values():
                if any(torch.equal(x, y) for n, x in enumerate(given) for y in given[:n]):
                    raise Malformed(DECLARED, place="13-seaformer/SeaFormerBlock/twice", text=TWICE)
            return returned

        return Opened(call, opened.parameters)


def _conv_norm(channels: int, out: int, kernel: int = 1, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(channels, out, kernel, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out))


class Parts(nn.Module):
    """The parts, under the names that the lesson gives them."""

    row: nn.Module
    column: nn.Module

    def __init__(
        self,
        channels: int,
        *,
        key_dim: int = 16,
        heads: int = 4,
        attn_ratio: float = 2,
        mlp_ratio: int = 2,
    ) -> None:
        super().__init__()
        qk, v, hidden = heads * key_dim, heads * int(attn_ratio * key_dim), mlp_ratio * channels
        self.heads, self.widths = heads, (qk, qk, v)
        self.row_positions = nn.Parameter(torch.zeros(2, heads, key_dim, PLACES))
        self.column_positions = nn.Parameter(torch.zeros(2, heads, key_dim, PLACES))
        self.qkv = _conv_norm(channels, 2 * qk + v)
        for name in ("row", "column"):
            linear = nn.Conv1d(v, v, 1, bias=False)
            setattr(self, name, nn.Sequential(nn.ReLU6(), linear, nn.BatchNorm1d(v)))
        self.gate = _conv_norm(v, channels)
        self.detail = nn.Sequential(
            _conv_norm(2 * qk + v, 2 * qk + v, 3, 2 * qk + v),
            nn.ReLU6(),
            _conv_norm(2 * qk + v, channels),
        )
        self.mlp = nn.Sequential(
            _conv_norm(channels, hidden),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
            nn.ReLU6(),
            _conv_norm(hidden, channels),
        )


class Block(Parts):
    """The oracle: SEA attention and a network, in plain sums."""

    def forward(self, x: Tensor) -> Tensor:
        """Attend along the axes of (B, C, H, W)."""
        qkv = self.qkv(x)
        query, key, value = (
            part.unflatten(1, (self.heads, -1)) for part in qkv.split(self.widths, 1)
        )
        total = value.flatten(1, 2)
        for axis, tables, layer in (
            (4, self.row_positions, self.row),
            (3, self.column_positions, self.column),
        ):
            q, k, v = (part.mean(axis) for part in (query, key, value))  # (B, h, ·, L)
            places = F.interpolate(tables.flatten(0, 1), q.shape[3], mode="linear")
            asks, answers = places.view(2, *q.shape[1:]).unbind(0)
            scores = torch.einsum("bhdl,bhdm->bhlm", q + asks, k + answers) / q.shape[2] ** 0.5
            mixed = torch.einsum("bhlm,bhem->bhel", scores.softmax(3), v)
            total = total + layer(mixed.flatten(1, 2)).unsqueeze(axis - 1)
        x = x + self.detail(qkv) * F.hardsigmoid(self.gate(F.relu6(total)))
        out: Tensor = x + self.mlp(x)
        return out


def _tokens(part: Tensor, heads: int, axis: int) -> Tensor:
    return part.mean(axis).unflatten(1, (heads, -1)).mT


def _placed(tokens: Tensor, table: Tensor) -> Tensor:
    return tokens + F.interpolate(table, tokens.shape[2], mode="linear").mT


def _attend(query: Tensor, key: Tensor, value: Tensor, tables: Tensor) -> Tensor:
    """Tokens (B, h, L, ·) to (B, h·E, L)."""
    query, key = _placed(query, tables[0]), _placed(key, tables[1])
    weights = (query @ key.mT * query.shape[3] ** -0.5).softmax(-1)
    return (weights @ value).mT.flatten(1, 2)


def _side(parts: Sequence[Tensor], heads: int, axis: int, tables: Tensor) -> Tensor:
    """Maps of queries, keys and values to what the tokens of one axis collect, (B, h·E, L)."""
    query, key, value = (_tokens(part, heads, axis) for part in parts)
    return _attend(query, key, value, tables)


def tables_exchanged(query: Tensor, key: Tensor, value: Tensor, tables: Tensor) -> Tensor:
    """Wrong: positions of the keys for the queries."""
    return _attend(query, key, value, tables.flip(0))


def without_positions(query: Tensor, key: Tensor, value: Tensor, tables: Tensor) -> Tensor:
    """Wrong: contents alone."""
    return _attend(query, key, value, 0 * tables)


def not_scaled(query: Tensor, key: Tensor, value: Tensor, tables: Tensor) -> Tensor:
    """Wrong: plain products."""
    root = query.shape[3] ** 0.5
    return _attend(query * root, key, value, torch.stack((tables[0] * root, tables[1])))


def mixed_by_softmax_over_queries(
    query: Tensor, key: Tensor, value: Tensor, tables: Tensor
) -> Tensor:
    """Wrong: columns sum to one."""
    query, key = _placed(query, tables[0]), _placed(key, tables[1])
    weights = (query @ key.mT * query.shape[3] ** -0.5).softmax(-2)
    return (weights @ value).mT.flatten(1, 2)


def merged_by_reshape(query: Tensor, key: Tensor, value: Tensor, tables: Tensor) -> Tensor:
    """Wrong: the right shape, and places among the channels."""
    query, key = _placed(query, tables[0]), _placed(key, tables[1])
    mixed = (query @ key.mT * query.shape[3] ** -0.5).softmax(-1) @ value
    return mixed.reshape(len(mixed), -1, mixed.shape[2])


def one_table(query: Tensor, key: Tensor, value: Tensor, tables: Tensor) -> Tensor:
    """Wrong: positions of the queries for the keys as well."""
    return _attend(query, key, value, tables[[0, 0]])


def heads_interleaved(query: Tensor, key: Tensor, value: Tensor, tables: Tensor) -> Tensor:
    """Wrong: the first number of every head, then the second of every head."""
    heads = query.shape[1]
    merged = _attend(query, key, value, tables)
    return merged.unflatten(1, (heads, -1)).transpose(1, 2).flatten(1, 2)


def nothing_asked(query: Tensor, key: Tensor, value: Tensor, tables: Tensor) -> Tensor:
    """Wrong: every token keeps its own value."""
    return value.mT.flatten(1, 2) + 0 * _attend(query, key, value, tables)


def block_with(
    *,
    axes: tuple[int, int] = (3, 2),
    order: tuple[int, int, int] = (0, 1, 2),
    tables: tuple[str, str] = ("row_positions", "column_positions"),
    layers: tuple[str, str] = ("row", "column"),
    attend: Attend = _attend,
    gated: Callable[[Parts, Tensor, Tensor, Tensor], Tensor] = lambda m, v, r, c: v + r + c,
    apply: Callable[[Parts, Tensor, Tensor, Tensor], Tensor] = lambda m, g, q, x: g * m.detail(q),
    join: Callable[[Parts, Tensor, Tensor], Tensor] = lambda m, x, y: x + y + m.mlp(x + y),
) -> type[nn.Module]:
    """A block with one of its parts exchanged.

    `apply` gets the gate, `qkv` and the input; `join` the input and the gated detail.
    """

    class Other(Parts):
        def forward(self, x: Tensor) -> Tensor:
            """Attend along the axes of (B, C, H, W)."""
            qkv = self.qkv(x)
            parts = qkv.split(self.widths, 1)
            sides = []
            for axis, table, layer in zip(axes, tables, layers, strict=True):
                query, key, value = (_tokens(parts[n], self.heads, axis) for n in order)
                mixed = attend(query, key, value, getattr(self, table))
                sides.append(getattr(self, layer)(mixed))
            total = gated(self, parts[2], sides[0][:, :, :, None], sides[1][:, :, None])
            gate = F.hardsigmoid(self.gate(F.relu6(total)))
            return join(self, x, apply(self, gate, qkv, x))

    return Other


class DetailGates(Block):
    """Wrong: the two branches have exchanged their parts."""

    def forward(self, x: Tensor) -> Tensor:
        """Attend along the axes of (B, C, H, W)."""
        qkv = self.qkv(x)
        parts = qkv.split(self.widths, 1)
        rows, columns = (
            layer(_side(parts, self.heads, axis, table))
            for axis, table, layer in (
                (3, self.row_positions, self.row),
                (2, self.column_positions, self.column),
            )
        )
        seen = self.gate(F.relu6(parts[2] + rows[:, :, :, None] + columns[:, :, None]))
        x = x + F.hardsigmoid(self.detail(qkv)) * seen
        out: Tensor = x + self.mlp(x)
        return out


class ByHeads(Parts):
    """Right: head by head, with one loop over the axes."""

    def forward(self, x: Tensor) -> Tensor:
        """Attend along the axes of (B, C, H, W)."""
        qkv = self.qkv(x)
        query, key, value = torch.split(qkv, list(self.widths), dim=1)
        sides = []
        for axis, table in ((3, self.row_positions), (2, self.column_positions)):
            pooled = [part.mean(dim=axis).chunk(self.heads, 1) for part in (query, key, value)]
            heads = []
            for n, (q, k, v) in enumerate(zip(*pooled, strict=True)):
                asks, answers = F.interpolate(table[:, n], q.shape[2], mode="linear")
                scores = (q + asks).transpose(1, 2) @ (k + answers) / len(asks) ** 0.5
                heads.append(v @ scores.softmax(2).transpose(1, 2))
            sides.append(torch.cat(heads, 1))
        z = value + self.row(sides[0]).unsqueeze(3) + self.column(sides[1]).unsqueeze(2)
        x = F.hardsigmoid(self.gate(z.clamp(0, 6))) * self.detail(qkv) + x
        out: Tensor = self.mlp(x) + x
        return out


class AsMaps(Parts):
    """Right: as the official code has it, sides as maps of width 1."""

    def __init__(self, channels: int, **sizes: Any) -> None:
        super().__init__(channels, **sizes)
        v = self.widths[2]
        self.row = nn.Sequential(nn.ReLU6(), *_conv_norm(v, v))
        self.column = nn.Sequential(nn.ReLU6(), *_conv_norm(v, v))

    def forward(self, x: Tensor) -> Tensor:
        """Attend along the axes of (B, C, H, W)."""
        qkv = self.qkv(x)
        parts = qkv.split(self.widths, 1)
        rows, columns = (
            _side(parts, self.heads, axis, table)
            for axis, table in ((3, self.row_positions), (2, self.column_positions))
        )
        z = parts[2] + self.row(rows[..., None]) + self.column(columns[:, :, None])
        y = torch.mul(self.detail(qkv), F.relu6(self.gate(F.relu6(z)) + 3) / 6)
        out: Tensor = torch.add(x, y) + self.mlp(torch.add(x, y))
        return out


class ProjectsTwice(Parts):
    """Wrong: queries, keys and values are made anew for the detail, or for each axis."""

    for_the_axes = False

    def forward(self, x: Tensor) -> Tensor:
        """Attend along the axes of (B, C, H, W)."""
        parts = self.qkv(x).split(self.widths, 1)
        rows = _side(parts, self.heads, 3, self.row_positions)
        if self.for_the_axes:
            parts = self.qkv(x).split(self.widths, 1)
        columns = _side(parts, self.heads, 2, self.column_positions)
        z = parts[2] + self.row(rows)[..., None] + self.column(columns)[:, :, None]
        detail = self.detail(torch.cat(parts, 1) if self.for_the_axes else self.qkv(x))
        x = x + detail * F.hardsigmoid(self.gate(F.relu6(z)))
        out: Tensor = x + self.mlp(x)
        return out


class ProjectsForEachAxis(ProjectsTwice):
    """Wrong: the same for each axis."""

    for_the_axes = True


class GatesTwice(Parts):
    """Wrong: the gated detail is computed for each shortcut."""

    def forward(self, x: Tensor) -> Tensor:
        """Attend along the axes of (B, C, H, W)."""
        qkv = self.qkv(x)
        parts = qkv.split(self.widths, 1)
        rows = self.row(_side(parts, self.heads, 3, self.row_positions))
        columns = self.column(_side(parts, self.heads, 2, self.column_positions))

        def gated() -> Tensor:
            z = parts[2] + rows[..., None] + columns[:, :, None]
            return self.detail(qkv) * F.hardsigmoid(self.gate(F.relu6(z)))

        out: Tensor = x + gated() + self.mlp(x + gated())
        return out
