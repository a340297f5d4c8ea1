"""The file system of a process in the sandbox: a list of what is allowed, and nothing else.

Called through ctypes: Python has no word for mounts.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from attncourse.grading import PACKAGE

#: What a lesson may use of the course. Its implementations, exercises and grading are left out.
COURSE = ("__init__.py", "catalogue.py", "data", "training", "plotting", "profiling.py")
COURSE_CORE = ("exercises/__init__.py", "exercises/core")
SYSTEM: tuple[str, ...] = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib")
SYSTEM += ("/usr/share/zoneinfo", "/usr/share/fonts", "/etc/fonts")
SYSTEM += ("/etc/ld.so.cache", "/etc/localtime")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
HOME = Path("/home", "learner")
PRIVATE = (HOME, Path("/tmp"), Path("/dev/shm"))
MOST_FILES = 10_000  # in each of them: even an empty one takes the kernel's memory
USERS = f"learner:x:1000:1000::{HOME}:/bin/sh\n"

# Where the new root is built: a folder that every Linux has and that nothing is taken from.
NEW_ROOT = Path("/sys")

RDONLY, NOSUID, NODEV, BIND, REC, PRIVATE_TREE = 1, 2, 4, 4096, 16384, 1 << 18
DETACH = 2
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
CWD, RECURSIVE, TREE_CLONE, OF_DESCRIPTOR = -100, 0x8000, 1, 4

_libc = ctypes.CDLL(None, use_errno=True)


def enter() -> None:
    """Build the new root, in a mount namespace of this process's own, and move into it.

    Raises:
        OSError: The kernel refuses a step.
    """
    mount(None, Path("/"), flags=REC | PRIVATE_TREE)
    mount("tmpfs", NEW_ROOT, kind="tmpfs", options="size=1m,mode=755")
    for path in _outermost(libraries()):
        _links(path)
        _bind(path)
    _course()
    for path in map(Path, DEVICES):
        _bind(path, nodev=False)
    for path in (*PRIVATE, Path("/proc")):
        _at(path).mkdir(parents=True, exist_ok=True)
    # Kept for the workers: who may not see a whole /proc may not make a new one either.
    mount("/proc", _at(Path("/proc")), flags=BIND | REC)
    _at(Path("/etc/passwd")).write_text(USERS)
    _pivot()


def mount_private(size: int) -> None:
    """Give this process, in a mount namespace of its own, private folders and its own /proc.

    Args:
        size: Bytes that fit into each folder.
    """
    shown = _outermost(each.resolve() for each in (*libraries(), PACKAGE))
    covered = [path for path in shown if any(each in path.parents for each in PRIVATE)]
    kept = [(path, _clone(path)) for path in covered]
    for path in PRIVATE:
        mount(
            "tmpfs",
            path,
            kind="tmpfs",
            flags=NOSUID | NODEV,
            options=f"size={size},nr_inodes={MOST_FILES},mode=1777",
        )
    for path, tree in kept:  # who works in /tmp has libraries there
        path.mkdir(parents=True)
        _attach(tree, path)
    try:
        mount("proc", Path("/proc"), kind="proc", flags=RDONLY | NOSUID | NODEV)
    except PermissionError:  # inside a container that hides parts of /proc
        mount("tmpfs", Path("/proc"), kind="tmpfs", flags=RDONLY, options="size=4k")


def mount(
    source: str | None, target: Path, *, kind: str | None = None, flags: int = 0, options: str = ""
) -> None:
    """Mount a file system, or show a folder at another place.

    Raises:
        OSError: The kernel refuses.
    """

    def text(word: str | None) -> bytes | None:
        return None if word is None else os.fsencode(word)

    done = _libc.mount(
        text(source), os.fsencode(target), text(kind), ctypes.c_ulong(flags), options.encode()
    )
    _checked(done, f"mount on {target}")


def libraries() -> Iterator[Path]:
    """Libraries of the system and of Python; parents come before what lies in them."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    found = {Path(each) for each in SYSTEM}
    found |= {Path(prefix, lib) for prefix in prefixes for lib in ("lib", "lib64")}
    found |= {Path(p) for p in sys.path if Path(p).name in ("site-packages", "dist-packages")}
    yield from (path for path in sorted(found) if path.exists())


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Those that lie in no other."""
    found: list[Path] = []
    for path in sorted(set(paths)):
        if not any(each in path.parents for each in found):
            found.append(path)
    return found


def visible_parts() -> Iterator[Path]:
    """What is shown of the course."""
    parts = (PACKAGE / name for name in (*COURSE, *COURSE_CORE))
    return (path for path in parts if path.exists())


def _course() -> None:
    """Lay what is shown of the course into an empty folder, over an installed package if any."""
    _links(PACKAGE)
    _at(PACKAGE.resolve()).mkdir(parents=True, exist_ok=True)
    mount("tmpfs", _at(PACKAGE.resolve()), kind="tmpfs", options="size=64k,mode=755")
    for path in visible_parts():
        _bind(path)


def _bind(path: Path, *, nodev: bool = True) -> None:
    """Show a file or folder at its own place, read-only."""
    path = path.resolve()
    place = _at(path)
    if path.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    mount(str(path), place, flags=BIND | REC)
    _restrict(place, RDONLY | NOSUID | (NODEV if nodev else 0))


def _clone(path: Path) -> int:
    """A descriptor of what is mounted here and below, for another place."""
    flags = TREE_CLONE | RECURSIVE | os.O_CLOEXEC
    tree = int(_libc.syscall(OPEN_TREE, CWD, os.fsencode(path), flags))
    _checked(tree, f"open_tree of {path}")
    return tree


def _attach(tree: int, path: Path) -> None:
    """Mount what was taken, and close its descriptor."""
    done = _libc.syscall(MOVE_MOUNT, tree, b"", CWD, os.fsencode(path), OF_DESCRIPTOR)
    _checked(done, f"move_mount to {path}")
    os.close(tree)


def _links(path: Path) -> None:
    """Repeat the symbolic links on the way to a path."""
    for part in (*reversed(path.parents), path):
        if part.is_symlink():
            link = _at(part)
            if not os.path.lexists(link):
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(os.readlink(part))
            ahead = os.path.normpath(part.parent / os.readlink(part))
            _links(Path(ahead) / path.relative_to(part))
            return


def _at(path: Path) -> Path:
    return NEW_ROOT / path.relative_to("/")


def _restrict(place: Path, attributes: int) -> None:
    """Set attributes of a mount and all that hang below it."""
    wanted = struct.pack("=QQQQ", attributes, 0, 0, 0)
    size = ctypes.c_size_t(len(wanted))
    done = _libc.syscall(MOUNT_SETATTR, CWD, os.fsencode(place), RECURSIVE, wanted, size)
    _checked(done, f"mount_setattr on {place}")


def _pivot() -> None:
    """Make the site the root of everything, and let go of what was there before."""
    os.chdir(NEW_ROOT)
    _checked(_libc.pivot_root(b".", b"."), "pivot_root")
    _checked(_libc.umount2(b".", DETACH), "umount")  # the old root, which lies over the new one
    os.chdir("/")
    mount(None, Path("/"), flags=BIND | 32 | RDONLY | NOSUID | NODEV)


def _checked(result: int, what: str) -> None:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def readable() -> Iterable[Path]:
    """What a process in the sandbox may read, for a second fence around it."""
    return (each for each in Path("/").iterdir() if not each.is_symlink())
