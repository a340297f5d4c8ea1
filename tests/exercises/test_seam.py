"""The seam: a response computed in another process, from bytes to bytes, gets the same verdict."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from attncourse.exercises import lessons
from attncourse.exercises.core import Exercise, Probe, Response

EXERCISES = [exercise for of_lesson in lessons().values() for exercise in of_lesson]

#: The other process: reads probes, answers them, writes responses; it compares nothing.
OTHER = """
import pathlib, sys
from attncourse.exercises import lessons
from attncourse.exercises.core import Probe
for lesson, exercises in lessons().items():
    for exercise in exercises:
        answers = [*exercise.right, *(m.answer for m in exercise.misconceptions)]
        for file in (pathlib.Path(sys.argv[1]) / lesson / exercise.name).glob("*.probe"):
            probe = Probe.from_bytes(file.read_bytes())
            for number, answer in enumerate(answers):
                response = exercise.respond(answer, probe)
                file.with_suffix(f".{number}").write_bytes(response.to_bytes())
"""


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder an exercise: probes written here, responses by one other process."""
    root = tmp_path_factory.mktemp("seam")
    for exercise in EXERCISES:
        folder = root / exercise.lesson / exercise.name
        folder.mkdir(parents=True)
        for number, probe in enumerate(exercise.probes()):
            (folder / f"{number:03}.probe").write_bytes(probe.to_bytes())
    subprocess.run([sys.executable, "-c", OTHER, root], check=True)
    return root


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.lesson}-{e.name}")
def test_a_second_process_gets_the_same_verdicts(exercise: Exercise, answered: Path) -> None:
    folder = answered / exercise.lesson / exercise.name
    probes = exercise.probes()
    answers = [*exercise.right, *(m.answer for m in exercise.misconceptions)]
    for number, answer in enumerate(answers):
        responses = [
            Response.from_bytes((folder / f"{k:03}.{number}").read_bytes())
            for k in range(len(probes))
        ]
        assert exercise.judge(probes, responses) == exercise.examine(answer)


def test_what_the_judge_holds_does_not_travel() -> None:
    probe = Probe("values", {"x": torch.ones(2)}, targets={"secret": torch.arange(3)})
    assert not Probe.from_bytes(probe.to_bytes()).targets
    assert b"secret" not in probe.to_bytes()


def test_a_probe_survives_the_journey() -> None:
    probe = Probe(
        "values",
        {"mask": torch.tensor([True, False]), "scale": None, "x": torch.ones(2, 3).T, "n": 3},
        {"width": 4},
        {"w": torch.arange(4.0)},
        gradients=True,
        seed=5,
    )
    other = Probe.from_bytes(probe.to_bytes())
    assert list(other.inputs) == ["mask", "scale", "x", "n"]
    assert torch.equal(other.inputs["x"], torch.ones(3, 2))
    assert other.inputs["scale"] is None and other.inputs["n"] == 3
    assert (other.construction, other.gradients, other.seed) == ({"width": 4}, True, 5)
    assert torch.equal(other.weights["w"], torch.arange(4.0))
