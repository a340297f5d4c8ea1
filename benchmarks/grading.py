"""How fast a class is graded, beside plain nbgrader: `python -m benchmarks.grading`."""

import argparse
import contextlib
import copy
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from attncourse.course.normalise import normalise
from attncourse.course.notebook import (
    dumps,
    grade_id,
    is_answer,
    is_check,
    is_written,
    read,
    write_file,
)
from attncourse.course.places import Course
from attncourse.course.release import CONFIG, generate
from attncourse.course.syllabus import Lesson, find
from attncourse.grading import console
from attncourse.grading.engine import Processes
from attncourse.grading.results.gradebook import Gradebook, url_of
from attncourse.grading.results.journal import Journal
from attncourse.grading.runner import Settings

REPOSITORY = Course(Path(__file__).parents[1])
TABLE = REPOSITORY.root / "docs" / "benchmarks-grading.md"
WHAT = """\
One lesson, cut down to its set-up, answers and checks: plain nbgrader would otherwise run the
training cells too, and lose by far more. Both grade copies of the same submissions, right, wrong
and broken, in turns, so that a machine that is slow for a while is slow for both.
"""
#: What is put in place of one of a learner's answers, and how often.
SLIPS = {
    "a wrong axis": (0.15, "dim=(2, 3)", "dim=(1, 2)"),
    "a missing name": (0.05, "torch.sigmoid", "sigmoid"),
    "a syntax error": (0.05, "return x", "return return x"),
    "a crash": (0.02, "return ", "import os; os._exit(1)\n    return "),
}


@dataclass(frozen=True)
class Run:
    """Seconds by the clock for so many submissions."""

    count: int
    clock: float

    @property
    def rate(self) -> float:
        """Submissions a second."""
        return self.count / self.clock


def main() -> None:
    """Measure, print, and write the table of docs/."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grading", description=__doc__)
    parser.add_argument("--lesson", default="06-se")
    parser.add_argument("--count", type=int, default=100, help="submissions (default: 100)")
    parser.add_argument("--plain", type=int, default=10, help="of these for nbgrader (default: 10)")
    parser.add_argument("--large", type=int, default=400, help="a larger class; 0: none")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    lesson = find(options.lesson)
    with tempfile.TemporaryDirectory() as folder:
        course = lay_out(Path(folder), lesson)
        half = options.plain // 2
        names = hand_in(course, lesson, max(options.count, options.large))
        plain = [by_nbgrader(course, lesson, names[:half])]
        ours = by_us(course, lesson, names[: options.count], options.workers)
        spent = overhead(course, lesson)
        plain.append(by_nbgrader(course, lesson, names[half : options.plain]))
        large = [by_us(course, lesson, names[: options.large], options.workers)]
        text = table(lesson, options.workers, plain, ours, spent, large if options.large else [])
    print(text)
    TABLE.write_text(text, encoding="utf-8")


def lay_out(folder: Path, lesson: Lesson) -> Course:
    """A released course with the cut-down lesson."""
    course = Course(folder / "course")
    nb = read(REPOSITORY.solution(lesson))
    setup = next(cell for cell in nb.cells if cell.cell_type == "code")
    nb.cells = [c for c in nb.cells if c is setup or is_answer(c) or is_check(c) or is_written(c)]
    write_file(course.solution(lesson), dumps(normalise(nb)).encode())
    shutil.copy(REPOSITORY.root / CONFIG, course.root)
    for name, content in generate(course, [lesson]).items():
        write_file(course.notebooks / name, content)
    return course


def hand_in(course: Course, lesson: Lesson, count: int) -> list[str]:
    """Puts submissions into `submitted/`; every hundred of them is alike."""
    solved = read(course.solution(lesson))
    right = {grade_id(cell): cell.source for cell in solved.cells if is_answer(cell)}
    release = read(course.notebook(lesson))
    kinds = [kind for kind, (share, _, _) in SLIPS.items() for _ in range(round(100 * share))]
    names = [f"learner{number:03d}" for number in range(count)]
    for number, name in enumerate(names):
        # 37 and 100 have no divisor in common: slips lie evenly among the right ones.
        place = 37 * number % 100
        nb = answered(release, right, kinds[place] if place < len(kinds) else "", number)
        path = course.root / "submitted" / name / lesson.name / f"{lesson.name}.ipynb"
        write_file(path, dumps(nb).encode())
    return names


def answered(release: NotebookNode, right: dict[str, str], kind: str, number: int) -> NotebookNode:
    """The release with right answers, but for the first that a slip can be made in."""
    nb = copy.deepcopy(release)
    answers = [cell for cell in nb.cells if is_answer(cell) and cell.cell_type == "code"]
    for cell in answers:
        cell.source = f"# {number}\n{right[grade_id(cell)]}"
    if kind:
        _, before, after = SLIPS[kind]
        slipped = next(cell for cell in answers if before in cell.source)
        slipped.source = slipped.source.replace(before, after, 1)
    return nb


@contextlib.contextmanager
def measured(count: int, into: list[Run]) -> Iterator[None]:
    """Notes how long the code inside takes."""
    began = time.perf_counter()
    yield
    into.append(Run(count, time.perf_counter() - began))


def by_us(course: Course, lesson: Lesson, names: list[str], workers: int) -> Run:
    """`attncourse grade`, from its start to the report."""
    for made in ("grading", "autograded", "feedback"):
        shutil.rmtree(course.root / made, ignore_errors=True)
    runs: list[Run] = []
    url = url_of(course.root)
    with measured(len(names), runs):
        console.grade_lesson(course, lesson, Processes(workers), url, Settings(seed=0), names)
    return runs[0]


def by_nbgrader(course: Course, lesson: Lesson, names: list[str]) -> Run:
    """`nbgrader autograde`, one command for all of them, into a gradebook of its own."""
    other = Course(course.root.with_name("plain"))
    shutil.rmtree(other.root, ignore_errors=True)
    for name in ("solutions", "notebooks"):
        shutil.copytree(course.root / name, other.root / name)
    shutil.copy(course.root / CONFIG, other.root)
    for name in names:
        shutil.copytree(course.root / "submitted" / name, other.root / "submitted" / name)
    Gradebook(other, lesson, url_of(other.root)).book.close()
    runs: list[Run] = []
    with measured(len(names), runs):
        command = [sys.executable, "-m", "nbgrader", "autograde", lesson.name]
        subprocess.run(command, cwd=other.root, capture_output=True, check=True)
    return runs[0]


def overhead(course: Course, lesson: Lesson) -> list[float]:
    """Seconds by the clock of each submission beyond the computing of the learner's code."""
    records = Journal(course.root, lesson.name).load().values()
    return [record.spent - record.seconds for record in records]


def table(
    lesson: Lesson, workers: int, plain: list[Run], ours: Run, spent: list[float], large: list[Run]
) -> str:
    """What was measured, as the page of docs/."""
    whole = Run(sum(run.count for run in plain), sum(run.clock for run in plain))
    rows = [("`nbgrader autograde`", whole), ("`attncourse grade`", ours)]
    rows += [("`attncourse grade`", run) for run in large]
    lines = [
        "# How fast a class is graded",
        "",
        f"Written by `python -m benchmarks.grading`; do not edit. {' '.join(WHAT.split())}",
        "",
        f"Lesson {lesson.name}, {workers} workers, one thread each; start-up, gradebook, "
        "notebooks, feedback and report are part of our time.",
        "",
        "| | submissions | seconds | a second | times as fast |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, run in rows:
        times = run.rate / whole.rate
        lines.append(f"| {name} | {run.count} | {run.clock:.1f} | {run.rate:.2f} | {times:.1f} |")
    tail = statistics.quantiles(spent, n=20)[-1]
    lines += [
        "",
        f"Beyond the learner's own computing a submission takes {statistics.median(spent):.2f} s "
        f"(median), {tail:.2f} s (95th percentile).",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
