"""What a process in the sandbox can do, asked from inside by a program that tries everything."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from attncourse.grading import PACKAGE
from attncourse.grading.exceptions import SandboxUnavailable
from attncourse.grading.sandbox import backends, landlock, rootfs

REPOSITORY = PACKAGE.parent

INSIDE = r"""
import errno, json, os, resource, socket, sys, tempfile
from attncourse.grading.sandbox import backends
from attncourse.grading.sandbox.limits import Limits, enforce

tries, port = json.loads(sys.argv[1]), int(sys.argv[2])

def tried(action):
    try:
        return action() or "done"
    except OSError as error:
        return errno.errorcode[error.errno]

def read(path):
    os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)

def write(path, size=1):
    with open(path, "wb") as file:
        file.write(b"x" * size)

def unshare(flag):
    if backends._libc.unshare(flag):
        raise OSError(backends.ctypes.get_errno(), "")

def connect():
    socket.create_connection(("127.0.0.1", port), 2).close()

def forks():
    resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
    for number in range(200):
        if not os.fork():
            os.read(pipe[0], 1)
            os._exit(0)
    return "no limit"

backend = backends.enter_namespaces()
backends.unshare_next_child()
outside = os.getpid()
if os.fork():
    os.wait()
    sys.exit()
pipe = os.pipe()
backends.shut_in(Limits(disk=1 << 20))
found = {"backend": backend, "pid": os.getpid(), "user": os.getuid(), "cwd": os.getcwd()}
found |= {f"read {path}": tried(lambda: read(path)) for path in tries}
for path in ("/x", "/usr/lib/x", sys.prefix + "/lib/x", "/proc/sys/kernel/core_pattern"):
    found[f"write {path}"] = tried(lambda: write(path))
private = tempfile.gettempdir()
found["write private"] = tried(lambda: write(private + "/x"))
found["write too much"] = tried(lambda: write(private + "/y", 2 << 20))
found["connect"] = tried(connect)
found["kill outside"] = tried(lambda: os.kill(outside, 0))
found["new users"] = tried(lambda: unshare(backends.NEW_USERS))
found["new mounts"] = tried(lambda: unshare(backends.NEW_MOUNTS))
found["mount"] = tried(lambda: backends.rootfs.mount("tmpfs", backends.rootfs.HOME, kind="tmpfs"))
found["import"] = tried(lambda: __import__("zipfile") and None)
found["processes"] = sorted(each for each in os.listdir("/proc") if each.isdigit())
enforce(Limits(processes=10), 1 << 40)
found["fork"] = tried(forks)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("course") / "gradebook.db"
    path.write_text("points")
    path.chmod(0o644)
    return path


@pytest.fixture(scope="module")
def hidden(secret: Path) -> list[str]:
    """What nobody inside may see, whoever owns it."""
    ours = ["solutions", "tests", "notebooks", "pyproject.toml", ".git"]
    rooms = ["attncourse/nn", "attncourse/models", "attncourse/functional", "attncourse/grading"]
    lessons = ["attncourse/exercises/se", "attncourse/exercises/bahdanau"]
    found = [str(REPOSITORY / name) for name in (*ours, *rooms, *lessons)]
    # A home may be the way to Python; what lies in it is hidden all the same.
    homes = [str(path) for path in Path.home().glob(".*") if Path(sys.base_prefix) != path]
    homes = [path for path in homes if path not in map(str, Path(sys.base_prefix).parents)]
    return [*found, *homes, str(secret), f"/proc/{os.getpid()}", "/etc/shadow", "/sys/fs"]


@pytest.fixture(scope="module")
def inside(hidden: list[str]) -> dict[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        program = [sys.executable, "-c", INSIDE, json.dumps(hidden), port]
        done = subprocess.run(program, capture_output=True, text=True, cwd=REPOSITORY, timeout=60)
    if "SandboxUnavailable" in done.stderr:
        pytest.skip(f"no sandbox can be built here: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_is_built_of_what_it_says(inside: dict[str, str]) -> None:
    assert inside["backend"].startswith("namespaces")
    assert ("Landlock" in inside["backend"]) == bool(landlock.version())


def test_nothing_but_what_is_listed_can_be_read(inside: dict[str, str], hidden: list[str]) -> None:
    seen = [path for path in hidden if inside[f"read {path}"] == "done"]
    assert seen == []


def test_python_still_finds_its_libraries(inside: dict[str, str]) -> None:
    assert inside["import"] == "done"


def test_only_private_folders_can_be_written_and_only_a_little(inside: dict[str, str]) -> None:
    written = [name for name in inside if name.startswith("write /") and inside[name] == "done"]
    assert written == []
    assert inside["write private"] == "done"
    assert inside["write too much"] in ("ENOSPC", "EFBIG")
    assert inside["cwd"] == str(rootfs.HOME)


def test_nobody_outside_can_be_seen_or_reached(inside: dict[str, str]) -> None:
    assert inside["pid"] == 1
    assert inside["user"] == backends.LEARNER
    assert inside["processes"] in (["1"], [])
    assert inside["kill outside"] in ("ESRCH", "EPERM")
    assert inside["connect"] != "done"


@pytest.mark.parametrize("way", ["new users", "new mounts", "mount"])
def test_there_is_no_way_to_more_rights(inside: dict[str, str], way: str) -> None:
    assert inside[way] in ("EPERM", "ENOSPC", "EACCES")


def test_processes_are_counted(inside: dict[str, str]) -> None:
    assert inside["fork"] == "EAGAIN"


def test_a_refusal_names_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(flags: int) -> None:
        raise PermissionError(1, "unshare: Operation not permitted")

    monkeypatch.setattr(backends, "_unshare", refuse)
    with pytest.raises(SandboxUnavailable, match="not permitted") as refusal:
        backends.enter_namespaces()
    assert "--no-sandbox" in str(refusal.value)
    assert "user namespaces" in str(refusal.value)


def test_systems_without_namespaces_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxUnavailable, match="darwin has no namespaces"):
        backends.enter_namespaces()
