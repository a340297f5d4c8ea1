"""What an import costs: heavy libraries are loaded by those who use them, and by nobody else."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("attncourse", {"torch", "numpy", "matplotlib", "sklearn"}),
        ("attncourse.cli", {"torch", "numpy", "matplotlib", "sklearn", "nbgrader", "jupyterlab"}),
        ("attncourse.functional", {"matplotlib", "sklearn"}),
        ("attncourse.nn", {"matplotlib", "sklearn"}),
        ("attncourse.models", {"matplotlib", "sklearn"}),
    ],
)
def test_an_import_leaves_heavy_libraries_out(module, heavy):
    program = f"import sys, {module}; print(*sys.modules)"
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not heavy & set(finished.stdout.split())
