"""Seccomp, the Linux kernel's filter of system calls: what nobody needs to learn, nobody may call.

Namespaces leave some doors open: keys that the kernel keeps for a user, sockets to a machine's
host, memory that no limit counts, and calls with a history of holes. See the kernel's
userspace-api/seccomp_filter.
"""

import ctypes
import platform
import struct
from collections.abc import Iterator

PRCTL, FILTER = 22, 2
# Instructions: load a word of what is called, jump if it is equal or not less, give the verdict.
LOAD, EQUAL, NOT_LESS, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16  # where the words are
ALLOW, REFUSE, END = 0x7FFF0000, 0x00050000, 0x80000000
EPERM, ENOSYS, EAFNOSUPPORT = 1, 38, 97
OTHER_TABLE = 0x40000000  # x86-64 knows a second set of numbers from here on

#: What a socket may be of: the machine itself, and networks, of which there are none.
FAMILIES = (1, 2, 10, 16)  # Unix, IPv4, IPv6, netlink
#: By machine: its number, that of `socket`, and those of the calls that are refused.
MACHINES = {
    "x86_64": (0xC000003E, 41, {
        "keys": (248, 249, 250),
        "memory without a limit": (29, 68, 319, 447),
        "other processes": (101, 310, 311, 438),
        "mounts and namespaces": (165, 166, 155, 272, 308, *range(428, 434), 442),
        "the kernel's insides": (298, 321, 323, 425, 426, 427),
    }),
    "aarch64": (0xC00000B7, 198, {
        "keys": (217, 218, 219),
        "memory without a limit": (194, 186, 279, 447),
        "other processes": (117, 270, 271, 438),
        "mounts and namespaces": (40, 39, 41, 97, 268, *range(428, 434), 442),
        "the kernel's insides": (241, 280, 282, 425, 426, 427),
    }),
}  # fmt: skip

_libc = ctypes.CDLL(None, use_errno=True)


def restrict() -> bool:
    """Take calls away from this process, which must not be able to gain privileges, and its forks.

    Returns:
        Whether the kernel knows filters, on a machine that is known here; if not, nothing changed.
    """
    if platform.machine() not in MACHINES:
        return False
    program = b"".join(_program(*MACHINES[platform.machine()]))
    count, text = len(program) // 8, ctypes.create_string_buffer(program)
    described = struct.pack("=H6xQ", count, ctypes.addressof(text))
    return int(_libc.prctl(PRCTL, ctypes.c_ulong(FILTER), described, 0, 0)) == 0


def _program(machine: int, sockets: int, refused: dict[str, tuple[int, ...]]) -> Iterator[bytes]:
    """The filter, instruction by instruction; a jump says how many it skips if so, and if not."""
    yield _step(LOAD, MACHINE)
    yield _step(EQUAL, machine, 1, 0)
    yield _step(RETURN, END)
    yield _step(LOAD, NUMBER)
    yield _step(NOT_LESS, OTHER_TABLE, 0, 1)
    yield _step(RETURN, REFUSE | ENOSYS)
    for number in sorted(each for calls in refused.values() for each in calls):
        yield _step(EQUAL, number, 0, 1)
        yield _step(RETURN, REFUSE | EPERM)
    yield _step(EQUAL, sockets, 1, 0)
    yield _step(RETURN, ALLOW)
    yield _step(LOAD, FIRST_ARGUMENT)
    for family in FAMILIES:
        yield _step(EQUAL, family, 0, 1)
        yield _step(RETURN, ALLOW)
    yield _step(RETURN, REFUSE | EAFNOSUPPORT)


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)
