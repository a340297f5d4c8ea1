"""What grading raises of its own; bad input from the command line is a plain `ValueError`.

    GradingError
    ├── SandboxError
    │   ├── SandboxUnavailable
    │   ├── ForkserverDied
    │   ├── SupervisorLate
    │   ├── WorkerStopped
    │   ├── ProtocolError
    │   └── ConnectionClosed
    └── IntakeError
        ├── UnreadableArchive
        └── SubmissionError
            ├── NothingSubmitted
            └── UnreadableSubmission

All but `SandboxUnavailable` end in a record, a row of a table or a second try; it ends the run.
"""

from attncourse.grading.record import Status


class GradingError(Exception):
    """Whatever grading raises of its own."""


class SandboxError(GradingError):
    """Something about the processes in which learners' code runs."""


class SandboxUnavailable(SandboxError):
    """No sandbox can be built here; the text says what to do."""


class ForkserverDied(SandboxError):
    """The process that forks workers is gone; the text is what it said last."""


class SupervisorLate(SandboxError):
    """A supervisor did not clear up in time."""


class WorkerStopped(SandboxError):
    """A worker did not come to its end.

    Attributes:
        status: What ended it.
        detail: How, for the instructor.
        again: Whether it may have come from outside, so that a second try is fair.
    """

    def __init__(self, status: Status, detail: str, *, again: bool = False) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.again = again


class ProtocolError(SandboxError):
    """What came was no message, or not the one that was due."""


class ConnectionClosed(SandboxError):
    """The other side is gone."""


class IntakeError(GradingError):
    """Something about what was handed in."""


class UnreadableArchive(IntakeError):
    """An archive, or a member of it, is not read; the text says why."""


class SubmissionError(IntakeError):
    """There is nothing that could be graded.

    Attributes:
        reason: Why, and what to do, for the learner.
        detail: Why, for the instructor.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason} ({detail})")
        self.reason = reason
        self.detail = detail


class NothingSubmitted(SubmissionError):
    """There is no notebook."""


class UnreadableSubmission(SubmissionError):
    """What was handed in cannot be read."""
