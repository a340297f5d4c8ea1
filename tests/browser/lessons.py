"""The lessons that the tests open: a tiny one made here, and the first real one."""

import shutil
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from attncourse.course.normalise import normalise
from attncourse.course.notebook import dumps, write_file
from attncourse.course.places import Course
from attncourse.course.release import CONFIG, generate
from attncourse.course.syllabus import find

REPOSITORY = Course(Path(__file__).parents[2])
TINY = find("attention")  # a small lesson takes its place
LESSONS = [TINY, *(lesson for lesson in REPOSITORY.solved() if lesson.slug == "bahdanau")]
ALT = "x looks at a, y at b."
WEIGHTS = [[0.9, 0.1], [0.2, 0.8]]

MAP = f"""\
from attncourse import plotting as plot

weights = {WEIGHTS}
plot.show(plot.alignment(weights, "ab", "xy"), alt="{ALT}")"""
VIEW = f'plot.attention_view(weights, "ab", "xy", alt="{ALT}")'
ANSWER = """\
def double(number):
    ### BEGIN SOLUTION
    return 2 * number
    ### END SOLUTION"""
CHECK = 'assert double(2) == 4, "double(2) must be 4"'


def lay_out(root: Path) -> Course:
    """A released course with an exchange; solutions lie also in `notebooks/solved`."""
    course = Course(root)
    for lesson in LESSONS[1:]:
        shutil.copytree(REPOSITORY.solution(lesson).parent, course.solution(lesson).parent)
    write_file(course.solution(TINY), dumps(tiny()).encode())
    exchange = root / "exchange"
    exchange.mkdir(mode=0o777)
    settings = (REPOSITORY.root / CONFIG).read_text()
    (root / CONFIG).write_text(f"{settings}\nc.Exchange.root = {str(exchange)!r}\n")
    for name, content in generate(course, LESSONS).items():
        write_file(course.notebooks / name, content)
    shutil.copytree(course.solutions, course.notebooks / "solved")
    return course


def tiny() -> NotebookNode:
    """A figure, a view to explore, an answer and its check, and a question for a person."""
    answer = {"grade_id": "double", "solution": True}
    check = {"grade_id": "double-check", "grade": True, "points": 2}
    why = {"grade_id": "why", "solution": True, "grade": True, "points": 3}
    cells = [
        new_markdown_cell("# Doubling"),
        new_code_cell(MAP),
        new_code_cell(VIEW),
        new_code_cell(ANSWER, metadata={"nbgrader": answer}),
        new_code_cell(CHECK, metadata={"nbgrader": check}),
        new_markdown_cell("Because two is even.", metadata={"nbgrader": why}),
    ]
    return normalise(new_notebook(cells=cells))
