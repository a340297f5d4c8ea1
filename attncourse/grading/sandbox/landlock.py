"""Landlock, the Linux kernel's own list of what a process may still touch.

A process can only give rights away, and its children inherit what is left. Called through ctypes,
for Python knows nothing of it. See the kernel's userspace-api/landlock.
"""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

CREATE, ADD, RESTRICT = 444, 445, 446  # the same numbers on every architecture
VERSION, BENEATH = 1, 1

# What one may do with files, by the version of the interface that knows it.
EXECUTE, WRITE, READ, READ_FOLDER = 1 << 0, 1 << 1, 1 << 2, 1 << 3
FILES = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
OF_A_FILE = EXECUTE | WRITE | READ | 1 << 14 | 1 << 15
TCP = {4: 0b11}  # bind and connect
SCOPES = {6: 0b11}  # abstract sockets and signals beyond the fence

_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """The version of Landlock that the kernel offers; 0 for none."""
    return max(0, int(_libc.syscall(CREATE, None, 0, VERSION)))


def restrict(reads: Iterable[Path], writes: Iterable[Path]) -> bool:
    """Leave this process, which must not be able to gain privileges, only these files.

    Args:
        reads: Files and folders that stay readable.
        writes: Those that stay writable.

    Returns:
        Whether the kernel knows Landlock; if it does not, nothing has changed.

    Raises:
        OSError: The kernel refuses.
    """
    known = version()
    if not known:
        return False

    def all_of(rights: dict[int, int]) -> int:
        return sum(bits for since, bits in rights.items() if since <= known)

    files = all_of(FILES)
    rules = struct.pack("=QQQ", files, all_of(TCP), all_of(SCOPES))
    # An older kernel knows a shorter list.
    size = 8 if known < 4 else 16 if known < 6 else 24
    fence = _call(CREATE, rules, size, 0)
    try:
        for rights, paths in ((EXECUTE | READ | READ_FOLDER, reads), (files, writes)):
            for path in paths:
                _allow(fence, path, rights)
        _call(RESTRICT, fence, 0)
    finally:
        os.close(fence)
    return True


def _allow(fence: int, path: Path, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        allowed = rights if path.is_dir() else rights & OF_A_FILE
        _call(ADD, fence, BENEATH, struct.pack("=Qi", allowed, place), 0)
    finally:
        os.close(place)


def _call(number: int, *arguments: object) -> int:
    found = int(_libc.syscall(number, *arguments))
    if found < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"landlock: {os.strerror(error)}")
    return found
