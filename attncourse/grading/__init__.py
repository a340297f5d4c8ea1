"""Grading a class: submissions in, one record each, nbgrader's gradebook out.

    intake   ->  plan  ->  judge  <->  worker (caged, forked from a zygote)  ->  record
    records  ->  gradebook, autograded notebooks, feedback, grades.csv, report

What a learner wrote runs only in the worker; what decides about points runs only outside of it.
"""
