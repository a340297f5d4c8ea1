"""Who is in the class: from the names that a learning platform uses to the ids of the gradebook."""

import csv
import difflib
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Headings of the column with ids; the first that is there counts.
IDS = ("id", "student", "student_id", "username", "id number", "idnumber", "sis user id", "学号")
CLOSE = 0.8  # of a name's letters are the same: a slip, and hardly somebody else
FIRST, LAST = ("first_name", "first name", "名"), ("last_name", "last name", "surname", "姓")


@dataclass(frozen=True)
class Roster:
    """The people of a class.

    Attributes:
        names: Student ids by everything that their owners are called; an empty id where two
            people are called the same.
    """

    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Roster":
        """Reads a CSV file with a heading; every column is something that people are called.

        Raises:
            ValueError: There is no column of ids, or an id cannot name a folder.
        """
        rows = list(csv.DictReader(io.StringIO(_text(path.read_bytes()), newline="")))
        heading = {key.strip().lower(): key for key in (rows[0] if rows else {}) if key}
        column = next((heading[name] for name in IDS if name in heading), None)
        if column is None:
            raise ValueError(f"{path} needs a heading with one of {', '.join(IDS)}")
        names: dict[str, str] = {}
        for row in rows:
            student = (row[column] or "").strip()
            if not is_student(student):
                raise ValueError(f"{path}: {student!r} cannot be a student's id")
            texts = [text for text in row.values() if isinstance(text, str)]
            for name in {_plain(text) for text in (*texts, *_whole_names(row, heading))} - {""}:
                names[name] = student if names.get(name, student) == student else ""
        return cls(names)

    def find(self, *called: str) -> str:
        """The id of the person who is called so.

        Args:
            called: What the platform says: a number, a name. The first that is known counts.

        Raises:
            ValueError: Nobody is called so, or two are; the message names the nearest.
        """
        for name in map(_plain, called):
            if self.names.get(name):
                return self.names[name]
        shown = " / ".join(filter(None, called))
        if any(_plain(name) in self.names for name in called):
            raise ValueError(f"two people of the roster are called {shown}")
        near = [
            n for c in called for n in difflib.get_close_matches(_plain(c), self.names, 1, CLOSE)
        ]
        hint = f"; did you mean {self.names[near[0]]}?" if near else ""
        raise ValueError(f"{shown} is not in the roster{hint}")


def is_student(name: str) -> bool:
    """Whether a text can name a student's folder, also for nbgrader."""
    return bool(re.fullmatch(r"[\w@-][\w@. -]{0,63}", name)) and name == name.strip(" .")


def as_student(*called: str) -> str:
    """An id made of what a platform calls somebody."""
    text = unicodedata.normalize("NFKC", "-".join(filter(None, called))).lower()
    return re.sub(r"[^\w@.-]+", "-", text).strip("-. ")[:64]


def _whole_names(row: Mapping[str, str], heading: Mapping[str, str]) -> Iterable[str]:
    first = next((row[heading[name]] or "" for name in FIRST if name in heading), "")
    last = next((row[heading[name]] or "" for name in LAST if name in heading), "")
    return (first + last, last + first) if first and last else ()


def _plain(name: str) -> str:
    """A name without what platforms change in it."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030", "replace")
