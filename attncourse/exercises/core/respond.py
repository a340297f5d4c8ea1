"""`respond`: put one probe to an answer and write down what it does, right or wrong."""

import traceback
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.core.guard import Refused, implementation, leftovers, refusing
from attncourse.exercises.core.isolation import (
    OutOfTime,
    muted,
    no_figures,
    own_randomness,
    time_limit,
)
from attncourse.exercises.core.kinds import (
    Kind,
    Malformed,
    Opened,
    Unwritten,
    named_outputs,
)
from attncourse.exercises.core.probe import Inputs, Outputs, Probe, Response

#: Frames in the package are no lines of the learner's.
OURS = Path(__file__).parents[2]

#: What a released stub raises (``ClearSolutions.code_stub`` in nbgrader_config.py).
STUB = "not solved yet"


def respond(
    kind: Kind,
    answer: Any,
    probe: Probe,
    *,
    seconds: float = 10.0,
    refuses: tuple[str, ...] | None = (),
    refused_code: frozenset[CodeType] = frozenset(),
) -> Response:
    """Put one probe to an answer.

    Args:
        kind: how the answer is called.
        answer: whatever the learner wrote; it may do anything.
        probe: the question.
        seconds: the time limit.
        refuses: names in torch that the answer may not call; None where it may call anything, the
            course's implementations too.
        refused_code: code that the answer may not call: the oracle's.

    Returns:
        The response; an answer that fails in any way is a response too.
    """
    if refuses is not None and (name := implementation(answer)):
        return Response("refused", detail=name)
    if probe.device == "meta":
        _wake_meta()
    called: list[str] = []
    try:
        with muted(), no_figures(), own_randomness(probe.seed), time_limit(seconds):
            opened = kind.open(answer, probe)
            guard = nullcontext(called) if refuses is None else refusing(refuses, refused_code)
            with torch.enable_grad(), guard as called:  # an earlier cell may have switched it off
                tensors = _ask(kind, opened, probe)
        if not called:
            return Response("answered", tensors, leftovers=leftovers(answer))
    except Unwritten:
        return Response("unwritten")
    except NotImplementedError as error:
        stub = str(error) in ("", STUB)
        return Response("unwritten") if stub else Response("raised", detail=line_of(error))
    except Malformed as error:
        return Response("malformed", detail=str(error))
    except Refused:
        pass
    except OutOfTime:
        return Response("timeout", detail=f"no result within {seconds:g} seconds")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, RecursionError, MemoryError: all are verdicts
        return Response("raised", detail=line_of(error))
    return Response("refused", detail=called[0])


@cache
def _wake_meta() -> None:
    """Let torch import what its first meta tensor needs, seconds that are not the learner's."""
    torch.empty(1, device="meta").add(1)


def _ask(kind: Kind, opened: Opened, probe: Probe) -> dict[str, Tensor]:
    """Call twice with equal inputs, then look at the inputs, then take gradients."""
    inputs = _copies(probe, requires_grad=probe.gradients)
    outputs = named_outputs(opened.call(inputs), kind.returns)
    if probe.device != "cpu":
        # Only the device is asked about here, and a meta tensor has no numbers to write down.
        return {
            f"device/{k}": torch.tensor(v.device.type == probe.device) for k, v in outputs.items()
        }
    for name, tensor in outputs.items():
        if tensor.device.type != "cpu":
            raise Malformed(f"`{name}` is on the device {tensor.device}, its inputs are on the CPU")
    found = {f"output/{k}": v for k, v in outputs.items()}
    found |= {f"after/{k}": v for k, v in inputs.items() if isinstance(v, Tensor)}
    again = named_outputs(opened.call(_copies(probe)), kind.returns)
    found |= {f"again/{k}": v for k, v in again.items()}
    if probe.gradients:
        found |= {f"gradient/{k}": v for k, v in _gradients(outputs, inputs, opened, probe).items()}
    return {k: v.detach().clone(memory_format=torch.contiguous_format) for k, v in found.items()}


def _copies(probe: Probe, *, requires_grad: bool = False) -> Inputs:
    """Fresh copies of the inputs, so that no call sees what another did to them."""
    return {
        k: v.to(probe.device).clone().requires_grad_(requires_grad and v.is_floating_point())
        if isinstance(v, Tensor)
        else v
        for k, v in probe.inputs.items()
    }


def _gradients(outputs: Outputs, inputs: Inputs, opened: Opened, probe: Probe) -> dict[str, Tensor]:
    """Gradients of a random weighting of all outputs, where they reach."""
    generator = torch.Generator().manual_seed(probe.seed)
    total = torch.zeros((), dtype=torch.float64)
    for tensor in outputs.values():
        direction = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
        if tensor.requires_grad:
            total = total + (direction * tensor).sum()
    leaves = {k: v for k, v in inputs.items() if isinstance(v, Tensor) and v.requires_grad}
    leaves |= opened.parameters
    if not (leaves and total.requires_grad):
        return {}
    taken = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    # A linear layer's gradient stands for a 1×1 convolution's: give it the oracle's shape.
    return {
        k: g.reshape(probe.weights[k].shape) if k in opened.parameters else g
        for k, g in zip(leaves, taken, strict=True)
        if g is not None
    }


def line_of(error: BaseException) -> str:
    """The exception in one line, with the learner's line that raised it."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".rstrip(": ")
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if OURS not in Path(frame.filename).parents and "site-packages" not in frame.filename
    ]
    if not frames:
        return text
    return f"{text} (in `{frames[-1].name}`: `{(frames[-1].line or '').strip()[:120]}`)"
