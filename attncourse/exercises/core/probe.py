"""What crosses the seam: a probe goes to the answer, a response comes back.

Both hold plain tensors and plain data, and travel as safetensors, never as pickle: whatever the
learner's process does to itself, reading its response cannot run code.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self, TypeAlias

import torch
from safetensors.torch import load, save
from torch import Tensor

from attncourse.exercises.core.reason import Reason

Scalar: TypeAlias = int | float | bool | str | None
Inputs: TypeAlias = dict[str, Tensor | Scalar]
Outputs: TypeAlias = dict[str, Tensor]


@dataclass(frozen=True)
class Probe:
    """One question to an answer.

    Attributes:
        inputs: what the answer is called with, in the order of its signature.
        construction: arguments of the constructor, for a module.
        weights: parameters and buffers to copy into a module before it is called.
        training: whether a module is called in training mode.
        gradients: whether the response must hold gradients.
        elsewhere: whether the inputs pretend to be on another device.
        seed: fixes the direction in which gradients are taken, and random numbers in the answer.
        behaviour: which behaviour asks; it never travels, since an answer could tell by it what is
            tested.
        targets: what only the judge may see, such as the labels of held-out data; never travels.
    """

    inputs: Inputs
    construction: Mapping[str, Scalar] = field(default_factory=dict)
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    training: bool = False
    gradients: bool = False
    elsewhere: bool = False
    seed: int = 0
    behaviour: str = ""
    targets: Mapping[str, Tensor] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Serialise what an answer needs."""
        tensors = {f"inputs/{k}": v for k, v in self.inputs.items() if isinstance(v, Tensor)}
        tensors |= {f"weights/{k}": v for k, v in self.weights.items()}
        return _pack(
            tensors,
            scalars={k: v for k, v in self.inputs.items() if not isinstance(v, Tensor)},
            order=list(self.inputs),
            weights=list(self.weights),
            construction=dict(self.construction),
            training=self.training,
            gradients=self.gradients,
            elsewhere=self.elsewhere,
            seed=self.seed,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote."""
        tensors, facts = _unpack(data)
        scalars, order = facts.pop("scalars"), facts.pop("order")
        inputs = {k: scalars[k] if k in scalars else tensors[f"inputs/{k}"] for k in order}
        weights = {k: tensors[f"weights/{k}"] for k in facts.pop("weights")}
        return cls(inputs, weights=weights, **facts)


class Reply(StrEnum):
    """What an answer did with a probe."""

    ANSWERED = "answered"
    UNWRITTEN = "unwritten"
    RAISED = "raised"
    MALFORMED = "malformed"
    TIMEOUT = "timeout"
    REFUSED = "refused"


@dataclass(frozen=True)
class Error:
    """An exception that an answer raised.

    Attributes:
        kind: name of its class.
        message: what it says itself, in whatever language.
        function: the learner's innermost function that it came from.
        line: the line of code there.
        memory: whether it is for want of memory.
    """

    kind: str
    message: str = ""
    function: str = ""
    line: str = ""
    memory: bool = False


@dataclass(frozen=True)
class Response:
    """What an answer did with a probe.

    Attributes:
        status: whether it answered, and what it did instead.
        tensors: ``output/NAME``, ``again/NAME`` (a second call with equal inputs), ``after/NAME``
            (an input after the call), ``gradient/NAME`` and, for a call elsewhere,
            ``elsewhere/NAME`` (whether an output is there).
        reason: what is malformed, refused or late.
        error: what was raised.
        strays: elsewhere, operations that met a tensor which had stayed here.
        leftovers: tensors of earlier notebook cells that the answer reads instead of its inputs.
    """

    status: Reply
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    reason: Reason | None = None
    error: Error | None = None
    strays: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether there are tensors to judge."""
        return self.status is Reply.ANSWERED

    @property
    def outputs(self) -> Outputs:
        """The named outputs of the first call."""
        return self.group("output")

    def group(self, kind: str) -> Outputs:
        """All tensors ``kind/NAME``, by name."""
        return {
            k.removeprefix(f"{kind}/"): v
            for k, v in self.tensors.items()
            if k.startswith(f"{kind}/")
        }

    def to_bytes(self) -> bytes:
        """Serialise the whole response."""
        return _pack(
            dict(self.tensors),
            status=self.status,
            reason=self.reason and self.reason.to_plain(),
            error=self.error and dataclasses.asdict(self.error),
            strays=self.strays,
            leftovers=self.leftovers,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote."""
        tensors, facts = _unpack(data)
        return cls(
            Reply(facts["status"]),
            tensors,
            facts["reason"] and Reason.from_plain(facts["reason"]),
            facts["error"] and Error(**facts["error"]),
            tuple(facts["strays"]),
            tuple(facts["leftovers"]),
        )


def _pack(tensors: dict[str, Tensor], **facts: object) -> bytes:
    # safetensors refuses tensors that share memory, so each is copied.
    plain = {
        k: v.detach().cpu().clone(memory_format=torch.contiguous_format) for k, v in tensors.items()
    }
    return save(plain, metadata={"facts": json.dumps(facts)})


def _unpack(data: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return load(data), json.loads(header["__metadata__"]["facts"])
