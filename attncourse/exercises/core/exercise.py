"""An exercise: what is declared, and the three steps of checking an answer to it.

Checking has three steps with plain tensors between them, so that the middle one can run elsewhere::

    exercise.probes()  ->  exercise.respond(answer, probe)  ->  exercise.judge(probes, responses)
"""

import sys
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from attncourse.exercises.core import messages
from attncourse.exercises.core.behaviours import Drawn, behaviours_of
from attncourse.exercises.core.declaration import Declaration, Reference
from attncourse.exercises.core.guard import codes_of
from attncourse.exercises.core.judge import findings, judge
from attncourse.exercises.core.memory import Memory
from attncourse.exercises.core.probe import Probe, Reply, Response
from attncourse.exercises.core.reason import reason
from attncourse.exercises.core.respond import respond
from attncourse.exercises.core.show import show
from attncourse.exercises.core.verdict import ExerciseFailed, Verdict

#: Seeds of the probes that a learner's check uses; hidden tests add more.
VISIBLE_SEEDS = (0, 1, 2)


class Exercise(Declaration):
    """A declared exercise, with the steps of checking an answer to it."""

    @cached_property
    def memory(self) -> Memory:
        """Of checks that are given no other, as the same probes are asked again and again."""
        return Memory()

    def probes(self, seeds: Sequence[int] = VISIBLE_SEEDS) -> list[Probe]:
        """The questions of one check, a function of the seeds alone."""
        drawn = Drawn(self, tuple(seeds))
        return [probe for each in behaviours_of(self) for probe in each.probes(drawn)]

    def respond(self, answer: Any, probe: Probe) -> Response:
        """Put one probe to a learner's answer."""
        return respond(
            self.kind,
            answer,
            probe,
            seconds=self.seconds,
            refuses=self.refuses,
            refused_code=codes_of(self.oracle),
        )

    def judge(
        self,
        probes: Sequence[Probe],
        responses: Sequence[Response],
        *,
        memory: Memory | None = None,
    ) -> Verdict:
        """Compare responses with the oracle's; name the misconception if they are known.

        Args:
            probes: the questions.
            responses: one to each.
            memory: of what references respond; one that lasts as long as the probes do saves time.
        """
        return judge(self, probes, responses, self._reference(memory or Memory()))

    def examine(
        self, answer: Any, seeds: Sequence[int] = VISIBLE_SEEDS, *, memory: Memory | None = None
    ) -> Verdict:
        """All three steps in this process."""
        memory = memory or self.memory
        probes = memory.probes(seeds, lambda: self.probes(seeds))
        return self.judge(probes, self.responses(answer, probes), memory=memory)

    def accepts(self, answer: Any, seeds: Sequence[int], *, memory: Memory) -> bool:
        """Whether an answer passes; which mistake it makes is not asked."""
        probes = memory.probes(seeds, lambda: self.probes(seeds))
        found = findings(self, probes, self.responses(answer, probes), self._reference(memory))
        return not any(finding.failed for finding in found)

    def responses(self, answer: Any, probes: Sequence[Probe]) -> list[Response]:
        """Put all probes to an answer."""
        found: list[Response] = []
        for probe in probes:
            # Who never returns is not asked again: a check costs one time limit, not one a probe.
            late = found and found[-1].status is Reply.TIMEOUT
            found.append(found[-1] if late else self.respond(answer, probe))
        return found

    def check(
        self, answer: Any, *, seeds: Sequence[int] = VISIBLE_SEEDS, every: bool = False
    ) -> None:
        """Show first what is wrong, then what failed; raise `ExerciseFailed` if anything did.

        Args:
            answer: the learner's answer.
            seeds: of the probes.
            every: whether what holds is listed too.

        Raises:
            ExerciseFailed: with the diagnosis.
        """
        verdict = self.examine(answer, seeds)
        show(verdict, every=every)
        if not verdict.passed:
            raise ExerciseFailed(verdict.told, shown=True)

    def or_course(self, answer: Any, course: Any = None) -> Any:
        """The learner's answer for an experiment; the course's while that gives nothing to use.

        Wrong answers are used as they are: what they do in an experiment is worth seeing.

        Args:
            answer: the learner's answer, or still the stub.
            course: what stands in for it; the oracle if left out.

        Returns:
            The answer, if it responds to a probe in the form that is asked for; else what stands in
            for it, after a printed sentence.

        Raises:
            ValueError: if nothing could stand in: the exercise has no oracle, and none was given.
        """
        stand_in = self.oracle if course is None else course
        if stand_in is None:
            raise ValueError(f"{self.name} has no oracle: give what stands in for the answer")
        first = self.memory.probes(VISIBLE_SEEDS, lambda: self.probes())[0]
        if self.respond(answer, first).status in (Reply.ANSWERED, Reply.REFUSED):
            return answer
        print(messages.sentence(reason("stands-in", name=self.name)))
        return stand_in

    def _reference(self, memory: Memory) -> Reference:
        return lambda answer, probe: memory.response(
            answer, probe, lambda: self.reference(answer, probe)
        )


def listed(package: str, lesson: str, *exercises: Exercise) -> tuple[Exercise, ...]:
    """A lesson's exercises in the order in which it asks them, each told its name and lesson.

    Args:
        package: the package of the lesson's exercises, whose variables name them.
        lesson: its number and slug.
        exercises: each a variable of the package.
    """
    names = {id(each): name for name, each in vars(sys.modules[package]).items()}
    for exercise in exercises:
        object.__setattr__(exercise, "name", names[id(exercise)])
        object.__setattr__(exercise, "lesson", lesson)
    return exercises
