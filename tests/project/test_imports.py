"""Imports run along the arrows of `docs/pictures/rooms.py`, and heavy libraries stay out."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError
from importlib.util import resolve_name
from pathlib import Path

import pytest

from docs import pictures
from docs.pictures.rooms import ROOMS, Room, reachable


def modules(tree: ast.Module, package: str) -> Iterator[str]:
    """What a file imports, wherever in it: at its top, in a function, for its types."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{module}.{alias.name}" for alias in node.names)


def arrows(package: Path) -> Iterator[tuple[str, str, str]]:
    """File, its room and the room that it imports, for every import between rooms of a package."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        for module in modules(ast.parse(path.read_text("utf-8")), ".".join(parts[:-1])):
            here, there = parts[1], module.split(".")[1:2]
            if module.split(".")[0] == package.name and there not in ([], [here]):
                yield path.relative_to(package).as_posix(), here, there[0]


def strays(package: Path, rooms: dict[str, Room]) -> list[str]:
    """The imports that lead along no arrow."""
    entrances = {"__init__": rooms.keys(), "__main__": rooms.keys()}
    allowed = entrances | {room: reachable(room, rooms) for room in rooms}
    return [f"{file}: {to}" for file, room, to in arrows(package) if to not in allowed[room]]


def test_imports_run_along_the_arrows(repository):
    assert strays(repository / "attncourse", ROOMS) == []


def test_every_room_stands_in_the_table_and_no_other(repository):
    package = repository / "attncourse"
    files = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    folders = {path.parent.name for path in package.glob("*/__init__.py")}
    assert ROOMS.keys() == files | folders


@pytest.mark.parametrize(
    "planted",
    [
        "import attncourse.grading",
        "from attncourse import grading",
        "from attncourse.grading import judge",
        "from .. import grading",
        "from ..grading.grader import Grader",
        "def late():\n    from attncourse.grading import judge",
        "if TYPE_CHECKING:\n    from attncourse.grading import judge",
    ],
)
def test_a_planted_arrow_back_is_found(planted, tmp_path):
    nn = tmp_path / "attncourse" / "nn"
    nn.mkdir(parents=True)
    (nn / "se.py").write_text("import torch\nfrom attncourse.functional import maps\n")
    assert strays(nn.parent, ROOMS) == []
    (nn / "cbam.py").write_text(planted)
    assert strays(nn.parent, ROOMS) == ["nn/cbam.py: grading"]


def test_a_circle_of_arrows_is_refused():
    circle = {"a": Room("", ("b",), "ends", (0, 0)), "b": Room("", ("a",), "ends", (0, 1))}
    with pytest.raises(CycleError):
        reachable("a", circle)


def test_the_pictures_and_the_table_are_current():
    stale = [path.name for path, text in pictures.current().items() if path.read_text() != text]
    assert stale == [], "run python -m docs.pictures"


def test_every_arrow_of_the_picture_leads_down():
    upwards = [
        (name, other)
        for name, room in ROOMS.items()
        for other in room.imports
        if ROOMS[other].place[1] <= room.place[1]
    ]
    assert upwards == []


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
