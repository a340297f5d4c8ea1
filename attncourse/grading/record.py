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

from attncourse.exercises.core.messages import sentence
from attncourse.exercises.core.probe import Error
from attncourse.exercises.core.reason import Reason
from attncourse.exercises.core.verdict import Finding, Outcome


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
        outcome: What became of it.
        exercise: Name of the exercise, empty for an instructor's own assertions.
        findings: One for each behaviour that was looked at.
        misconception: Name of the misconception that the answer shows, or the empty text.
        diagnosis: What the learner is told; empty where all is right.
        error: What an instructor's own assertions met.
        ended: GRADED, or what ended this check before its time.
        seconds: CPU seconds of the learner's code.
    """

    grade_id: str
    possible: float
    earned: float | None
    by: By = By.JUDGE
    outcome: Outcome = Outcome.HELD
    exercise: str = ""
    findings: tuple[Finding, ...] = ()
    misconception: str = ""
    diagnosis: tuple[Reason, ...] = ()
    error: Error | None = None
    ended: Status = Status.GRADED
    seconds: float = 0.0

    @property
    def sentence(self) -> str:
        """What the learner is told, in words."""
        return " ".join(map(sentence, self.diagnosis))

    @property
    def raised(self) -> Error | None:
        """The exception that ended it, if one did."""
        failed = (each.error for each in self.findings if each.failed)
        return self.error or next(failed, None)


@dataclass(frozen=True)
class Record:
    """The result of one submission.

    Attributes:
        student: Whose it is.
        lesson: Number and slug.
        status: How grading ended; points that were earned before are kept.
        why: Why, for the learner; empty where it was graded without incident.
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
    why: tuple[Reason, ...] = ()
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

    @property
    def reason(self) -> str:
        """Why grading ended so, in words for the learner."""
        return " ".join(map(sentence, self.why))

    def to_json(self) -> str:
        """The record as one JSON object."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return json.dumps(fields, ensure_ascii=False, default=_as_dictionary)

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
            why = _reasons(fields.pop("why"))
            return cls(status=status, notes=notes, checks=checks, why=why, **fields)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a record: {error}") from error


def _as_dictionary(part: Any) -> dict[str, Any]:
    if isinstance(part, Reason):
        return part.to_plain()
    return {f.name: getattr(part, f.name) for f in dataclasses.fields(part)}


def _check(fields: dict[str, Any]) -> Check:
    return Check(
        by=By(fields.pop("by")),
        outcome=Outcome(fields.pop("outcome")),
        ended=Status(fields.pop("ended")),
        findings=tuple(map(_finding, fields.pop("findings"))),
        diagnosis=_reasons(fields.pop("diagnosis")),
        error=_error(fields.pop("error")),
        **fields,
    )


def _finding(fields: dict[str, Any]) -> Finding:
    told = fields.pop("reason")
    return Finding(
        outcome=Outcome(fields.pop("outcome")),
        title=Reason.from_plain(fields.pop("title")),
        reason=Reason.from_plain(told) if told else None,
        error=_error(fields.pop("error")),
        **fields,
    )


def _error(fields: dict[str, Any] | None) -> Error | None:
    return Error(**fields) if fields else None


def _reasons(told: list[Any]) -> tuple[Reason, ...]:
    return tuple(map(Reason.from_plain, told))
