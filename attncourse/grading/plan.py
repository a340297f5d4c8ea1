"""What a lesson asks, step by step: taken from the instructor's notebooks, never from a learner's.

The release decides which cells there are, in which order, with which names and points. The
solution, where it is at hand, adds the hidden tests that the release does not show.
"""

import ast
import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from nbformat import NotebookNode

import attncourse
from attncourse.course.notebook import grade_id, is_answer, is_check, mark, read
from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson
from attncourse.grading import PACKAGE
from attncourse.grading.names import bound, python

EXERCISES = "attncourse.exercises"
ASKING = ("check", "examine")  # the methods of an exercise that judge an answer


@dataclass(frozen=True)
class Given:
    """A code cell that is there from the start.

    Attributes:
        source: Its text as released.
        defines: Names that it binds.
        setup: Whether it is the first code cell, which always runs.
    """

    source: str
    defines: frozenset[str]
    setup: bool = False


@dataclass(frozen=True)
class Answer:
    """A code cell that a learner fills in.

    Attributes:
        grade_id: nbgrader's name of the cell.
        source: The stub.
    """

    grade_id: str
    source: str


@dataclass(frozen=True)
class Test:
    """A cell that checks answers and gives points.

    Attributes:
        grade_id: nbgrader's name of the cell.
        points: What it gives.
        exercise: Name of the exercise that judges; None for an instructor's own assertions.
        answer: The expression whose value the exercise judges; empty for own assertions.
        source: As the instructor wrote it, hidden tests included.
    """

    grade_id: str
    points: float
    exercise: str | None
    answer: str
    source: str


@dataclass(frozen=True)
class Written:
    """A cell that a person grades: prose, as a rule.

    Attributes:
        grade_id: nbgrader's name of the cell.
        points: What a person can give for it.
        source: What stands in it before anybody has answered.
    """

    grade_id: str
    points: float
    source: str = ""


Step = Given | Answer | Test | Written
Kind = TypeVar("Kind", Given, Answer, Test, Written)


@dataclass(frozen=True)
class Plan:
    """All that grading a lesson needs to know about it.

    Attributes:
        lesson: Number and slug.
        steps: What the release has, in its order.
        exercises: The module whose exercises the tests name; empty if none do.
        release: The notebook as learners got it.
        code: A hash of the code that judges, see `code_of`.
    """

    lesson: str
    steps: tuple[Step, ...]
    exercises: str = ""
    release: NotebookNode = field(default_factory=NotebookNode, repr=False, compare=False)
    code: str = ""

    @classmethod
    def of(cls, lesson: Lesson, course: Course) -> Self:
        """Reads the plan of a lesson.

        Args:
            lesson: A lesson that has been released.
            course: Where it lies; hidden tests are found if it has solutions.

        Raises:
            ValueError: The lesson has not been released, or a cell of it cannot be graded.
        """
        path = course.notebook(lesson)
        if not path.is_file():
            raise ValueError(f"{path} is missing; run attncourse release {lesson.name} first")
        release = read(path)
        solved = course.solution(lesson)
        source = read(solved).cells if solved.is_file() else ()
        whole = {grade_id(cell): cell.source for cell in source}
        modules = dict(_exercise_modules(release.cells))
        if len(set(modules.values())) > 1:
            raise ValueError(f"{path} uses exercises of several lessons; grading needs one")
        steps = tuple(_steps(release.cells, whole, modules))
        exercises = next(iter(modules.values()), "")
        return cls(lesson.name, steps, exercises, release, code_of(exercises))

    @property
    def digest(self) -> str:
        """A hash of everything in it that decides about points."""
        content = [[type(each).__name__, dataclasses.asdict(each)] for each in self.steps]
        text = json.dumps([self.lesson, self.exercises, self.code, content], default=sorted)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The cells that a learner fills in with code."""
        return self._all(Answer)

    @property
    def tests(self) -> tuple[Test, ...]:
        """The cells that give points by themselves."""
        return self._all(Test)

    @property
    def written(self) -> tuple[Written, ...]:
        """The cells that a person grades."""
        return self._all(Written)

    @property
    def graded(self) -> tuple[Test | Written, ...]:
        """Every cell that gives points, in the release's order."""
        return tuple(each for each in self.steps if isinstance(each, Test | Written))

    def _all(self, kind: type[Kind]) -> tuple[Kind, ...]:
        return tuple(each for each in self.steps if isinstance(each, kind))


@dataclass(frozen=True)
class Submission:
    """What a learner handed in, brought into the plan's order.

    Attributes:
        student: Whose it is.
        lesson: Number and slug.
        answers: Code by grade_id, one for each answer of the plan; empty where none was found.
        written: What a person is to grade, by grade_id; empty where it was not found.
        notes: What was repaired, a sentence each, for learner and instructor.
        digest: Hash of the file that was handed in.
        notebook: As handed in, with what was damaged put right.
        submitted: When, ISO 8601 in UTC; empty if unknown.
    """

    student: str
    lesson: str
    answers: Mapping[str, str]
    written: Mapping[str, str]
    notes: tuple[str, ...]
    digest: str
    notebook: NotebookNode = field(repr=False, compare=False)
    submitted: str = ""


def code_of(exercises: str, root: Path = PACKAGE) -> str:
    """A hash of the code that judges a lesson: a corrected oracle grades a class again.

    It holds the core, the lesson's exercises, and those of others from which they take something.
    What they import from beyond the exercises is not looked up; the version stands for it.

    Args:
        exercises: The module of the lesson's exercises; empty if there is none.
        root: The folder of the package attncourse.
    """
    found = hashlib.sha256(attncourse.__version__.encode())
    ahead = {f"{EXERCISES}.core", exercises} if exercises else set[str]()
    files: dict[str, bytes] = {}
    seen = set[str]()
    while ahead:
        module = ahead.pop()
        seen.add(module)
        for path in root.joinpath(*module.split(".")[1:]).rglob("*.py"):
            name, content = path.relative_to(root).as_posix(), path.read_bytes()
            files[name] = hashlib.sha256(content).digest()
            ahead |= set(_shared(content)) - seen
    for name, content in sorted(files.items()):
        found.update(f"{name}\n".encode() + content)
    return found.hexdigest()


def _shared(source: bytes) -> Iterator[str]:
    """The packages of exercises from which a file takes something."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names):
                modules = [each.name for each in names]
            case ast.ImportFrom(module=module, names=names, level=0):
                modules = [f"{module}.{each.name}" for each in names]
            case _:
                continue
        inside = (each.split(".") for each in modules if each.startswith(f"{EXERCISES}."))
        yield from (".".join(parts[:3]) for parts in inside)


def _steps(
    cells: Iterable[NotebookNode], whole: Mapping[str, str], modules: Mapping[str, str]
) -> Iterator[Step]:
    setup = True
    for cell in cells:
        name = grade_id(cell)
        if is_answer(cell):
            yield Answer(name, cell.source)
        if is_by_hand(cell):
            yield Written(name, float(mark(cell).get("points", 0)), cell.source)
        elif is_check(cell):
            source = whole.get(name, cell.source)
            exercise, answer = _asked(source, name, modules)
            yield Test(name, float(mark(cell).get("points", 0)), exercise, answer, source)
        elif cell.cell_type == "code" and not is_answer(cell):
            yield Given(cell.source, bound(cell.source), setup)
            setup = False


def is_by_hand(cell: NotebookNode) -> bool:
    """Whether a person grades this cell: prose, code that is read, or a task."""
    known = mark(cell)
    graded = known.get("grade") and (known.get("solution") or cell.cell_type == "markdown")
    return bool(graded or known.get("task"))


def _exercise_modules(cells: Iterable[NotebookNode]) -> Iterator[tuple[str, str]]:
    """By which names the notebook calls modules of exercises."""
    for cell in cells:
        for node in _nodes(cell.source) if cell.cell_type == "code" else ():
            if isinstance(node, ast.ImportFrom) and node.module == EXERCISES:
                for each in node.names:
                    yield each.asname or each.name, f"{EXERCISES}.{each.name}"


def _asked(source: str, name: str, modules: Mapping[str, str]) -> tuple[str | None, str]:
    """The exercise and the expression that a test cell hands to it."""
    asked = [_question(node, modules) for node in _nodes(source) if isinstance(node, ast.Call)]
    questions = {each for each in asked if each}
    if not questions:
        return None, ""
    only = all(isinstance(each, ast.Expr) and _last(each, modules) for each in _body(source))
    if len(questions) > 1 or not only:
        raise ValueError(
            f"cell {name} asks more than one exercise, or has assertions beside it; "
            "give each a cell of its own"
        )
    return questions.pop()


def _question(call: ast.Call, modules: Mapping[str, str]) -> tuple[str, str] | None:
    """What `ex.NAME.check(ANSWER)` or `ex.NAME.examine(ANSWER, …)` asks for; None for others."""
    match call:
        case ast.Call(
            func=ast.Attribute(ast.Attribute(ast.Name(module), exercise), method),
            args=[answer, *_],
        ) if module in modules and method in ASKING:
            return exercise, ast.unparse(answer)
    return None


def _last(statement: ast.Expr, modules: Mapping[str, str]) -> bool:
    """Whether a statement does nothing but ask an exercise."""
    call: Any = statement.value
    match call:
        case ast.Call(func=ast.Attribute(ast.Call() as inner, "raise_if_failed")):
            call = inner
    return isinstance(call, ast.Call) and _question(call, modules) is not None


def _body(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(python(source)).body
    except SyntaxError as error:
        raise ValueError(f"a cell of the lesson is not Python: {error}") from error


def _nodes(source: str) -> Iterator[ast.AST]:
    for statement in _body(source):
        yield from ast.walk(statement)
