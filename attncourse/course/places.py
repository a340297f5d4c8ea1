"""Where a course lies on disk: a repository with solutions, or what a learner unpacked."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from attncourse.course.syllabus import LESSONS, Lesson, find

CHECKOUT = Path(__file__).resolve().parents[2]  # the repository, unless it is installed elsewhere


@dataclass(frozen=True)
class Course:
    """A folder with `notebooks/` (what learners get) and, for maintainers, `solutions/`.

    Attributes:
        root: That folder.
    """

    root: Path

    @property
    def notebooks(self) -> Path:
        """The folder a learner works in."""
        return self.root / "notebooks"

    @property
    def solutions(self) -> Path:
        """The folder from which `notebooks` is generated; absent at a learner's."""
        return self.root / "solutions"

    def notebook(self, lesson: Lesson) -> Path:
        """The learner's notebook of a lesson, whether or not it exists."""
        return self.notebooks / lesson.name / f"{lesson.name}.ipynb"

    def solution(self, lesson: Lesson) -> Path:
        """The solved notebook of a lesson, whether or not it exists."""
        return self.solutions / lesson.name / f"{lesson.name}.ipynb"

    def rooms(self, lesson: Lesson) -> dict[str, Path]:
        """Where all else of a lesson stands in the repository, whether or not it exists."""
        name = lesson.module
        return {
            "mechanism": self.root / "attncourse" / "nn" / f"{name}.py",
            "exercises": self.root / "attncourse" / "exercises" / name,
            "laws": self.root / "tests" / "nn" / f"test_{name}.py",
            "benchmark": self.root / "benchmarks" / f"{name}.py",
            "baseline": self.root / "benchmarks" / "baselines" / f"{name}.py",
        }

    def released(self) -> list[Lesson]:
        """The lessons a learner can open here."""
        return [lesson for lesson in LESSONS if self.notebook(lesson).is_file()]

    def solved(self) -> list[Lesson]:
        """The lessons whose solution is here."""
        return [lesson for lesson in LESSONS if self.solution(lesson).is_file()]

    def select(self, names: Iterable[str]) -> list[Lesson]:
        """The solved lessons with these names, or all of them if there are none.

        Raises:
            ValueError: A name is unknown, or its lesson has no solution here.
        """
        chosen = [find(name) for name in names] or self.solved()
        if not chosen:
            raise ValueError(f"there is no lesson in {self.solutions}; this needs the repository")
        for lesson in chosen:
            if not self.solution(lesson).is_file():
                raise ValueError(f"{lesson.name} has no solution in {self.solutions}")
        return chosen

    def learner_notebook(self, name: str) -> Path:
        """The notebook that a learner means: a lesson's name, a lesson's folder or a file.

        Raises:
            ValueError: There is no such lesson or file; the message says which there are.
        """
        path = Path(name)
        if path.is_dir():
            path = path / f"{path.resolve().name}.ipynb"
        if path.suffix == ".ipynb":
            if not path.is_file():
                raise ValueError(f"there is no notebook {path}")
            return path
        lesson = find(name)
        if not self.notebook(lesson).is_file():
            here = ", ".join(each.name for each in self.released()) or "none yet"
            raise ValueError(f"lesson {lesson.name} is still to come; lessons here: {here}")
        return self.notebook(lesson)


def locate(start: Path | None = None) -> Course:
    """Finds the course around a folder, or else the one that this package was installed from.

    Args:
        start: Where to look first, and then upwards; by default the working directory.

    Raises:
        ValueError: There is no course there, with what to do.
    """
    start = (start or Path.cwd()).resolve()
    for root in (start, *start.parents, CHECKOUT):
        course = Course(root)
        if course.released() or course.solved():
            return course
    raise ValueError(f"there is no course in or above {start}; go to the folder with notebooks/")
