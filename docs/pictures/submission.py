"""The way of a submission, from the file that a learner handed in to the grade."""

from docs.pictures.svg import Picture


def draw() -> Picture:
    """Intake, grading with the sandbox, one record, and what is made of it."""
    picture = Picture(
        "A submission is collected, read and matched with the plan of its lesson. The grader "
        "probes workers in the sandbox and writes one record; gradebook, pages and tables are "
        "made of records.",
        1100,
        452,
    )
    size = (166, 60)
    archive = picture.box(
        104, 66, "moodle.zip", "or canvas.zip, or others", fill="ground", size=size
    )
    folder = picture.box(104, 190, "submitted/", "STUDENT/LESSON/", fill="ground", size=size)
    intake = picture.box(104, 314, "intake", "reads, repairs, matches", fill="class", size=size)
    release = picture.box(
        328, 66, "release, solution", "the instructor's", fill="ground", size=size
    )
    plan = picture.box(328, 190, "plan", "cells, checks, points", fill="class", size=size)
    engine = picture.box(328, 314, "engine", "processes, or Dask", fill="class", size=size)
    grader = picture.box(552, 314, "grader", "probes, oracle, points", fill="class", size=size)
    picture.frame(448, 116, 656, 240, "sandbox: no network, no oracle", "#cf222e")
    picture.box(
        552, 190, "worker", "runs set-up and answers;", "a fork for each exercise",
        fill="learner", size=(166, 70),
    )  # fmt: skip
    record = picture.box(776, 314, "record", "one a submission", fill="class", size=size)
    picture.down(archive, folder, "collect")
    picture.down(folder, intake)
    picture.down(release, plan)
    picture.down(plan, engine)
    picture.across(intake, engine)
    picture.across(engine, grader)
    picture.across(grader, record)
    picture.line(540, 284, 540, 228)
    picture.line(564, 225, 564, 281)
    picture.text(532, 262, "probes", small=True, anchor="end")
    picture.text(572, 262, "responses", small=True, anchor="start")
    person = picture.box(1000, 66, "instructor", "grades written answers", size=size)
    products = [
        picture.box(1000, 215 + 66 * number, name, holds, fill="ground", size=(166, 50))
        for number, (name, holds) in enumerate(PRODUCTS)
    ]
    for product in products:
        picture.across(record, product)
    picture.down(person, products[0], "formgrader")
    return picture


PRODUCTS = (
    ("gradebook.db", "nbgrader's own"),
    ("autograded/", "notebooks with verdicts"),
    ("feedback/", "a page a learner"),
    ("report, grades.csv", "the class"),
)
