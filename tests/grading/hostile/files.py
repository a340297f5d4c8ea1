"""Notebooks that were damaged, edited, or are no notebooks at all."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from attncourse.course.notebook import grade_id
from attncourse.grading.record import Status
from tests.grading.hostile.case import HEADS, LESSON, NONE, Case, HandIn, put, save
from tests.grading.lesson import cell, stub

MALFORMED, NOTHING = frozenset({Status.MALFORMED}), frozenset({Status.NOTHING})
UNWRITTEN = {name: stub(head) for name, head in HEADS.items()}


def edited(change: Callable[[NotebookNode], object]) -> HandIn:
    """Hand in a notebook after a change to it."""

    def hand_in(folder: Path, nb: NotebookNode) -> None:
        change(nb)
        save(folder, nb)

    return hand_in


def encoded(codec: str, before: bytes = b"") -> HandIn:
    """Hand in a notebook as bytes of another encoding."""
    return lambda folder, nb: put(folder, before + json.dumps(nb, ensure_ascii=False).encode(codec))


def raw(content: bytes) -> HandIn:
    """Hand in something else under the notebook's name."""
    return lambda folder, nb: put(folder, content)


def replaced(old: str, new: str) -> HandIn:
    """Hand in a notebook whose text was changed."""
    return lambda folder, nb: put(folder, json.dumps(nb).replace(old, new).encode())


def beside(**files: bytes) -> HandIn:
    """Hand in other files too; an underscore in a name stands for a dot."""

    def hand_in(folder: Path, nb: NotebookNode) -> None:
        save(folder, nb)
        for name, content in files.items():
            put(folder, content, name.replace("_", "."))

    return hand_in


def named(name: str) -> HandIn:
    """Hand in a notebook under another name."""
    return lambda folder, nb: put(folder, json.dumps(nb).encode(), name)


def marks(**known: object) -> Callable[[NotebookNode], None]:
    """Change what nbgrader wrote into every cell."""

    def change(nb: NotebookNode) -> None:
        for each in nb.cells:
            if "nbgrader" in each.metadata:
                each.metadata["nbgrader"].update(known)

    return change


def _twice(nb: NotebookNode) -> None:
    nb.cells += [cell(nb, "squeeze").copy(), cell(nb, "check-squeeze").copy()]


def _chinese(nb: NotebookNode) -> None:
    cell(nb, "squeeze").source += "\n# 每个通道的均值"


def _no_checks(nb: NotebookNode) -> None:
    nb.cells = [each for each in nb.cells if not grade_id(each).startswith("check")]


def _no_marks(nb: NotebookNode) -> None:
    for each in nb.cells:
        each.metadata = {}


def _one_id(nb: NotebookNode) -> None:
    for each in nb.cells:
        each["id"] = "same"


def _retyped(nb: NotebookNode) -> None:
    cell(nb, "squeeze").cell_type = "markdown"


def _backwards(nb: NotebookNode) -> None:
    nb.cells.reverse()


def _passing_checks(nb: NotebookNode) -> None:
    for each in nb.cells:
        if grade_id(each).startswith("check"):
            each.source = "assert True"


def _all_is_squeeze(nb: NotebookNode) -> None:
    for name in ("excitation", "block", "double"):
        cell(nb, name).metadata["nbgrader"]["grade_id"] = "squeeze"


def _renamed(nb: NotebookNode) -> None:
    for each in nb.cells:
        if "nbgrader" in each.metadata:
            each.metadata["nbgrader"]["grade_id"] += "-mine"


def _first_blanks_all(nb: NotebookNode) -> None:
    blank = "import attncourse.exercises.core as core\ncore.Exercise.check = print\nex = None"
    nb.cells.insert(0, new_code_cell(blank))


def _many(nb: NotebookNode) -> None:
    nb.cells += [new_code_cell(f"x = {number}") for number in range(2000)]


def _too_many(nb: NotebookNode) -> None:
    nb.cells += [new_code_cell("") for _ in range(50_000)]


def _outputs(nb: NotebookNode) -> None:
    for each in nb.cells:
        if each.cell_type == "code":
            each.outputs = ["x", {"output_type": 7}, {"data": []}, {"output_type": "stream"}]
            each.execution_count = "many"


def _widgets(nb: NotebookNode) -> None:
    nb.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": "x" * 10**6}}


def _sources(nb: NotebookNode) -> None:
    for each in nb.cells:
        each.source = each.source.splitlines(keepends=True)


def _linked(target: str) -> HandIn:
    def hand_in(folder: Path, nb: NotebookNode) -> None:
        folder.mkdir(parents=True)
        root = folder.parents[2]
        (folder / f"{LESSON}.ipynb").symlink_to(root / target)

    return hand_in


def _hard_linked(folder: Path, nb: NotebookNode) -> None:
    folder.mkdir(parents=True)
    root = folder.parents[2]
    os.link(root / "solutions" / LESSON / f"{LESSON}.ipynb", folder / f"{LESSON}.ipynb")


def _linked_folder(folder: Path, nb: NotebookNode) -> None:
    folder.parent.mkdir(parents=True)
    folder.symlink_to(folder.parents[1] / "a-honest" / LESSON)


def _data_linked(folder: Path, nb: NotebookNode) -> None:
    save(folder, nb)
    (folder / "data.csv").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere").symlink_to("nowhere")


def _pipe(folder: Path, nb: NotebookNode) -> None:
    folder.mkdir(parents=True)
    os.mkfifo(folder / f"{LESSON}.ipynb")


def _listening(folder: Path, nb: NotebookNode) -> None:
    folder.mkdir(parents=True)
    there = os.getcwd()
    os.chdir(folder)  # a socket's name may not be long
    try:
        socket.socket(socket.AF_UNIX).bind(f"{LESSON}.ipynb")
    finally:
        os.chdir(there)


def _folder(folder: Path, nb: NotebookNode) -> None:
    (folder / f"{LESSON}.ipynb").mkdir(parents=True)


def _hole(folder: Path, nb: NotebookNode) -> None:
    save(folder, nb)
    os.truncate(folder / f"{LESSON}.ipynb", 10 << 30)


def _merge(folder: Path, nb: NotebookNode) -> None:
    text = json.dumps(nb)
    put(folder, f"<<<<<<< HEAD\n{text}\n=======\n{text}\n>>>>>>> mine\n".encode())


def _cut(folder: Path, nb: NotebookNode) -> None:
    text = json.dumps(nb).encode()
    put(folder, text[: len(text) // 2])


def _two(folder: Path, nb: NotebookNode) -> None:
    save(folder, nb)
    for name in HEADS:
        cell(nb, name).source = UNWRITTEN[name]
    put(folder, json.dumps(nb).encode(), "old.ipynb")


def _of_root(folder: Path, nb: NotebookNode) -> None:
    save(folder, nb)
    os.chmod(folder / f"{LESSON}.ipynb", 0o4755)


RECOVERED: dict[str, HandIn] = {
    "byte order mark": encoded("utf-8", b"\xef\xbb\xbf"),
    "UTF-16": encoded("utf-16"),
    "GBK": lambda folder, nb: (_chinese(nb), encoded("gbk")(folder, nb))[1],  # type: ignore[misc]
    "NUL bytes": edited(
        lambda nb: cell(nb, "squeeze").update(source=cell(nb, "squeeze").source + "\0")
    ),
    "lone surrogates": edited(
        lambda nb: cell(nb, "squeeze").update(source=cell(nb, "squeeze").source + "  # \ud800")
    ),
    "format 99": edited(lambda nb: nb.update(nbformat=99)),
    "minor 99": edited(lambda nb: nb.update(nbformat_minor=99)),
    "no kernel": edited(lambda nb: nb.update(metadata={})),
    "kernel of another": edited(
        lambda nb: nb.metadata.update(kernelspec={"name": "ir", "language": "R"})
    ),
    "no schema version": replaced('"schema_version": 3', '"schema_version": null'),
    "schema version 99": replaced('"schema_version": 3', '"schema_version": 99'),
    "twice the same cells": edited(_twice),
    "no checks": edited(_no_checks),
    "no marks": edited(_no_marks),
    "one id for all cells": edited(_one_id),
    "answer as text": edited(_retyped),
    "backwards": edited(_backwards),
    "names changed": edited(_renamed),
    "two thousand cells more": edited(_many),
    "outputs that are none": edited(_outputs),
    "widgets": edited(_widgets),
    "sources as lists": edited(_sources),
    "points that are words": edited(marks(points="abc", grade="yes", solution=7)),
    "copy (1)": named(f"{LESSON} (1).ipynb"),
    "capital letters": named("06-SE.IPYNB"),
    "notebook in a folder": lambda folder, nb: save(folder / "mine", nb),
    "two notebooks": _two,
    "garbage for a timestamp": beside(timestamp_txt=b"\xff yesterday"),
    "past timestamp": beside(timestamp_txt=b"1999-01-01 00:00:00 UTC"),
    "own torch": beside(torch_py=b"raise SystemExit", numpy_py=b"raise SystemExit"),
    "own course": beside(attncourse_py=b"raise SystemExit", nbformat_py=b"raise SystemExit"),
    "own site": beside(sitecustomize_py=b"import os; os._exit(1)", conftest_py=b"1/0"),
    "own configuration": beside(nbgrader_config_py=b"raise SystemExit", pyproject_toml=b"["),
    "data that is a link": _data_linked,
    "set-user-id": _of_root,
}
REFUSED: dict[str, HandIn] = {
    "empty file": raw(b""),
    "half a file": _cut,
    "merge conflict": _merge,
    "not JSON": raw(b"\x89PNG\r\n"),
    "a number": raw(b"7"),
    "deep JSON": raw(b"[" * 100_000),
    "cells that are none": raw(b'{"cells": {"a": 1}, "nbformat": 4}'),
    "another lesson": raw(json.dumps({"cells": [], "metadata": {}, "nbformat": 4}).encode()),
    "fifty thousand cells": edited(_too_many),
    "ten gigabytes": _hole,
    "link to the solution": _linked(f"solutions/{LESSON}/{LESSON}.ipynb"),
    "link to another's": _linked(f"submitted/a-honest/{LESSON}/{LESSON}.ipynb"),
    "link to a system's file": _linked("../" * 20 + "etc/passwd"),
    "hard link to the solution": _hard_linked,
    "folder that is a link": _linked_folder,
    "pipe": _pipe,
    "socket": _listening,
    "folder for a notebook": _folder,
}
UNEARNED: dict[str, HandIn] = {
    "points edited": edited(marks(points=100)),
    "checks that pass": edited(_passing_checks),
    "all is one answer": edited(_all_is_squeeze),
    "checks of nothing": edited(_no_checks),
    "first cell blanks all": edited(_first_blanks_all),
    "locked marks": edited(marks(grade=False, solution=True, locked=False, points=50)),
}

CASES = [
    *(Case(name, hand_in=hand_in) for name, hand_in in RECOVERED.items()),
    *(Case(name, {}, NONE, MALFORMED, hand_in) for name, hand_in in REFUSED.items()),
    *(Case(f"{name} of nothing", UNWRITTEN, NONE, hand_in=do) for name, do in UNEARNED.items()),
    Case("edited points beside right answers", hand_in=edited(marks(points=100))),
    Case("nothing but a text", {}, NONE, NOTHING, named("answers.txt")),
    Case("an empty folder", {}, NONE, NOTHING, lambda folder, nb: folder.mkdir(parents=True)),
]
