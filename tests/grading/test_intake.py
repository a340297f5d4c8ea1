"""Whatever is handed in is read and put right, or refused with a sentence that helps."""

import copy
import json
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from attncourse.grading.exceptions import NothingSubmitted, UnreadableSubmission
from attncourse.grading.intake.reading import LARGEST, MOST_CELLS, MOST_CODE, MOST_OUTPUT, parse
from attncourse.grading.plan import Submission
from tests.grading.lesson import DOUBLE, SQUEEZE, WHY, SubmittedFolder, cell

HandIn = Callable[[bytes | str | NotebookNode], Submission]


def is_whole(submission: Submission) -> bool:
    """Whether every answer of a solved notebook arrived."""
    answers = {"squeeze": SQUEEZE, "double": DOUBLE}
    return submission.answers == answers and submission.written == {"why": WHY}


def test_a_sound_notebook_needs_no_notes(hand_in: HandIn, solved: NotebookNode) -> None:
    submission = hand_in(solved)
    assert is_whole(submission)
    assert submission.notes == ()
    assert submission.notebook.cells == nbformat.from_dict(solved).cells
    assert hand_in(solved).digest == submission.digest != hand_in(json.dumps(solved) + " ").digest


# Encodings and formats.


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030"])
def test_encodings_are_recognised(hand_in: HandIn, solved: NotebookNode, encoding: str) -> None:
    cell(solved, "double").source = f"# 加倍\n{DOUBLE}"
    submission = hand_in(json.dumps(solved, ensure_ascii=False).encode(encoding))
    assert submission.answers["double"] == f"# 加倍\n{DOUBLE}"
    assert "it was read all the same" in submission.notes[0]


def test_bytes_of_no_encoding_lose_only_themselves(hand_in: HandIn, solved: NotebookNode) -> None:
    cell(solved, "double").source = f"# \xe9t\xe9 \xff\n{DOUBLE}"
    submission = hand_in(json.dumps(solved, ensure_ascii=False).encode("latin-1"))
    assert submission.answers["squeeze"] == SQUEEZE
    assert submission.answers["double"].endswith(DOUBLE)


@pytest.mark.parametrize("how", ["escaped", "raw"])
def test_lone_surrogates_become_question_marks(
    hand_in: HandIn, solved: NotebookNode, how: str
) -> None:
    cell(solved, "double").source = f"# \ud83d\n{DOUBLE}"
    text = json.dumps(solved, ensure_ascii=how == "escaped")
    submission = hand_in(text.encode("utf-8", "surrogatepass"))
    assert submission.answers["double"] == f"# ?\n{DOUBLE}"
    assert any("Half characters" in note for note in submission.notes)


def test_whole_pairs_of_surrogates_stay(hand_in: HandIn, solved: NotebookNode) -> None:
    cell(solved, "why").source = "🙂"
    submission = hand_in(json.dumps(solved))
    assert submission.written["why"] == "🙂"
    assert submission.notes == ()


def test_nul_bytes_are_taken_out(hand_in: HandIn, solved: NotebookNode) -> None:
    cell(solved, "double").source = "\0" + DOUBLE
    submission = hand_in(solved)
    assert is_whole(submission)
    assert any("NUL" in note for note in submission.notes)


@pytest.mark.parametrize("version", [5, 99, "4", None])
def test_unusual_format_numbers_are_read(
    hand_in: HandIn, solved: NotebookNode, version: object
) -> None:
    submission = hand_in(json.dumps({**solved, "nbformat": version, "nbformat_minor": 99}))
    assert is_whole(submission)
    assert "format" in submission.notes[0]


def test_format_3_is_converted(hand_in: HandIn, solved: NotebookNode) -> None:
    old = nbformat.convert(copy.deepcopy(solved), 3)
    submission = hand_in(json.dumps(old))
    assert is_whole(submission)
    assert any("old format" in note for note in submission.notes)


@pytest.mark.parametrize("level", [10**30, 10**10, -(10**30), "9", None, 2.5])
def test_a_heading_of_format_3_has_a_level_that_a_heading_can_have(
    hand_in: HandIn, solved: NotebookNode, level: object
) -> None:
    old = nbformat.convert(copy.deepcopy(solved), 3)
    heading = {"cell_type": "heading", "level": level, "source": "Mine", "metadata": {}}
    old.worksheets[0].cells.insert(0, heading)
    submission = hand_in(json.dumps(old))
    assert is_whole(submission)
    assert submission.notebook.cells[0].source.lstrip("#") == " Mine"
    assert len(submission.notebook.cells[0].source) < 12


def test_whatever_ails_an_old_notebook_it_is_refused_alone(
    hand_in: HandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overflow(*_: object) -> None:
        raise OverflowError("cannot fit 'int' into an index-sized integer")

    monkeypatch.setattr(nbformat, "convert", overflow)
    with pytest.raises(UnreadableSubmission, match="OverflowError"):
        hand_in('{"worksheets": [{"cells": []}], "nbformat": 3}')


def test_a_strange_kernel_or_none_is_no_matter(hand_in: HandIn, solved: NotebookNode) -> None:
    for metadata in ({}, {"kernelspec": {"name": "julia"}}, None, [1]):
        submission = hand_in(json.dumps({**solved, "metadata": metadata}))
        assert is_whole(submission)
        assert submission.notebook.metadata.kernelspec.name == "python3"


def test_outputs_beyond_the_limit_and_widgets_stay_behind(
    hand_in: HandIn, solved: NotebookNode
) -> None:
    flood = {"output_type": "stream", "name": "stdout", "text": "x" * (MOST_OUTPUT + 1)}
    shows = {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "bar"}
    widget = {"output_type": "display_data", "metadata": {}, "data": shows}
    cell(solved, "squeeze").outputs = [flood]
    cell(solved, "double").outputs = [widget, {"output_type": "alien"}]
    submission = hand_in(solved)
    assert "too long" in cell(submission.notebook, "squeeze").outputs[0].text
    (shown,) = cell(submission.notebook, "double").outputs
    assert shown.data == {"text/plain": "bar"}


# What cannot be read.

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n\0\0", "empty"),
        (b"hello", "not a notebook"),
        (b"[1, 2]", "not a notebook"),
        (b"null", "not a notebook"),
        (b"{}", "no cells"),
        (b'{"cells": 3}', "no cells"),
        (b'{"cells": [', "damaged or cut off"),
        (b'{"cells": [], "n": 1' + b"0" * 5000 + b"}", "damaged"),
        (b'{"a": 1,\n<<<<<<< HEAD\n"b": 2\n=======\n>>>>>>> theirs\n}', "unfinished merge"),
        (DEEP.encode(), "nested too deeply"),
        (('{"cells": ' + DEEP + "}").encode(), "nested too deeply"),
        (b'{"worksheets": 7, "nbformat": 3}', "old format"),
        (b'{"cells": []}', "does not look like lesson"),
        (b"\x89PNG\r\n\x1a\n", "not a notebook"),
        (b"PK\x03\x04rest of a zip file", "not a notebook"),
    ],
)
def test_damage_beyond_repair_has_a_reason(hand_in: HandIn, content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableSubmission) as caught:
        hand_in(content)
    assert reason in caught.value.reason
    assert caught.value.detail


def test_a_truncated_notebook_is_refused_wherever_it_ends(
    hand_in: HandIn, solved: NotebookNode
) -> None:
    text = json.dumps(solved)
    for end in range(1, len(text), len(text) // 7):
        with pytest.raises(UnreadableSubmission):
            hand_in(text[:end])


def test_another_lesson_s_notebook_is_refused(hand_in: HandIn) -> None:
    nb = nbformat.v4.new_notebook(cells=[new_code_cell("print(1)"), new_markdown_cell("# Other")])
    with pytest.raises(UnreadableSubmission, match="does not look like lesson 06-se"):
        hand_in(nb)


def test_too_many_cells_are_refused(hand_in: HandIn, solved: NotebookNode) -> None:
    solved.cells += [new_code_cell("1")] * MOST_CELLS
    with pytest.raises(UnreadableSubmission, match="cells; at most"):
        hand_in(solved)


def test_too_much_code_is_refused(hand_in: HandIn, solved: NotebookNode) -> None:
    solved.cells.append(new_code_cell("1," * MOST_CODE))
    with pytest.raises(UnreadableSubmission, match="characters of code; at most"):
        hand_in(solved)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
KEYS = ("cell_type", "id", "source", "metadata", "outputs", "execution_count", "attachments")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        JSON
        | st.fixed_dictionaries(
            {},
            optional={key: JSON for key in KEYS}
            | {"cell_type": st.sampled_from(["code", "markdown", "raw"]) | JSON},
        ),
        max_size=4,
    )
)
def test_whatever_cells_hold_the_result_is_a_valid_notebook(cells: list[object]) -> None:
    nb, _ = parse(json.dumps({"cells": cells, "nbformat": 4}).encode())
    nbformat.validate(nb)
    nbformat.writes(nb).encode()


# Names and places of files.


@pytest.mark.parametrize(
    "name",
    [
        "06-se (1).ipynb",
        "06-SE.IPYNB",
        "06-se-Copy1.ipynb",
        "06_se_final.ipynb",
        "homework.ipynb",
        "06-se.ipynb.txt",
        "06-se/06-se.ipynb",
        "work/june/06-se.ipynb",
        "06-se.ipynb/06-se.ipynb",
        "注意力.ipynb",
    ],
)
def test_renamed_and_misplaced_notebooks_are_found(
    submitted: SubmittedFolder, solved: NotebookNode, name: str
) -> None:
    submitted.put(solved, name)
    submission = submitted.read()
    assert is_whole(submission)
    assert name in submission.notes[0]


@pytest.mark.parametrize("name", ["../06-se.ipynb", "../06-SE/squeeze.ipynb"])
def test_a_missing_or_misnamed_folder_is_made_up_for(
    submitted: SubmittedFolder, solved: NotebookNode, name: str
) -> None:
    submitted.put(solved, name)
    submitted.put(solved, "../01-bahdanau/01-bahdanau.ipynb")
    submitted.folder.rmdir()
    submission = submitted.read()
    assert is_whole(submission)
    assert name.removeprefix("../") in submission.notes[0]


def test_of_several_notebooks_the_one_with_most_answers_is_read(
    submitted: SubmittedFolder, solved: NotebookNode, release: NotebookNode
) -> None:
    submitted.put(release)
    submitted.put(solved, "06-se (1).ipynb")
    submitted.put("{", "06-se (2).ipynb")
    submitted.put(solved, ".ipynb_checkpoints/06-se-checkpoint.ipynb")
    submission = submitted.read()
    assert is_whole(submission)
    assert any("3 notebooks" in note for note in submission.notes)


def test_of_equal_notebooks_the_right_name_wins(
    submitted: SubmittedFolder, solved: NotebookNode
) -> None:
    submitted.put(solved, "06-se (1).ipynb")
    submitted.put(solved)
    assert not any("found as" in note for note in submitted.read().notes)


@pytest.mark.parametrize("names", [[], ["timestamp.txt"], ["06-se.py", "notes.pdf"]])
def test_no_notebook_is_nothing_submitted(submitted: SubmittedFolder, names: list[str]) -> None:
    for name in names:
        submitted.put("x", name)
    with pytest.raises(NothingSubmitted) as caught:
        submitted.read()
    assert "no notebook of lesson 06-se" in caught.value.reason
    for name in set(names) - {"timestamp.txt"}:
        assert name in caught.value.detail


def test_a_missing_folder_is_nothing_submitted(submitted: SubmittedFolder) -> None:
    submitted.folder.rmdir()
    with pytest.raises(NothingSubmitted):
        submitted.read()


def test_modules_beside_the_notebook_have_no_part(
    submitted: SubmittedFolder, solved: NotebookNode
) -> None:
    submitted.put(solved)
    submitted.put("allclose = print", "torch.py")
    assert any("torch.py" in note for note in submitted.read().notes)


def test_names_of_files_in_gbk_and_with_control_characters_can_be_stored(
    submitted: SubmittedFolder, solved: NotebookNode
) -> None:
    submitted.put(solved, os.fsdecode("李雷\x1b[2J.ipynb".encode("gbk")))
    assert "李雷�[2J.ipynb" in submitted.read().notes[0]


# Files that are not plain.


def link(submitted: SubmittedFolder) -> None:
    elsewhere = submitted.put("secret", "../../../elsewhere.ipynb")
    submitted.notebook.symlink_to(elsewhere)


def dangling_link(submitted: SubmittedFolder) -> None:
    submitted.notebook.symlink_to("/nowhere")


def hard_link(submitted: SubmittedFolder) -> None:
    submitted.notebook.hardlink_to(submitted.put("secret", "../../../elsewhere.ipynb"))


def pipe(submitted: SubmittedFolder) -> None:
    os.mkfifo(submitted.notebook)


def folder(submitted: SubmittedFolder) -> None:
    submitted.notebook.mkdir()


def device(submitted: SubmittedFolder) -> None:
    submitted.notebook.symlink_to("/dev/zero")


def listener(submitted: SubmittedFolder) -> None:
    here = os.getcwd()
    os.chdir(submitted.folder)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(submitted.notebook.name)
    os.chdir(here)


@pytest.mark.parametrize("make", [link, dangling_link, hard_link, pipe, folder, device, listener])
def test_only_plain_files_are_opened(
    submitted: SubmittedFolder, make: Callable[[SubmittedFolder], None]
) -> None:
    make(submitted)
    with pytest.raises(UnreadableSubmission) as caught:
        submitted.read()
    assert "not a plain file" in caught.value.reason
    assert "secret" not in str(caught.value)


def test_a_linked_folder_is_refused(submitted: SubmittedFolder, solved: NotebookNode) -> None:
    submitted.put(solved)
    moved = submitted.folder.rename(submitted.folder.parent / "moved")
    submitted.folder.symlink_to(moved, target_is_directory=True)
    with pytest.raises(UnreadableSubmission, match="is a link"):
        submitted.read()


def test_a_link_beside_a_good_notebook_is_only_noted(
    submitted: SubmittedFolder, solved: NotebookNode
) -> None:
    submitted.put(solved)
    (submitted.folder / "data.csv").symlink_to("/etc/passwd")
    (submitted.folder / "more").symlink_to("/", target_is_directory=True)
    submission = submitted.read()
    assert is_whole(submission)
    assert any("data.csv, more" in note for note in submission.notes)


def test_an_oversized_notebook_is_refused(submitted: SubmittedFolder) -> None:
    with submitted.notebook.open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(UnreadableSubmission, match="larger than 32 MB"):
        submitted.read()


# Times.


@pytest.mark.parametrize(
    ("stamp", "trusted"),
    [
        ("2026-03-01 10:00:00.000000 UTC", True),
        ("2026-03-01T12:00:00+02:00", True),
        ("1999-01-01 00:00:00 UTC", False),
        ("2999-01-01 00:00:00 UTC", False),
        ("yesterday", False),
        ("\0" * 1000, False),
        ("", False),
    ],
)
def test_only_a_plausible_timestamp_counts(
    submitted: SubmittedFolder, solved: NotebookNode, stamp: str, trusted: bool
) -> None:
    saved = datetime(2026, 3, 1, 9, tzinfo=UTC)
    path = submitted.put(solved)
    os.utime(path, (saved.timestamp(),) * 2)
    submitted.put(stamp, "timestamp.txt")
    expected = datetime(2026, 3, 1, 10, tzinfo=UTC) if trusted else saved
    assert submitted.read().submitted == expected.isoformat()


def test_a_file_of_a_year_that_no_calendar_has_is_read(
    submitted: SubmittedFolder, solved: NotebookNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.lstat

    def late(path: Path) -> os.stat_result:  # as tmpfs keeps it, and ext4 does not
        return os.stat_result([*real(path)[:8], 10**12, 10**12])

    submitted.put(solved)
    monkeypatch.setattr(Path, "lstat", late)
    assert submitted.read().submitted == ""
    submitted.put("2026-03-01 10:00:00.000000 UTC", "timestamp.txt")
    assert submitted.read().submitted == "2026-03-01T10:00:00+00:00"


@pytest.mark.parametrize("name", ["06-se", "06-SE"])
def test_a_timestamp_in_a_learner_s_own_folder_never_counts(
    submitted: SubmittedFolder, solved: NotebookNode, name: str
) -> None:
    there = SubmittedFolder(submitted.folder.parent / name, submitted.plan)
    if name != submitted.folder.name:
        submitted.folder.rmdir()
    there.put("2026-03-01 10:00:00 UTC", "early/timestamp.txt")
    path = there.put(solved, "early/06-se.ipynb")
    saved = datetime(2026, 3, 5, 9, tzinfo=UTC)
    os.utime(path, (saved.timestamp(),) * 2)
    assert submitted.read().submitted == saved.isoformat()
    there.put("2026-03-04 10:00:00 UTC", "timestamp.txt")
    assert submitted.read().submitted == "2026-03-04T10:00:00+00:00"
