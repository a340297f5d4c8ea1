"""Every case as a submission of one class, graded by the real command, in the sandbox."""

import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from attncourse.grading.record import By, Record, Status
from tests.grading.hostile.case import ALL, LESSON, OTHERS, POINTS, Case
from tests.grading.hostile.cases import CASES
from tests.grading.hostile.place import LIMITS, Place, place
from tests.grading.lesson import DOUBLE

HONEST = [
    Case("a honest", {"double": f"{DOUBLE}\n# @OTHER"}),
    Case("m honest", {"squeeze": "def squeeze(x):\n    return x.sum((2, 3))"}, OTHERS),
    Case("n honest", {"block": "class SEBlock(nn.Module):\n    pass"}, ALL - {"block"}),
    Case("z honest", {"squeeze": "def squeeze(x):\n    return x.flatten(2).mean(-1)"}),
]
CANARY = re.compile(r"canary-[0-9a-f]{32}")
#: Attacks that would reach what they are after, and do nobody any harm.
WORKING = {"reads the solution", "reads another's submission", "reads the home"}
WORKING |= {"reads a temporary file", "calls TCP", "calls UDP", "calls abstract socket"}
WORKING |= {"calls socket in a folder", "writes over a submission", "writes into the course"}
WORKING |= {"writes into the home"}
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")

pytestmark = pytest.mark.slow


@dataclass
class Graded:
    """A class after its grading.

    Attributes:
        here: Where it was graded.
        cases: Who is in it, beside the honest.
        records: By student.
        before: Fingerprint of all that must not change.
        said: What the command printed.
        code: Its exit code.
        seconds: How long it took, by the clock.
    """

    here: Place
    cases: list[Case]
    records: dict[str, Record]
    before: dict[str, str]
    said: str
    code: int
    seconds: float

    def written(self, folder: str, students: list[Case]) -> str:
        """All that was written about some students into a folder."""
        places = (self.here.root / folder / each.student / LESSON for each in students)
        found = (path for each in places for path in each.rglob("*") if path.is_file())
        return "\n".join(path.read_text(encoding="utf-8") for path in found)


@pytest.fixture(scope="module")
def graded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Graded]:
    """Honest students, and the cases that were asked for, graded in one run."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    items = [item for item in request.session.items if item.path == request.path]
    asked = [item.callspec.params["case"] for item in items if hasattr(item, "callspec")]
    cases = [case for case in CASES if case in asked] or CASES
    with place(tmp_path_factory.mktemp("hostile"), "class") as here:
        for case in (*HONEST, *cases):
            here.hand_in(case)
        before = here.fingerprint()
        started = time.monotonic()
        with capture.global_and_fixture_disabled():  # minutes should not be silent
            code, said = here.grade()
        seconds = time.monotonic() - started
        yield Graded(here, cases, here.records(), before, said, code, seconds)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Record]]:
    """The honest students' records where nobody else is in their class."""
    with place(tmp_path_factory.mktemp("honest"), "class") as here:
        for case in HONEST:
            here.hand_in(case)
        here.grade()
        yield here.records()


@pytest.mark.parametrize("case", [*HONEST, *CASES], ids=lambda case: case.name)
def test_every_case_ends_as_it_should(graded: Graded, case: Case) -> None:
    record = graded.records[case.student]
    told = "\n".join(f"{check.grade_id}: {check.sentence}" for check in record.checks)
    earned = {check.grade_id.removeprefix("check-"): check.earned for check in record.checks}
    assert earned == {k: v if k in case.keeps else 0 for k, v in POINTS.items()}, told
    assert record.status in case.ends, f"{record.status}: {record.reason} {record.detail}"
    assert (record.reason == "") == (record.status is Status.GRADED)
    assert not re.search("found (canary|mark)-", told)
    assert not CONTROL.search(record.reason + told)


def test_honest_students_get_what_they_would_get_without_the_others(
    graded: Graded, undisturbed: dict[str, Record]
) -> None:
    def lasting(record: Record) -> Record:
        """What is not about time."""
        checks = tuple(replace(check, seconds=0) for check in record.checks)
        return replace(record, checks=checks, seconds=0, spent=0, submitted="", digest="")

    for case in HONEST:
        assert lasting(graded.records[case.student]) == lasting(undisturbed[case.student])


def test_everybody_has_one_record_and_the_grader_itself_did_not_fail(graded: Graded) -> None:
    assert set(graded.records) == {case.student for case in (*HONEST, *graded.cases)}
    assert graded.code == 0


def test_the_run_ends_in_its_budget(graded: Graded) -> None:
    for case in graded.cases:
        assert graded.records[case.student].spent < LIMITS.whole + 5, case.name
    # On two cores: what each may take is small, and most take much less.
    assert graded.seconds < 60 + 4 * len(graded.cases)


def test_no_process_is_left(graded: Graded) -> None:
    patience = time.monotonic() + 10  # forkservers hear it and end by themselves
    while (left := graded.here.processes()) and time.monotonic() < patience:
        time.sleep(0.2)
    assert left == []


def test_processes_of_the_grader_are_recognised(tmp_path: Path) -> None:
    """Else none would be found where one is left."""
    with place(tmp_path, "class") as here, here.waiting():
        assert len(here.processes()) == 1


def test_nothing_outside_the_run_has_changed(graded: Graded) -> None:
    assert graded.here.fingerprint() == graded.before
    mark = graded.here.words["MARK"]
    left = sorted(path.name for path in Path(tempfile.gettempdir()).glob(f"*{mark}*"))
    assert left == [f"{mark}.txt", f"{mark}.txt.socket"]
    assert not list(graded.here.root.rglob(f"*{mark}*"))
    known = {"solutions", "notebooks", "submitted", "autograded", "feedback", "grading"}
    known |= {"gradebook.db", "nbgrader_config.py"}
    assert {path.name for path in graded.here.root.iterdir()} == known


def test_nobody_is_called(graded: Graded) -> None:
    assert graded.here.trap.heard == []


def test_what_is_tried_works_where_there_is_no_cage(tmp_path: Path) -> None:
    """Else the tests above could not fail."""
    with place(tmp_path, "class") as here:
        tried = [case for case in CASES if case.name in WORKING]
        assert len(tried) == len(WORKING)
        for case in (*HONEST[:1], *tried):
            here.hand_in(case)
        before = here.fingerprint()
        here.grade(sandbox=False)
        told = "\n".join(record.to_json() for record in here.records().values())
        assert {here.canaries[each] for each in ("solution", "other", "home", "temp")} == set(
            CANARY.findall(told)
        )
        assert len({each.partition(":")[0] for each in here.trap.heard}) == 4
        changed = {path for path, text in here.fingerprint().items() if before.get(path) != text}
        mark = here.words["MARK"]
        honest = here.root / "submitted" / HONEST[0].student / LESSON / f"{LESSON}.ipynb"
        assert changed == {str(here.home / mark), str(honest)}
        assert (here.root / mark).exists()


def test_no_secret_is_told(graded: Graded) -> None:
    """The instructor's page of a submission may show hidden tests; the learner's may not."""
    here = graded.here
    hidden = here.canaries["hidden"]
    assert set(CANARY.findall(graded.written("autograded", graded.cases))) <= {hidden}
    assert not CANARY.search(graded.written("feedback", graded.cases))
    assert "double(-3)" not in graded.written("feedback", [*HONEST, *graded.cases])
    about = [path for path in (here.root / "grading").rglob("*") if path.is_file()]
    assert about
    for path in about:
        assert not CANARY.search(path.read_text(encoding="utf-8")), path.name
    assert not CANARY.search(graded.said)


def test_the_terminal_is_not_steered(graded: Graded) -> None:
    assert not CONTROL.search(graded.said)


def test_a_grade_does_not_hang_on_the_gradebook_alone(graded: Graded) -> None:
    """The gradebook says what the records say."""
    totals = graded.here.totals()
    for case in (*HONEST, *graded.cases):
        record = graded.records[case.student]
        assert totals[case.student] == record.earned, case.name


def test_assertions_of_an_instructor_are_marked_as_what_they_are(graded: Graded) -> None:
    """They run beside the learner's code and can be fooled: whoever looks must know that."""
    for case in HONEST:
        by = {check.grade_id: check.by for check in graded.records[case.student].checks}
        assert by.pop("check-double") is By.SUBMISSION
        assert set(by.values()) == {By.JUDGE}
