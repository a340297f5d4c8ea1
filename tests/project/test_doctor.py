"""`attncourse doctor` reports the environment, and notices what is wrong with it."""

import json
import platform
from importlib import metadata

import pytest
from rich.console import Console

from attncourse import cli, doctor
from attncourse.doctor import Fact


def test_a_sound_environment_gets_no_advice():
    assert [finding for finding in doctor.examine() if finding.advice] == []


def test_json_names_versions_devices_threads_and_extensions(capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["doctor", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert exit_.value.code in (0, None)
    assert list(report) == ["system", "packages", "devices", "threads", "jupyter"]
    assert platform.python_version() in report["system"]["python"]
    assert report["packages"]["torch"] == metadata.version("torch")
    assert {"cpu", "mps"} < set(report["devices"])
    assert report["threads"]["torch"] == "1"
    assert report["jupyter"] == {
        "kernel python3": "this interpreter",
        "nbgrader in the server": "enabled",
        "nbgrader in JupyterLab": "enabled",
    }


def test_a_missing_package_is_noticed(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "PACKAGES", ("no-such-package",))
    with pytest.raises(SystemExit) as exit_:
        cli.main(["doctor"])
    assert exit_.value.code == 1
    assert "not installed" in capsys.readouterr().out


def test_a_kernel_of_another_interpreter_is_noticed(monkeypatch, tmp_path):
    specification = {"argv": [str(tmp_path / "bin" / "python")], "display_name": "another"}
    folder = tmp_path / "kernels" / doctor.KERNEL
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(specification))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    value, advice = doctor.kernel()
    assert value == f"another interpreter: {tmp_path / 'bin' / 'python'}"
    assert "ipykernel install" in advice


def test_a_disabled_server_extension_is_noticed(monkeypatch, tmp_path):
    settings = {"ServerApp": {"jpserver_extensions": {doctor.SERVER_EXTENSION: False}}}
    (tmp_path / "jupyter_server_config.json").write_text(json.dumps(settings))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path))
    assert not doctor.server_extension_enabled()


def test_a_disabled_lab_extension_is_noticed(monkeypatch, tmp_path):
    folder = tmp_path / "labconfig"
    folder.mkdir()
    settings = {"disabledExtensions": {doctor.LAB_EXTENSION: True}}
    (folder / "page_config.json").write_text(json.dumps(settings))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path))
    assert not doctor.lab_extension_enabled()


def test_the_table_shows_values_as_they_are_and_advice_behind_them():
    facts = [Fact("one", "x", "[red]1"), Fact("one", "y", "2", "buy a third")]
    console = Console(width=80)
    with console.capture() as capture:
        console.print(doctor.table(facts))
    assert "[red]1" in capture.get()
    assert "2: buy a third" in capture.get()
    assert capture.get().count("one") == 1
