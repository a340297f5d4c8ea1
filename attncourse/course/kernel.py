"""Running a notebook in a kernel of its own, to the end, whatever its cells do.

A cell that raises is passed over, as nbgrader does. A cell that never ends is interrupted. A cell
that kills its kernel, or cannot be interrupted, is left out of a second run in a fresh kernel, so
that it spoils itself and not the cells after it.
"""

import logging
import os
from collections.abc import Callable
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


def execute(
    nb: NotebookNode, folder: Path, *, cell_timeout: int, on_cell: OnCell | None = None
) -> float:
    """Runs every code cell of a notebook, in place, and goes on after errors.

    Args:
        nb: The notebook; its outputs are replaced.
        folder: The working directory of its kernel.
        cell_timeout: Seconds that one cell may take.
        on_cell: Called with the number of the cell that starts, from 1, and of all cells.

    Returns:
        CPU seconds that the last kernel used. A cell that was stopped carries an error output
        named `TIMED_OUT` or `KERNEL_DIED`; cells that could not be run have no execution count.
    """
    stopped: dict[int, NotebookNode] = {}
    for _ in range(MOST_KERNELS):
        _clear(nb)
        for index, error in stopped.items():
            nb.cells[index].outputs = [error]
        client = _client(nb, folder, cell_timeout)
        with client.setup_kernel(env=_environment()):
            culprit = _run(client, stopped, on_cell)
            if culprit is None:
                return _cpu_seconds(client)
        stopped[culprit] = nb.cells[culprit].outputs[-1]
    return 0.0


def _run(
    client: NotebookClient, skip: dict[int, NotebookNode], on_cell: OnCell | None
) -> int | None:
    """Runs the cells that are not to be skipped; returns the one that ended the kernel, if any."""
    for index, cell in enumerate(client.nb.cells):
        if on_cell:
            on_cell(index + 1, len(client.nb.cells))
        if index in skip:
            continue
        try:
            client.execute_cell(cell, index)
        except DeadKernelError:
            reason = "the kernel died here; usually memory ran out"
            cell.outputs.append(_error(KERNEL_DIED, reason))
            return index
        except CellTimeoutError:
            reason = f"ran longer than {client.timeout} s and could not be interrupted"
            cell.outputs.append(_error(TIMED_OUT, reason))
            return index
    return None


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
    logger = logging.getLogger(__name__)
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
