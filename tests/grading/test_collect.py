"""Archives of learning platforms: everyone's latest notebook arrives, and nothing else does."""

import io
import json
import os
import struct
import tarfile
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nbformat import NotebookNode

from attncourse import cli
from attncourse.course.notebook import dumps
from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson, find
from attncourse.grading.intake import archives
from attncourse.grading.intake.collect import Row, State, collect
from attncourse.grading.intake.roster import Roster
from attncourse.grading.intake.submissions import read_submission
from attncourse.grading.plan import Plan
from tests.grading.lesson import DOUBLE, SQUEEZE

ADA = "Ada Lovelace_4711_assignsubmission_file_/06-se.ipynb"
BOB = "Bob_4712_assignsubmission_file_/06-se.ipynb"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AFTER = NOON.replace(hour=13)


def info(name: str, when: datetime = NOON) -> zipfile.ZipInfo:
    """A member of a zip file with a time in UTC, as Info-ZIP writes it."""
    entry = zipfile.ZipInfo(name, when.timetuple()[:6])
    entry.extra = struct.pack("<HHBi", 0x5455, 5, 1, int(when.timestamp()))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes | str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries:
            archive.writestr(info(name) if isinstance(name, str) else name, content)
    return file.getvalue()


def tarred(*members: tarfile.TarInfo | tuple[str, bytes], mode: str = "w:gz") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            entry = tarfile.TarInfo(member[0])
            entry.size, entry.mtime = len(member[1]), int(NOON.timestamp())
            archive.addfile(entry, io.BytesIO(member[1]))
    return file.getvalue()


@pytest.fixture
def notebook(solved: NotebookNode) -> bytes:
    return dumps(solved).encode()


class Downloads:
    """Archives in a folder, and what collecting them gives."""

    def __init__(self, folder: Path, course: Course) -> None:
        self.folder, self.course = folder, course
        self.count = 0

    def __call__(self, *contents: bytes, name: str = "", **options: object) -> list[Row]:
        paths = []
        for content in contents:
            self.count += 1
            paths.append(self.folder / (name or f"download-{self.count}.zip"))
            paths[-1].write_bytes(content)
        return collect(paths, self.course, **options)

    def files(self) -> dict[str, list[str]]:
        """What lies in `submitted/` by student."""
        root = self.course.root / "submitted"
        assert not list(root.glob(".*"))
        return {
            student.name: sorted(p.relative_to(student).as_posix() for p in student.glob("*/*"))
            for student in root.iterdir()
        }


@pytest.fixture
def download(tmp_path: Path, course: Course) -> Downloads:
    return Downloads(tmp_path, course)


HOME = ["06-se/.owner", "06-se/06-se.ipynb", "06-se/timestamp.txt"]


# Layouts.


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("Ada Lovelace_4711_assignsubmission_file_/06-se.ipynb", "ada-lovelace"),
        ("Ada Lovelace_4711_assignsubmission_file/06-se.ipynb", "ada-lovelace"),
        ("Ada Lovelace_4711_assignsubmission_file_06-se.ipynb", "ada-lovelace"),
        ("all/Ada Lovelace_4711_assignsubmission_file_/a/06-SE (1).ipynb", "ada-lovelace"),
        ("李雷_4711_assignsubmission_file_/06_se.ipynb", "李雷"),
        ("lovelaceada_12345_678910_06-se-1.ipynb", "lovelaceada-12345"),
        ("lovelaceada_LATE_12345_678910_06-se.ipynb", "lovelaceada-12345"),
    ],
)
def test_moodle_and_canvas_are_known(
    download: Downloads, notebook: bytes, name: str, student: str
) -> None:
    (row,) = download(zipped((name, notebook)))
    assert (row.state, row.student, row.lesson) == (State.COLLECTED, student, "06-se")
    assert ("late" in row.outcome) == ("LATE" in name)
    assert download.files() == {student: HOME}


def test_a_pattern_serves_other_platforms(download: Downloads, notebook: bytes) -> None:
    content = zipped(("06-se/2026001-张三-homework.ipynb", notebook))
    (row,) = download(content, pattern=r"(?P<student>\d+)-[^/]*$", lesson=find("se"))
    assert row.state is State.COLLECTED and row.student == "2026001"
    assert "--pattern" in download(content)[0].outcome


EVE_S = ["Bob Ross_1_assignsubmission_file_/06-se.ipynb", "bobross_1_1_06-se.ipynb"]
FLAT, FOLDER = "eva_13_35_06-se.ipynb", "Eva_6_assignsubmission_file_/06-se.ipynb"
PLACES = [  # where Eve puts it, and what Eva handed in beside it
    ("eve_12_34_{}", FLAT),
    ("eve_12_34_stuff.zip//{}", FLAT),
    ("Eve_5_assignsubmission_file_/{}", FOLDER),
    ("Eve_5_assignsubmission_file_/a/{}", FOLDER),
    ("Eve_5_assignsubmission_file_/stuff.zip//{}", FOLDER),
    ("all/Eve_5_assignsubmission_file_/stuff.zip//{}", f"all/{FOLDER}"),
]


@pytest.mark.parametrize("own", EVE_S)
@pytest.mark.parametrize(("place", "beside"), PLACES)
def test_nothing_that_a_learner_named_says_whose_it_is(
    download: Downloads, notebook: bytes, own: str, place: str, beside: str
) -> None:
    outer, _, inner = place.format(own).partition("//")
    hers = (outer, zipped((inner, notebook)) if inner else notebook)
    roster = Roster({"eve": "eve", "eva": "eva", "1": "bob", "bobross": "bob"})
    (alone,) = download(zipped(hers), roster=roster)
    assert alone.student == "eve" or "--pattern" in alone.outcome
    rows = download(zipped(hers, (beside, notebook)), roster=roster)
    assert [row.student for row in rows] == ["eve", "eva"]


def test_a_pattern_is_held_to_the_names_in_the_archive_itself(
    download: Downloads, notebook: bytes
) -> None:
    inner = zipped(("2026002-06-se.ipynb", notebook))
    content = zipped(("hw/2026001-work.zip", inner), ("hw/x/2026003-06-se.ipynb", notebook))
    rows = download(content, pattern=r"(?P<student>\d+)-[^/]*$", lesson=find("se"))
    assert [row.student for row in rows] == ["2026001", ""]


@pytest.mark.parametrize("pattern", ["(", "(?P<name>.*)"])
def test_a_pattern_that_cannot_work_is_refused(download: Downloads, pattern: str) -> None:
    with pytest.raises(ValueError, match=r"regular expression|needs a group"):
        download(pattern=pattern)


def test_the_lesson_is_asked_for_where_no_name_tells(
    download: Downloads, notebook: bytes, lesson: Lesson
) -> None:
    content = zipped(("Ada_1_assignsubmission_file_/homework.ipynb", notebook))
    assert "--lesson" in download(content)[0].outcome
    assert download(content, name="Course-06-se-7.zip")[0].lesson == "06-se"
    assert download(content, lesson=lesson)[0].outcome == "already collected"


def test_names_in_gbk_are_read_though_nothing_says_that_they_are(
    download: Downloads, notebook: bytes
) -> None:
    placeholder = "XXXX_4711_assignsubmission_file_/06-se.ipynb"
    content = zipped((placeholder, notebook)).replace(b"XXXX", "李雷".encode("gbk"))
    assert download(content)[0].student == "李雷"


def test_what_is_collected_can_be_read_and_graded(
    download: Downloads, notebook: bytes, plan: Plan
) -> None:
    download(zipped((ADA, notebook)))
    folder = download.course.root / "submitted" / "ada-lovelace" / "06-se"
    submission = read_submission(folder, plan, "ada-lovelace")
    assert submission.answers == {"squeeze": SQUEEZE, "double": DOUBLE}
    assert submission.notes == ()
    assert submission.submitted == NOON.isoformat()


# Times.


def test_the_latest_by_the_platform_s_time_counts(download: Downloads, notebook: bytes) -> None:
    second = zipped((info(ADA, AFTER), notebook + b"\n"))
    rows = download(zipped((ADA, notebook)), second, zipped((ADA, notebook + b"\n\n")))
    assert [row.state for row in rows] == [
        State.PASSED_OVER, State.COLLECTED, State.PASSED_OVER]  # fmt: skip
    path = download.course.root / "submitted/ada-lovelace/06-se/06-se.ipynb"
    assert path.read_bytes() == notebook + b"\n"


def test_an_earlier_download_never_replaces_a_later_one(
    download: Downloads, notebook: bytes
) -> None:
    late, early = zipped((info(ADA, AFTER), notebook)), zipped((ADA, b"old"))
    path = download.course.root / "submitted/ada-lovelace/06-se/06-se.ipynb"
    assert download(late)[0].state is State.COLLECTED
    assert "there already" in download(early)[0].outcome
    assert download(late)[0].outcome == "already collected"
    assert path.read_bytes() == notebook


def test_a_later_download_leaves_nothing_of_the_earlier(
    download: Downloads, notebook: bytes
) -> None:
    twice = [(ADA, notebook), (ADA.replace(".ipynb", " (1).ipynb"), b"{}")]
    rows = download(zipped(*twice))
    assert {row.state for row in rows} == {State.COLLECTED}
    assert download.files()["ada-lovelace"] == sorted(["06-se/06-se (2).ipynb", *HOME])
    download(zipped((info(ADA, AFTER), notebook)))
    assert download.files() == {"ada-lovelace": HOME}


def test_a_learner_s_own_timestamp_and_archive_decide_nothing(
    download: Downloads, notebook: bytes, plan: Plan
) -> None:
    old = datetime(1999, 1, 1, tzinfo=UTC)
    inner = zipped((info("06-se.ipynb", old), notebook), ("timestamp.txt", "1999-01-01 00:00 UTC"))
    rows = download(zipped((ADA.replace("06-se.ipynb", "work.zip"), inner)))
    assert [row.state for row in rows] == [State.COLLECTED, State.PASSED_OVER]
    folder = download.course.root / "submitted/ada-lovelace/06-se"
    assert read_submission(folder, plan, "ada").submitted == NOON.isoformat()


def test_times_that_nobody_wrote_or_that_lie_ahead_become_the_download_s(
    download: Downloads, notebook: bytes
) -> None:
    ahead = info(BOB, datetime(2037, 1, 1, tzinfo=UTC))
    before = time.time() - 5
    rows = download(zipped((zipfile.ZipInfo(ADA), notebook), (ahead, notebook)))
    for row in rows:
        assert row.time is not None and before < row.time.timestamp() < time.time() + 5


# What is refused, while the rest is collected.


def linked(name: str) -> zipfile.ZipInfo:
    entry = info(name)
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    return entry


def encrypted(notebook: bytes) -> bytes:
    content = bytearray(zipped((ADA, notebook), (BOB, notebook)))
    place = content.index(b"PK\1\2")
    content[place + 8] |= 1  # the flags of the first member in the central directory
    return bytes(content)


def damaged(notebook: bytes) -> bytes:
    content = bytearray(zipped((ADA, notebook), (BOB, notebook)))
    content[len(ADA) + 60 : len(ADA) + 90] = bytes(30)
    return bytes(content)


def unknown_compression(notebook: bytes) -> bytes:
    content = bytearray(zipped((ADA, notebook), (BOB, notebook)))
    content[8] = content[content.index(b"PK\1\2") + 10] = 99
    return bytes(content)


BOMB = bytes(30 * 2**20)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda nb: zipped((f"../../{ADA}", nb), (BOB, nb)), "leads out"),
        (lambda nb: zipped((f"/etc/{ADA}", nb), (BOB, nb)), "leads out"),
        (lambda nb: zipped((f"C:\\{ADA}", nb), (BOB, nb)), "leads out"),
        (lambda nb: zipped((f"a\\..\\{ADA}", nb), (BOB, nb)), "leads out"),
        (lambda nb: zipped((linked(ADA), "/etc/passwd"), (BOB, nb)), "link"),
        (encrypted, "encrypted"),
        (damaged, "damaged"),
        (unknown_compression, "damaged"),
        (lambda nb: zipped((ADA, BOMB), (BOB, nb)), "200 times"),
        (lambda nb: zipped((ADA, os.urandom(33 * 2**20)), (BOB, nb)), "larger than 32 MB"),
        (lambda nb: zipped((ADA.replace("ipynb", "zip"), "PK"), (BOB, nb)), "neither a zip"),
        (lambda nb: zipped((ADA.replace("ipynb", "rar"), "Rar!"), (BOB, nb)), "ask for a zip"),
        (lambda nb: zipped((ADA.replace("ipynb", "tgz"), b"\x1f\x8bx"), (BOB, nb)), "broken"),
        (lambda nb: zipped(("!_1_assignsubmission_file_/06-se.ipynb", nb), (BOB, nb)), "folder"),
    ],
)
def test_a_bad_member_is_named_and_the_others_are_collected(
    download: Downloads, notebook: bytes, make: object, why: str
) -> None:
    bad, good = download(make(notebook))
    assert bad.state is State.REFUSED and why in bad.outcome
    assert good.state is State.COLLECTED
    assert download.files() == {"bob": HOME}
    assert sorted(path.name for path in download.folder.iterdir()) == ["course", "download-1.zip"]


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"<html>Please log in</html>",
        b"PK\x03\x04",
        zipped((ADA, b"{}"))[:-30],
        tarred((ADA, b"{}"))[:-20],
        b"\x1f\x8b" + bytes(100),
        b"Rar!\x1a\x07\x00",
    ],
)
def test_a_broken_archive_never_stops_the_rest(
    download: Downloads, notebook: bytes, broken: bytes
) -> None:
    rows = download(broken, zipped((BOB, notebook)))
    assert rows[0].state is State.REFUSED and rows[0].path == ""
    assert rows[-1].state is State.COLLECTED
    assert download.files() == {"bob": HOME}


def test_tar_archives_are_read_without_their_links_and_devices(
    download: Downloads, notebook: bytes
) -> None:
    special = []
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        entry = tarfile.TarInfo(ADA)
        entry.type, entry.linkname = kind, "/etc/passwd"
        special.append(entry)
    for mode in ("w", "w:gz", "w:bz2", "w:xz"):
        rows = download(tarred(*special, (f"./{BOB}", notebook), mode=mode), name="all.tar")
        assert [row.state for row in rows] == [State.REFUSED] * 4 + [State.COLLECTED]
    assert download.files() == {"bob": HOME}


def test_archives_in_archives_end_somewhere(download: Downloads, notebook: bytes) -> None:
    inner = zipped(("06-se.ipynb", notebook))
    for _ in range(4):
        inner = zipped(("more.zip", inner))
    (row,) = download(zipped((ADA.replace("ipynb", "zip"), inner)))
    assert row.state is State.REFUSED and "too many archives" in row.outcome


def test_limits_hold_over_a_whole_archive(
    download: Downloads, notebook: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"Student {n}_{n}_assignsubmission_file_/06-se.ipynb" for n in range(9)]
    monkeypatch.setattr(archives, "MOST_BYTES", 3 * len(notebook))
    monkeypatch.setattr(archives._Budget.__init__, "__defaults__", (5, 0))
    rows = download(zipped(*((name, notebook) for name in names)))
    assert [row.state for row in rows].count(State.COLLECTED) == 3
    assert "GB" in rows[3].outcome and "files" in rows[-1].outcome
    assert len(rows) == 6


@pytest.mark.parametrize("deeper", [False, True])
def test_nobody_s_archive_uses_up_what_is_there_for_the_others(
    download: Downloads, notebook: bytes, monkeypatch: pytest.MonkeyPatch, deeper: bool
) -> None:
    names = [f"Student {n}_{n}_assignsubmission_file_/work.zip" for n in range(3)]
    many = zipped(*((f"{n}/06-se.ipynb", notebook) for n in range(9)))
    inner = [zipped(("all.zip", many)) if deeper else many, zipped(("06-se.ipynb", notebook)), many]
    monkeypatch.setattr(archives._Budget.__init__, "__defaults__", (5, 0))
    rows = download(zipped(*zip(names, inner, strict=True)))
    assert {"student-1"} < {row.student for row in rows if row.state is State.COLLECTED}
    assert sum("more than" in row.outcome for row in rows) == 2
    monkeypatch.setattr(archives, "MOST_INSIDE", 2 * len(notebook))
    monkeypatch.setattr(archives._Budget.__init__, "__defaults__", (50, 0))
    rows = download(zipped(*zip(names, inner, strict=True)))
    assert [row.outcome for row in rows if row.student == "student-1"] == ["already collected"]
    assert sum("GB" in row.outcome for row in rows) >= 8


def test_hidden_files_and_macos_s_shadows_are_passed_over(
    download: Downloads, notebook: bytes
) -> None:
    shadow = "__MACOSX/" + ADA.replace("/", "/._")
    old = ADA.replace("/", "/.ipynb_checkpoints/")
    (row,) = download(zipped((ADA, notebook), (shadow, b"x"), (old, b"x")))
    assert row.path == ADA


def test_namesakes_are_not_mixed_up(download: Downloads, notebook: bytes) -> None:
    other = ADA.replace("4711", "4799")
    rows = download(zipped((ADA, notebook), (other, notebook), (BOB, notebook)))
    assert [row.state for row in rows] == [State.REFUSED, State.REFUSED, State.COLLECTED]
    assert "two people" in rows[0].outcome


def test_namesakes_are_not_mixed_up_from_one_run_to_the_next(
    download: Downloads, notebook: bytes
) -> None:
    first, second = (
        "Li Wei_1_assignsubmission_file_/06-se.ipynb",
        "Li Wei_2_assignsubmission_file_/06-se.ipynb",
    )
    assert download(zipped((first, notebook)))[0].state is State.COLLECTED
    (other,) = download(zipped((info(second, AFTER), notebook + b"\n")))
    assert other.state is State.REFUSED and "two people" in other.outcome
    path = download.course.root / "submitted/li-wei/06-se/06-se.ipynb"
    assert path.read_bytes() == notebook
    (again,) = download(zipped((info(first, AFTER), notebook + b"\n")))
    assert again.outcome == "collected" and path.read_bytes() == notebook + b"\n"


def test_with_a_roster_two_assignments_of_one_person_are_one_person_s(
    download: Downloads, notebook: bytes
) -> None:
    other = info(ADA.replace("4711", "4799"), AFTER)
    roster = Roster({"adalovelace": "ada"})
    rows = download(zipped((ADA, notebook)), zipped((other, notebook)), roster=roster)
    assert [row.state for row in rows] == [State.PASSED_OVER, State.COLLECTED]
    assert {row.student for row in rows} == {"ada"}


# The roster.

CLASS = "id,first_name,last_name,number\na01,Ada,Lovelace,12345\nb02,Bob,Ross,\nb03,Bob,Ross,\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_roster_maps_names_and_numbers_to_ids(
    download: Downloads, notebook: bytes, tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "class.csv"
    path.write_bytes((CLASS + "李,姓李,雷,\n").encode(encoding))
    roster = Roster.read(path)
    rows = download(
        zipped(
            ("someoneelse_12345_99_06-se.ipynb", notebook),
            ("lovelaceada_1_99_06-se.ipynb", notebook),
        ),
        zipped(
            (ADA, notebook),
            ("Bob Ross_2_assignsubmission_file_/06-se.ipynb", notebook),
            ("Ada Lovelacy_3_assignsubmission_file_/06-se.ipynb", notebook),
        ),
        roster=roster,
    )
    assert [row.student for row in rows[:3]] == ["a01"] * 3
    assert "two people of the roster" in rows[3].outcome
    assert "did you mean a01?" in rows[4].outcome


@pytest.mark.parametrize("text", ["", "name\nAda\n", "id,name\n../x,Ada\n", "id\n.hidden\n"])
def test_a_roster_that_cannot_serve_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "class.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"needs a heading|cannot be a student's id"):
        Roster.read(path)


# The command.


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    return exit_.value.code or 0


def test_the_command_shows_what_it_did_and_says_if_something_is_missing(
    download: Downloads, notebook: bytes, monkeypatch: pytest.MonkeyPatch, capsys, tmp_path: Path
) -> None:
    monkeypatch.chdir(download.course.root)
    monkeypatch.setenv("COLUMNS", "200")
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    good.write_bytes(zipped((ADA, notebook), ("notes.pdf", b"x")))
    bad.write_bytes(b"\x1b[2Jnothing")
    assert run("collect", str(good)) == 0
    assert run("collect", str(good), str(bad)) == 1
    shown = capsys.readouterr().out
    assert "ada-lovelace" in shown and "already collected" in shown and "neither a zip" in shown


def test_the_table_moves_no_cursor(download: Downloads, notebook: bytes, capsys) -> None:
    from attncourse.grading.intake.collect import render

    rows = download(zipped(("\x1b[2J[red]_1_assignsubmission_file_/06-se.ipynb", notebook)))
    cli.show(render(rows))
    assert "\x1b[2J" not in capsys.readouterr().out


def test_nothing_of_a_notebook_is_run_or_lost_on_the_way(
    download: Downloads, notebook: bytes
) -> None:
    download(zipped((ADA, notebook)))
    path = download.course.root / "submitted/ada-lovelace/06-se/06-se.ipynb"
    assert json.loads(path.read_bytes()) == json.loads(notebook)
