"""What a check finds: a finding a behaviour, and the verdict on the whole answer."""

from dataclasses import dataclass


class ExerciseFailed(AssertionError):
    """An answer did not pass; the message is the diagnosis.

    Jupyter shows the message alone: the course's own stack frames would hide it.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


@dataclass(frozen=True)
class Finding:
    """One behaviour: whether it holds, and if not, what was seen instead.

    Attributes:
        behaviour: what was looked at.
        passed: whether it holds.
        detail: what was seen instead.
        judged: False where wrong numbers, which have a finding of their own, must break it too.
    """

    behaviour: str
    passed: bool
    detail: str = ""
    judged: bool = True

    def __str__(self) -> str:
        mark = "✓" if self.passed else "✗" if self.judged else "–"
        return f"{mark} {self.behaviour}" + ("" if self.judged else ": not judged yet")


@dataclass(frozen=True)
class Verdict:
    """The result of a check.

    Attributes:
        exercise: the exercise's name.
        points: what it is worth.
        findings: one a behaviour.
        misconception: the name of the matching misconception, or the empty text.
        sentence: the diagnosis, or the empty text where the answer passed.
    """

    exercise: str
    points: int
    findings: tuple[Finding, ...]
    misconception: str = ""
    sentence: str = ""

    @property
    def passed(self) -> bool:
        """Whether every behaviour holds."""
        return all(finding.passed for finding in self.findings)

    def __str__(self) -> str:
        lines = [str(finding) for finding in self.findings]
        if self.passed:
            lines.append(f"{self.exercise}: passed, {self.points} of {self.points} points")
        return "\n".join(lines)

    def raise_if_failed(self) -> None:
        """Raise `ExerciseFailed` with the diagnosis unless the answer passed."""
        if not self.passed:
            raise ExerciseFailed(f"{self.exercise}: {self.sentence}")
