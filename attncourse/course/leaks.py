"""What a learner must not find in a release: solutions, hidden tests, traces of a machine."""

import re
from collections.abc import Iterator

from nbformat import NotebookNode

from attncourse.course.normalise import METADATA
from attncourse.course.notebook import grade_id, is_answer, is_written

SHORTEST = 20  # characters; shorter lines (`return scores`) occur everywhere and tell nothing
SOLUTION = ("BEGIN SOLUTION", "END SOLUTION")
HIDDEN = ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
RUBRIC = ("BEGIN MARK SCHEME", "END MARK SCHEME")
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/<)\]])(?:/(?:[\w.-]+/)+[\w.-]+|[A-Za-z]:\\+\w+|file://)")


def leaks(solution: NotebookNode, release: NotebookNode) -> list[str]:
    """Names everything in a release that gives away its solution or the machine it was made on.

    Args:
        solution: The solved notebook.
        release: What was generated from it.

    Returns:
        One sentence a leak; none if the release is clean.
    """
    return [*_secret_lines(solution, release), *_traces(release)]


def absolute_paths(text: str) -> list[str]:
    """The absolute paths in a text; they mean nothing on another machine."""
    return ABSOLUTE_PATH.findall(text)


def region(source: str, markers: tuple[str, str]) -> list[str] | None:
    """The lines between two markers, or None where the text has no such markers."""
    begin, end = markers
    if begin not in source:
        return None
    lines: list[str] = []
    inside = False
    for line in source.splitlines():
        if begin in line or end in line:
            inside = begin in line
        elif inside:
            lines.append(line)
    return lines


def answer_lines(cell: NotebookNode) -> list[str]:
    """The lines of a solved cell that a learner has to find: the marked ones, else all."""
    marked = region(cell.source, SOLUTION)
    return cell.source.splitlines() if marked is None else marked


def _secret_lines(solution: NotebookNode, release: NotebookNode) -> Iterator[str]:
    shown = ["\n".join(map(_plain, cell.source.splitlines())) for cell in release.cells]
    for cell in solution.cells:
        secrets = [*(region(cell.source, HIDDEN) or []), *(region(cell.source, RUBRIC) or [])]
        if is_answer(cell) or is_written(cell):
            secrets += answer_lines(cell)
        for secret in map(_plain, secrets):
            for number, text in enumerate(shown, start=1):
                if len(secret) >= SHORTEST and secret in text:
                    yield f"cell {number} shows a hidden line of {grade_id(cell)}: {secret}"


def _traces(release: NotebookNode) -> Iterator[str]:
    if release.metadata != METADATA:
        yield f"the notebook's metadata is not the fixed one: {dict(release.metadata)}"
    for number, cell in enumerate(release.cells, start=1):
        for marker in (*SOLUTION, *HIDDEN, *RUBRIC):
            if marker in cell.source:
                yield f"cell {number} contains the words {marker}"
        for path in absolute_paths(cell.source):
            yield f"cell {number} names the absolute path {path}"
        if cell.get("outputs") or cell.get("execution_count"):
            yield f"cell {number} has outputs"
        if "execution" in cell.metadata:
            yield f"cell {number} has timestamps"


def _plain(line: str) -> str:
    return " ".join(line.split())
