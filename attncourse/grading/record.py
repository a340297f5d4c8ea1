"""What is known of a submission after grading: one record, whatever happened to it.

Records are the truth of a run. They are written one by one, whole or not at all. Automatic points
in the gradebook, pages and tables are made from them and can be made again; the notebooks in
`autograded/`, which hold what was handed in, are made while grading.
"""

import dataclasses
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from attncourse.exercises.core.verdict import Finding


class Status(StrEnum):
    """How grading a submission ended."""

    GRADED = "graded"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out of memory"
    CRASHED = "crashed"
    MALFORMED = "malformed"
    TAMPERED = "tampered"
    NOTHING = "nothing submitted"


class By(StrEnum):
    """Who decided on a check's points."""

    JUDGE = "judge"
    SUBMISSION = "checked inside the submission"
    HAND = "by hand"


@dataclass(frozen=True)
class Check:
    """The result of one graded cell.

    Attributes:
        grade_id: nbgrader's name of the cell.
        possible: Points that it can give.
        earned: Points, or None where a person decides.
        by: Who decided.
        exercise: Name of the exercise, empty for an instructor's own assertions.
        findings: One for each behaviour that was looked at.
        misconception: Name of the misconception that the answer shows, or the empty text.
        sentence: What the learner is told; empty where all is right.
        ended: GRADED, or what ended this check before its time.
        seconds: CPU seconds of the learner's code.
    """

    grade_id: str
    possible: float
    earned: float | None
    by: By = By.JUDGE
    exercise: str = ""
    findings: tuple[Finding, ...] = ()
    misconception: str = ""
    sentence: str = ""
    ended: Status = Status.GRADED
    seconds: float = 0.0


@dataclass(frozen=True)
class Record:
    """The result of one submission.

    Attributes:
        student: Whose it is.
        lesson: Number and slug.
        status: How grading ended; points that were earned before are kept.
        reason: Why, for the learner; empty where it was graded without incident.
        detail: Why, for the instructor.
        checks: One for each graded cell of the release, in its order.
        notes: What was repaired or noticed, for learner and instructor.
        digest: Hash of what was graded: the submission's notebook, the release and the settings.
        seed: From which all probes were drawn; with it the grade can be made again.
        answers: A hash of each answer that was given, code or prose, by grade_id: spaces apart, and
            comments in code.
        seconds: CPU seconds of the learner's code.
        spent: Seconds from start to end by the clock.
        submitted: When it was handed in, ISO 8601, by the server's clock; empty if unknown.
    """

    student: str
    lesson: str
    status: Status
    reason: str = ""
    detail: str = ""
    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()
    digest: str = ""
    seed: int = 0
    answers: dict[str, str] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    spent: float = 0.0
    submitted: str = ""

    @property
    def earned(self) -> float:
        """Points that were given; those that a person decides on are not among them."""
        return sum(check.earned or 0 for check in self.checks)

    @property
    def possible(self) -> float:
        """All points of the lesson."""
        return sum(check.possible for check in self.checks)

    def to_json(self) -> str:
        """The record as one JSON object."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ValueError: The text is not a record.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            checks = tuple(map(_check, fields.pop("checks")))
            status, notes = Status(fields.pop("status")), tuple(fields.pop("notes"))
            return cls(status=status, notes=notes, checks=checks, **fields)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a record: {error}") from error


def _check(fields: dict[str, Any]) -> Check:
    findings = tuple(Finding(**each) for each in fields.pop("findings"))
    by, ended = By(fields.pop("by")), Status(fields.pop("ended"))
    return Check(by=by, ended=ended, findings=findings, **fields)
