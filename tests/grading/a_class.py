"""A small class in a folder, graded by the real command in processes that can be killed."""

import contextlib
import copy
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path

from nbformat import NotebookNode

from attncourse.course.notebook import dumps, write_file
from attncourse.course.places import Course
from attncourse.course.release import CONFIG
from attncourse.course.syllabus import Lesson
from attncourse.grading import console
from attncourse.grading.engine import Engine
from attncourse.grading.results.gradebook import Gradebook, url_of
from attncourse.grading.runner import Settings
from tests.grading.lesson import cell

REPOSITORY = Path(__file__).parents[2]
SEED = 11

WRONG = "def squeeze(x):\n    return x.sum(dim=(2, 3))"
BROKEN = "def squeeze(x):\n    return x.mean(dim=(2, 3)"
DYING = "import os\ndef squeeze(x):\n    os._exit(3)"


@dataclass(frozen=True)
class AClass:
    """A course with `submitted/`, and its gradebook with the lesson in it.

    Attributes:
        course: The course.
        lesson: The lesson.
        url: The gradebook.
    """

    course: Course
    lesson: Lesson
    url: str

    @property
    def root(self) -> Path:
        return self.course.root

    def grade(self, engine: Callable[[], Engine], log: Path) -> int:
        """Starts grading in a forked process, which is warm; returns its id.

        Args:
            engine: Makes the engine, in that process.
            log: What it prints.
        """
        # A server of this process's own processes would be no child of the fork.
        forkserver._forkserver._stop()  # type: ignore[attr-defined]
        pid = os.fork()
        if pid:
            return pid
        code = 70
        with log.open("w", buffering=1) as sys.stdout, contextlib.redirect_stderr(sys.stdout):
            try:
                os.setsid()
                settings = Settings(seed=SEED)
                args = (self.course, self.lesson, engine(), self.url, settings)
                code = console.grade_lesson(*args)
            except BaseException:
                traceback.print_exc()
        os._exit(code)

    def points(self) -> dict[str, dict[str, float | None]]:
        """What stands in the gradebook, by student and cell."""
        with Gradebook(self.course, self.lesson, self.url) as book:
            return {student: total.cells for student, total in book.totals().items()}

    def forget(self, gradebook: Path) -> None:
        """As before the first grading, with a gradebook that knows the lesson."""
        for name in ("grading", "autograded", "feedback"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        shutil.copy(gradebook, self.root / "gradebook.db")


def a_class(course: Course, lesson: Lesson, solved: NotebookNode, release: NotebookNode) -> AClass:
    """Right, wrong, broken, dying, open and damaged submissions."""
    shutil.copy(REPOSITORY / CONFIG, course.root)
    made = {"ada": dumps(solved), "zoe": dumps(solved), "leo": dumps(release), "max": "{"}
    for name, source in {"bob": WRONG, "eve": BROKEN, "kim": DYING}.items():
        nb = copy.deepcopy(solved)
        cell(nb, "squeeze").source = source
        made[name] = dumps(nb)
    for name, text in made.items():
        folder = course.root / "submitted" / name / lesson.name
        write_file(folder / f"{lesson.name}.ipynb", text.encode())
    return AClass(course, lesson, url_of(course.root))
