"""How a mechanism declares what is measured.

`benchmarks/<slug>.py` holds one function that makes the cases, and `benchmarks/baselines/<slug>.py`
the forms that people use, written from the paper's equations:

    from benchmarks.harness import Case
    from benchmarks.baselines import se as baselines
    from attncourse.nn.se import SqueezeExcitation

    def cases() -> Iterator[Case]:
        ours = SqueezeExcitation(64)
        yield Case(
            "8×64×56×56",                          # names a row of the table
            inputs=lambda: (torch.randn(8, 64, 56, 56),),
            ours=ours,
            baselines={"two 1×1 convolutions": baselines.SqueezeExcitation.like(ours)},
            forward=1.0, both=1.3, stretch=(1.0, 1.8),
            floor=lambda x: x * x.mean((2, 3), keepdim=True),
        )

`python -m benchmarks se` measures it and rewrites its section of docs/benchmarks.md.

Contenders are called with the inputs and give a tensor, or a tuple of which the first is a tensor.
Before anything is timed, these are compared with ours in float64: give every form the weights of
ours. Modules are moved to the device. *Forward* runs in `eval` mode without gradients; *forward +
backward* runs in `train` mode and makes the gradients of floating point inputs and of parameters.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import Tensor

Contender = Callable[..., Any]  # a module, or a function of the inputs
Inputs = Callable[[], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Case:
    """A mechanism at one shape: ours, the usual forms, and what ours must reach against each.

    Attributes:
        name: The shape, or what is special about the case.
        inputs: Makes the inputs, on the CPU in float32; boolean masks may be among them.
        ours: Our module or function.
        baselines: The usual forms by name. Targets hold against each of them.
        peers: Library modules by name, if importable; measured, without a target.
        forward: At least so many times as fast as each usual form; None: not measured.
        both: The same for forward + backward.
        memory: At most this share of the usual forms' peak memory, forward + backward.
        stretch: Better figures that are aimed at, forward and forward + backward.
        compiled: Measure ours under `torch.compile` too; the stretch figures are meant for it.
        floor: The least work that the mechanism cannot avoid, as a function of the inputs.
        large: Makes the inputs on a GPU, which small ones leave idle; `inputs` if None.
    """

    name: str
    inputs: Inputs
    ours: Contender
    baselines: dict[str, Contender]
    peers: dict[str, Contender] = field(default_factory=dict)
    forward: float | None = 1.0
    both: float | None = 1.0
    memory: float | None = None
    stretch: tuple[float | None, float | None] = (None, None)
    compiled: bool = False
    floor: Contender | None = None
    large: Inputs | None = None


def slugs() -> list[str]:
    """The mechanisms that have cases: a file here, and one of usual forms."""
    here = Path(__file__).parent
    forms = sorted(path.name for path in here.glob("baselines/[a-z]*.py"))
    return [name.removesuffix(".py") for name in forms if (here / name).exists()]


def cases(slug: str) -> Iterator[Case]:
    """The cases of one mechanism, each made when it is its turn."""
    made: Iterator[Case] = import_module(f"benchmarks.{slug}").cases()
    return made
