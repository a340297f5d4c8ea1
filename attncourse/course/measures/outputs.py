"""What a lesson shows when it has run: nothing that fails, changes or belongs to one machine."""

import re
from collections.abc import Iterator

from nbformat import NotebookNode

from attncourse.course.anatomy import FENCE, IMAGE, Anatomy, figures
from attncourse.course.leaks import absolute_paths
from attncourse.course.marks import error_of

# More digits than two machines agree on.
LONG_NUMBER = re.compile(r"\d+\.\d{6,}")
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
NETWORK = re.compile(r"\bpip install|\bwget\b|\bcurl\b|\burllib\b|\brequests\.|download=True")


def executed(lesson: Anatomy) -> Iterator[str]:
    """Every code cell was run, from the top, without an error or a word on stderr."""
    counts = [cell.execution_count for _, cell in lesson.numbered("code") if cell.source.strip()]
    if counts != list(range(1, len(counts) + 1)):
        yield "not every cell was run in order; run attncourse rehearse"
    for index, cell in lesson.numbered("code"):
        error = error_of(cell)
        if error and "raises-exception" not in cell.metadata.get("tags", ()):
            yield f"cell {index + 1} fails with {error.ename}"
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield f"cell {index + 1} writes to stderr"


def plots(lesson: Anatomy) -> Iterator[str]:
    """Four to eight plots."""
    count = len(figures(lesson.nb.cells))
    if not 4 <= count <= 8:
        yield f"{count} plots"


def alternative_text(lesson: Anatomy) -> Iterator[str]:
    """Every plot and every image has a text for those who cannot see it."""
    for index, cell in lesson.numbered("code"):
        for output in figures([cell]):
            if not any(kind.get("alt") for kind in output.metadata.values()):
                yield f"cell {index + 1} draws without one"
    for index, cell in lesson.numbered("markdown"):
        if any(not alt.strip() for alt in IMAGE.findall(FENCE.sub("", cell.source))):
            yield f"cell {index + 1} shows an image without one"


def stable_output(lesson: Anatomy) -> Iterator[str]:
    """Nothing is printed that another machine prints differently: digits, addresses, paths."""
    for index, cell in lesson.numbered("code"):
        text = "\n".join(map(_printed, cell.outputs))
        for found in (*LONG_NUMBER.findall(text), *ADDRESS.findall(text), *absolute_paths(text)):
            yield f"cell {index + 1} prints {found}"


def offline(lesson: Anatomy) -> Iterator[str]:
    """Nothing is downloaded or installed."""
    for index, cell in lesson.numbered("code"):
        for found in NETWORK.findall(cell.source):
            yield f"cell {index + 1} uses {found}"


def _printed(output: NotebookNode) -> str:
    if output.output_type == "execute_result":
        return str(output.data.get("text/plain", ""))
    return str(output.get("text", ""))


MEASURES = (
    executed,
    plots,
    alternative_text,
    stable_output,
    offline,
)
