"""The page on which a learner's JupyterLab opens: how the course works, and the map of lessons."""

from attncourse.course.card import read_card, total_points
from attncourse.course.notebook import read
from attncourse.course.places import Course
from attncourse.course.syllabus import Lesson, parts

START_PAGE = "start-here.md"

WORDS = """\
# Start here

You build the attention mechanisms of deep learning yourself, one a lesson: you write each in a few
lines, you are told at once what is right, and you watch it solve a task that needs it. A laptop is
enough; nothing is downloaded.

**Begin with {first}**, or choose from the [map](#The-map).

## How a lesson goes

1. Open a lesson from the map below, and run its cells from the top with **Shift + Enter**.
2. At an **exercise**, read the task and write your answer where it says `YOUR CODE HERE`.
3. Run the **check** below it. It prints a line for everything your answer must do. When something
   is missing it names the mistake, if it is one that others make too.
4. The **written question** near the end has no check. If you take the course by yourself, compare
   your answer with the lesson's text; in a class a person reads it.

## When you are stuck

- Open the **hints** below the task, one after the other: the idea, the shapes, almost the code.
- Look at the shapes first: most mistakes are an axis. Put `print(x.shape)` before the line that
  fails, in the free cell below your answer.
- If everything behaves strangely, an old cell is still in memory: **Kernel → Restart Kernel and
  Run All Cells**.
- A check that was changed by accident does no harm: grading uses the original. To start a lesson
  afresh, take its notebook out of the archive again.

## How to see where you stand

Save the notebook, open a terminal (**File → New → Terminal**), and ask:

| command | answers |
|---|---|
| `attncourse check {example}` | Do all checks pass when the lesson runs from the top? |
| `attncourse progress` | How many points have I got, and what is next? |
| `attncourse doctor` | Is my installation in order? |

## The map

"""


def start_page(course: Course) -> str:
    """The start page of a course with solutions, as Markdown; lessons that have one are linked."""
    first = course.solved()[0]
    tables = []
    for part, lessons in parts().items():
        lines = [f"### {part}", "", "| lesson | what you get | minutes | points |"]
        lines += ["|---|---|--:|--:|", *(_row(course, lesson) for lesson in lessons)]
        tables.append("\n".join(lines))
    return WORDS.format(first=_link(first), example=first.name) + "\n\n".join(tables) + "\n"


def _row(course: Course, lesson: Lesson) -> str:
    path = course.solution(lesson)
    if not path.is_file():
        return f"| {lesson.number:02d} {lesson.title} | {lesson.promise} | to come | |"
    nb = read(path)
    minutes = read_card(nb).rows.get("Minutes", "")
    return f"| {_link(lesson)} | {lesson.promise} | {minutes} | {total_points(nb):g} |"


def _link(lesson: Lesson) -> str:
    return f"[{lesson.number:02d} {lesson.title}]({lesson.name}/{lesson.name}.ipynb)"
