"""`respond`: put one probe to an answer and write down what it does, right or wrong."""

import dis
import re
import traceback
from contextlib import ExitStack, nullcontext
from pathlib import Path
from types import CodeType
from typing import Any

import torch
from torch import Tensor

from attncourse.catalogue import mark
from attncourse.exercises.core import elsewhere
from attncourse.exercises.core.guard import Refused, implementation, leftovers, refusing
from attncourse.exercises.core.isolation import (
    OutOfTime,
    muted,
    no_figures,
    own_randomness,
    time_limit,
)
from attncourse.exercises.core.kinds import Kind, Malformed, Opened, Unwritten, named_outputs
from attncourse.exercises.core.probe import Error, Inputs, Outputs, Probe, Reply, Response
from attncourse.exercises.core.reason import reason

MESSAGES = {
    "timeout": mark(
        "There was no result within {seconds:g} seconds: is there a loop that never ends?"
    ),
    "refused": mark("Your answer calls {name}, which you are asked to write yourself."),
    "undefined": mark("`{name}` is not defined by your cell."),
    "no-plain-tensor": mark("A result is no plain tensor: {error}."),
    "results-too-large": mark("The results are far too large."),
    "not-here": mark("`{name}` is on the device {device}, its inputs are on the CPU."),
}

#: Frames in the package are no lines of the learner's.
OURS = Path(__file__).parents[2]
#: Nor are those of installed packages.
INSTALLED = "site-packages"
#: What torch says when a tensor is too large for the machine; it has no class of exception for it.
ALLOCATION = ("can't allocate memory", "annot allocate memory", "bad_alloc")
RAISE = dis.opmap["RAISE_VARARGS"]
#: What Python puts before the name of a function within a function.
LOCAL = re.compile(r"[\w.]*<locals>\.")
#: Longer messages are cut.
LONGEST_MESSAGE, LONGEST_LINE = 300, 120
#: Who writes a message without end is not searched to its end.
READ = 10 * LONGEST_MESSAGE


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
        return Response(Reply.REFUSED, reason=reason("refused", name=name))
    called: list[str] = []
    strays: list[str] = []
    try:
        with ExitStack() as stack:
            for each in (muted(), no_figures(), own_randomness(probe.seed), time_limit(seconds)):
                stack.enter_context(each)
            if probe.elsewhere:
                strays = stack.enter_context(elsewhere.pretending())
            opened = kind.open(answer, probe)
            stack.enter_context(torch.enable_grad())  # an earlier cell may have switched it off
            guard = nullcontext(called) if refuses is None else refusing(refuses, refused_code)
            with guard as called:
                tensors = _ask(kind, opened, probe)
        if not called:
            names = leftovers(answer)
            return Response(Reply.ANSWERED, tensors, strays=tuple(strays), leftovers=names)
    except Unwritten:
        return Response(Reply.UNWRITTEN)
    except Malformed as error:
        return Response(Reply.MALFORMED, reason=error.reason, strays=tuple(strays))
    except Refused:
        pass
    except OutOfTime:
        return late(seconds)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, RecursionError, MemoryError: all are verdicts
        return raised(error, strays=tuple(strays))
    return Response(Reply.REFUSED, reason=reason("refused", name=called[0]))


def late(seconds: float) -> Response:
    """The response of who gave none in time."""
    return Response(Reply.TIMEOUT, reason=reason("timeout", seconds=seconds))


def raised(error: BaseException, *, strays: tuple[str, ...] = ()) -> Response:
    """The response of code that raised an exception; a stub's says that nothing is written."""
    if isinstance(error, NotImplementedError) and _is_stub(error):
        return Response(Reply.UNWRITTEN)
    # Where the check has wrapped something, Python names it by the course's own functions.
    message = LOCAL.sub("", " ".join(str(error)[:READ].split()))
    memory = isinstance(error, MemoryError) or any(each in message for each in ALLOCATION)
    found = Error(type(error).__name__, message[:LONGEST_MESSAGE], memory=memory)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if OURS not in Path(frame.filename).parents and INSTALLED not in frame.filename:
            line = (frame.line or "").strip()[:LONGEST_LINE]
            found = Error(found.kind, found.message, frame.name, line, memory)
            break
    return Response(Reply.RAISED, error=found, strays=strays)


def _is_stub(error: NotImplementedError) -> bool:
    """Whether somebody's own `raise` made it, as nbgrader's stubs do: torch's are about operations.

    So a stub is known by what it does, whatever text stands in it.
    """
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    if innermost is None:
        return False
    code = innermost.tb_frame.f_code
    return INSTALLED not in code.co_filename and code.co_code[innermost.tb_lasti] == RAISE


def _ask(kind: Kind, opened: Opened, probe: Probe) -> dict[str, Tensor]:
    """Call twice with equal inputs, then look at the inputs, then take gradients."""
    inputs = _copies(probe, requires_grad=probe.gradients)
    outputs = named_outputs(opened.call(inputs), kind.returns)
    if probe.elsewhere:  # only where the outputs are is asked about here
        return {
            f"elsewhere/{k}": torch.tensor(v.device == elsewhere.THERE) for k, v in outputs.items()
        }
    for name, tensor in outputs.items():
        if tensor.device.type != "cpu":
            raise Malformed("not-here", name=name, device=str(tensor.device))
    found = {f"output/{k}": v for k, v in outputs.items()}
    found |= {f"after/{k}": v for k, v in inputs.items() if isinstance(v, Tensor)}
    again = named_outputs(opened.call(_copies(probe)), kind.returns)
    found |= {f"again/{k}": v for k, v in again.items()}
    if probe.gradients:
        found |= {f"gradient/{k}": v for k, v in _gradients(outputs, inputs, opened, probe).items()}
    return {k: v.detach().clone(memory_format=torch.contiguous_format) for k, v in found.items()}


def _copies(probe: Probe, *, requires_grad: bool = False) -> Inputs:
    """Fresh copies of the inputs, so that no call sees what another did to them."""

    def copy(tensor: Tensor) -> Tensor:
        fresh = tensor.clone().requires_grad_(requires_grad and tensor.is_floating_point())
        return elsewhere.sent(fresh) if probe.elsewhere else fresh

    return {k: copy(v) if isinstance(v, Tensor) else v for k, v in probe.inputs.items()}


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
