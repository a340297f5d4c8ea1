"""Grading a class: submissions in, one record each, nbgrader's gradebook out.

    intake   ->  plan  ->  judge  <->  caged (where learners' code runs)  ->  record
    records  ->  results (gradebook, autograded notebooks, feedback, grades.csv, report)

What a learner wrote runs only in the cage; what decides about points runs only outside of it.
`engine` has many judges work at once, `runner` grades a class with them, `console` shows it.
"""
