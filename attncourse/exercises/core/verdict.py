"""What a check finds: a finding a behaviour, and the verdict on the whole answer; data alone."""

from dataclasses import dataclass, field
from enum import StrEnum

from attncourse.catalogue import gettext
from attncourse.exercises.core.probe import Error
from attncourse.exercises.core.reason import Reason


class ExerciseFailed(AssertionError):
    """An answer did not pass; the message is the diagnosis.

    Jupyter shows the message alone: the course's own stack frames would hide it.

    Args:
        told: the message.
        shown: whether the learner has just been shown it, so that Jupyter need not repeat it.
    """

    def __init__(self, told: str, *, shown: bool = False) -> None:
        super().__init__(told)
        self.shown = shown

    def _render_traceback_(self) -> list[str]:
        told = gettext("see above") if self.shown else self
        return [f"{type(self).__name__}: {told}"]


class Outcome(StrEnum):
    """What became of a behaviour, or of a whole check.

    The last five are what an answer can do in place of answering; see `probe.Reply`.
    """

    HELD = "held"
    FAILED = "failed"
    NOT_JUDGED = "not judged"
    UNWRITTEN = "unwritten"
    RAISED = "raised"
    MALFORMED = "malformed"
    TIMEOUT = "timeout"
    REFUSED = "refused"


@dataclass(frozen=True)
class Finding:
    """One behaviour: what became of it, and why.

    Attributes:
        behaviour: its name, the same in every language.
        outcome: what became of it.
        title: what was looked at.
        reason: what was seen instead, where it does not hold.
        error: what the answer raised, if it did.
    """

    behaviour: str
    outcome: Outcome
    title: Reason
    reason: Reason | None = None
    error: Error | None = None

    @property
    def held(self) -> bool:
        """Whether the answer has this behaviour."""
        return self.outcome is Outcome.HELD

    @property
    def failed(self) -> bool:
        """Whether the answer lacks it: what could not be judged neither holds nor fails."""
        return self.outcome not in (Outcome.HELD, Outcome.NOT_JUDGED)


@dataclass(frozen=True)
class Verdict:
    """The result of a check.

    Attributes:
        exercise: the exercise's name.
        points: what it is worth.
        findings: one a behaviour, in the order of looking.
        misconception: the name of the matching misconception, or the empty text.
        diagnosis: what is wrong, first things first; empty where the answer passed.
    """

    exercise: str
    points: int
    findings: tuple[Finding, ...]
    misconception: str = ""
    diagnosis: tuple[Reason, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether no behaviour fails."""
        return not any(finding.failed for finding in self.findings)

    @property
    def outcome(self) -> Outcome:
        """What became of the whole: held, or what became of the first behaviour that failed."""
        failed = next((finding for finding in self.findings if finding.failed), None)
        return failed.outcome if failed else Outcome.HELD

    def raise_if_failed(self) -> None:
        """Raise the diagnosis, unless the answer passed; what hidden tests end with.

        Raises:
            ExerciseFailed: A behaviour fails.
        """
        if not self.passed:
            raise ExerciseFailed(self.told)

    @property
    def told(self) -> str:
        """The exercise and what is wrong, in words."""
        from attncourse.exercises.core import messages, show  # which know verdicts

        return show.plain(f"{self.exercise}: {messages.diagnosis(self)}")
