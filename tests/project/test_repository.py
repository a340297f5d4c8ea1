"""Nothing in the repository depends on the machine on which it was written."""

import re
import subprocess
from pathlib import Path

import pytest

# A folder of one machine, in somebody's home or on a drive, or a server that one network knows.
MACHINE = re.compile(
    r"""(?<![\w.}~])/(?:home|Users|root|opt|work|tmp|srv|mnt)/[\w.]
    |   [A-Z]:\\\\?Users
    |   \b[\w-]+\.(?:internal|intranet|corp|lan)\b
    |   \b(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2,3}(?::\d+)?/
    """,
    re.VERBOSE,
)
# Put together only here: this file names no machine either.
PARTS = {"home": "home", "root": "root", "tmp": "tmp", "users": "Users", "corp": "corp"}
PARTS |= {"ten": "10.0.0", "work": "work"}


@pytest.fixture(scope="module")
def tracked(repository: Path) -> list[Path]:
    """Every file under version control."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True
    )
    if listing.returncode != 0:
        pytest.skip("this is not a git checkout")
    names = filter(None, listing.stdout.split("\0"))
    return [path for path in map(repository.joinpath, names) if path.is_file()]


def test_no_file_names_a_machine(tracked, repository):
    named = {}
    for path in tracked:
        text = path.read_bytes().decode("utf-8", errors="ignore")
        if found := MACHINE.search(text):
            named[str(path.relative_to(repository))] = found.group()
    assert named == {}


@pytest.mark.parametrize(
    "text",
    [
        "/{home}/me/x",
        "/{root}/.x",
        "File /{tmp}/x.py",
        "C:\\{users}",
        "pypi.{corp}/x",
        "//{ten}.1/x",
    ],
)
def test_a_machine_is_recognised(text):
    assert MACHINE.search(text.format(**PARTS))


@pytest.mark.parametrize(
    "text",
    ["$HOME/x", "https://arxiv.org/abs/1409.0473", "/lab/tree/x", "frame/{work}/x", "10.5/2.0"],
)
def test_what_is_no_machine_is_left_alone(text):
    assert not MACHINE.search(text.format(**PARTS))
