"""Kinds of answer: how a probe is put to a function, a module, a value or a trained model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from attncourse.catalogue import mark
from attncourse.exercises.core import elsewhere
from attncourse.exercises.core.probe import Inputs, Outputs, Probe
from attncourse.exercises.core.reason import Reason, reason

MESSAGES = {
    "no-function": mark("Expected a function, got {got}."),
    "no-class": mark("Expected a class derived from nn.Module, got {got}."),
    "instance": mark(
        "Expected a class derived from nn.Module, got {got} (pass the class itself, do not call "
        "it)."
    ),
    "state": mark("Your parameters and buffers are not those asked for: {differences}."),
    "lacking": mark("`{name}` {shape} is missing"),
    "too-many": mark("`{name}` {shape} is one too many"),
    "named": mark("you have `{got}`, asked for is `{expected}`"),
    "shaped": mark("`{name}` has the shape {got}, asked for is {expected}"),
    "lacking-shape": mark("none has the shape {shape}, as `{name}` should"),
    "ordered": mark("their order: asked for are {expected}"),
    "more": mark("and {count} further differences"),
    "no-model": mark("Expected a trained model, got {got}."),
    "results": mark("Expected {count} results ({names}), got {got}."),
    "none": mark("`{name}` is None: is a `return` missing?"),
    "no-tensor": mark("`{name}` should be a torch.Tensor, got {got}."),
    "too-large": mark("`{name}` is far too large: its shape is {shape}."),
    "no-numbers": mark("Expected numbers, got {got}."),
    "nothing": mark("None"),
    "sequence-of": mark("a {type} of {count}"),
    "tensor": mark("{name} {shape}"),
    "some": mark("{count} of them"),
    "a": mark("a {type}"),
}

#: Further differences between two sets of parameters are only counted.
MOST_DIFFERENCES = 4
#: Larger outputs are refused before they are copied: 50 million numbers are 400 MB in float64.
LARGEST_OUTPUT = 50_000_000


class Malformed(Exception):
    """The answer is not of the kind that the exercise asks for.

    Attributes:
        reason: why.
    """

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(key)
        self.reason = reason(key, **values)


class Unwritten(Exception):
    """The answer is still the stub."""


class Kind(Protocol):
    """How an answer meets a probe."""

    @property
    def returns(self) -> tuple[str, ...]:
        """Names of the outputs, in the order in which the answer returns them."""
        ...

    def open(self, answer: Any, probe: Probe) -> "Opened":
        """Make the answer ready for one probe.

        Raises:
            Malformed: If it is not of this kind.
        """
        ...


@dataclass
class Opened:
    """An answer made ready for one probe: something to call, and its parameters.

    Attributes:
        call: maps inputs to whatever the answer returns.
        parameters: the answer's parameters under the names that the oracle gives them.
    """

    call: Callable[[Inputs], Any]
    parameters: dict[str, Tensor]


@dataclass(frozen=True)
class Function:
    """A function of the probe's inputs, called by position.

    Attributes:
        returns: names of what it returns.
        call: how it is called, where the inputs are more than its arguments (for example where a
            table of logits stands for a decoder).
    """

    returns: tuple[str, ...]
    call: Callable[[Callable[..., Any], Inputs], Any] | None = None

    def open(self, answer: Any, probe: Probe) -> Opened:
        """A function needs no preparation.

        Raises:
            Malformed: If the answer cannot be called.
        """
        if not callable(answer):
            raise Malformed("no-function", got=described(answer))
        call = self.call or (lambda fn, inputs: fn(*inputs.values()))
        return Opened(lambda inputs: call(answer, inputs), {})


@dataclass(frozen=True)
class Module:
    """An ``nn.Module`` class: constructed, given the probe's weights, then called.

    Attributes:
        returns: names of what its ``forward`` returns.
        by_name: whether the task gives the names of the parameters; otherwise weights are matched
            by order of registration, and a linear layer may stand for a 1×1 convolution.
        training: whether it is called in training mode; one probe then asks for evaluation.
    """

    returns: tuple[str, ...]
    by_name: bool = False
    training: bool = False

    def open(self, answer: Any, probe: Probe) -> Opened:
        """Construct the module and copy the weights into it.

        Raises:
            Malformed: If the answer is no class of modules, or its parameters do not fit.
        """
        if not (isinstance(answer, type) and issubclass(answer, nn.Module)):
            key = "instance" if isinstance(answer, nn.Module) else "no-class"
            raise Malformed(key, got=described(answer))
        module = answer(**probe.construction).to(_dtype(probe.inputs))
        pairs = self._match(module, probe.weights)
        with torch.no_grad():
            for name, target in pairs.items():
                target.copy_(probe.weights[name].reshape(target.shape))
        module.train(probe.training)
        if probe.elsewhere:
            elsewhere.send(module)
        trainable = {id(p) for p in module.parameters()}
        parameters = {
            n: t for n, t in self._match(module, probe.weights).items() if id(t) in trainable
        }
        return Opened(lambda inputs: module(*inputs.values()), parameters)

    def _match(self, module: nn.Module, weights: Any) -> dict[str, Tensor]:
        own = dict(module.named_parameters()) | {
            k: v for k, v in module.named_buffers() if k in module.state_dict()
        }
        if all(k in own and _core(own[k]) == _core(w) for k, w in weights.items()):
            if len(own) == len(weights):
                return {k: own[k] for k in weights}
        elif not self.by_name and len(own) == len(weights):
            # In the order of the state dict, which is the order of registration.
            ordered = [own[k] for k in module.state_dict()]
            if all(_core(t) == _core(w) for t, w in zip(ordered, weights.values(), strict=True)):
                return dict(zip(weights, ordered, strict=True))
        differences = _differences(own, weights, by_name=self.by_name)
        # Nobody is told all of them, but two mistakes are the same only if they agree.
        raise Malformed("state", differences=differences, got=_shapes(own))


@dataclass(frozen=True)
class Value:
    """A number, a tensor, a text, or a list of numbers that the learner types or computes."""

    returns: tuple[str, ...] = ("value",)

    def open(self, answer: Any, probe: Probe) -> Opened:
        """A value is returned as it is, as a tensor.

        Raises:
            Unwritten: If a part of it is None or an ellipsis.
        """
        parts = answer if isinstance(answer, tuple | list) else (answer,)
        if any(part is None or part is Ellipsis for part in parts):
            raise Unwritten
        return Opened(lambda inputs: _value(answer), {})


@dataclass(frozen=True)
class TrainedModel:
    """A model that the learner has trained: its predictions on held-out inputs are judged.

    Attributes:
        threshold: the metric that must be reached.
        metric: maps (outputs, what the judge holds) to a number; more is better.
        unit: what the number is, for the message.
        call: how the model is called.
    """

    threshold: float
    metric: Callable[[Outputs, Any], float]
    unit: str
    returns: tuple[str, ...] = ("prediction",)
    call: Callable[[Callable[..., Any], Inputs], Any] | None = None

    def open(self, answer: Any, probe: Probe) -> Opened:
        """Put a module into evaluation mode and call it without gradients.

        Raises:
            Malformed: If the answer cannot be called.
        """
        if not callable(answer):
            raise Malformed("no-model", got=described(answer))
        if isinstance(answer, nn.Module):
            answer.eval()
        call = self.call or (lambda fn, inputs: fn(*inputs.values()))

        def predict(inputs: Inputs) -> Any:
            with torch.no_grad():
                return call(answer, inputs)

        return Opened(predict, {})


def named_outputs(returned: Any, names: Sequence[str]) -> Outputs:
    """Give what an answer returned the exercise's names.

    Raises:
        Malformed: If there are not as many results, or one is no tensor or too large.
    """
    if len(names) == 1:
        returned = (returned,)
    elif not isinstance(returned, tuple | list):
        raise Malformed("results", count=len(names), names=names, got=described(returned))
    if len(returned) != len(names):
        got = reason("some", count=len(returned))
        raise Malformed("results", count=len(names), names=names, got=got)
    for name, tensor in zip(names, returned, strict=True):
        if tensor is None:
            raise Malformed("none", name=name)
        if not isinstance(tensor, Tensor):
            raise Malformed("no-tensor", name=name, got=described(tensor))
        if tensor.numel() > LARGEST_OUTPUT:
            raise Malformed("too-large", name=name, shape=tuple(tensor.shape))
    return dict(zip(names, returned, strict=True))


def _value(answer: Any) -> Tensor:
    """A value as float64 numbers, typed as texts or not; another text becomes its code points."""
    texts = [answer] if isinstance(answer, str) else answer
    if isinstance(texts, list | tuple) and texts and all(isinstance(t, str) for t in texts):
        try:
            numbers = [float(text) for text in texts]
            answer = numbers[0] if isinstance(answer, str) else numbers
        except ValueError:
            if isinstance(answer, str):
                answer = [ord(c) for c in answer.strip().casefold()]
    try:
        return torch.as_tensor(answer).to(torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise Malformed("no-numbers", got=described(answer)) from None


def described(thing: Any) -> Reason:
    """What something is that is not what was asked for."""
    if thing is None:
        return reason("nothing")
    if isinstance(thing, tuple | list):
        return reason("sequence-of", type=type(thing).__name__, count=len(thing))
    name, module = type(thing).__name__, type(thing).__module__.partition(".")[0]
    return reason("a", type=name if module == "builtins" else f"{module}.{name}")


def _dtype(inputs: Inputs) -> torch.dtype:
    floating = (v.dtype for v in inputs.values() if isinstance(v, Tensor) and v.is_floating_point())
    return next(floating, torch.float64)


def _core(tensor: Tensor) -> tuple[int, ...]:
    """A shape without trailing ones: a linear layer (O, I) is a 1×1 convolution (O, I, 1, 1).

    A scalar may have the shape () or (1,).
    """
    shape = tuple(tensor.shape)
    while shape and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _differences(
    own: Mapping[str, Tensor], weights: Mapping[str, Tensor], *, by_name: bool
) -> list[Reason]:
    """What is different about a module's parameters and buffers, part by part.

    Where names are free, tensors of one shape stand for each other.
    """
    extra = {k: v for k, v in own.items() if k not in weights}
    lacking = {k: v for k, v in weights.items() if k not in own}
    found = [
        reason("shaped", name=k, got=tuple(own[k].shape), expected=tuple(weights[k].shape))
        for k in weights
        if k in own and _core(own[k]) != _core(weights[k])
    ]
    for name, tensor in list(lacking.items()):
        twin = next((k for k, v in extra.items() if _core(v) == _core(tensor)), None)
        if twin is None:
            continue
        del extra[twin], lacking[name]
        if by_name:
            layers = {"got": twin, "expected": name}
            if name.rpartition(".")[2] == twin.rpartition(".")[2] and "." in name and "." in twin:
                layers = {key: full.rpartition(".")[0] for key, full in layers.items()}
            found.append(reason("named", **layers))
    key = "lacking" if by_name else "lacking-shape"
    found += [reason(key, name=k, shape=tuple(v.shape)) for k, v in lacking.items()]
    found += [reason("too-many", name=k, shape=tuple(v.shape)) for k, v in extra.items()]
    distinct = [each for n, each in enumerate(found) if each not in found[:n]]
    if not distinct:
        return [reason("ordered", expected=_shapes(weights))]
    if len(distinct) > MOST_DIFFERENCES:
        rest = reason("more", count=len(distinct) - MOST_DIFFERENCES)
        distinct = [*distinct[:MOST_DIFFERENCES], rest]
    return distinct


def _shapes(named: Mapping[str, Tensor]) -> list[Reason]:
    return [reason("tensor", name=name, shape=tuple(t.shape)) for name, t in named.items()]
