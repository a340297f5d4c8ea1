"""What keeps a learner's code in: the first backend that holds is taken.

Namespaces of our own, with Landlock and resource limits; bubblewrap, where only that may make
namespaces; else a refusal that names the ways out.
"""

import ctypes
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from attncourse.grading import PACKAGE
from attncourse.grading.exceptions import SandboxUnavailable
from attncourse.grading.sandbox import landlock, rootfs, seccomp
from attncourse.grading.sandbox.limits import Limits

NEW_MOUNTS, NEW_NAMES, NEW_IPC, NEW_USERS, NEW_PIDS, NEW_NET = (
    0x20000,
    0x4000000,
    0x8000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
DEATH_SIGNAL, DUMPABLE, NO_NEW_PRIVILEGES, SUBREAPER = 1, 4, 38, 36
NOBODY = 65534  # who a worker is on a machine where the grader is root
LEARNER = 1000  # who a worker thinks that it is

WAYS_OUT = """\
A learner's code cannot run in a sandbox here: {reason}. Ways out:
  - On Linux, allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1 or
    kernel.apparmor_restrict_unprivileged_userns=0), or run as root;
  - in a container, allow it to make namespaces (docker run --security-opt seccomp=unconfined
    --security-opt apparmor=unconfined --cap-add SYS_ADMIN);
  - grade with --no-sandbox: every submission then runs with your rights. It can read solutions,
    hidden tests and other submissions, change grades, and use the network. Only for code that
    you trust."""


class Backend(StrEnum):
    """What keeps a learner's code in."""

    NAMESPACES = "namespaces"
    BUBBLEWRAP = "bubblewrap"
    NONE = "no sandbox"


#: Those that do keep it in, the best first.
BACKENDS = (Backend.NAMESPACES, Backend.BUBBLEWRAP)


_libc = ctypes.CDLL(None, use_errno=True)


def enter_namespaces() -> str:
    """Put the forkserver, a process with one thread, into the sandbox in which it will fork.

    Returns:
        What the sandbox is made of, for people.

    Raises:
        SandboxUnavailable: The system does not allow it.
    """
    if sys.platform != "linux":
        raise SandboxUnavailable(WAYS_OUT.format(reason=f"{sys.platform} has no namespaces"))
    try:
        namespaces = NEW_MOUNTS | NEW_NAMES | NEW_IPC | NEW_NET
        if os.geteuid() == 0:
            # Root lays out the file system; it is nobody who then looks at it.
            _unshare(namespaces)
            rootfs.enter()
            _become_nobody()
            _own_users(NEW_MOUNTS)
        else:
            _own_users(namespaces)
            rootfs.enter()
        _no_more_users()
    except OSError as error:
        raise SandboxUnavailable(WAYS_OUT.format(reason=error.strerror or error)) from error
    fence = f", Landlock {landlock.version()}" if landlock.version() else ""
    return f"{Backend.NAMESPACES}{fence} and resource limits"


def bubblewrap_command(command: list[str]) -> list[str]:
    """A command inside bubblewrap, which shows it libraries and the course, but no course folder.

    Raises:
        SandboxUnavailable: It is not installed, or could not hide what must be hidden.
    """
    program = shutil.which("bwrap")
    if not (program and landlock.version()):
        raise SandboxUnavailable(
            WAYS_OUT.format(reason="there is no bubblewrap, or no Landlock beside it")
        )
    paths = [*rootfs.libraries(), PACKAGE.resolve()]
    if any(each in paths[-1].parents for each in paths):
        raise SandboxUnavailable(
            WAYS_OUT.format(reason="the course is installed among Python's libraries")
        )
    if around := [str(each) for each in rootfs.PRIVATE if each in paths[-1].parents]:
        # Landlock lets a worker read all that lies in its private folders.
        reason = f"bubblewrap cannot hide a course that is installed in {around[0]}"
        raise SandboxUnavailable(WAYS_OUT.format(reason=reason))
    paths += [path for one in (sys.prefix, sys.base_prefix) for path in _programs(Path(one))]
    shown = [word for path in paths for word in ("--ro-bind", str(path), str(path))]
    private = [word for path in rootfs.PRIVATE for word in ("--tmpfs", str(path))]
    options = ["--unshare-all", "--die-with-parent", "--new-session", "--proc", "/proc"]
    return [program, *options, "--dev", "/dev", *private, *shown, "--chdir", "/tmp", *command]


def _programs(prefix: Path) -> Iterator[Path]:
    """What starting Python needs beyond its libraries."""
    return (path for path in (prefix / "bin", prefix / "pyvenv.cfg") if path.exists())


def enter_bubblewrap() -> str:
    """Inside bubblewrap: leave this process and its forks only what a worker may see.

    Returns:
        What the sandbox is made of, for people.
    """
    prctl(NO_NEW_PRIVILEGES, 1)
    reads = (*rootfs.libraries(), *rootfs.visible_parts(), Path("/proc"))
    landlock.restrict(reads, (*rootfs.PRIVATE, *map(Path, rootfs.DEVICES)))
    seccomp.restrict()
    prctl(DUMPABLE, 0)
    return f"{Backend.BUBBLEWRAP}, Landlock {landlock.version()} and resource limits"


def clear_private_folders() -> None:
    """Empty the private folders, where they are not made anew for each submission.

    Raises:
        OSError: A file or folder resists.
        RecursionError: Folders are nested too deep.
    """
    for folder in rootfs.PRIVATE:
        _empty(folder)


def _empty(folder: Path) -> None:
    folder.chmod(0o700)
    for path in folder.iterdir():
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        elif not path.is_mount():  # who works in /tmp has libraries there
            _empty(path)
            if not any(path.iterdir()):
                path.rmdir()


def unshare_next_child() -> None:
    """Give the next child of this process namespaces of processes, mounts and messages."""
    _unshare(NEW_PIDS | NEW_MOUNTS | NEW_IPC)


def shut_in(limits: Limits) -> None:
    """Shut this process, the first in its namespaces, in for good."""
    rootfs.mount_private(limits.disk)
    prctl(NO_NEW_PRIVILEGES, 1)
    _drop_capabilities()
    writable = (*rootfs.PRIVATE, *map(Path, rootfs.DEVICES))
    landlock.restrict(rootfs.readable(), writable)
    seccomp.restrict()
    prctl(DUMPABLE, 0)  # its children may not look into it
    os.chdir(rootfs.HOME)


def die_with_parent() -> None:
    """End this process when the one that forked it ends."""
    prctl(DEATH_SIGNAL, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of this process's grandchildren whose parents end."""
    prctl(SUBREAPER, 1)


def prctl(option: int, value: int) -> None:
    """Set a property of this process.

    Raises:
        OSError: If the kernel refuses.
    """
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _unshare(flags: int) -> None:
    if _libc.unshare(ctypes.c_int(flags)) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"unshare: {os.strerror(error)}")


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    prctl(DUMPABLE, 1)  # else its own /proc would still be root's


def _own_users(namespaces: int) -> None:
    """Enter a user namespace, whose only user this process is."""
    user, group = os.geteuid(), os.getegid()
    _unshare(NEW_USERS | namespaces)
    for name, text in {
        "setgroups": "deny",
        "gid_map": f"{LEARNER} {group} 1",
        "uid_map": f"{LEARNER} {user} 1",
    }.items():
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _no_more_users() -> None:
    """Forbid user namespaces inside this one: they would give capabilities back."""
    with open("/proc/sys/user/max_user_namespaces", "w") as file:
        file.write("0")


def _drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if _libc.capset(header, (ctypes.c_uint32 * 6)()) < 0:
        raise OSError(ctypes.get_errno(), "capset")
