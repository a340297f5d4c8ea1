import io
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from attncourse.training import progress

CELL = """
from lines import Lines, network, squared_error
from attncourse.training import fit
for seed in range(2):
    fit(network(), Lines(), squared_error, steps=1500, lr=0.01, seed=seed, progress=f"seed {seed}")
print("done")
"""


@pytest.fixture(scope="module")
def outputs():
    """What a notebook stores of a cell that trains twice, run two times; and all it was sent."""
    sent = []

    class Listening(NotebookClient):
        def process_message(self, msg, cell, cell_index):
            sent.append((msg["msg_type"], msg["content"]))
            return super().process_message(msg, cell, cell_index)

    cells = [nbformat.v4.new_code_cell(CELL) for _ in range(2)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    folder = {"metadata": {"path": str(Path(__file__).parent)}}
    Listening(notebook, resources=folder, kernel_name="python3").execute()
    return [cell.outputs for cell in cells], sent


def test_a_notebook_stores_the_same_every_time(outputs):
    (first, second), _ = outputs
    assert first == second
    shown = [output.data["text/plain"] for output in first if output.output_type == "display_data"]
    assert shown == ["seed 0: 1,500 steps", "seed 1: 1,500 steps"]
    assert all(set(output.data) == {"text/plain"} for output in first if "data" in output)
    streams = [(output.name, output.text) for output in first if output.output_type == "stream"]
    assert streams == [("stdout", "done\n")]


def test_the_first_thing_shown_is_the_last(outputs):
    """Tools that do not follow updates compare what was displayed first."""
    _, sent = outputs
    first = [content["data"] for kind, content in sent if kind == "display_data"]
    assert {data["text/plain"] for data in first} == {
        "seed 0: 1,500 steps",
        "seed 1: 1,500 steps",
    }


def test_a_notebook_shows_a_bar_on_the_way(outputs):
    _, sent = outputs
    bars = [content["data"] for kind, content in sent if kind == "update_display_data"]
    between = [data for data in bars if "text/html" in data]
    assert between
    for data in between:
        assert data["text/html"].startswith('<progress value="')
        assert "of 1,500, loss" in data["text/plain"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_steps_and_loss_on_stderr(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress.progress(1_000, label="net [a]") as report:
        report(1_000, 0.1234)
    shown = sys.stderr.getvalue()
    assert "net [a]" in shown
    assert "1000/1000" in shown
    assert "loss 0.123" in shown
    assert capsys.readouterr().out == ""


def test_losses_are_read_rarely(monkeypatch):
    """Reading a loss waits for the accelerator."""
    monkeypatch.setattr(sys, "stderr", Terminal())

    class Loss:
        read = 0

        def __float__(self):
            Loss.read += 1
            return 1.0

    with progress.progress(10_000, label="training") as report:
        for step in range(10_000):
            report(step + 1, Loss())
    assert 1 <= Loss.read < 1_000
