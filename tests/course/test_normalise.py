"""The same content has the same bytes, wherever the notebook comes from."""

import copy
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from attncourse.course.normalise import METADATA, WIDGET, normalise, normalise_file
from attncourse.course.notebook import dumps, loads, read, write_file

DAMAGED = '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"source": ""}]}'
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20)
OUTPUTS = st.lists(
    st.one_of(
        TEXT.map(lambda text: new_output("stream", text=text)),
        TEXT.map(lambda text: new_output("stream", name="stderr", text=text)),
        TEXT.map(lambda text: new_output("execute_result", {"text/plain": text})),
        TEXT.map(lambda text: new_output("display_data", {WIDGET: {}, "text/plain": text})),
    ),
    max_size=4,
)
CELLS = st.lists(
    st.one_of(
        TEXT.map(new_markdown_cell),
        st.builds(
            lambda source, outputs, count: new_code_cell(
                source, outputs=outputs, execution_count=count
            ),
            TEXT,
            OUTPUTS,
            st.none() | st.integers(1, 99),
        ),
    ),
    max_size=6,
)


@given(CELLS)
def test_normalising_twice_is_normalising_once(cells: list[NotebookNode]) -> None:
    once = normalise(new_notebook(cells=cells))
    nbformat.validate(once)
    assert dumps(normalise(once)) == dumps(once)
    assert loads(dumps(once)) == once


@given(CELLS)
def test_random_ids_make_no_difference(cells: list[NotebookNode]) -> None:
    others = [copy.deepcopy(cell) | {"id": nbformat.v4.new_raw_cell().id} for cell in cells]
    assert dumps(normalise(new_notebook(cells=cells))) == dumps(
        normalise(nbformat.from_dict({**new_notebook(), "cells": others}))
    )


def test_ids_are_grade_ids_or_come_from_the_text(tiny: NotebookNode) -> None:
    ids = [cell.id for cell in tiny.cells]
    assert ids[3:5] == ["double", "double-check"]
    assert ids[0].startswith("markdown-")
    tiny.cells.append(copy.deepcopy(tiny.cells[1]))
    assert normalise(tiny).cells[-1].id == f"{ids[1]}-2"


def test_traces_of_tools_are_dropped() -> None:
    cell = new_code_cell(
        "1\n\n",
        execution_count=7,
        metadata={"execution": {"iopub.status.busy": "now"}, "scrolled": True, "tags": ["t"]},
        outputs=[
            new_output("stream", text="a"),
            new_output("stream", text="b"),
            new_output("display_data", {WIDGET: {"model_id": "1"}}),
            new_output("execute_result", {"text/plain": "1"}, execution_count=7),
        ],
    )
    metadata = {"widgets": {}, "language_info": {"name": "python", "version": "3.11.7"}}
    nb = normalise(new_notebook(cells=[cell], metadata=metadata))
    assert nb.metadata == METADATA
    (clean,) = nb.cells
    assert clean.source == "1"
    assert clean.metadata == {"tags": ["t"]}
    assert clean.execution_count == clean.outputs[1].execution_count == 1
    assert [output.get("text") for output in clean.outputs] == ["ab", None]


def test_alternative_text_of_a_figure_stays() -> None:
    alt = {"image/png": {"alt": "two lines"}}
    figure = new_output("display_data", {"image/png": "AAAA"}, metadata=alt)
    nb = normalise(new_notebook(cells=[new_code_cell(outputs=[figure])]))
    assert nb.cells[0].outputs[0].metadata == alt


def test_cells_that_never_ran_get_no_number() -> None:
    cells = [new_code_cell("1"), new_code_cell("2", execution_count=5)]
    counts = [cell.execution_count for cell in normalise(new_notebook(cells=cells)).cells]
    assert counts == [None, 1]


def test_nbgraders_metadata_is_completed() -> None:
    check = {"grade_id": "x", "grade": True, "points": 2.0, "checksum": "old", "cell_type": "code"}
    plain = {"grade_id": "cell-123", "grade": False, "solution": False, "locked": False}
    cells = [new_code_cell(metadata={"nbgrader": known}) for known in (check, plain)]
    first, second = normalise(new_notebook(cells=cells)).cells
    assert first.metadata["nbgrader"] == {
        "grade": True,
        "grade_id": "x",
        "locked": True,
        "points": 2,
        "schema_version": 3,
        "solution": False,
        "task": False,
    }
    assert "nbgrader" not in second.metadata


def test_an_old_notebook_gets_the_current_format(tmp_path: Path) -> None:
    old = new_notebook(cells=[new_markdown_cell("text")])
    old.nbformat_minor = 4
    del old.cells[0]["id"]
    path = tmp_path / "old.ipynb"
    write_file(path, dumps(old).encode())
    assert normalise_file(path) is True
    assert normalise_file(path) is False
    assert (read(path).nbformat_minor, read(path).cells[0].id) == (5, "markdown-982d9e3e")


def test_an_impossible_grade_id_is_refused() -> None:
    cell = new_code_cell(metadata={"nbgrader": {"grade_id": "a b", "solution": True}})
    with pytest.raises(ValueError, match="not a valid notebook"):
        normalise(new_notebook(cells=[cell]))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"nbformat": 4}', '{"cells": 3}', DAMAGED])
def test_what_is_no_notebook_is_refused_by_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"broken\.ipynb is not a notebook"):
        read(path)


def test_a_lesson_survives_being_edited_as_text(tmp_path: Path, tiny: NotebookNode) -> None:
    notebook, text = tmp_path / "lesson.ipynb", tmp_path / "lesson.py"
    write_file(notebook, dumps(tiny).encode())
    jupytext = [sys.executable, "-m", "jupytext", "--quiet"]
    subprocess.run([*jupytext, "--to", "py:percent", notebook, "-o", text], check=True)
    notebook.unlink()
    subprocess.run([*jupytext, "--to", "ipynb", text, "-o", notebook], check=True)
    assert dumps(normalise(read(notebook))) == dumps(tiny)


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_file(path, b"old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_file(path, b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"
