"""What a lesson says of trained networks: claims, which hold on every machine and can fail."""

from collections.abc import Iterator

from nbformat import NotebookNode

from attncourse.course.anatomy import Anatomy
from attncourse.plotting import CLAIM_MIME
from attncourse.training.progress import NOTE


def claimed(lesson: Anatomy) -> Iterator[str]:
    """What a cell shows of a trained network it says with plot.claim; progress shows nothing."""
    for index, cell, flow in lesson.flow:
        results = [output for output in cell.outputs if not output.get("metadata", {}).get(NOTE)]
        if flow.trained and results and not flow.claims:
            yield f"cell {index + 1} shows one, or what flowed from one, and claims nothing"


def about_training(lesson: Anatomy) -> Iterator[str]:
    """A claim judges what flowed from training: nothing else of a lesson could be otherwise."""
    for index, _, flow in lesson.flow:
        for call, trained in flow.claims.items():
            if not trained:
                yield f"cell {index + 1}, line {call.lineno} judges nothing that was trained"


def held(lesson: Anatomy) -> Iterator[str]:
    """Every claim held when the lesson was rehearsed."""
    for index, cell in lesson.numbered("code"):
        for claim in claims([cell]):
            if not claim["held"]:
                yield f"cell {index + 1}: {claim['claim']!r} did not, of {claim['values']}"


def one_place_for_seeds(lesson: Anatomy) -> Iterator[str]:
    """A lesson that trains names its seeds once: `seeds = …`, so that others can be tried."""
    places = [index for index, _, flow in lesson.flow for _ in flow.seeds]
    if any(flow.trained for _, _, flow in lesson.flow) and len(places) != 1:
        cells = ", ".join(str(index + 1) for index in places) or "no cell"
        yield f"`seeds` is assigned in {cells}"


def claims(cells: list[NotebookNode]) -> list[NotebookNode]:
    """The judged claims among the outputs of some cells; see `attncourse.plotting.claim`."""
    outputs = (output for cell in cells for output in cell.get("outputs", ()))
    return [output.data[CLAIM_MIME] for output in outputs if CLAIM_MIME in output.get("data", {})]


MEASURES = (claimed, about_training, held, one_place_for_seeds)
