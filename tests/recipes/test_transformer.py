"""`attncourse train transformer` on a small parallel text: number words, German to English."""

import json
import subprocess

import pytest
from commands import TWO_PROCESSES, command, losses, train

from attncourse.models import translation
from attncourse.training import checkpoint

NETWORK = ["--dim", 16, "--hidden", 32, "--heads", 2, "--layers", 1]
SMALL = [*NETWORK, "--batch", 32, "--test", 20, "--warm-up", 40]


def test_it_learns_and_says_how_well(text, tmp_path, capsys):
    options = [*text, *SMALL, "--dropout", 0, "--folder", tmp_path, "--every", 100]
    assert train("transformer", *options, "--steps", 200) == 0
    curve = losses(tmp_path)
    assert len(curve) == 200
    assert sum(curve[-10:]) < sum(curve[:10]) / 2
    last = json.loads((tmp_path / "history.json").read_text())["metrics"][-1]
    assert last["token_accuracy"] > 0.5
    printed = capsys.readouterr().out
    assert f"token accuracy  {last['token_accuracy']:.3f}" in printed
    assert "BLEU" in printed
    assert printed.count("translated  ") == 5


def test_the_papers_rate_follows_from_width_and_warm_up(text, tmp_path):
    assert train("transformer", *text, *SMALL, "--steps", 1, "--folder", tmp_path) == 0
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["lr"] == (16 * 40) ** -0.5


def test_each_language_may_have_its_own_embedding(text, tmp_path):
    options = [*text, *SMALL, "--steps", 1, "--beams", 1]
    weights = []
    for choice in ("--shared", "--no-shared"):
        run = tmp_path / choice
        assert train("transformer", *options, choice, "--folder", run) == 0
        weights.append(set(checkpoint.read(run / "checkpoint.pt")["model"]))
    assert weights[1] - weights[0] == {"source_embedding.weight"}


def test_an_interrupted_run_goes_on_with_the_same_losses(text, tmp_path, monkeypatch):
    options = [*text, *SMALL, "--steps", 6, "--every", 2]
    assert train("transformer", *options, "--folder", tmp_path / "undisturbed") == 0
    measure, measured = translation.measure, []

    def interrupted(*arguments, **keywords):
        measured.append(True)
        if len(measured) == 2:
            raise ValueError("the power fails")
        return measure(*arguments, **keywords)

    monkeypatch.setattr(translation, "measure", interrupted)
    options += ["--folder", tmp_path / "run"]
    assert train("transformer", *options) == 2
    assert train("transformer", *options, "--resume") == 0
    assert losses(tmp_path / "run") == losses(tmp_path / "undisturbed")


@pytest.mark.slow
def test_two_processes_train_one_model(text, tmp_path):
    options = [*text, *SMALL, "--steps", 4, "--folder", tmp_path / "run"]
    done = subprocess.run(
        command("transformer", *options, launcher=TWO_PROCESSES),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads((tmp_path / "run" / "config.json").read_text())["processes"] == 2
    assert done.stdout.count("test pairs after 4 steps") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--source", "missing.de"], "file 'missing.de' does not exist"),
        (["--batch", "500"], "size must be from 1 to the number of training pairs, 380"),
        (["--heads", "3"], "heads"),
        (["--smoothing", "2"], "--smoothing"),
        (["--lr", "-1"], "--lr"),
    ],
)
def test_bad_input_gets_one_line(options, message, text, tmp_path, capsys):
    assert train("transformer", *text, *SMALL, "--folder", tmp_path / "run", *options) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "run").exists()
