"""Running a notebook in a kernel of its own, to the end, whatever its cells do.

A cell that raises is passed over, as nbgrader does. A cell that never ends is interrupted. A cell
that kills its kernel, or cannot be interrupted, is left out of a second run in a fresh kernel, so
that it spoils itself and not the cells after it.
"""

import logging
import os
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output

TIMED_OUT = "CellTimeout"
KERNEL_DIED = "KernelDied"
MOST_KERNELS = 4

OnCell = Callable[[int, int], None]
Choice = Callable[[NotebookNode], bool]


@dataclass
class Execution:
    """What running a notebook took, and what it showed beside the notebook's own outputs.

    Attributes:
        cpu_seconds: CPU seconds that the last kernel used, without second runs.
        again: Cells that were run a second time, by their index, with the outputs of that run.
    """

    cpu_seconds: float = 0.0
    again: dict[int, NotebookNode] = field(default_factory=dict)


def execute(
    nb: NotebookNode,
    folder: Path,
    *,
    cell_timeout: int,
    on_cell: OnCell | None = None,
    twice: Choice | None = None,
    environment: Mapping[str, str] | None = None,
) -> Execution:
    """Runs every code cell of a notebook, in place, and goes on after errors.

    Args:
        nb: The notebook; its outputs are replaced.
        folder: The working directory of its kernel.
        cell_timeout: Seconds that one cell may take.
        on_cell: Called with the number of the cell that starts, from 1, and of all cells.
        twice: Chooses cells that are run a second time, as soon as they have run.
        environment: Variables of the kernel, before those that it has anyway.

    Returns:
        What it took. A cell that was stopped carries an error output named `TIMED_OUT` or
        `KERNEL_DIED`; cells that could not be run have no execution count.
    """
    stopped: dict[int, NotebookNode] = {}
    for _ in range(MOST_KERNELS):
        _clear(nb)
        for index, error in stopped.items():
            nb.cells[index].outputs = [error]
        client = _client(nb, folder, cell_timeout)
        with client.setup_kernel(env=_environment() | dict(environment or {})):
            execution = Execution()
            culprit = _run(client, stopped, on_cell, twice, execution)
            if culprit is None:
                execution.cpu_seconds += _cpu_seconds(client)
                return execution
        stopped[culprit] = nb.cells[culprit].outputs[-1]
    return Execution()


def _run(
    client: NotebookClient,
    skip: dict[int, NotebookNode],
    on_cell: OnCell | None,
    twice: Choice | None,
    execution: Execution,
) -> int | None:
    """Runs the cells that are not to be skipped; returns the one that ended the kernel, if any."""
    for index, cell in enumerate(client.nb.cells):
        if on_cell:
            on_cell(index + 1, len(client.nb.cells))
        if index in skip:
            continue
        try:
            client.execute_cell(cell, index)
            if twice and twice(cell):
                execution.cpu_seconds += _cpu_seconds(client)
                execution.again[index] = _run_again(client, index)
                execution.cpu_seconds -= _cpu_seconds(client)
        except DeadKernelError:
            reason = "the kernel died here; usually memory ran out"
            cell.outputs.append(_error(KERNEL_DIED, reason))
            return index
        except CellTimeoutError:
            reason = f"ran longer than {client.timeout} s and could not be interrupted"
            cell.outputs.append(_error(TIMED_OUT, reason))
            return index
    return None


def _run_again(client: NotebookClient, index: int) -> NotebookNode:
    """Runs a cell that has just run; the notebook keeps what the first run showed."""
    first, second = client.nb.cells[index], deepcopy(client.nb.cells[index])
    second.outputs = []
    client.nb.cells[index] = second  # what a progress bar redraws is looked up there
    try:
        client.execute_cell(second, index)
    finally:
        client.nb.cells[index] = first
    return second


def _client(nb: NotebookNode, folder: Path, cell_timeout: int) -> NotebookClient:
    reason = f"ran longer than {cell_timeout} s and was stopped"
    client = NotebookClient(
        nb,
        allow_errors=True,
        timeout=cell_timeout,
        interrupt_on_timeout=True,
        # Without its own reply nbclient would wait for one that a deaf cell never sends.
        error_on_timeout={"ename": TIMED_OUT, "evalue": reason, "traceback": []},
        raise_on_iopub_timeout=True,
        iopub_timeout=10,
        coalesce_streams=True,
        shutdown_kernel="immediate",
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
        log=_silent(),
    )
    client.on_cell_error = _keep_error
    return client


def _keep_error(cell: NotebookNode, cell_index: int, execute_reply: dict[str, Any]) -> None:
    """Makes sure that the error which ended a cell is among its outputs, and is the last."""
    reply = execute_reply["content"]
    if reply["ename"] == TIMED_OUT:  # the interruption itself is not the news
        cell.outputs = [each for each in cell.outputs if each.output_type != "error"]
    if not any(each.get("ename") == reply["ename"] for each in cell.outputs):
        cell.outputs.append(_error(reply["ename"], reply["evalue"]))


def _error(name: str, reason: str) -> NotebookNode:
    trace = [f"{name}: {reason}"]
    output: NotebookNode = new_output("error", ename=name, evalue=reason, traceback=trace)
    return output


def _clear(nb: NotebookNode) -> None:
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def _environment() -> dict[str, str]:
    # One thread: two on a busy machine are slower and change the last digits.
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def _cpu_seconds(client: NotebookClient) -> float:
    question = {"cpu": "__import__('time').process_time()"}
    assert client.kc is not None
    reply = client.wait_for_reply(client.kc.execute("", silent=True, user_expressions=question))
    assert reply is not None
    return float(reply["content"]["user_expressions"]["cpu"]["data"]["text/plain"])


def _silent() -> logging.Logger:
    """A logger that keeps nbclient's own reports off the terminal: they become verdicts."""
    logger = logging.Logger(__name__)  # nobody else's: no other gets at it by its name
    logger.addHandler(logging.NullHandler())
    return logger
