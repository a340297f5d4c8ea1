"""What is asked and what references respond: computed once, however many answers are judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from attncourse.exercises.core.probe import Probe, Response


@dataclass
class Memory:
    """Remembers probes by their seeds, and responses by who gave them to which probe.

    Shared by whoever judges many answers to the same probes: the check of a notebook, the proof of
    an exercise, the grader of a class.
    """

    _probes: dict[tuple[int, ...], list[Probe]] = field(default_factory=dict)
    # Answers and probes are kept beside their responses: an id is only theirs while they live.
    _responses: dict[tuple[int, int], tuple[Any, Probe, Response]] = field(default_factory=dict)

    def probes(self, seeds: Sequence[int], draw: Callable[[], list[Probe]]) -> list[Probe]:
        """The probes of some seeds, drawn once."""
        key = tuple(seeds)
        if key not in self._probes:
            self._probes[key] = draw()
        return self._probes[key]

    def response(self, answer: Any, probe: Probe, respond: Callable[[], Response]) -> Response:
        """What a reference responds to a probe, asked once."""
        key = id(answer), id(probe)
        if key not in self._responses:
            self._responses[key] = answer, probe, respond()
        return self._responses[key][2]
