"""The records of a lesson on disk: what makes a run safe to kill and cheap to repeat."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from attncourse.course.notebook import write_file
from attncourse.grading.record import Record

FOLDER = "grading"  # below the root of a course


@dataclass(frozen=True)
class Journal:
    """`grading/<lesson>/`: the seed of its probes, and a file for every student's record.

    Attributes:
        root: The folder with `submitted/` and the gradebook.
        lesson: Number and slug.
    """

    root: Path
    lesson: str

    @property
    def folder(self) -> Path:
        """Where the lesson's records, table and report lie."""
        return self.root / FOLDER / self.lesson

    def seed(self, wanted: int | None = None) -> int:
        """The seed from which the whole class is asked: drawn at the first grading, then kept.

        Args:
            wanted: A seed to use from now on.
        """
        path = self.folder / "seed.json"
        if wanted is None and path.is_file():
            return int(json.loads(path.read_text())["seed"])
        seed = secrets.randbelow(2**31) if wanted is None else wanted
        write_file(path, json.dumps({"seed": seed}).encode())
        return seed

    def load(self) -> dict[str, Record]:
        """All records by student; a damaged one is as good as none, and is graded again."""
        return {record.student: record for record in self._records()}

    def save(self, record: Record) -> None:
        """Keeps a record, whole or not at all."""
        path = self.folder / "records" / f"{record.student}.json"
        write_file(path, record.to_json().encode())

    def _records(self) -> Iterator[Record]:
        for path in sorted(self.folder.glob("records/*.json")):
            try:
                yield Record.from_json(path.read_text(encoding="utf-8"))
            except ValueError:
                continue
