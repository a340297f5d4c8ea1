"""A network's published size beside ours: parameters and multiply-adds, to the digits published."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from attncourse.models.registry import create
from attncourse.profiling import Convention, macs, parameters

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

    @property
    def our_parameters(self) -> int:
        """The number of learned numbers in our network."""
        return self._ours[0]

    @property
    def our_macs(self) -> int | None:
        """Multiply-adds of our network on one image, in the convention of the source."""
        return self._ours[1]

    @cached_property
    def _ours(self) -> tuple[int, int | None]:
        with torch.device("meta"):
            network = create(self.network, **self.options)
            if self.image is None:
                return parameters(network), None
            image = torch.empty(1, 3, *self.image)
            return parameters(network), macs(network, image, convention=self.convention)

    @property
    def agrees(self) -> bool:
        """Whether all that is published is what we count, to the digits published."""
        pairs = ((self.parameters, self.our_parameters), (self.macs, self.our_macs))
        return all(shown is None or shown == printed_like(shown, ours) for shown, ours in pairs)

    @property
    def verdict(self) -> str:
        """What the comparison says, in a few words."""
        if self.parameters is None and self.macs is None:
            return "no figures published"
        return "equal" if self.agrees else self.reason


def printed_like(published: str, number: float | None) -> str:
    """Return a number in the unit and with the digits of a published one.

    Raises:
        ValueError: If the published figure is no decimal number followed by M, G, Mi or Gi.
    """
    parts = re.fullmatch(r"\d+(?:\.(\d+))?([MG]i?)", published)
    if parts is None:
        raise ValueError(f"a published figure is a number with M, G, Mi or Gi, got {published!r}")
    decimals, unit = len(parts[1] or ""), parts[2]
    return "–" if number is None else f"{number / _UNITS[unit]:.{decimals}f}{unit}"
