"""The recipes on real images, on small folders in each layout."""

import json
import subprocess

import pytest
from commands import TWO_PROCESSES, command, losses, train

from attncourse.models import classification, registry, segmentation
from attncourse.models.gates import GATES
from attncourse.recipes import RECIPES
from tests.image_folders import ade20k, cifar, photographs, voc

SLUGS = sorted({gate.slug for gate in GATES.values()})
DENSE = ["danet", "seaformer"]
SMALL = ["--size", 32, "--batch", 4]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Small data sets by name."""
    home = tmp_path_factory.mktemp("data")
    makers = {"cifar": cifar, "photographs": photographs, "voc": voc, "ade20k": ade20k}
    return {name: make(home / name) for name, make in makers.items()}


@pytest.mark.parametrize("slug", SLUGS)
def test_gates_classify_cifar(slug, folders, tmp_path, capsys):
    options = ["--data", folders["cifar"], *SMALL, "--folder", tmp_path / "run"]
    assert train(slug, *options, "--steps", 2) == 0
    printed = capsys.readouterr()
    assert "12 test images after 2 steps" in printed.out
    assert "accuracy" in printed.out
    assert len(losses(tmp_path / "run")) == 2
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["network"] in printed.err


@pytest.mark.parametrize("slug", DENSE)
@pytest.mark.parametrize("data", ["voc", "ade20k"])
def test_dense_networks_label_voc_and_ade20k(slug, data, folders, tmp_path, capsys):
    options = ["--data", folders[data], "--size", 32, "--batch", 2, "--folder", tmp_path / "run"]
    assert train(slug, *options, "--steps", 2) == 0
    assert "2 test images after 2 steps" in capsys.readouterr().out
    assert len(losses(tmp_path / "run")) == 2


def test_a_gate_learns_photographs_in_folders(folders, tmp_path, capsys):
    options = ["--data", folders["photographs"], *SMALL, "--folder", tmp_path / "run"]
    assert train("se", *options, "--steps", 20, "--lr", 0.02, "--every", 10) == 0
    curve = losses(tmp_path / "run")
    assert sum(curve[-5:]) < sum(curve[:5])
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert [metric["step"] for metric in history["metrics"]] == [10, 20]
    assert f"accuracy        {history['metrics'][-1]['accuracy']:.3f}" in capsys.readouterr().out


def test_seaformer_learns_voc(folders, tmp_path):
    options = ["--data", folders["voc"], "--size", 64, "--batch", 4, "--folder", tmp_path / "run"]
    assert train("seaformer", *options, "--steps", 30, "--lr", 0.005) == 0
    curve = losses(tmp_path / "run")
    assert sum(curve[-5:]) < sum(curve[:5]) / 2


@pytest.mark.parametrize(
    ("slug", "data", "room"),
    [("se", "photographs", classification), ("seaformer", "ade20k", segmentation)],
)
def test_an_interrupted_run_goes_on_with_the_same_losses(
    slug, data, room, folders, tmp_path, monkeypatch
):
    options = ["--data", folders[data], *SMALL, "--steps", 6, "--every", 2]
    assert train(slug, *options, "--folder", tmp_path / "undisturbed") == 0
    measure, measured = room.measure, []

    def interrupted(*arguments, **keywords):
        measured.append(True)
        if len(measured) == 2:
            raise ValueError("the power fails")
        return measure(*arguments, **keywords)

    monkeypatch.setattr(room, "measure", interrupted)
    options += ["--folder", tmp_path / "run"]
    assert train(slug, *options) == 2
    assert not (tmp_path / "run" / "history.json").exists()
    assert train(slug, *options, "--resume") == 0
    assert len(measured) == 4  # after steps 2 and 4, and after 4 and 6 again
    assert losses(tmp_path / "run") == losses(tmp_path / "undisturbed")


def test_workers_change_nothing(folders, tmp_path):
    options = ["--data", folders["voc"], "--size", 32, "--batch", 2, "--steps", 2]
    for workers in (0, 1):
        run = tmp_path / str(workers)
        assert train("seaformer", *options, "--workers", workers, "--folder", run) == 0
    assert losses(tmp_path / "0") == losses(tmp_path / "1")


@pytest.mark.slow
@pytest.mark.parametrize(("slug", "data"), [("se", "cifar"), ("danet", "voc")])
def test_two_processes_train_one_model(slug, data, folders, tmp_path):
    run = tmp_path / "run"
    options = ["--data", folders[data], "--size", 32, "--batch", 2, "--steps", 2, "--folder", run]
    done = subprocess.run(
        command(slug, *options, launcher=TWO_PROCESSES), capture_output=True, text=True, check=True
    )
    assert json.loads((run / "config.json").read_text())["processes"] == 2
    assert done.stdout.count("test images after 2 steps") == 1
    assert len(losses(run)) == 2


@pytest.mark.parametrize("amp", [[], ["--amp"]])
def test_a_network_without_a_gate_is_an_option(amp, folders, tmp_path, capsys):
    options = ["--data", folders["cifar"], *SMALL, "--folder", tmp_path / "run", *amp]
    assert train("cbam", *options, "--steps", 1, "--network", "resnet18") == 0
    assert "resnet18" in capsys.readouterr().err


@pytest.mark.parametrize("slug", [*SLUGS, *DENSE])
def test_every_choice_is_a_network_of_the_course(slug):
    choices = RECIPES[slug].__annotations__["network"].__origin__
    assert {choice.value for choice in choices} <= set(registry.available())


@pytest.mark.parametrize(
    ("slug", "options", "message"),
    [
        ("se", ["--data", "missing"], "dir 'missing' does not exist"),
        ("se", ["--size", "8"], "--size"),
        ("se", ["--batch", "500"], "from 1 to the number of training images, 40, got 500"),
        ("se", ["--network", "danet_resnet50"], "'danet_resnet50' is not one of"),
        ("danet", [], "holds neither VOCdevkit/VOC2012/{JPEGImages,"),
    ],
)
def test_bad_input_gets_one_line(slug, options, message, folders, tmp_path, capsys):
    asked = ["--data", folders["cifar"], "--folder", tmp_path / "run", *options]
    assert train(slug, *asked) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("slug", SLUGS)
def test_an_empty_folder_is_told_what_is_expected(slug, tmp_path, capsys):
    assert train(slug, "--data", tmp_path) == 2
    printed = capsys.readouterr().err
    assert "cifar-100-python/{train,test,meta}" in printed
    assert "train/CLASS/*.png and val/CLASS/*.png" in printed
