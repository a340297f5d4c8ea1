"""A lesson's cells in nbgrader's gradebook, kept to the release without losing what people gave.

nbgrader enters a lesson once: as soon as there are submissions, it refuses any other set of cells.
A lesson that is released again with a cell more would be graded into cells that are not there.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

from nbformat import NotebookNode

from attncourse.course.notebook import grade_id, mark
from attncourse.grading.plan import Plan

#: A table of nbgrader's and the name of a cell in it.
Key = tuple[type[Any], str]


def enter(plan: Plan, book: Any) -> None:
    """Brings what a gradebook knows of a lesson to the release, all of it or nothing.

    Submissions get an open grade for each new cell; points and comments of all others stay.

    Args:
        plan: What the lesson asks.
        book: nbgrader's gradebook.

    Raises:
        ValueError: A cell is gone for which people have given points or comments.
    """
    notebook = _notebook(plan, book)
    there = {(type(cell), cell.name): cell for cell in _entered(notebook)}
    wanted = dict(_cells(plan))
    for key in there.keys() - wanted.keys():
        _remove(there[key], plan, book)
    for key, facts in wanted.items():
        cell = there.get(key)
        if cell is None:
            _add(key, facts, notebook, book)
        else:
            for name, value in facts.items():
                setattr(cell, name, value)
    book.db.commit()


def _notebook(plan: Plan, book: Any) -> Any:
    """The lesson's notebook, made if need be; nbgrader's own settings of the lesson stay."""
    from nbgrader.api import MissingEntry, Notebook

    try:
        return book.find_notebook(plan.lesson, plan.lesson)
    except MissingEntry:
        assignment = book.update_or_create_assignment(plan.lesson)
        kernel = json.dumps(plan.release.metadata.get("kernelspec", {}))
        notebook = Notebook(name=plan.lesson, assignment=assignment, kernelspec=kernel)
        book.db.add(notebook)
        return notebook


def _entered(notebook: Any) -> list[Any]:
    graded = [*notebook.grade_cells, *notebook.task_cells]
    return [*graded, *notebook.solution_cells, *notebook.source_cells]


def _cells(plan: Plan) -> Iterator[tuple[Key, dict[str, Any]]]:
    """What nbgrader stores of each cell; checks with their hidden tests, as it does."""
    from nbgrader import utils
    from nbgrader.api import GradeCell, SolutionCell, SourceCell, TaskCell

    whole = {test.grade_id: test.source for test in plan.tests}
    for cell in map(copy.deepcopy, plan.release.cells):
        name = grade_id(cell)
        known = (utils.is_grade, utils.is_solution, utils.is_task, utils.is_locked)
        if not any(each(cell) for each in known):
            continue
        cell.source = whole.get(name, cell.source)
        if utils.is_grade(cell):
            yield (GradeCell, name), _worth(cell)
        if utils.is_task(cell):
            yield (TaskCell, name), _worth(cell)
        if utils.is_solution(cell):
            yield (SolutionCell, name), {}
        kept = {"cell_type": cell.cell_type, "locked": bool(utils.is_locked(cell))}
        kept |= {"source": cell.source, "checksum": utils.compute_checksum(cell)}
        yield (SourceCell, name), kept


def _worth(cell: NotebookNode) -> dict[str, Any]:
    return {"max_score": float(mark(cell).get("points", 0)), "cell_type": cell.cell_type}


def _add(key: Key, facts: dict[str, Any], notebook: Any, book: Any) -> None:
    """Adds a cell, and to every submission what `Gradebook.add_submission` would have made."""
    from nbgrader.api import Comment, Grade, GradeCell, SolutionCell, TaskCell

    kind, name = key
    cell = kind(name=name, notebook=notebook, **facts)
    book.db.add(cell)
    for submitted in notebook.submissions:
        if kind in (GradeCell, TaskCell):
            book.db.add(Grade(cell=cell, notebook=submitted))
        if kind in (SolutionCell, TaskCell):
            book.db.add(Comment(cell=cell, notebook=submitted))


def _remove(cell: Any, plan: Plan, book: Any) -> None:
    """Removes a cell that the release has no more, unless a person's work would go with it."""
    grades, comments = getattr(cell, "grades", None) or [], getattr(cell, "comments", None) or []
    given = any(g.manual_score is not None or g.extra_credit for g in grades)
    if given or any(comment.manual_comment for comment in comments):
        book.db.rollback()
        raise ValueError(
            f"{plan.lesson} was released without its cell {cell.name}, for which people have "
            "given points or comments; release it with that cell, or name another gradebook (--db)"
        )
    for each in [*grades, *comments, cell]:
        book.db.delete(each)
