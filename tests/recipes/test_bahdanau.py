"""`attncourse train bahdanau` on a small parallel text: number words, German to English."""

import json
import os
import signal
import subprocess
import time

import commands
import pytest
from commands import TWO_PROCESSES, losses

NETWORK = ["--hidden", "16", "--embedding", "8", "--readout", "8"]
SMALL = [*NETWORK, "--batch", "16", "--test", "20", "--every", "10", "--lr", "0.02"]


def train(*options):
    return commands.train("bahdanau", *options)


def command(*options, **launcher):
    return commands.command("bahdanau", *options, **launcher)


@pytest.fixture(scope="module")
def undisturbed(text, tmp_path_factory):
    """The folder of a run of 200 steps, and what it printed."""
    run = tmp_path_factory.mktemp("runs") / "undisturbed"
    done = subprocess.run(
        command(*text, *SMALL, "--steps", 200, "--folder", run),
        capture_output=True,
        text=True,
        check=True,
    )
    return run, done.stdout


def test_it_learns_and_says_how_well(undisturbed):
    run, printed = undisturbed
    curve = losses(run)
    assert len(curve) == 200
    assert sum(curve[-10:]) < sum(curve[:10]) / 2
    history = json.loads((run / "history.json").read_text())
    assert [metric["step"] for metric in history["metrics"]] == list(range(10, 201, 10))
    assert history["metrics"][-1]["perplexity"] < history["metrics"][0]["perplexity"] / 2
    assert "20 test pairs after 200 steps" in printed
    assert f"token accuracy  {history['metrics'][-1]['token_accuracy']:.3f}" in printed
    assert printed.count("translated  ") == 5


def test_a_killed_run_resumes_with_the_same_losses(text, undisturbed, tmp_path):
    options = [*text, *SMALL, "--steps", 200, "--folder", tmp_path / "run"]
    process = subprocess.Popen(command(*options), stderr=subprocess.DEVNULL)
    while process.poll() is None and not (tmp_path / "run" / "checkpoint.pt").exists():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "run" / "history.json").exists()
    assert train(*options, "--resume") == 0
    assert losses(tmp_path / "run") == losses(undisturbed[0])


@pytest.mark.slow
def test_two_processes_train_one_model(text, undisturbed, tmp_path):
    run = tmp_path / "run"
    options = [*text, *SMALL, "--steps", 100, "--folder", run]
    done = subprocess.run(
        command(*options, launcher=TWO_PROCESSES), capture_output=True, text=True, check=True
    )
    assert json.loads((run / "config.json").read_text())["processes"] == 2
    assert done.stdout.count("test pairs after 100 steps") == 1
    curve = losses(run)
    assert len(curve) == 100
    assert sum(curve[-10:]) < sum(curve[:10]) / 2
    assert curve[0] != losses(undisturbed[0])[0]  # the first step saw twice as many pairs


def test_the_baseline_is_an_option(text, tmp_path, capsys):
    options = ["--no-attention", "--steps", 3, "--beams", 1, "--folder", tmp_path / "run"]
    assert train(*text, *SMALL, *options) == 0
    assert "rnnencdec" in capsys.readouterr().err


def test_a_run_is_not_overwritten_nor_mixed(text, undisturbed, capsys):
    options = [*text, *SMALL, "--folder", undisturbed[0]]
    assert train(*options, "--steps", 200) == 2
    assert "holds a run: --resume goes on with it" in capsys.readouterr().err
    assert train(*options, "--steps", 200, "--seed", 1, "--resume") == 2
    assert "was started with seed=0, not with seed=1" in capsys.readouterr().err


def test_a_finished_run_resumes_to_its_report(text, undisturbed, capsys):
    run, printed = undisturbed
    assert train(*text, *SMALL, "--steps", 200, "--folder", run, "--resume") == 0
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--source", "missing.de"], "file 'missing.de' does not exist"),
        (["--batch", "500"], "size must be from 1 to the number of training pairs, 380"),
        (["--test", "400"], "test must leave pairs to train on"),
        (["--lr", "-1"], "--lr"),
    ],
)
def test_bad_input_gets_one_line(options, message, text, tmp_path, capsys):
    assert train(*text, *SMALL, "--folder", tmp_path / "run", *options) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_one_of_two_files_is_not_enough(text, capsys):
    assert train(*text[:2]) == 2
    assert "--target" in capsys.readouterr().err
