"""Reading archives that strangers packed: nothing is unpacked to disk, and nothing is endless.

Members are read into memory one at a time, and only those that are asked for. What an archive says
about sizes is not believed; bytes are counted as they come.
"""

import bz2
import gzip
import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from attncourse.grading.exceptions import UnreadableArchive
from attncourse.grading.intake.reading import LARGEST

MOST_MEMBERS = 20_000  # of the archive, and of each that lies in it
MOST_BYTES = 2**36  # of all members that are read; a thousand learners with 50 MB each are fewer
MOST_INSIDE = 2**30  # bytes that are read of one archive in the archive, and of those in it
LARGEST_INSIDE = 2**28  # bytes of an archive in an archive, or of a compressed tar unpacked
DEEPEST = 2  # archives in archives in the archive
STEEPEST = 200  # how many times larger than packed; notebooks reach about 20
SMALL = 2**20  # bytes below which it does not matter how steep
WANTED = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)
PACKED = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz))$", re.IGNORECASE)
FOREIGN = re.compile(r"\.(rar|7z|gz|bz2|xz)$", re.IGNORECASE)
UNPACKERS: dict[bytes, Callable[[IO[bytes]], io.BufferedIOBase]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
UTF8, ENCRYPTED = 0x800, 0x1  # flags of a zip member
# What the standard library raises on archives that are broken or made to break it.
BROKEN = (
    EOFError,
    IndexError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        path: Its path, with those of the archives around it; `/` between parts.
        time: When the outermost archive says that it was written.
        content: Its bytes, if it is a notebook; empty for others.
        problem: Why it was not read; empty if nothing is wrong.
        inside: What of the path an archive in the archive says; empty for a member of its own.
    """

    path: str
    time: datetime
    content: bytes = field(default=b"", repr=False)
    problem: str = ""
    inside: str = ""

    @property
    def outer(self) -> str:
        """Its path in the outermost archive, which the platform packed."""
        return self.path.removesuffix(self.inside)


@dataclass
class _Budget:
    """What may still be read of an archive."""

    largest: int
    members: int = MOST_MEMBERS
    read_so_far: int = 0

    def read(self, file: IO[bytes], largest: int, packed: int) -> bytes:
        """Reads a file of which `packed` bytes stand in the archive."""
        steepest = max(SMALL, STEEPEST * packed)
        room = self.largest - self.read_so_far
        content = file.read(min(largest, steepest, room) + 1)
        if len(content) > largest:
            raise UnreadableArchive(f"it is larger than {largest // 2**20} MB")
        if len(content) > steepest:
            raise UnreadableArchive(f"it grows to more than {STEEPEST} times its packed size")
        if len(content) > room:
            raise UnreadableArchive(f"the archive holds more than {self.largest // 2**30} GB")
        self.read_so_far += len(content)
        return content

    def count(self) -> None:
        """Counts a member."""
        self.members -= 1
        if self.members < 0:
            raise UnreadableArchive(
                f"the archive has more than {MOST_MEMBERS} files; the rest was not read"
            )


def members(path: Path) -> Iterator[Member]:
    """The files in a zip or tar archive, and in the archives that it holds.

    Hidden files, and what macOS adds, are passed over.

    Args:
        path: The archive.

    Yields:
        Each member. Where the archive itself is broken, one without a path ends the rest.
    """
    downloaded = datetime.now(UTC)
    try:
        downloaded = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        with path.open("rb") as file:
            yield from _members(file, downloaded, _Budget(MOST_BYTES), 0)
    except UnreadableArchive as error:
        yield Member("", downloaded, problem=str(error))
    except BROKEN as error:
        yield Member("", downloaded, problem=f"the archive is broken: {_said(error)}")


def _members(file: IO[bytes], now: datetime, budget: _Budget, depth: int) -> Iterator[Member]:
    if zipfile.is_zipfile(file):
        found = _zipped(file, now, budget)
    elif tarfile.is_tarfile(file := _unpacked(file)):
        found = _tarred(file, now, budget)
    else:
        raise UnreadableArchive("it is neither a zip nor a tar archive")
    for member in found:
        if member.problem or not PACKED.search(member.path):
            yield member
        elif depth == DEEPEST:
            yield replace(member, content=b"", problem="it lies in too many archives")
        else:
            # What one learner packed must not use up what is there for the others.
            yield from _inside(member, budget if depth else _Budget(MOST_INSIDE), depth)


def _inside(outer: Member, budget: _Budget, depth: int) -> Iterator[Member]:
    """The members of an archive in an archive; the outer one's time counts."""
    try:
        for member in _members(io.BytesIO(outer.content), outer.time, budget, depth + 1):
            inside = f"/{member.path}"
            yield replace(member, path=outer.path + inside, inside=inside, time=outer.time)
    except UnreadableArchive as error:
        yield replace(outer, content=b"", problem=str(error))
    except BROKEN as error:
        yield replace(outer, content=b"", problem=f"the archive is broken: {_said(error)}")


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    """The bytes of a tar archive without its compression."""
    file.seek(0)
    start = file.read(5)
    file.seek(0)
    for magic, unpack in UNPACKERS.items():
        if start.startswith(magic):
            with unpack(file) as inside:
                content = inside.read(LARGEST_INSIDE + 1)
            if len(content) > LARGEST_INSIDE:
                raise UnreadableArchive(f"it unpacks to more than {LARGEST_INSIDE // 2**20} MB")
            return io.BytesIO(content)
    return file


def _zipped(file: IO[bytes], now: datetime, budget: _Budget) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            name, time = _name(info), _time(info, now)
            if info.is_dir() or _is_hidden(name):
                continue
            budget.count()
            if stat.S_ISLNK(info.external_attr >> 16):
                yield Member(name, time, problem="it is a link")
            elif problem := _problem(name):
                yield Member(name, time, problem=problem)
            elif info.flag_bits & ENCRYPTED:
                yield Member(name, time, problem="it is encrypted")
            elif not _largest(name):
                yield Member(name, time)
            else:
                yield _read_zipped(archive, info, Member(name, time), budget)


def _read_zipped(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, member: Member, budget: _Budget
) -> Member:
    try:
        with archive.open(info) as file:
            content = budget.read(file, _largest(member.path), info.compress_size)
    except UnreadableArchive as error:
        return replace(member, problem=str(error))
    except BROKEN as error:
        return replace(member, problem=f"it is damaged: {_said(error)}")
    return replace(member, content=content)


def _tarred(file: IO[bytes], now: datetime, budget: _Budget) -> Iterator[Member]:
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for info in archive:
            name = _decoded(info.name.encode("utf-8", "surrogateescape"))
            if info.isdir() or _is_hidden(name):
                continue
            budget.count()
            member = Member(name, _sensible(info.mtime, now))
            if not info.isreg() or info.issparse():
                yield replace(member, problem="it is a link or a special file")
            elif problem := _problem(name):
                yield replace(member, problem=problem)
            elif not _largest(name) or not (inside := archive.extractfile(info)):
                yield member
            else:
                try:
                    content = budget.read(inside, _largest(name), info.size)
                    yield replace(member, content=content)
                except UnreadableArchive as error:
                    yield replace(member, problem=str(error))


def _largest(name: str) -> int:
    """How large a member may be that is to be read; 0 for others."""
    if WANTED.search(name):
        return LARGEST
    return LARGEST_INSIDE if PACKED.search(name) else 0


def _problem(name: str) -> str:
    parts = name.split("/")
    if ".." in parts or name.startswith("/") or re.match(r"[A-Za-z]:", name) or "\0" in name:
        return "its path leads out of the archive"
    if FOREIGN.search(name) and not PACKED.search(name):
        return "archives of this kind are not read; please ask for a zip file"
    return ""


def _is_hidden(name: str) -> bool:
    parts = name.split("/")
    return "__MACOSX" in parts or any(part.startswith(".") and part.strip(".") for part in parts)


def _name(info: zipfile.ZipInfo) -> str:
    """A member's path; Windows in China writes GBK there, and does not say so."""
    name = info.orig_filename
    if not info.flag_bits & UTF8:
        name = _decoded(name.encode("cp437", "replace"))
    return name.replace("\\", "/").encode("utf-8", "replace").decode()


def _decoded(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("gb18030", "replace")


def _time(info: zipfile.ZipInfo, now: datetime) -> datetime:
    """When a member was written: in UTC where the archive says so, else by the local clock."""
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == 0x5455 and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return _sensible(struct.unpack_from("<i", extra, 5)[0], now)
        extra = extra[4 + size :]
    if info.date_time[:3] <= (1980, 1, 1):  # what a zip file holds that knows no time
        return now
    try:
        return _sensible(datetime(*info.date_time).timestamp(), now)
    except (ValueError, OverflowError, OSError):
        return now


def _sensible(seconds: float, now: datetime) -> datetime:
    """A time of an archive; nothing in it was written after the archive itself."""
    try:
        return min(datetime.fromtimestamp(seconds, UTC), now) if seconds > 0 else now
    except (ValueError, OverflowError, OSError):
        return now


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
