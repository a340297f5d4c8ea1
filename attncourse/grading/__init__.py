"""Grading a class: submissions in, one record each, nbgrader's gradebook out.

    intake   ->  plan  ->  grader  <->  sandbox (where learners' code runs)  ->  record
    records  ->  results (gradebook, autograded notebooks, feedback, grades.csv, report)

What a learner wrote runs only in the sandbox; what decides about points runs only outside of it.
`engine` has many graders work at once, `runner` grades a class with them, `console` shows it.
"""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]  # attncourse's own folder
