"""Finding a learner's answers in a notebook, whatever happened to its cells on the way.

A cell is recognised by nbgrader's name, else by its notebook id, else by the names that it
defines, else by lines that it shares with the release, else by its neighbours. What the cell is
worth, and what is asked after it, the plan says; a submission cannot change it.
"""

import builtins
import copy
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property

import nbformat
from nbformat import NotebookNode

from attncourse.course.notebook import grade_id, is_answer, is_check, mark
from attncourse.grading.exceptions import UnreadableSubmission
from attncourse.grading.names import WATCHING, altered, bound, needed, statements
from attncourse.grading.plan import Answer, Given, Plan, Submission, Test, is_by_hand

# Lines that every stub has, and that therefore tell nothing.
STUB = ("# YOUR CODE HERE", "raise NotImplementedError")
ALIKE = 0.5  # share of a released cell's lines that show where it came from
AROUND = frozenset(dir(builtins)) | {"get_ipython", "display", "In", "Out", "__name__"}


def match(
    plan: Plan,
    notebook: NotebookNode,
    *,
    student: str,
    digest: str = "",
    submitted: str = "",
    notes: Iterable[str] = (),
) -> Submission:
    """Brings what a learner handed in into the plan's order.

    Args:
        plan: What the lesson asks.
        notebook: A sound notebook; it stays as it is.
        student: Whose it is.
        digest: Hash of the file.
        submitted: When it was handed in.
        notes: What was repaired before.

    Raises:
        UnreadableSubmission: The notebook has nothing of the lesson in it.
    """
    matching = _Matching(plan, notebook)
    if not matching.found:
        raise UnreadableSubmission(
            f"This notebook does not look like lesson {plan.lesson}. Did you hand in another one?",
            "no cell of the release was recognised",
        )
    answers = {each.grade_id: matching.code(each) for each in plan.answers}
    written = {each.grade_id: matching.text(each.grade_id) for each in plan.written}
    everything = (*notes, *matching.notes)
    repaired = matching.repaired()
    return Submission(
        student, plan.lesson, answers, written, everything, digest, repaired, submitted
    )


class _Matching:
    """Release and submission side by side.

    Attributes:
        found: Index of the learner's cell for each graded cell of the release.
        notes: What had to be put right.
    """

    def __init__(self, plan: Plan, notebook: NotebookNode) -> None:
        self.plan = plan
        self.cells = notebook.cells
        self.wanted = {grade_id(each): each for each in plan.release.cells if mark(each)}
        self.known = {_plain(each.source) for each in plan.release.cells if not mark(each)}
        self.stubs = {each.grade_id: bound(each.source, imports=False) for each in plan.answers}
        self.found: dict[str, int] = {}
        self.notes: list[str] = []
        self._recognise()

    def code(self, answer: Answer) -> str:
        """The code that answers: the cell, what it needs from others, what replaces it below."""
        index = self.found.get(answer.grade_id)
        own = "" if index is None else WATCHING.sub("", self.cells[index].source)
        if index is not None and self._untouched(answer.grade_id, index):
            elsewhere = self._defined(answer, self.spare)
            own = "\n".join(elsewhere) or own
        else:
            elsewhere = self._defined(answer, self._below(answer))
            own = "\n\n".join(filter(None, [own, *elsewhere]))
        if elsewhere:
            self.notes.append(f"{answer.grade_id}: a definition in another of your cells counts.")
        helpers = self._helpers(own)
        if helpers:
            self.notes.append(f"{answer.grade_id}: what it uses from your other cells came along.")
        return "\n\n".join([*helpers, own])

    def text(self, name: str) -> str:
        """What a person is to grade."""
        return self.cells[self.found[name]].source if name in self.found else ""

    def repaired(self) -> NotebookNode:
        """The learner's notebook, with every cell of the release once, marked as released."""
        cells = [copy.deepcopy(cell) for cell in self.cells]
        for cell in cells:
            cell.metadata.pop("nbgrader", None)
        added: dict[int, list[NotebookNode]] = {}  # behind the cell with this index
        last = -1
        for name, released in self.wanted.items():
            if name in self.found:
                last = self.found[name]
                cells[last] = _restored(cells[last], released)
            else:
                added.setdefault(last, []).append(copy.deepcopy(released))
        whole = added.get(-1, [])
        for index, cell in enumerate(cells):
            whole += [cell, *added.get(index, ())]
        reserved = {each.id for each in self.wanted.values()}
        for index, cell in enumerate(whole):
            if "nbgrader" in cell.metadata:
                cell.id = self.wanted[grade_id(cell)].id
            elif cell.id in reserved:
                cell.id = f"own-{index}"
        made: NotebookNode = nbformat.from_dict({**self.plan.release, "cells": whole})
        return made

    def _recognise(self) -> None:
        names = Counter(grade_id(cell) for cell in self.cells)
        self._claim(lambda name, cell: grade_id(cell) == name)
        for name in self.found:
            if names[name] > 1:
                self.notes.append(
                    f"{name} stood in {names[name]} cells; the last that you edited counts."
                )
        named = set(self.found)
        self._claim(lambda name, cell: cell.id == self.wanted[name].id)
        self._claim(self._defines)
        self._claim(self._resembles)
        if self.found:
            self._claim_between()
        if lost := [name for name in self.wanted if name in set(self.found) - named]:
            self.notes.append(
                f"Some cells had lost their names and were found by what they hold: {_list(lost)}."
            )
        if missing := [name for name in self.wanted if name not in self.found]:
            self.notes.append(f"Some cells are missing from your notebook: {_list(missing)}.")
        self._look_at_marks(named)

    def _claim(self, fits: Callable[[str, NotebookNode], bool]) -> None:
        """Gives each wanted cell that has none yet the last edited one that fits, else the last."""
        for name in self.wanted:
            if name in self.found:
                continue
            taken = set(self.found.values())
            free = (pair for pair in enumerate(self.cells) if pair[0] not in taken)
            fitting = [i for i, cell in free if fits(name, cell) and not self._another(name, cell)]
            edited = [i for i in fitting if not self._untouched(name, i)]
            if fitting:
                self.found[name] = (edited or fitting)[-1]

    def _another(self, name: str, cell: NotebookNode) -> bool:
        """Whether a cell plainly answers something else, whatever it is called."""
        if name not in self.stubs or not self.stubs[name]:
            return False
        here = bound(cell.source, imports=False)
        others = {each for other, names in self.stubs.items() if other != name for each in names}
        return not here & self.stubs[name] and bool(here & others)

    def _defines(self, name: str, cell: NotebookNode) -> bool:
        others = [names for other, names in self.stubs.items() if other != name]
        own = self.stubs.get(name, frozenset()).difference(*others)
        return bool(own & bound(cell.source, imports=False)) and not self._is_given(cell)

    def _resembles(self, name: str, cell: NotebookNode) -> bool:
        lines = _lines(self.wanted[name].source)
        if not lines or self._is_given(cell):
            return False
        return len(lines & _lines(cell.source)) / len(lines) > ALIKE

    def _claim_between(self) -> None:
        """Gives a wanted cell the one strange cell of its kind that stands where it stood."""
        places = self._places()
        for position, released in enumerate(self.plan.release.cells):
            name = grade_id(released)
            if not mark(released) or name in self.found or is_check(released):
                continue
            before = max((at for p, at in places.items() if p < position), default=-1)
            after = min((at for p, at in places.items() if p > position and at > before),
                        default=len(self.cells))  # fmt: skip
            taken = set(self.found.values())
            strange = [
                index
                for index in range(before + 1, after)
                if index not in taken
                and self.cells[index].cell_type == released.cell_type
                and not self._is_given(self.cells[index])
                and not self._another(name, self.cells[index])
            ]
            if strange:
                longest = max(strange, key=lambda index: len(self.cells[index].source))
                self.found[name] = places[position] = longest

    def _places(self) -> dict[int, int]:
        """Where the cells of the release stand in the submission, as far as is known."""
        same = {_plain(cell.source): index for index, cell in enumerate(self.cells)}
        places = {}
        for position, released in enumerate(self.plan.release.cells):
            at = self.found.get(grade_id(released)) if mark(released) else None
            at = same.get(_plain(released.source)) if at is None and not mark(released) else at
            if at is not None:
                places[position] = at
        return places

    def _look_at_marks(self, named: Iterable[str]) -> None:
        """Notes what was changed in cells that nobody was asked to change."""
        changed, marks = [], []
        for name in (each for each in self.wanted if each in set(named)):
            cell, released = self.cells[self.found[name]], self.wanted[name]
            ours = {key: mark(released).get(key) for key in ("points", "grade", "solution", "task")}
            theirs = {key: mark(cell).get(key) for key in ours}
            version = mark(cell).get("schema_version") == mark(released).get("schema_version")
            if ours != theirs or not version or cell.cell_type != released.cell_type:
                marks.append(name)
            if is_check(released) and not is_by_hand(released) and not self._untouched(name):
                changed.append(name)
        if changed:
            self.notes.append(
                f"Some checks had been changed; the original ones were used: {_list(changed)}."
            )
        if marks:
            self.notes.append(
                f"Points and marks of some cells were put back as released: {_list(marks)}."
            )

    def _untouched(self, name: str, index: int | None = None) -> bool:
        cell = self.cells[self.found[name] if index is None else index]
        return _plain(cell.source) == _plain(self.wanted[name].source)

    def _is_given(self, cell: NotebookNode) -> bool:
        return _plain(cell.source) in self.known

    @cached_property
    def spare(self) -> list[int]:
        """Code cells of the learner's own, and changed ones of the release."""
        taken = set(self.found.values())
        stubs = {_plain(each.source) for each in self.wanted.values()}
        return [
            index
            for index, cell in enumerate(self.cells)
            if index not in taken
            and cell.cell_type == "code"
            and grade_id(cell) not in self.wanted
            and not self._is_given(cell)
            and _plain(cell.source) not in stubs
        ]

    def _below(self, answer: Answer) -> list[int]:
        """The spare cells between an answer and the check that asks for it."""
        start = self.found.get(answer.grade_id, -1)
        names = self.stubs[answer.grade_id]
        asking = (test.grade_id for test in self.plan.tests if _asks(test, names))
        stops = [self.found[each] for each in asking if each in self.found]
        stop = min((at for at in stops if at > start), default=start)
        return [index for index in self.spare if start < index < stop]

    def _defined(self, answer: Answer, where: Iterable[int]) -> list[str]:
        """What binds an answer's names in some cells; the last of it counts."""
        names = self.stubs[answer.grade_id]
        cells = (self.cells[index].source for index in where)
        fitting = (cell for cell in cells if names & bound(cell, imports=False))
        return [s for cell in fitting for s in statements(cell) if names & bound(s, imports=False)]

    def _helpers(self, source: str) -> list[str]:
        """The statements from spare cells that some code needs, in the order of the notebook."""
        chosen: set[int] = set()
        looked_up: set[str] = set()
        todo = [source]
        while todo:
            unknown = needed(todo.pop()) - self._at_hand
            names = {name if name in self._binding else "*" for name in unknown} - looked_up
            looked_up |= names
            places = (self._binding, self._altering)
            new = {n for name in names for each in places for n in each.get(name, ())} - chosen
            chosen |= new
            todo += [self._own[number] for number in new]
        return [self._own[number] for number in sorted(chosen)]

    @cached_property
    def _at_hand(self) -> frozenset[str]:
        """Names that need no looking for."""
        given = (step for step in self.plan.steps if isinstance(step, Given))
        setup = (step.defines for step in given if step.setup)
        answers = (self.cells[self.found[n]].source for n in self.stubs if n in self.found)
        return AROUND.union(*setup, *map(bound, answers))

    @cached_property
    def _own(self) -> list[str]:
        """The statements of all spare cells."""
        return [each for i in self.spare for each in statements(self.cells[i].source)]

    @cached_property
    def _binding(self) -> dict[str, list[int]]:
        """Which of them bind a name; what binds unknown names stands under a star."""
        return _by_name({"*"} if each.endswith("import *") else bound(each) for each in self._own)

    @cached_property
    def _altering(self) -> dict[str, list[int]]:
        """Which of them alter what a name stands for; calling a module's function does not."""
        found = [altered(each) for each in self._own]
        made = {name for name in frozenset[str]().union(*found) if self._makes(name)}
        return _by_name(names & made for names in found)

    def _makes(self, name: str) -> bool:
        """Whether a spare cell binds a name otherwise than by an import."""
        where = self._binding.get(name, ())
        return any(name in bound(self._own[number], imports=False) for number in where)


def _by_name(named: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    """The numbers of the sets that hold a name, in order."""
    numbers: dict[str, list[int]] = {}
    for number, names in enumerate(named):
        for name in names:
            numbers.setdefault(name, []).append(number)
    return numbers


def _asks(test: Test, names: frozenset[str]) -> bool:
    return bool(names & needed(test.answer or test.source))


def _restored(cell: NotebookNode, released: NotebookNode) -> NotebookNode:
    """A learner's cell with the marks and the kind of the released one, and its text if locked."""
    whole = copy.deepcopy(released)
    if is_answer(released) or (is_by_hand(released) and mark(released).get("solution")):
        whole.source = cell.source
    if "outputs" in whole and "outputs" in cell:
        whole.outputs, whole.execution_count = cell.outputs, cell.execution_count
    if "attachments" in cell and whole.cell_type != "code":
        whole.attachments = cell.attachments
    return whole


def _plain(source: str) -> str:
    """A text without what an editor changes by itself."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def _lines(source: str) -> frozenset[str]:
    lines = (line.strip() for line in source.splitlines())
    return frozenset(line for line in lines if line and not line.startswith(STUB))


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
