"""What crosses the seam: a probe goes to the answer, a response comes back.

Both hold plain tensors and short texts, and travel as safetensors, never as pickle: whatever the
learner's process does to itself, reading its response cannot run code.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from safetensors.torch import load, save
from torch import Tensor

Scalar: TypeAlias = int | float | bool | str | None
Inputs: TypeAlias = dict[str, Tensor | Scalar]
Outputs: TypeAlias = dict[str, Tensor]


@dataclass(frozen=True)
class Probe:
    """One question to an answer.

    Attributes:
        label: the behaviour that this probe serves, such as ``"values"``.
        inputs: what the answer is called with, in the order of its signature.
        construction: arguments of the constructor, for a module.
        weights: parameters and buffers to copy into a module before it is called.
        gradients: whether the response must hold gradients.
        device: where the answer is called; ``"meta"`` finds tensors made on a fixed device.
        seed: fixes the direction in which gradients are taken, and random numbers in the answer.
        targets: what only the judge may see, such as the labels of held-out data; it never travels.
    """

    label: str
    inputs: Inputs
    construction: Mapping[str, Scalar] = field(default_factory=dict)
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    gradients: bool = False
    device: str = "cpu"
    seed: int = 0
    targets: Mapping[str, Tensor] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Serialise everything but ``targets``."""
        tensors = {f"inputs/{k}": v for k, v in self.inputs.items() if isinstance(v, Tensor)}
        tensors |= {f"weights/{k}": v for k, v in self.weights.items()}
        return _pack(
            tensors,
            label=self.label,
            scalars={k: v for k, v in self.inputs.items() if not isinstance(v, Tensor)},
            order=list(self.inputs),
            weights=list(self.weights),
            construction=dict(self.construction),
            gradients=self.gradients,
            device=self.device,
            seed=self.seed,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Probe":
        """Read what `to_bytes` wrote."""
        tensors, facts = _unpack(data)
        scalars = facts["scalars"]
        return cls(
            label=facts["label"],
            inputs={
                k: scalars[k] if k in scalars else tensors[f"inputs/{k}"] for k in facts["order"]
            },
            construction=facts["construction"],
            weights={k: tensors[f"weights/{k}"] for k in facts["weights"]},
            gradients=facts["gradients"],
            device=facts["device"],
            seed=facts["seed"],
        )


@dataclass(frozen=True)
class Response:
    """What an answer did with a probe.

    Attributes:
        status: ``answered``, or why not: ``unwritten``, ``raised``, ``malformed``, ``refused``,
            ``timeout``.
        tensors: ``output/NAME``, ``again/NAME`` (a second call with equal inputs), ``after/NAME``
            (an input after the call) and ``gradient/NAME``.
        detail: for a learner's eyes: the exception and its line, or what was malformed.
        leftovers: tensors of earlier notebook cells that the answer reads instead of its inputs.
    """

    status: str
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    detail: str = ""
    leftovers: tuple[str, ...] = ()

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
            dict(self.tensors), status=self.status, detail=self.detail, leftovers=self.leftovers
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Response":
        """Read what `to_bytes` wrote."""
        tensors, facts = _unpack(data)
        return cls(facts["status"], tensors, facts["detail"], tuple(facts["leftovers"]))


def _pack(tensors: dict[str, Tensor], **facts: object) -> bytes:
    # safetensors refuses tensors that share memory, so each is copied.
    plain = {
        k: v.detach().cpu().clone(memory_format=torch.contiguous_format) for k, v in tensors.items()
    }
    return save(plain, metadata={"facts": json.dumps(facts)})


def _unpack(data: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return load(data), json.loads(header["__metadata__"]["facts"])
