"""The seam: a response computed in another process, from bytes to bytes, gets the same verdict."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from attncourse.exercises import lessons
from attncourse.exercises.core import VISIBLE_SEEDS, Exercise, Probe, Response
from attncourse.exercises.core.proof import Proof

EXERCISES = [exercise for of_lesson in lessons().values() for exercise in of_lesson]

#: So many misconceptions of an exercise cross the seam, beside all that is right.
WRONG = 3

#: The other process: reads probes, answers them, writes responses; it compares nothing.
OTHER = f"""
import pathlib, sys
from attncourse.exercises import lessons
from attncourse.exercises.core import Probe
for lesson, exercises in lessons().items():
    for exercise in exercises:
        answers = [*exercise.right, *(m.forms[0] for m in exercise.misconceptions[:{WRONG}])]
        for file in (pathlib.Path(sys.argv[1]) / lesson / exercise.name).glob("*.probe"):
            probe = Probe.from_bytes(file.read_bytes())
            for number, answer in enumerate(answers):
                response = exercise.respond(answer, probe)
                file.with_suffix(f".{{number}}").write_bytes(response.to_bytes())
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
def test_a_second_process_gets_the_same_verdicts(
    exercise: Exercise, answered: Path, proved: Callable[[Exercise], Proof]
) -> None:
    folder = answered / exercise.lesson / exercise.name
    proof = proved(exercise)
    wrong = [found[0] for found in proof.wrong.values()][:WRONG]
    probes = exercise.memory.probes(VISIBLE_SEEDS, exercise.probes)
    for number, verdict in enumerate([*proof.right, *wrong]):
        responses = [
            Response.from_bytes((folder / f"{k:03}.{number}").read_bytes())
            for k in range(len(probes))
        ]
        assert exercise.judge(probes, responses, memory=exercise.memory) == verdict


def test_what_the_judge_holds_does_not_travel() -> None:
    probe = Probe({"x": torch.ones(2)}, targets={"secret": torch.arange(3)})
    assert not Probe.from_bytes(probe.to_bytes()).targets
    assert b"secret" not in probe.to_bytes()


def test_a_probe_does_not_tell_what_is_tested() -> None:
    probe = Probe({"x": torch.ones(2)}, behaviour="law-3")
    assert b"law" not in probe.to_bytes()
    assert Probe.from_bytes(probe.to_bytes()).behaviour == ""


def test_a_probe_survives_the_journey() -> None:
    probe = Probe(
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
