"""`attncourse lab` starts a JupyterLab that has the course, and needs nothing else."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from attncourse import lab

ADDRESS = re.compile(rb"http://127\.0\.0\.1\S+")


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course with one lesson and a start page."""
    lesson = tmp_path / "notebooks" / "01-bahdanau" / "01-bahdanau.ipynb"
    lesson.parent.mkdir(parents=True)
    lesson.write_text("{}")
    (tmp_path / "notebooks" / "start-here.md").write_text("# Welcome")
    return tmp_path


def test_the_server_prints_an_address_at_which_the_start_page_answers(course):
    home = course / "home"
    command = [sys.executable, "-m", "attncourse", "lab", "--no-browser", "--port=0"]
    server = subprocess.Popen(
        command,
        cwd=course,
        env={**os.environ, "HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime")},
        stderr=subprocess.PIPE,
    )
    try:
        address = next(found for line in server.stderr if (found := ADDRESS.search(line)))
        page, _, token = address.group().decode().partition("?token=")
        assert page.endswith("/lab/tree/start-here.md")
        content = page.replace("/lab/tree/", "/files/") + f"?token={token}"
        assert answer(content) == b"# Welcome"
    finally:
        server.terminate()
        server.wait(timeout=30)


def answer(url: str, *, seconds: float = 30) -> bytes:
    """What the server says; it prints its address a moment before it listens there."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return urllib.request.urlopen(url, timeout=seconds).read()
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_without_a_start_page_the_folder_is_opened(tmp_path):
    assert not [option for option in lab.options(tmp_path) if "default_url" in option]


def test_the_environments_programs_and_our_settings_come_first():
    inherited = {"PATH": "programs", "JUPYTER_CONFIG_PATH": "settings"}
    found = lab.environment(inherited)
    assert found["PATH"].split(os.pathsep) == [str(Path(sys.executable).parent), "programs"]
    assert found["JUPYTER_CONFIG_PATH"].split(os.pathsep) == [str(lab.SETTINGS), "settings"]
    assert (lab.SETTINGS / "labconfig" / "default_setting_overrides.json").is_file()
