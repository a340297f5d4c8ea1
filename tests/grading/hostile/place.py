"""A course in a folder, an instructor's home, secrets in many places, and ears for every call."""

import contextlib
import hashlib
import io
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from attncourse.course.notebook import dumps, write_file
from attncourse.course.places import CHECKOUT, Course
from attncourse.course.release import CONFIG
from attncourse.course.syllabus import find
from attncourse.grading.console import grade_lesson
from attncourse.grading.engine import Processes
from attncourse.grading.record import Record
from attncourse.grading.results.gradebook import Gradebook, url_of
from attncourse.grading.results.journal import Journal
from attncourse.grading.runner import Settings
from attncourse.grading.sandbox.backends import Limits
from tests.grading.hostile.case import LESSON, Case, release, solution, submission

#: Small, so that a loop without end is cheap, and no smaller, as machines may be slow and busy.
LIMITS = Limits(
    cell=3, probe=3, exercise=8, clock=20, whole=150, memory=256 << 20, processes=40, disk=16 << 20
)
SEED = 5


def secret() -> str:
    return f"canary-{secrets.token_hex(16)}"


@dataclass
class Trap:
    """Listens, and remembers who called."""

    mark: str
    beside: Path
    heard: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(type=socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.abstract, self.named = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        self.abstract.bind(f"\0{self.mark}")
        self.named.bind(str(self.beside))
        for each in (self.abstract, self.named):
            each.listen()
        for each in (self.tcp, self.udp, self.abstract, self.named):
            threading.Thread(target=self._listen, args=[each], daemon=True).start()

    def _listen(self, end: socket.socket) -> None:
        while True:
            try:
                heard = end.recv(99) if end is self.udp else end.accept()
            except OSError:
                return
            self.heard.append(f"{end.getsockname()}: {heard!r}")


@dataclass
class Place:
    """A course in a folder, an instructor's home, and things that are nobody's business.

    Attributes:
        root: The folder of the course.
        words: What stands for ``@WORDS`` in the cases.
        canaries: Secrets, by where they lie.
        trap: What hears every call.
    """

    root: Path
    home: Path
    words: dict[str, str]
    canaries: dict[str, str]
    trap: Trap

    @property
    def course(self) -> Course:
        return Course(self.root)

    def hand_in(self, case: Case) -> None:
        """Write a submission."""
        folder = self.root / "submitted" / case.student / LESSON
        case.hand_in(folder, submission(case.answers, self.words))

    def records(self) -> dict[str, Record]:
        return Journal(self.root, LESSON).load()

    def fingerprint(self) -> dict[str, str]:
        """What must stay as it is."""
        kept = [*(self.root / n for n in ("solutions", "notebooks", "submitted")), self.home]
        places = (path for each in kept for path in sorted(each.rglob("*")))
        found = {str(path): _hash(path) for path in places}
        return found | {self.words["TEMP"]: _hash(Path(self.words["TEMP"]))}

    def totals(self) -> dict[str, float]:
        """What the gradebook says that everybody earned."""
        with Gradebook(self.course, find(LESSON), url_of(self.root)) as book:
            return {student: total.score for student, total in book.totals().items()}

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Have one process that is like the grader's, for as long as the block lasts."""
        with subprocess.Popen([sys.executable, "-c", "input()", str(self.root)], stdin=-1) as one:
            yield
            one.kill()

    def processes(self) -> list[str]:
        """What still runs of the grader or of what it graded."""
        mine = (str(self.root), self.words["MARK"][:15])
        found = []
        for process in psutil.process_iter(["cmdline", "name"]):
            if process.ppid() == os.getpid() and "multiprocessing" in str(process.info["cmdline"]):
                continue  # Python's own, from which pools are forked; it lives as long as we do
            words = " ".join([*(process.info["cmdline"] or ()), process.info["name"] or ""])
            if any(each in words for each in mine):
                found.append(f"{process.pid}: {words[:200]}")
        return found

    def grade(self, *, sandbox: bool = True) -> tuple[int, str]:
        """Grade the class as the command does: its exit code, and what it says."""
        said = _Tee()
        settings = Settings(limits=LIMITS, seed=SEED, sandbox=sandbox)
        sys.path.append(str(self.root))  # the grader's processes inherit it: so they are known
        try:
            with contextlib.redirect_stdout(said):
                code = grade_lesson(
                    self.course, find(LESSON), Processes(2), url_of(self.root), settings
                )
        finally:
            sys.path.remove(str(self.root))
        return code, said.getvalue()


class _Tee(io.StringIO):
    """Keeps what is printed and shows it: a run of minutes should not be silent."""

    def write(self, text: str) -> int:
        sys.__stderr__.write(text)
        return super().write(text)


def _hash(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return "no plain file"
    if path.stat().st_size > 1 << 30:
        return f"{path.stat().st_size} bytes"
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def place(root: Path, name: str) -> Iterator[Place]:
    """Lay everything out."""
    canaries = {each: secret() for each in ("solution", "hidden", "other", "home", "temp", "env")}
    mark = f"mark-{secrets.token_hex(16)}"
    temp = Path(tempfile.gettempdir(), f"{mark}.txt")
    temp.write_text(canaries["temp"])
    home = root / f"home-of-{name}"
    trap = Trap(mark, Path(f"{temp}.socket"))
    words = {"ROOT": str(root / name), "HOME": str(home), "TEMP": str(temp), "MARK": mark}
    words |= {"OTHER": canaries["other"], "TCP": str(trap.tcp.getsockname()[1])}
    words["UDP"] = str(trap.udp.getsockname()[1])
    here = Place(root / name, home, words, canaries, trap)
    home.mkdir()
    (home / ".secret").write_text(canaries["home"])
    lesson = find(LESSON)
    write_file(here.root / CONFIG, (CHECKOUT / CONFIG).read_bytes())
    write_file(here.course.notebook(lesson), dumps(release()).encode())
    solved = solution(canaries["solution"], canaries["hidden"])
    write_file(here.course.solution(lesson), dumps(solved).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("DATABASE_PASSWORD", canaries["env"])
        try:
            yield here
        finally:
            for each in (temp, Path(f"{temp}.socket")):
                each.unlink(missing_ok=True)
