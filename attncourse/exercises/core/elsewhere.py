"""A device that is not there: tensors that say so, and an account of who forgot about it.

An answer that makes its tensors on a fixed device fails on a GPU, which a learner's machine may
not have. Here every tensor wraps one on the CPU and claims to be on torch's ``meta`` device, which
has no numbers; these do, so that code which reads them works. An operation on such a tensor and one
that stayed behind is noted, as it would fail on a GPU.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

HERE, THERE = torch.device("cpu"), torch.device("meta")
#: A GPU lets itself be indexed by, and copied from and to, tensors on the CPU.
MEETING = ("index", "_index", "copy_", "_unsafe_index")
#: What leaves torch for Python needs the tensor inside.
LEAVING = (Tensor.tolist, Tensor.numpy, Tensor.__array__)
#: These make a tensor beside the one that they are asked of, without an operation.
MAKING = (Tensor.new_tensor,)
#: This only reads the arguments of `nn.Module.to`.
PARSER = torch._C._nn._parse_to


class Distant(Tensor):
    """A tensor that claims to be there, around one that is here.

    Attributes:
        here: what it wraps.
        believed: whether any thread pretends at present. A mode holds for the thread that entered
            it; in another one, which an answer may start, it is the tensor itself that pretends.
    """

    here: Tensor
    believed: ClassVar[bool] = False
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def around(cls, tensor: Tensor) -> Self:
        """The tensor there that is this one here."""
        distant = cls._make_wrapper_subclass(
            cls,
            tensor.size(),
            strides=tensor.stride(),
            storage_offset=tensor.storage_offset(),
            dtype=tensor.dtype,
            device=THERE,
            requires_grad=tensor.requires_grad,
        )
        distant.here = tensor
        return distant

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Outside `pretending` it is what it wraps."""
        made = function(*_here(args), **_here(kwargs or {}))
        return _there(made) if cls.believed else made


@contextmanager
def pretending() -> Iterator[list[str]]:
    """Let torch believe in the device.

    Yields:
        Operations that met a tensor from here, by name.
    """
    strays: list[str] = []
    # A module that is moved gets new parameters; else torch would put the data of those that are
    # there into those that are here.
    future = torch.__future__
    before = future.get_overwrite_module_params_on_conversion()
    future.set_overwrite_module_params_on_conversion(True)
    try:
        Distant.believed = True
        with _Operations(strays), _Functions():
            yield strays
    finally:
        Distant.believed = False
        future.set_overwrite_module_params_on_conversion(before)


def sent(tensor: Tensor) -> Tensor:
    """The tensor there."""
    return Distant.around(tensor)


def send(module: nn.Module) -> nn.Module:
    """Put a module's parameters and buffers there, in place."""
    for each in module.modules():
        for name, parameter in each._parameters.items():
            if parameter is not None:
                moved = nn.Parameter(sent(parameter.detach()), parameter.requires_grad)
                each._parameters[name] = moved
        for name, buffer in each._buffers.items():
            if buffer is not None:
                each._buffers[name] = sent(buffer)
    return module


class _Noted:
    """What `_Operations` does; a class of its own, or torch would wrap it in torch.compile's."""

    strays: list[str]

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        leaves = pytree.tree_leaves((args, kwargs))
        devices = [each for each in leaves if isinstance(each, torch.device)]
        distant = any(isinstance(each, Distant) for each in leaves)
        if not distant and THERE not in devices:
            return function(*args, **kwargs)
        if distant and HERE in devices:  # a copy is taken home
            return function(*_here(args), **_here(kwargs))
        if distant and not function.__name__.startswith(MEETING) and any(map(_stayed, leaves)):
            self.strays.append(function.__name__.partition(".")[0])
        return _there(function(*_here(args), **_here(kwargs)))


class _Operations(_Noted, TorchDispatchMode):
    """Sees every operation, those inside other operations too."""

    def __init__(self, strays: list[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.strays = strays


class _Functions(TorchFunctionMode):
    """Sees functions such as `torch.tensor`, which make a tensor without an operation."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if function in LEAVING:
            return function(*_here(args), **kwargs)
        if function in MAKING and _sent(args[0]):
            return _there(function(*_here(args), **kwargs))
        if function is not PARSER and any(map(_is_there, (*args, kwargs.get("device")))):
            moved = _near(kwargs.items())
            return _there(function(*(value for _, value in _near(enumerate(args))), **dict(moved)))
        return function(*args, **kwargs)


def _near(values: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    return [(key, HERE if _is_there(value) else value) for key, value in values]


def _is_there(value: Any) -> bool:
    return isinstance(value, torch.device | str) and str(value) == str(THERE)


def _stayed(value: Any) -> bool:
    """Whether it is a tensor from here; single numbers go wherever they are needed."""
    return isinstance(value, Tensor) and not isinstance(value, Distant) and value.dim() > 0


def _here(tree: Any) -> Any:
    return pytree.tree_map(
        lambda each: each.here if isinstance(each, Distant) else HERE if _device(each) else each,
        tree,
    )


def _there(tree: Any) -> Any:
    return pytree.tree_map(
        lambda each: sent(each) if isinstance(each, Tensor) and not _sent(each) else each, tree
    )


def _device(value: Any) -> bool:
    return isinstance(value, torch.device)


def _sent(value: Any) -> bool:
    return isinstance(value, Distant)
