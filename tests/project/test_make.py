"""The Makefile: its targets, its choice of Python, and a second run that does nothing."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


@pytest.fixture
def checkout(tmp_path: Path, repository: Path) -> Path:
    """What the Makefile needs to decide whether to install, in a folder of its own."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(repository / name, tmp_path)
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("target", ["lab", "test", "lint", "release", "bench", "clean"])
def test_every_target_can_be_planned_and_is_listed(target, checkout):
    assert make(checkout, "--dry-run", target).returncode == 0
    assert re.search(rf"^ *make {target}\t", make(checkout).stdout, re.MULTILINE)


def test_an_old_python_is_refused_in_words(checkout):
    old = checkout / "python-old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    refused = make(checkout, "lab", f"PYTHONS={old} no-such-python")
    assert refused.returncode != 0
    assert "attncourse needs Python 3.11 or newer" in refused.stderr
    assert not (checkout / ".venv").exists()


def test_an_environment_that_is_ready_is_left_alone_until_the_lock_changes(checkout):
    ready = checkout / ".venv" / "ready"
    ready.parent.mkdir()
    ready.touch()
    assert make(checkout, "--question", ".venv/ready").returncode == 0
    newer = ready.stat().st_mtime + 1
    os.utime(checkout / "requirements.lock", (newer, newer))
    assert make(checkout, "--question", ".venv/ready").returncode == 1
