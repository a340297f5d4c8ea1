"""One form for every solution: the same content always has the same bytes.

Notebooks come from JupyterLab, from jupytext and from the kernel, and each leaves traces: random
cell ids, timestamps, versions, widget state. All of it would end up in what learners get and
would make every regeneration differ. What is left here is content alone.
"""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from attncourse.course.notebook import dumps, grade_id, read, write_file

# The fixed words of every notebook: no version, which would differ from machine to machine.
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}
CELL_METADATA = ("jupyter", "tags")
WIDGET = "application/vnd.jupyter.widget-view+json"


def normalise(nb: NotebookNode) -> NotebookNode:
    """A notebook of the same content in the one form; the argument stays as it is.

    Cell ids are derived from the cell (its grade id, else its text), executed cells are numbered
    from 1, nbgrader's metadata is completed, and whatever is not content is dropped.

    Raises:
        ValueError: The result is no valid notebook.
    """
    executed = count(1)
    cells = [_cell(cell, executed) for cell in nb.cells]
    for cell, identifier in zip(cells, _ids(cells), strict=True):
        cell["id"] = identifier
    content = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    clean: NotebookNode = nbformat.from_dict(content)
    try:
        nbformat.validate(clean)
    except nbformat.ValidationError as error:
        raise ValueError(f"not a valid notebook: {error}") from error
    return clean


def normalise_file(path: Path) -> bool:
    """Brings a notebook on disk into the one form; returns whether that changed the file."""
    content = dumps(normalise(read(path))).encode()
    if content == path.read_bytes():
        return False
    write_file(path, content)
    return True


def _cell(cell: NotebookNode, executed: Iterator[int]) -> NotebookNode:
    clean = NotebookNode(cell_type=cell.cell_type, source=cell.source.strip("\n"))
    clean.metadata = {key: cell.metadata[key] for key in CELL_METADATA if cell.metadata.get(key)}
    if known := _nbgrader(cell):
        clean.metadata["nbgrader"] = known
    if cell.get("attachments"):
        clean.attachments = cell.attachments
    if cell.cell_type == "code":
        clean.execution_count = next(executed) if cell.execution_count else None
        clean.outputs = list(_outputs(cell.outputs, clean.execution_count))
    return clean


def _nbgrader(cell: NotebookNode) -> dict[str, Any]:
    """Completes nbgrader's metadata, so that an author writes only what is not obvious."""
    given = cell.metadata.get("nbgrader", {})
    flags = {flag: bool(given.get(flag)) for flag in ("grade", "solution", "task")}
    flags["locked"] = not flags["solution"] and bool(given.get("locked", any(flags.values())))
    if not any(flags.values()):
        return {}
    known: dict[str, Any] = {"grade_id": grade_id(cell), "schema_version": 3, **flags}
    if flags["grade"] or flags["task"]:
        points = float(given.get("points", 0))
        known["points"] = int(points) if points.is_integer() else points
    return known


def _outputs(outputs: Iterable[NotebookNode], number: int | None) -> Iterator[NotebookNode]:
    pending: NotebookNode | None = None
    for output in outputs:
        clean = NotebookNode(output)
        # The kernel cuts a stream into pieces at will; only their sum is content.
        if clean.output_type == "stream":
            if pending and pending.name == clean.name:
                pending.text += clean.text
                continue
            pending = clean
        else:
            pending = None
        if "data" in clean:
            clean.data = {kind: data for kind, data in clean.data.items() if kind != WIDGET}
            if not clean.data:
                continue
        if clean.output_type == "execute_result":
            clean.execution_count = number
        yield clean


def _ids(cells: Iterable[NotebookNode]) -> Iterator[str]:
    """Unique ids that only the cells decide, so that no tool can make them random again."""
    taken: set[str] = set()
    for cell in cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        base = grade_id(cell)[:56] or f"{cell.cell_type}-{digest}"
        tries = (base if n == 1 else f"{base}-{n}" for n in count(1))
        identifier = next(each for each in tries if each not in taken)
        taken.add(identifier)
        yield identifier
