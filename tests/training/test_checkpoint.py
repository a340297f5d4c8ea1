import os

import pytest
import torch

from attncourse.training import checkpoint


def test_a_state_comes_back(tmp_path):
    state = {"model": {"w": torch.arange(3)}, "losses": [1.0, 0.5], "name": "x"}
    checkpoint.write(state, tmp_path / "new" / "state.pt")
    back = checkpoint.read(tmp_path / "new" / "state.pt")
    assert back.pop("model")["w"].equal(state["model"]["w"])
    assert back == {"losses": [1.0, 0.5], "name": "x"}
    assert os.listdir(tmp_path / "new") == ["state.pt"]


@pytest.mark.parametrize("moment", ["save", "fsync", "replace"])
def test_an_interrupted_write_leaves_the_old_state(moment, tmp_path, monkeypatch):
    path = tmp_path / "state.pt"
    checkpoint.write({"step": 1}, path)

    def die(*arguments):
        raise KeyboardInterrupt

    module = torch if moment == "save" else os
    monkeypatch.setattr(module, moment, die)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.write({"step": 2}, path)
    monkeypatch.undo()
    assert checkpoint.read(path) == {"step": 1}
    checkpoint.write({"step": 3}, path)
    assert checkpoint.read(path) == {"step": 3}


def test_the_state_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        original = getattr(os, name)

        def noted(*arguments, name=name, original=original):
            done.append(name)
            return original(*arguments)

        monkeypatch.setattr(os, name, noted)
    checkpoint.write({"step": 1}, tmp_path / "state.pt")
    assert done == ["fsync", "replace"]


def test_what_is_no_checkpoint_is_named(tmp_path):
    path = tmp_path / "state.pt"
    with pytest.raises(FileNotFoundError, match=r"state\.pt"):
        checkpoint.read(path)
    torch.save({"code": os.system}, path)  # would run if it were unpickled
    with pytest.raises(ValueError, match=r"state\.pt is not a checkpoint"):
        checkpoint.read(path)
