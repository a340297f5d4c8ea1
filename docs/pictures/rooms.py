"""The rooms of the package and what each may import: the table, and its picture.

`tests/project/test_imports.py` holds every import of the package to the same table.
"""

from dataclasses import dataclass
from graphlib import TopologicalSorter

from docs.pictures.svg import Picture

COLUMN, ROW, LEFT, TOP = 172, 96, 96, 46
BEGIN, END = "<!-- the table of rooms: python -m docs.pictures -->", "<!-- its end -->"


@dataclass(frozen=True)
class Room:
    """A folder, or a file, of the package.

    Attributes:
        holds: What is in it, in a few words.
        imports: Rooms that it may import; and so it may what these may import.
        kind: What it is about, for its colour.
        place: Where it stands in the picture: column and row, from 0.
    """

    holds: str
    imports: tuple[str, ...]
    kind: str
    place: tuple[float, int]


ROOMS = {
    "cli": Room("the command attncourse", ("grading", "recipes", "lab", "doctor"), "ends", (2, 0)),
    "lab": Room("JupyterLab on the course", ("course",), "ends", (0, 1)),
    "grading": Room("whole classes", ("course", "exercises"), "class", (1, 1)),
    "doctor": Room("is the installation sound?", (), "ends", (3, 1)),
    "recipes": Room("full size, your own data", ("models", "training"), "attention", (4, 1)),
    "exercises": Room("what is asked; the judge", ("models", "catalogue"), "lessons", (2, 2)),
    "models": Room("networks; the papers", ("nn", "data", "profiling"), "attention", (3, 3)),
    "course": Room(
        "lessons as notebooks", ("plotting", "training", "catalogue"), "lessons", (0, 2)
    ),
    "catalogue": Room("all texts, for translators", (), "ground", (1, 3)),
    "nn": Room("the mechanisms", ("functional",), "attention", (2, 4)),
    "plotting": Room("figures and explorers", (), "ground", (0, 5)),
    "training": Room("the one training loop", (), "ground", (1, 5)),
    "functional": Room("formulas and kernels", (), "attention", (2, 5)),
    "profiling": Room("parameters, MACs, time", (), "ground", (3, 5)),
    "data": Room("the tasks; data sets", (), "ground", (4, 5)),
}


def reachable(room: str, rooms: dict[str, Room]) -> set[str]:
    """The rooms that one may import, along all arrows.

    Raises:
        graphlib.CycleError: The arrows lead in a circle.
    """
    found: dict[str, set[str]] = {}
    for name in TopologicalSorter(
        {name: each.imports for name, each in rooms.items()}
    ).static_order():
        arrows = rooms[name].imports
        found[name] = set(arrows).union(*(found[each] for each in arrows))
    return found[room]


def draw() -> Picture:
    """The rooms, with an arrow from each to those that it imports."""
    picture = Picture("The rooms of the package; each imports the rooms below it.", 902, 594)
    boxes = {}
    for name, room in ROOMS.items():
        column, row = room.place
        lines, size = (room.holds,), (158, 54)
        x, y = LEFT + COLUMN * column, TOP + ROW * row
        boxes[name] = picture.box(x, y, name, *lines, fill=room.kind, size=size)
    for name, room in ROOMS.items():
        for other in room.imports:
            far = abs(room.place[0] - ROOMS[other].place[0]) > 2
            connect = picture.around if far and room.place[1] else picture.down
            connect(boxes[name], boxes[other])
    return picture


def table() -> str:
    """The rooms in Markdown."""
    lines = ["| room | holds | may import |", "|---|---|---|"]
    for name, room in ROOMS.items():
        others = ", ".join(f"`{other}`" for other in room.imports)
        lines.append(f"| `{name}` | {room.holds} | {others or '–'} |")
    return "\n".join(lines)


def with_table(page: str) -> str:
    """A page with the table as it is now, between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"
