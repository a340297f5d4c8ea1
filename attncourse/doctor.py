"""What a bug report needs to know about this machine, and what is wrong with it.

`examine` gathers facts; `table` and `as_json` show them. Nothing personal is read: no user name,
no host, and no path unless a kernel is started by a foreign interpreter.
"""

import os
import platform
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from itertools import groupby
from pathlib import Path

from rich.table import Column, Table
from rich.text import Text

import attncourse

PACKAGES = (
    "torch",
    "numpy",
    "scikit-learn",
    "matplotlib",
    "Babel",
    "safetensors",
    "jupyterlab",
    "ipykernel",
    "nbgrader",
    "nbval",
)
KERNEL = "python3"
SERVER_EXTENSION = "nbgrader.server_extensions.validate_assignment"
LAB_EXTENSION = "@jupyter/nbgrader"
INSTALL = "run `make lab`, or `pip install -r requirements.lock`"


@dataclass(frozen=True)
class Fact:
    """One line of the report; `advice` says what to do where the value is a problem."""

    section: str
    name: str
    value: str
    advice: str = ""


def examine() -> list[Fact]:
    """Look at interpreter, packages, devices, threads and Jupyter."""
    return [*system(), *packages(), *devices(), *threads(), *jupyter()]


def system() -> Iterator[Fact]:
    """The interpreter and the machine it runs on."""
    isolated = sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ
    interpreter = f"{platform.python_version()} ({platform.python_implementation()})"
    yield Fact("system", "attncourse", attncourse.__version__)
    yield Fact("system", "python", interpreter)
    yield Fact("system", "environment", "its own" if isolated else "the system's Python")
    yield Fact("system", "platform", platform.platform())


def packages() -> Iterator[Fact]:
    """The versions of the packages on which lessons depend."""
    for name in PACKAGES:
        try:
            yield Fact("packages", name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Fact("packages", name, "not installed", INSTALL)


def devices() -> Iterator[Fact]:
    """What torch can compute on."""
    import torch

    yield Fact("devices", "cpu", f"{os.cpu_count()} logical cores, {platform.machine()}")
    if not torch.cuda.is_available():
        yield Fact("devices", "cuda", "none")
    for index in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(index)
        memory = f"{gpu.total_memory / 2**30:.0f} GiB"
        capability = f"compute capability {gpu.major}.{gpu.minor}"
        yield Fact("devices", f"cuda:{index}", f"{gpu.name}, {memory}, {capability}")
    yield Fact("devices", "mps", "available" if torch.backends.mps.is_available() else "none")


def threads() -> Iterator[Fact]:
    """How many threads torch, OpenMP and BLAS use; they decide speed and the last digits."""
    import numpy  # noqa: F401  (loads the BLAS that threadpoolctl is to find)
    import torch
    from threadpoolctl import threadpool_info

    yield Fact("threads", "OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "not set"))
    yield Fact("threads", "torch", str(torch.get_num_threads()))
    for pool in threadpool_info():
        version = f" ({pool['version']})" if pool["version"] else ""
        yield Fact("threads", pool["prefix"], f"{pool['num_threads']}{version}")


def jupyter() -> Iterator[Fact]:
    """The kernel that runs lessons, and nbgrader's extensions of server and JupyterLab."""
    yield Fact("jupyter", f"kernel {KERNEL}", *kernel())
    for name, enabled in (
        ("nbgrader in the server", server_extension_enabled()),
        ("nbgrader in JupyterLab", lab_extension_enabled()),
    ):
        value = "enabled" if enabled else "not enabled"
        yield Fact("jupyter", name, value, "" if enabled else INSTALL)


def kernel() -> tuple[str, str]:
    """Whose interpreter the kernel runs, and what to do if that is not ours."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        command = KernelSpecManager().get_kernel_spec(KERNEL).argv[0]
    except NoSuchKernel:
        return "missing", INSTALL
    # A bare name is replaced by the running interpreter; a path is taken as it stands.
    if Path(command).is_absolute() and Path(command).parent != Path(sys.executable).parent:
        remedy = "install the kernel here: `python -m ipykernel install --sys-prefix`"
        return f"another interpreter: {command}", remedy
    return "this interpreter", ""


def server_extension_enabled() -> bool:
    """Whether the Jupyter server will load nbgrader's Validate."""
    from jupyter_core.paths import jupyter_config_path
    from jupyter_server.extension.config import ExtensionConfigManager

    manager = ExtensionConfigManager(read_config_path=jupyter_config_path())
    return bool(manager.get_jpserver_extensions().get(SERVER_EXTENSION))


def lab_extension_enabled() -> bool:
    """Whether JupyterLab will load nbgrader's buttons and menus."""
    from jupyter_core.paths import jupyter_path
    from jupyterlab_server.config import get_federated_extensions, get_page_config

    folders = jupyter_path("labextensions")
    disabled = get_page_config(folders)["disabledExtensions"]
    return LAB_EXTENSION in get_federated_extensions(folders) and LAB_EXTENSION not in disabled


def table(facts: Iterable[Fact]) -> Table:
    """The report for people: problems are yellow, with the advice behind them."""
    shown = Table("", "what", Column("value", overflow="fold"))
    for section, members in groupby(facts, key=lambda fact: fact.section):
        shown.add_section()
        for index, fact in enumerate(members):
            value = Text(fact.value)
            if fact.advice:
                value = Text(f"{fact.value}: {fact.advice}", style="yellow")
            shown.add_row(section if index == 0 else "", fact.name, value)
    return shown


def as_json(facts: Iterable[Fact]) -> dict[str, dict[str, str]]:
    """The report for programs: sections of names and values, and the advice by name."""
    report: dict[str, dict[str, str]] = {}
    for fact in facts:
        report.setdefault(fact.section, {})[fact.name] = fact.value
        if fact.advice:
            report.setdefault("advice", {})[fact.name] = fact.advice
    return report
