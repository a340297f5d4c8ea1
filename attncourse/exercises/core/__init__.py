"""The exercise core: an exercise is data, and is judged by an oracle.

A file a step: `declaration` (what an exercise is, with `laws` of many), `draw` and `probe` (the
questions), `kinds` and `respond` (how an answer meets them, inside `isolation` and `guard`),
`compare`, `behaviours`, `diagnosis`, `general` and `judge` (what the responses are worth: a
`verdict`), `exercise` (the steps together), `messages` and `show` (the words) and `proof` (that the
check itself is right).
"""

from attncourse.exercises.core.declaration import Law, Misconception, edit, wrong
from attncourse.exercises.core.draw import Draw
from attncourse.exercises.core.exercise import VISIBLE_SEEDS, Exercise, listed
from attncourse.exercises.core.kinds import Function, Module, TrainedModel, Value
from attncourse.exercises.core.probe import Inputs, Outputs, Probe, Reply, Response
from attncourse.exercises.core.verdict import ExerciseFailed, Finding, Outcome, Verdict

__all__ = [
    "VISIBLE_SEEDS",
    "Draw",
    "Exercise",
    "ExerciseFailed",
    "Finding",
    "Function",
    "Inputs",
    "Law",
    "Misconception",
    "Module",
    "Outcome",
    "Outputs",
    "Probe",
    "Reply",
    "Response",
    "TrainedModel",
    "Value",
    "Verdict",
    "edit",
    "listed",
    "wrong",
]
