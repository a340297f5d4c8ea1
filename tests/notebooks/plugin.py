"""Every notebook that pytest meets is run again and must say what is stored in it.

nbval runs the cells; on top of it stands what it leaves open:

- a notebook is one test, so that no scheduler can tear its cells apart;
- a cell that was never executed fails: nbval would have nothing to compare it with;
- numbers have a tolerance, and figures are compared by their data (`tests.notebooks.compare`);
- a kernel that dies is noticed within a second, not after the time limit of a cell;
- marks are tags, since a comment in a cell changes the checksum that nbgrader keeps of it.

Tags: ``nbval-skip``, ``nbval-ignore-output``, ``raises-exception``, and ``tolerance=0.05``.

A lesson is replayed a second time as another machine would run it, another one each day
(`benchmarks.machines`): ``--machine sse41`` asks for one of them, ``--machine all`` for every one.
"""

import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from queue import Empty
from textwrap import indent
from time import monotonic

import pytest
from nbformat import NotebookNode
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError, find_comment_markers

from attncourse.course.syllabus import find
from benchmarks.machines import HERE, MACHINES, in_turn, simulated
from tests.notebooks.compare import Tolerance, differences

SECONDS_PER_CELL = 300  # a lesson takes less than 60, but machines may be busy
COLOUR = re.compile(r"\x1b\[[\d;]*m")
DAY = "ATTNCOURSE_DAY"  # decides whose turn it is; one day for all workers
IN_TURN, ALL = "turn", "all"
REPORTED = 5  # cells: what follows a wrong one is often wrong because of it


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--machine",
        default=IN_TURN,
        choices=(HERE, *simulated(), IN_TURN, ALL),
        help="replay lessons as another machine would; by default as this one and one in turn",
    )


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault(DAY, date.today().isoformat())
    if config.getoption("loadscopereorder", None):
        config.option.loadscopereorder = False  # it would leave the few and long replays to the end
    config.option.nbval_cell_timeout = min(config.option.nbval_cell_timeout, SECONDS_PER_CELL)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # kernels inherit it
    whole_files = config.getoption("dist", "no") in ("no", "loadfile", "loadscope")
    if plain_nbval(config) and not whole_files:
        raise pytest.UsageError("a cell needs those before it: run nbval with --dist loadfile")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest first, which are the replays; then the files with the most tests."""
    if hasattr(config, "workerinput"):
        tests = Counter(item.path for item in items)
        items.sort(key=lambda item: (not isinstance(item, Replay), -tests[item.path]))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix == ".ipynb" and not plain_nbval(parent.config):
        return Notebook.from_parent(parent, path=file_path)
    return None


def plain_nbval(config: pytest.Config) -> bool:
    """Whether pytest was asked for nbval as it is, a test for each cell."""
    return config.option.nbval or config.option.nbval_lax


class KernelDied(Exception):
    """The process that runs the cells is gone."""


class WatchedKernel(RunningKernel):
    """A kernel that is looked after while one waits for its messages."""

    def get_message(self, stream, timeout=None):
        end = monotonic() + (math.inf if timeout is None else timeout)
        while True:
            try:
                return super().get_message(stream, timeout=max(0, min(0.5, end - monotonic())))
            except Empty:
                if not self.is_alive():
                    raise KernelDied("the kernel died") from None
                if monotonic() >= end:
                    raise


class Cell(IPyNbCell):
    """A code cell: nbval runs it, we compare."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.output_timeout = 60  # of a living kernel; nbval gives a busy machine five seconds
        self.tolerance = Tolerance.of(self.cell.metadata.get("tags", []))

    def compare_outputs(self, test, ref, skip_compare=None):
        self.comparison_traceback = list(differences(ref, test, self.tolerance))
        return not self.comparison_traceback

    def unproven(self) -> str:
        """Why running this cell would prove nothing, if so."""
        if dict(find_comment_markers(self.cell.source)):
            return "a comment marks it for nbval: use a tag"
        if self.cell.execution_count is None and self.cell.source.strip():
            return "it was never executed: run the whole notebook and save it"
        return ""

    def told(self, complaint: str) -> str:
        """A complaint with the place and the source of the cell."""
        place = f"code cell {self.cell_num + 1} (id {self.cell.get('id', 'none')})"
        return f"{place}: {complaint}\n{indent(self.cell.source, '    | ')}"


class Notebook(IPyNbFile):
    """A notebook and the kernel that runs its cells."""

    def collect(self) -> Iterator["Replay"]:
        for machine in self.machines():
            name = "replay" if machine == HERE else f"replay[{machine}]"
            yield Replay.from_parent(self, name=name, machine=machine)

    def machines(self) -> list[str]:
        """On which machines it is replayed; what is no lesson, on this one."""
        try:
            lesson = find(self.path.stem)
        except ValueError:
            return [HERE]
        asked = self.config.option.machine
        if asked == IN_TURN:
            return [HERE, in_turn(lesson.number, date.fromisoformat(os.environ[DAY]))]
        return [HERE, *simulated()] if asked == ALL else [asked]

    def cells(self) -> Iterator[Cell]:
        for cell in super().collect():
            if not cell.options["skip"]:
                yield Cell.from_parent(
                    self,
                    name=cell.name,
                    cell_num=cell.cell_num,
                    cell=cell.cell,
                    options=cell.options,
                )

    def setup(self) -> None:
        """Nothing: each replay has a kernel of its own."""

    def start_kernel(self, machine: str) -> None:
        self.displays = {}
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in MACHINES[machine].items():
                patch.setenv(variable, value)  # the kernel inherits it
            self.kernel = WatchedKernel(
                CURRENT_ENV_KERNEL_NAME,
                cwd=str(self.path.parent),
                startup_timeout=self.config.option.nbval_kernel_startup_timeout,
            )

    def get_kernel_message(self, timeout=None, stream="iopub"):
        """The next message; updates of a display, of which nbval knows nothing, are done here."""
        while True:
            message = super().get_kernel_message(timeout, stream)
            content = message["content"]
            name = content.get("transient", {}).get("display_id")
            if message["msg_type"] == "update_display_data":
                self.displays[name].clear()
                self.displays[name].update(content["data"])
                continue
            if name is not None:
                # A node, because nbval would copy a dict and miss its updates.
                content["data"] = self.displays[name] = NotebookNode(content["data"])
            return message

    def stop_kernel(self) -> None:
        if hasattr(self.kernel, "km"):  # nbval has not stopped it after a timeout
            self.kernel.stop()

    def teardown(self) -> None:
        """Nothing: see `setup`."""


class NotAsStored(Exception):
    """A notebook that does not say what is stored in it."""


class Replay(pytest.Item):
    """All cells of a notebook, in order, on one machine."""

    def __init__(self, *, machine: str = HERE, **arguments):
        super().__init__(**arguments)
        self.machine = machine

    def setup(self) -> None:
        self.parent.start_kernel(self.machine)

    def teardown(self) -> None:
        self.parent.stop_kernel()

    def runtest(self) -> None:
        cells = list(self.parent.cells())
        complaints = [cell.told(cell.unproven()) for cell in cells if cell.unproven()]
        complaints = complaints or list(islice(replay(cells), REPORTED))
        if complaints:
            raise NotAsStored("\n\n".join(complaints))

    def repr_failure(self, excinfo):
        if excinfo.errisinstance(NotAsStored):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, self.nodeid


def replay(cells: list[Cell]) -> Iterator[str]:
    """Run the cells and tell what is not as stored, until the kernel is lost."""
    for cell in cells:
        try:
            cell.runtest()
        except NbCellError as error:
            yield cell.told(COLOUR.sub("", f"{error}\n{error.inner_traceback or ''}").strip())
        except (KernelDied, RuntimeError) as error:
            yield cell.told(str(error))
            return
