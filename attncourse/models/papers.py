"""The papers' own tables against our networks: parameters and multiply-adds, to the digits published.

Every row says what was published and where, and in which convention multiply-adds were counted
(`attncourse.profiling`). Ours are counted when asked for, on the meta device, so even the biggest
network takes no memory. A row that differs stays in the table and gives its reason.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from attncourse.models.registry import create
from attncourse.profiling import Convention, macs, parameters

if TYPE_CHECKING:
    from rich.table import Table

_UNITS = {"M": 1e6, "G": 1e9, "Mi": 2**20, "Gi": 2**30}


@dataclass(frozen=True)
class Row:
    """A network as a paper reports it.

    Args:
        name: What the paper calls it.
        network: What `attncourse.models.create` calls it.
        source: Where the figures were read.
        parameters: As printed, with its unit: "28.09M". "Mi" and "Gi" are 2²⁰ and 2³⁰. None where
            the paper gives no figure.
        macs: As printed, with its unit.
        convention: How the source counts multiply-adds.
        image: Height and width that `macs` holds for; None for a network of sequences.
        options: What `create` is told besides the name.
        reason: Why ours differ; empty where they agree.
    """

    name: str
    network: str
    source: str
    parameters: str | None = None
    macs: str | None = None
    convention: Convention = "products"
    image: tuple[int, int] | None = (224, 224)
    options: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""

    @cached_property
    def our_parameters(self) -> int:
        """The number of learned numbers in our network."""
        with torch.device("meta"):
            return parameters(create(self.network, **self.options))

    @cached_property
    def our_macs(self) -> int | None:
        """Multiply-adds of our network on one image, in the convention of the source."""
        if self.image is None:
            return None
        with torch.device("meta"):
            network, image = create(self.network, **self.options), torch.empty(1, 3, *self.image)
            return macs(network, image, convention=self.convention)

    @property
    def agrees(self) -> bool:
        """Whether all that is published is what we count, to the digits published."""
        pairs = ((self.parameters, self.our_parameters), (self.macs, self.our_macs))
        return all(shown is None or shown == printed_like(shown, ours) for shown, ours in pairs)


def printed_like(published: str, number: float | None) -> str:
    """A number in the unit and with the digits of a published one.

    Raises:
        ValueError: If the published figure is no decimal number followed by M, G, Mi or Gi.
    """
    parts = re.fullmatch(r"\d+(?:\.(\d+))?([MG]i?)", published)
    if parts is None:
        raise ValueError(f"a published figure is a number with M, G, Mi or Gi, got {published!r}")
    decimals, unit = len(parts[1] or ""), parts[2]
    return "–" if number is None else f"{number / _UNITS[unit]:.{decimals}f}{unit}"


def table() -> "Table":
    """All rows as a table for the terminal."""
    from rich.table import Table

    columns = ("network", "parameters", "ours", "MACs", "ours", "convention", "source", "verdict")
    view = Table(*columns, title="The papers' networks and ours")
    for row in ROWS:
        view.add_row(
            row.name,
            row.parameters or "–",
            _ours(row.parameters, row.our_parameters),
            row.macs or "–",
            _ours(row.macs, row.our_macs),
            row.convention,
            row.source,
            "equal" if row.agrees else row.reason,
        )
    return view


def _ours(published: str | None, number: int | None) -> str:
    return printed_like(published or ("1.000G" if (number or 0) >= 1e9 else "1.000M"), number)


_VASWANI = "Vaswani et al. 2017, table 3"

_SEQUENCES = (
    Row(
        "Transformer, base",
        "transformer_base",
        _VASWANI,
        parameters="65M",
        image=None,
        reason="counted with the 37,000 tokens of the text; table 3 fits 41,004 to 41,208",
    ),
    Row(
        "Transformer, big",
        "transformer_big",
        _VASWANI,
        parameters="213M",
        image=None,
        reason="counted with the 37,000 tokens of the text; table 3 fits 35,368 to 36,344",
    ),
)

_DENSE: tuple[Row, ...] = ()

ROWS = _SEQUENCES + _DENSE
"""Every network whose figures a paper or its repository publishes."""
