"""Traffic of a computation: operations, bytes and the largest tensor, exact on any machine.

    with Traffic() as traffic:
        module(x)
    traffic.ops          # operations that touch data; views are free
    traffic.passes(x)    # bytes read and written, in multiples of the bytes of x
    traffic.largest      # elements of the largest tensor that was made

Time depends on the machine and its mood, traffic does not: it is what tests assert. Backward passes
inside the block count too. A fused or compiled kernel counts as what it reads and writes.
"""

from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

NO_DATA = ("aten::empty", "aten::new_empty", "aten::_local_scalar_dense")  # reserve, or read one


class Traffic(TorchDispatchMode):
    """Counts while it is entered; see the head of this file."""

    def __init__(self) -> None:
        super().__init__()
        self.ops = 0
        self.bytes = 0
        self.largest = 0

    def passes(self, x: Tensor) -> float:
        """Bytes read and written, in multiples of the bytes of x."""
        return self.bytes / (x.numel() * x.element_size())

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        made, taken = _tensors(out), _tensors((args, kwargs))
        if not func.is_view:
            self.largest = max([self.largest, *(x.numel() for x in made)])
            if not func.name().startswith(NO_DATA):
                self.ops += 1
                self.bytes += sum(map(_bytes, made)) + sum(map(_bytes, taken))
        return out


def traffic(run: Callable[..., Any], *inputs: Any) -> Traffic:
    """What one call moves."""
    with Traffic() as counted:
        run(*inputs)
    return counted


def _tensors(tree: Any) -> Iterable[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _bytes(x: Tensor) -> int:
    """Bytes that a reader touches: an expanded dimension, stride 0, is read again from cache."""
    distinct = 1
    for size, stride in zip(x.shape, x.stride(), strict=True):
        distinct *= size if stride else min(size, 1)
    return distinct * x.element_size()
