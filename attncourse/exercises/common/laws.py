"""What more than one lesson asks to hold."""

from attncourse.exercises.core import Inputs, Outputs


def between_zero_and_one(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    """Every gate lies between 0 and 1."""
    return all(bool(((gate > 0) & (gate < 1)).all()) for gate in before.values())
