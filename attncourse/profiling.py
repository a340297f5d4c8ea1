"""What a module costs: parameters, multiply-adds, time and peak memory.

Published multiply-adds (MACs) follow conventions that do not agree with each other, so a count says
which one it follows:

* `"products"`: one MAC for each multiply-add of convolutions, linear layers and matrix products,
  as `torch.utils.flop_counter` finds them (it reports two FLOPs for each). Biases, norms,
  activations and pooling are free. This is what most papers on attention count.
* `"products and norms"`: the same, and two for each element that batch normalisation with scale and
  shift passes (one without) and four for each element that bilinear resizing makes. These are the
  rules of the counter fvcore.
* `"all layers"`: the same, and one for each element that a ReLU makes or a pooling layer reads.
  This is what the counter ptflops reports of the networks here.

The last two are implementations of our own on top of torch's counter.
"""

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.benchmark import Timer
from torch.utils.flop_counter import FlopCounterMode

Shape = tuple[int, ...]
Convention = Literal["products", "products and norms", "all layers"]


@dataclass(frozen=True)
class Cost:
    """What one call of a module costs."""

    parameters: int
    macs: int
    seconds: float
    peak_bytes: int


def cost(module: nn.Module, *inputs: Any, convention: Convention = "products") -> Cost:
    """Measure all four figures of one forward call in evaluation mode, without gradients."""

    def forward() -> None:
        module(*inputs)

    with evaluating(module), torch.no_grad():
        return Cost(
            parameters=parameters(module),
            macs=macs(module, *inputs, convention=convention),
            seconds=seconds(forward),
            peak_bytes=peak_bytes(forward),
        )


def parameters(module: nn.Module) -> int:
    """Return the number of learned numbers; a tensor that two layers share counts once."""
    return sum(parameter.numel() for parameter in module.parameters())


def macs(module: nn.Module, *inputs: Any, convention: Convention = "products") -> int:
    """Count the multiply-adds of one forward call in evaluation mode.

    The call is carried out: a module and inputs on the meta device (`with torch.device("meta")`)
    give the same count without arithmetic or memory.

    Args:
        module: What is called.
        inputs: What it is called with.
        convention: What counts, see the head of this file.

    Raises:
        ValueError: If there is no such convention.
    """
    if convention not in get_args(Convention):
        raise ValueError(f"convention must be one of {get_args(Convention)}, got {convention!r}")
    counter = FlopCounterMode(display=False, custom_mapping=_BESIDES_PRODUCTS[convention])
    # Fused kernels differ from device to device and some are unknown to the counter: without them
    # attention is two plain products. (torch.nn's attention fuses only where no gradient is asked.)
    with evaluating(module), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        module(*inputs)
    return int(counter.get_total_flops()) // 2


def longest_chain(output: Tensor) -> int:
    """Count the operations of a tensor that had to wait for one another: its longest chain.

    However many processors there are, this many steps come one after another: it is the longest
    path in autograd's graph, so the output must have been computed with gradients.

    Raises:
        ValueError: If no gradient leads back from the output.
    """
    if output.grad_fn is None:
        raise ValueError("output must have been computed with gradients, but has no grad_fn")
    length: dict[Any, int] = {}
    stack: list[Any] = [output.grad_fn]
    while stack:  # without recursion: chains are longer than Python's stack
        before = [node for node, _ in stack[-1].next_functions if node is not None]
        unknown = [node for node in before if node not in length]
        if unknown:
            stack.extend(unknown)
        else:
            length[stack.pop()] = 1 + max((length[node] for node in before), default=0)
    return length[output.grad_fn]


def seconds(call: Callable[[], object], *, min_run_time: float = 0.2) -> float:
    """Return the median wall time of a call, on one thread, or on the GPU once it has finished."""
    timer = Timer("call()", globals={"call": call})
    return float(timer.blocked_autorange(min_run_time=min_run_time).median)


def peak_bytes(call: Callable[[], object]) -> int:
    """Measure the most memory that tensors made during a call held at one moment, in bytes.

    Exact and repeatable: storages are counted as they are made and freed, so what a kernel needs
    inside itself is not seen. On CUDA the caching allocator is asked instead.
    """
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        if on_gpu := int(torch.cuda.max_memory_allocated()) - before:
            return on_gpu
    storages = _Storages()
    with storages:
        call()
    return storages.peak


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode for a while; each part finds back to its own mode."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


class _Storages(TorchDispatchMode):
    """Follows the storages that operators make until they are freed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._seen: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        self._seen.update(_storages((args, kwargs)))  # an operator returns views of its inputs too
        out = func(*args, **kwargs)
        for storage in _storages(out):
            if storage not in self._seen:
                self._seen.add(storage)
                self._grow(storage.nbytes())
                weakref.finalize(storage, self._grow, -storage.nbytes())
        return out

    def _grow(self, size: int) -> None:
        self.now += size
        self.peak = max(self.peak, self.now)


def _storages(tree: Any) -> Iterator[torch.UntypedStorage]:
    return (leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))


def _batch_norm(x: Shape, weight: Shape | None, *_: Any, **__: Any) -> int:
    return 2 * prod(x) * (1 if weight is None else 2)


def _bilinear(*_: Any, out_shape: Shape, **__: Any) -> int:
    return 2 * 4 * prod(out_shape)


def _elementwise(x: Shape, *_: Any, **__: Any) -> int:
    return 2 * prod(x)


def _global_pooling(x: Shape, dim: Sequence[int] = (), *_: Any, **__: Any) -> int:
    return 2 * prod(x) if len(dim) == 2 else 0  # a mean over one axis is no layer


_aten = torch.ops.aten
_NORMS = {
    _aten._native_batch_norm_legit_no_training: _batch_norm,
    _aten.native_batch_norm: _batch_norm,
    _aten.cudnn_batch_norm: _batch_norm,
    _aten.upsample_bilinear2d: _bilinear,
}
_ACTIVATIONS = dict.fromkeys(
    (_aten.relu, _aten.relu_, _aten.hardtanh, _aten.hardtanh_), _elementwise
)
_POOLING = {
    _aten.mean: _global_pooling,
    _aten._adaptive_avg_pool2d: _elementwise,
    _aten.avg_pool2d: _elementwise,
    _aten.max_pool2d_with_indices: _elementwise,
}
# In FLOPs, two for a MAC, like the counter that they extend.
_BESIDES_PRODUCTS: dict[Convention, dict[Any, Callable[..., int]]] = {
    "products": {},
    "products and norms": _NORMS,
    "all layers": _NORMS | _ACTIVATIONS | _POOLING,
}
