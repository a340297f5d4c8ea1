"""What the tests of exercises share: proofs, each made once."""

from collections.abc import Callable

import pytest

from attncourse.exercises.core import Exercise
from attncourse.exercises.core.proof import Proof, prove


@pytest.fixture(scope="session")
def proved() -> Callable[[Exercise], Proof]:
    """Gives an exercise's proof; tests of proofs, of the table and of the seam need it."""
    proofs: dict[tuple[str, str], Proof] = {}

    def proof(exercise: Exercise) -> Proof:
        key = exercise.lesson, exercise.name
        if key not in proofs:
            proofs[key] = prove(exercise)
        return proofs[key]

    return proof
