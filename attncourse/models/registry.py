"""The networks by name: each module of this package registers its own, `create` builds any of them.

A module is found by lying in this package and imported only when a name is asked for, so a new
network needs its file and nothing else.
"""

from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from torch import nn

Builder = TypeVar("Builder", bound="Callable[..., nn.Module]")

_builders: "dict[str, Callable[..., nn.Module]]" = {}


def register(name: str) -> Callable[[Builder], Builder]:
    """Register a function (or class) that builds a network, and hand it back unchanged.

    Args:
        name: What `create` knows the network by: lower case, words joined by underscores.

    Raises:
        ValueError: If the name is taken.
    """

    def keep(builder: Builder) -> Builder:
        if name in _builders:
            raise ValueError(f"the name {name!r} is taken")
        _builders[name] = builder
        return builder

    return keep


def create(name: str, **options: Any) -> "nn.Module":
    """Build a network with random weights.

    Args:
        name: One of `available()`.
        options: What the network's own function takes, such as `num_classes=10`.

    Raises:
        ValueError: If there is no such network; the message holds the nearest names.
    """
    _import_networks()
    if name not in _builders:
        nearest = get_close_matches(name, _builders, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(nearest)}?" if nearest else "see available()"
        raise ValueError(f"there is no network {name!r}: {hint}")
    return _builders[name](**options)


def available() -> list[str]:
    """Return the names of all networks, sorted."""
    _import_networks()
    return sorted(_builders)


@cache
def _import_networks() -> None:
    package = __name__.rpartition(".")[0]
    for module in iter_modules(import_module(package).__path__):
        import_module(f"{package}.{module.name}")
