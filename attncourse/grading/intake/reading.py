"""From the bytes of a notebook to one of sound structure, or a sentence that says why not.

Only what grading and people who read it need is taken over; everything else that a file may hold
(widgets, unknown metadata, outputs of unknown form) stays behind, so nothing damaged comes through.
"""

import json
import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import nbformat
from nbformat import NotebookNode

from attncourse.course.normalise import METADATA, WIDGET
from attncourse.grading.exceptions import UnreadableSubmission

LARGEST = 32 * 2**20  # bytes of a notebook
MOST_CELLS = 5000
MOST_CODE = 2**19  # characters in all code cells; a lesson has about 2**14
MOST_OUTPUT = 2**20  # characters of all outputs of one cell
SURROGATE = re.compile("[\ud800-\udfff]|\\\\ud[89a-f]", re.IGNORECASE)
CELL_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
LEFT_OUT = "(The output of this cell was too long to be kept.)\n"


def parse(content: bytes) -> tuple[NotebookNode, list[str]]:
    """Reads a notebook of any encoding and format.

    Args:
        content: The bytes of the file.

    Returns:
        The notebook in format 4.5, valid whatever was in the file, and a note for each repair.

    Raises:
        UnreadableSubmission: It is no notebook, or too damaged.
    """
    notes: list[str] = []
    if not content.strip(b"\0 \t\r\n"):
        raise UnreadableSubmission(
            "Your notebook arrived empty. Please save it again and hand it in once more.",
            f"{len(content)} bytes without content",
        )
    try:
        data = _json(_decode(content, notes), notes)
        cells = list(_cells(_listed(data, notes), notes))
    except RecursionError as error:
        raise UnreadableSubmission(
            "Your notebook is nested too deeply to be read. Please save it from JupyterLab again.",
            "JSON deeper than Python reads",
        ) from error
    code = sum(len(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    if code > MOST_CODE:
        raise UnreadableSubmission(
            f"Your notebook has {code} characters of code; at most {MOST_CODE} can be read.",
            f"{code} characters of code",
        )
    notebook = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return nbformat.from_dict(notebook), notes


def _decode(content: bytes, notes: list[str]) -> str:
    likely = json.detect_encoding(content)
    tries = ((likely, "strict"), (likely, "surrogatepass"), ("gb18030", "strict"))
    for encoding, errors in tries:
        try:
            text = content.decode(encoding, errors)
        except UnicodeError:
            continue
        if encoding != "utf-8":
            notes.append(
                f"The notebook was stored as {encoding.upper()}; it was read all the same."
            )
        return text.removeprefix("\ufeff")
    notes.append("Some letters of the notebook are in no known encoding and may look wrong.")
    return content.decode("latin-1")


def _json(text: str, notes: list[str]) -> dict[str, Any]:
    try:
        data = json.loads(text)
        if SURROGATE.search(text):
            whole = json.dumps(data, ensure_ascii=False)
            clean = whole.encode("utf-8", "replace").decode()
            if clean != whole:
                notes.append("Half characters, which no text can hold, were replaced by “?”.")
            data = json.loads(clean)
    except ValueError as error:
        raise UnreadableSubmission(*_not_json(text, error)) from error
    if not isinstance(data, dict):
        raise UnreadableSubmission(
            "This file is not a notebook.", f"JSON, but a {type(data).__name__}"
        )
    return data


def _not_json(text: str, error: ValueError) -> tuple[str, str]:
    again = "Please open it in JupyterLab, see that it is whole, save it and hand it in once more."
    if re.search(r"^(?:<{7}|>{7}) ", text, re.MULTILINE):
        return f"Your notebook holds the marks of an unfinished merge. {again}", f"merge: {error}"
    if text.lstrip()[:1] == "{":
        return f"Your notebook is damaged or cut off. {again}", f"not JSON: {error}"
    return f"This file is not a notebook. {again}", f"not JSON: {error}"


def _listed(data: dict[str, Any], notes: list[str]) -> list[Any]:
    """The cells of a notebook of any format."""
    if "cells" not in data and "worksheets" in data:
        data = _converted(data)
        notes.append("The notebook was in an old format; it was converted.")
    elif data.get("nbformat") != 4:
        notes.append("The notebook's format number was unusual; it was read as format 4.")
    cells = data.get("cells")
    if not isinstance(cells, list):
        raise UnreadableSubmission(
            "This file is not a notebook: it has no cells.", "no list of cells"
        )
    _count(cells)
    return cells


def _converted(data: dict[str, Any]) -> dict[str, Any]:
    """A notebook of an old format, with worksheets, in format 4."""
    try:
        old = [cell for sheet in data["worksheets"] for cell in sheet["cells"]]
        _count(old)
        for cell in old:
            if "level" in cell:  # of a heading, which becomes as many signs
                level = cell["level"]
                cell["level"] = min(max(level, 1), 6) if type(level) is int else 1
        made: dict[str, Any] = nbformat.convert(nbformat.from_dict(data), 4)
    except UnreadableSubmission:
        raise
    except Exception as error:  # of whatever kind: nbformat expects what it wrote itself
        reason = "Your notebook is in an old format and damaged. Please save it from JupyterLab."
        raise UnreadableSubmission(reason, f"old format: {ascii(error)[:500]}") from error
    return made


def _count(cells: list[Any]) -> None:
    if len(cells) > MOST_CELLS:
        reason = f"Your notebook has {len(cells)} cells; at most {MOST_CELLS} can be read."
        raise UnreadableSubmission(reason, f"{len(cells)} cells")


def _cells(listed: list[Any], notes: list[str]) -> Iterator[dict[str, Any]]:
    taken: set[str] = set()
    readable = [each for each in listed if isinstance(each, dict)]
    for given in readable:
        cell = _cell(given)
        cell["id"] = _identifier(given.get("id"), taken)
        yield cell
    if len(readable) < len(listed):
        notes.append(f"{len(listed) - len(readable)} damaged cells could not be read.")
    if any("\0" in _text(each.get("source")) for each in readable):
        notes.append("Invisible NUL characters were taken out of your cells.")


def _cell(given: dict[str, Any]) -> dict[str, Any]:
    kind = given.get("cell_type")
    if kind not in ("code", "markdown", "raw"):
        kind = "code" if "outputs" in given else "markdown"
    metadata = given.get("metadata")
    known = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    source = _text(given.get("source")).replace("\0", "")
    cell: dict[str, Any] = {"cell_type": kind, "source": source, "metadata": {}}
    if isinstance(known, dict):
        plain = {k: v for k, v in known.items() if isinstance(v, str | int | float | bool)}
        cell["metadata"]["nbgrader"] = plain
    if kind == "code":
        number = given.get("execution_count")
        cell["execution_count"] = number if type(number) is int and 0 <= number < 10**9 else None
        cell["outputs"] = _outputs(given.get("outputs"))
    elif attached := _attachments(given.get("attachments")):
        cell["attachments"] = attached
    return cell


def _identifier(given: Any, taken: set[str]) -> str:
    wanted = given if isinstance(given, str) and CELL_ID.fullmatch(given) else ""
    tries = (f"cell-{number}" for number in count(len(taken)))
    free = wanted if wanted and wanted not in taken else next(t for t in tries if t not in taken)
    taken.add(free)
    return free


def _outputs(given: Any) -> list[dict[str, Any]]:
    outputs = (
        [_output(each) for each in given if isinstance(each, dict)]
        if isinstance(given, list)
        else []
    )
    kept = [each for each in outputs if each]
    if sum(len(json.dumps(each)) for each in kept) > MOST_OUTPUT:
        return [{"output_type": "stream", "name": "stdout", "text": LEFT_OUT}]
    return kept


def _output(given: dict[str, Any]) -> dict[str, Any] | None:
    kind = given.get("output_type")
    if kind == "stream":
        name = "stderr" if given.get("name") == "stderr" else "stdout"
        return {"output_type": kind, "name": name, "text": _text(given.get("text"))}
    if kind == "error":
        lines = given.get("traceback")
        texts = [each for each in lines if isinstance(each, str)] if isinstance(lines, list) else []
        words = {key: _text(given.get(key)) for key in ("ename", "evalue")}
        return {"output_type": kind, **words, "traceback": texts}
    data = _data(given.get("data"))
    if kind not in ("display_data", "execute_result") or not data:
        return None
    output = {"output_type": kind, "data": data, "metadata": {}}
    return output | ({"execution_count": None} if kind == "execute_result" else {})


def _data(given: Any) -> dict[str, str]:
    """What an output shows, where it is text (as images in base64 are); no widgets."""
    found = given.items() if isinstance(given, dict) else ()
    kept = {k: _text(v) for k, v in found if k != WIDGET and isinstance(v, str | list)}
    return {kind: text for kind, text in kept.items() if not kind.endswith("json") and text}


def _attachments(given: Any) -> dict[str, dict[str, str]]:
    found = given.items() if isinstance(given, dict) else ()
    return {name: data for name, each in found if (data := _data(each))}


def _text(given: Any) -> str:
    """A text that may be stored as a list of lines; nothing for anything else."""
    parts = given if isinstance(given, list) else [given]
    return "".join(each for each in parts if isinstance(each, str))
