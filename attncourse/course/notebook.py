"""Reading and writing notebooks, and what nbgrader's metadata says about a cell."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode


def loads(text: str) -> NotebookNode:
    """Reads a notebook of any format as format 4, without repairing or inventing anything.

    Raises:
        ValueError: The text is not a notebook.
    """
    try:
        # nbformat.reads would give random ids to cells that have none; its reader does not.
        nb: NotebookNode = nbformat.convert(nbformat.reader.reads(text), 4)
        for cell in nb.cells:
            _ = cell.source, cell.metadata, cell.cell_type == "code" and cell.outputs
    except nbformat.reader.NotJSONError as error:
        raise ValueError("not a notebook: it is not JSON") from error
    except (AttributeError, KeyError, TypeError, ValueError, nbformat.ValidationError) as error:
        raise ValueError("not a notebook: its structure is damaged") from error
    return nb


def read(path: Path) -> NotebookNode:
    """Reads a notebook from a file.

    Raises:
        ValueError: The file is not a notebook.
        OSError: The file cannot be read.
    """
    try:
        return loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is {error}") from error


def dumps(nb: NotebookNode) -> str:
    """A notebook as text, the same for the same content: keys sorted, indent 1, newline."""
    return str(nbformat.v4.writes_json(nb)) + "\n"


def write_file(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, also when the process dies in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def mark(cell: NotebookNode) -> Mapping[str, Any]:
    """What nbgrader knows about a cell; empty for an ordinary one."""
    known: Mapping[str, Any] = cell.metadata.get("nbgrader", {})
    return known


def grade_id(cell: NotebookNode) -> str:
    """The name by which nbgrader knows a cell; empty for an ordinary one."""
    return str(mark(cell).get("grade_id", ""))


def points(cell: NotebookNode) -> float:
    """The points a cell is worth; 0 for a cell that is not graded."""
    return float(mark(cell).get("points", 0)) if mark(cell).get("grade") else 0.0


def is_answer(cell: NotebookNode) -> bool:
    """Whether a learner writes code here."""
    return cell.cell_type == "code" and bool(mark(cell).get("solution"))


def is_check(cell: NotebookNode) -> bool:
    """Whether this cell checks an answer and gives points by itself."""
    return cell.cell_type == "code" and bool(mark(cell).get("grade"))


def is_written(cell: NotebookNode) -> bool:
    """Whether a learner writes prose here, which a person grades."""
    return cell.cell_type == "markdown" and bool(mark(cell).get("grade"))


def python(source: str) -> str:
    """The code of a cell, with empty lines in the place of IPython's commands."""
    lines = source.splitlines()
    return "\n".join("" if line.lstrip()[:1] in ("!", "%") else line for line in lines)


def is_unchanged(cell: NotebookNode) -> bool:
    """Whether a released cell still reads as it was released, by nbgrader's own checksum."""
    known = mark(cell)
    locked = not known.get("solution") and bool(known.get("grade") or known.get("locked"))
    parts = [cell.source, cell.cell_type]
    parts += [str(bool(known.get("grade"))), str(bool(known.get("solution"))), str(locked)]
    parts.append(grade_id(cell))
    if known.get("grade"):
        parts.append(str(points(cell)))
    digest = hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()
    return bool(known.get("checksum") == digest)
