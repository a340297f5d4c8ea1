"""The pictures of `docs/architecture.md`, each drawn by a file here: `python -m docs.pictures`.

A picture is drawn from what a test holds the code to, or names what the code names.
"""

from pathlib import Path

from docs.pictures import rooms, seam, submission

HERE = Path(__file__).parent
PAGE = HERE.parent / "architecture.md"


def current() -> dict[Path, str]:
    """What every generated file has to say: the pictures, and the page with its table."""
    drawn = {HERE / f"{each.__name__.rpartition('.')[2]}.svg": each for each in DRAWINGS}
    page = rooms.with_table(PAGE.read_text(encoding="utf-8"))
    return {path: str(each.draw()) for path, each in drawn.items()} | {PAGE: page}


DRAWINGS = (rooms, seam, submission)
