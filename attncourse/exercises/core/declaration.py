"""What an exercise declares: what is asked, the oracle, the laws, the misconceptions."""

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, TypeAlias

from attncourse.exercises.core.draw import Draw
from attncourse.exercises.core.kinds import Kind
from attncourse.exercises.core.probe import Inputs, Outputs, Probe, Response, Scalar
from attncourse.exercises.core.respond import respond

#: Gives what an answer of the course's own, right or wrong, responds to a probe.
Reference: TypeAlias = Callable[[Any, Probe], Response]


@dataclass(frozen=True)
class Edit:
    """A wrong answer as an edit of a right one: what a learner types in the place of what.

    Attributes:
        texts: the texts of the right answer's source that go, each with what takes its place.
        right: the answer that is edited, a function or class of a module; None where it is the
            exercise's first right variant.
    """

    texts: tuple[tuple[str, str], ...]
    right: Any = None

    def __and__(self, other: "Edit") -> "Edit":
        """Both, one after the other."""
        return replace(self, texts=self.texts + other.texts)

    @cached_property
    def answer(self) -> Any:
        """The answer, made when it is first asked for: the source is read and compiled.

        Raises:
            ValueError: if a text does not occur exactly once.
        """
        name, source = self.right.__name__, inspect.getsource(self.right)
        for old, new in self.texts:
            if source.count(old) != 1:
                raise ValueError(f"{old!r} occurs {source.count(old)} times in {name}, not once")
            source = source.replace(old, new)
        made: dict[str, Any] = {}
        code = compile(source, inspect.getfile(self.right), "exec")
        exec(code, vars(sys.modules[self.right.__module__]), made)
        return made[name]


def edit(old: str, new: str, *, of: Any = None) -> Edit:
    """A form of a misconception that differs little from a right answer.

    Args:
        old: a text that occurs exactly once in the source of the right answer.
        new: what stands in its place.
        of: the right answer that is edited; by default the exercise's first right variant.
    """
    return Edit(((old, new),), of)


@dataclass(frozen=True)
class Misconception:
    """A wrong answer that people give, and the sentence that tells them what is wrong.

    Attributes:
        name: short identifier for reports, such as ``"softmax-over-queries"``.
        declared: the wrong answer, of the exercise's kind or an edit, and others that show the same
            misconception in other numbers.
        sentence: what is wrong and where to look, addressed to the learner.
    """

    name: str
    declared: tuple[Any, ...]
    sentence: str = ""

    def because(self, sentence: str) -> Self:
        """The same with the sentence that tells what is wrong."""
        return replace(self, sentence=sentence)

    def beside(self, right: Any) -> Self:
        """The same, its edits being of a right answer where they name no other."""
        declared = (
            replace(each, right=right) if isinstance(each, Edit) and each.right is None else each
            for each in self.declared
        )
        return replace(self, declared=tuple(declared))

    @cached_property
    def forms(self) -> tuple[Any, ...]:
        """The wrong answers, made of their edits."""
        return tuple(each.answer if isinstance(each, Edit) else each for each in self.declared)


def wrong(name: str, *forms: Any) -> Misconception:
    """Declare a misconception: ``wrong("sum", lambda x: x.sum(1)).because("You sum; …")``.

    Args:
        name: short identifier for reports.
        forms: answers that show it, of the exercise's kind, or edits of right ones.
    """
    return Misconception(name, forms)


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


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What is asked of a learner, and everything needed to judge an answer.

    Attributes:
        name: the name of the answer in the notebook; that of its variable if it is `listed`.
        lesson: the lesson's number and slug, such as ``"01-bahdanau"``.
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

    name: str = ""
    lesson: str = ""
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

    def __post_init__(self) -> None:
        right = self.right[0] if self.right else None
        object.__setattr__(
            self, "misconceptions", tuple(each.beside(right) for each in self.misconceptions)
        )

    @property
    def place(self) -> str:
        """Where it stands in the course; names its texts in a catalogue."""
        return f"{self.lesson}/{self.name}"

    def reference(self, answer: Any, probe: Probe) -> Response:
        """What the oracle, or a known wrong answer, does with a probe; nothing is refused."""
        return respond(self.kind, answer, probe, seconds=self.seconds, refuses=None)
