"""A case becomes rows of the table: contenders must agree, are weighed, and are timed together."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.harness import Case, Contender
from benchmarks.measure import Run, both, first, forward, in_child, peak_bytes, rounds
from benchmarks.report import Row

Prepare = Callable[[Contender, tuple[Tensor, ...]], Run]
OURS, COMPILED, FLOOR = "ours", "ours, compiled", "floor"


class Comparison:
    """One case on one device.

    On a CPU every measurement has a forked process of its own: what a contender allocates dies with
    it. A GPU cannot be used by forked processes.
    """

    def __init__(self, case: Case, device: torch.device, *, rounds: int, compiled: bool) -> None:
        self.case, self.device, self.rounds = case, device, rounds
        self.compiled = compiled and case.compiled
        self.others = {**case.baselines, **case.peers}
        self.contenders = {OURS: case.ours, **self.others}
        self.dtype = torch.float32 if device.type == "cpu" else torch.bfloat16

    def rows(self) -> Iterator[Row]:
        """Ours against each other form, forward and forward + backward."""
        self.isolated(self.agree)
        if self.case.forward is not None:
            yield from self.pass_rows(forward, self.case.forward, self.case.stretch[0])
        if self.case.both is not None:
            yield from self.pass_rows(both, self.case.both, self.case.stretch[1])

    def pass_rows(self, prepare: Prepare, target: float, stretch: float | None) -> Iterator[Row]:
        """The rows of one pass."""
        what = "forward" if prepare is forward else "forward + backward"
        peaks = {
            name: self.isolated(
                lambda c=one: peak_bytes(lambda: self.start(prepare, c), self.device)
            )
            for name, one in self.contenders.items()
        }
        times = self.isolated(lambda: self.times(prepare))
        for name in self.others:
            usual = name in self.case.baselines
            yield Row(
                self.case.name,
                what,
                name,
                times[OURS],
                times[name],
                target=target if usual else None,
                stretch=stretch if usual and not self.case.compiled else None,
                floor=times.get(FLOOR),
                peaks=(peaks[OURS], peaks[name]),
                memory=self.case.memory if usual and prepare is both else None,
            )
            if self.compiled:
                stretched = stretch if usual else None
                against = f"{name} (c)"
                yield Row(
                    self.case.name, what, against, times[COMPILED], times[name], stretch=stretched
                )

    def times(self, prepare: Prepare) -> dict[str, list[float]]:
        """Seconds of every contender in every round."""
        timed = dict(self.contenders)
        if self.compiled:
            timed[COMPILED] = torch.compile(self.case.ours, dynamic=False)
        if self.case.floor and prepare is forward:
            timed[FLOOR] = self.case.floor
        runs = {name: self.start(prepare, one) for name, one in timed.items()}
        return rounds(runs, self.device, self.rounds)

    def agree(self) -> None:
        """Raise unless all contenders compute the same."""
        for name, one in self.contenders.items():
            expected, got = (
                first(self.start(forward, c, torch.float64)()) for c in (self.case.ours, one)
            )
            if not torch.allclose(got, expected, rtol=1e-6, atol=1e-6):
                raise ValueError(f"{name} computes something else than ours in {self.case.name}")

    def start(
        self, prepare: Prepare, contender: Contender, dtype: torch.dtype | None = None
    ) -> Run:
        """A contender on the device, with the inputs that every other gets too."""
        dtype = dtype or self.dtype
        if isinstance(contender, nn.Module):
            contender.to(self.device, dtype)
        torch.manual_seed(0)
        large = self.case.large if self.device.type == "cuda" else None
        inputs = (large or self.case.inputs)()
        return prepare(
            contender,
            tuple(x.to(self.device, dtype if x.is_floating_point() else x.dtype) for x in inputs),
        )

    def isolated(self, work: Callable[[], Any]) -> Any:
        """The result of some work, done in a process of its own if that can be."""
        return work() if self.device.type == "cuda" else in_child(work)
