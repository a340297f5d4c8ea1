"""What an exercise declares: what is asked, the oracle, the laws, the misconceptions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from attncourse.exercises.core.draw import Draw
from attncourse.exercises.core.kinds import Kind
from attncourse.exercises.core.probe import Inputs, Outputs, Probe, Response, Scalar
from attncourse.exercises.core.respond import respond

#: Gives what an answer of the course's own, right or wrong, responds to a probe.
Reference: TypeAlias = Callable[[Any, Probe], Response]


@dataclass(frozen=True)
class Misconception:
    """A wrong answer that people give, and the sentence that tells them what is wrong.

    Attributes:
        name: short identifier for reports, such as ``"softmax-over-queries"``.
        answer: the wrong answer, of the exercise's kind.
        sentence: what is wrong and where to look, addressed to the learner.
        variants: other answers that show the same misconception in other numbers.
    """

    name: str
    answer: Any
    sentence: str
    variants: Sequence[Any] = ()


@dataclass(frozen=True)
class Law:
    """A property that a right answer has, whatever the numbers.

    Attributes:
        title: its readable name.
        holds: judges (inputs, outputs, outputs after the change).
        change: how the inputs are changed for the second call; None where one call suffices.
    """

    title: str
    holds: Callable[[Inputs, Outputs, Outputs], bool]
    change: Callable[[Inputs], Inputs] | None = None


@dataclass(frozen=True)
class Declaration:
    """What is asked of a learner, and everything needed to judge an answer.

    Attributes:
        name: the name of the answer in the notebook.
        lesson: the lesson's slug, such as ``"01-bahdanau"``.
        points: points in the lesson.
        kind: function, module class, value or trained model.
        title: one line for the first check mark, such as ``"weighted sum of the values"``.
        oracle: a right answer, of the exercise's kind, or None where only laws judge. For a trained
            model: maps a `Draw` to what the judge holds.
        draw: inputs of a probe, in the order of the answer's signature.
        construction: constructor arguments of a module's probe.
        laws: properties, each checked with its name.
        misconceptions: wrong answers with their diagnoses.
        right: right answers written differently, accepted by proof.
        batched: inputs whose first axis is the batch; empty where there is none.
        differentiable: whether gradients must reach the inputs and parameters.
        portable: whether the answer can run on another device (not where it reads numbers).
        refuses: functions of torch that the answer may not call; None lets it call anything.
        seconds: time limit of one probe.
    """

    name: str
    lesson: str
    points: int
    kind: Kind
    title: str
    oracle: Any
    draw: Callable[[Draw], Inputs] = lambda draw: {}
    construction: Callable[[Draw], dict[str, Scalar]] = lambda draw: {}
    laws: Sequence[Law] = ()
    misconceptions: Sequence[Misconception] = ()
    right: Sequence[Any] = ()
    batched: tuple[str, ...] = ()
    differentiable: bool = True
    portable: bool = True
    refuses: tuple[str, ...] | None = ()
    seconds: float = 10.0

    @property
    def place(self) -> str:
        """Where it stands in the course; names its texts in a catalogue."""
        return f"{self.lesson}/{self.name}"

    def reference(self, answer: Any, probe: Probe) -> Response:
        """What the oracle, or a known wrong answer, does with a probe; nothing is refused."""
        return respond(self.kind, answer, probe, seconds=self.seconds, refuses=None)
