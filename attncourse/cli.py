"""The command `attncourse`: thin wrappers, one for each thing that people do with the course.

Each command imports its room when it runs, so that `attncourse --help` answers at once. Bad input
(an option that does not exist, or a `ValueError` from a room) becomes one line on stderr and exit
code 2; `--traceback` shows where it arose.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from attncourse.recipes import RECIPES

if TYPE_CHECKING:
    from rich.console import RenderableType

    from attncourse.course.places import Course

# The lessons that a command is about; none means all that have a solution.
Lessons = Annotated[list[str] | None, typer.Argument(help="Number, slug or both; default: all.")]
Database = Annotated[
    str | None, typer.Option(help="nbgrader's gradebook, file or URL; default: gradebook.db here.")
]

LEARNERS, INSTRUCTORS, MAINTAINERS = "For learners", "For instructors", "For maintainers"


class OneLineErrors(TyperGroup):
    """Turns the `ValueError` of a room into an error of the command line."""

    def invoke(self, ctx: Any) -> Any:  # Any: typer keeps this argument's class to itself
        """Runs the command that was asked for."""
        try:
            return super().invoke(ctx)
        except ValueError as error:
            if ctx.params["traceback"]:
                raise
            raise typer.TyperException(str(error)) from error


app = typer.Typer(
    cls=OneLineErrors,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line.

    Args:
        arguments: What stands behind `attncourse`; by default what the shell gave.

    Raises:
        SystemExit: Always: 0 for success, 1 for a negative finding, 2 for bad input.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(list(arguments) or ["--help"], prog_name="attncourse", standalone_mode=False)
    except typer.TyperException as error:
        print("attncourse:", " ".join(error.format_message().split()), file=sys.stderr)
        sys.exit(2)
    sys.exit(code)


def examples(*lines: str) -> str:
    """The examples below a command's help, a line each."""
    return "\n".join(["Examples:", *(f"  attncourse {line}" for line in lines)])


def show(result: "RenderableType") -> None:
    """Prints a result as wide as the terminal is."""
    from rich.console import Console

    Console().print(result)


@contextmanager
def following(name: str) -> Iterator[Callable[[int, int], None]]:
    """Shows on the terminal which cell of a notebook runs, until it is done."""
    from rich.console import Console

    with Console(stderr=True).status(name) as status:
        yield lambda cell, cells: status.update(f"{name}: cell {cell} of {cells}")


@app.callback(epilog=examples("lab", "check 01-bahdanau", "doctor"))
def course(
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error arose.")
    ] = False,
) -> None:
    """Attention mechanisms of deep learning, as lessons to run, solve and grade."""


@app.command(
    rich_help_panel=LEARNERS,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog=examples("lab", "lab --instructor", "lab --no-browser --port 9000"),
)
def lab(
    context: typer.Context,
    instructor: Annotated[
        bool, typer.Option("--instructor", help="Open the whole course, for the formgrader.")
    ] = False,
) -> None:
    """Open the course in JupyterLab.

    Further options go to JupyterLab.
    """
    from attncourse.course.places import locate
    from attncourse.lab import open_course

    if instructor:
        print("The formgrader is in JupyterLab's menu Nbgrader.")
    open_course(locate().root, context.args, instructor=instructor)


@app.command(
    rich_help_panel=LEARNERS,
    epilog=examples("check 01", "check 01-bahdanau 06-se", "check copy.ipynb"),
)
def check(
    lessons: Annotated[
        list[str], typer.Argument(help="Number, slug, both, a folder or a notebook.")
    ],
) -> None:
    """Run lessons from the top and show their points.

    The exit code is 1 if any are missing.
    """
    from attncourse.course import check, progress
    from attncourse.course.places import locate

    course = locate()
    passed = True
    for path in [course.learner_notebook(name) for name in lessons]:
        with following(path.name) as on_cell:
            report = check.check(path, on_cell=on_cell)
        progress.record(course, path, report.marks)
        show(check.render(report))
        passed = passed and report.marks.passed
    raise typer.Exit(not passed)


@app.command(rich_help_panel=LEARNERS, epilog=examples("progress"))
def progress() -> None:
    """Show the points of every lesson, and what is next; runs nothing."""
    from attncourse.course import progress
    from attncourse.course.places import locate

    show(progress.render(progress.progress(locate())))


@app.command(rich_help_panel=LEARNERS, epilog=examples("doctor", "doctor --json > report.json"))
def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show what a bug report needs to say.

    The exit code is 1 if something is wrong with the installation.
    """
    from rich.json import JSON

    from attncourse.doctor import as_json, examine, table

    findings = examine()
    show(JSON.from_data(as_json(findings)) if json else table(findings))
    raise typer.Exit(any(finding.advice for finding in findings))


train = typer.Typer(
    help="Train a lesson's network at full size, on your own data.",
    epilog=examples("train bahdanau --help"),
)
for slug, recipe in RECIPES.items():
    train.command(slug)(recipe)
app.add_typer(train, name="train", rich_help_panel=LEARNERS)


@app.command(
    rich_help_panel=INSTRUCTORS,
    epilog=examples("release", "release 01-bahdanau", "release --check"),
)
def release(
    lessons: Lessons = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if anything would change.")
    ] = False,
) -> None:
    """Generate notebooks/ and the students' archive from solutions/."""
    from attncourse.course import archive, release
    from attncourse.course.places import locate

    course = locate()
    if check:
        findings = release.verify(course)
        print(*findings or ["notebooks/ is what its solutions generate"], sep="\n")
        raise typer.Exit(bool(findings))
    for path in release.release(course, lessons or ()):
        print("wrote", path.relative_to(course.root))
    packed = archive.pack(course, course.root / "dist" / f"{archive.FOLDER}.zip")
    print("wrote", packed.relative_to(course.root))


@app.command(
    rich_help_panel=INSTRUCTORS,
    epilog=examples("collect moodle.zip", "collect canvas.zip --lesson 06-se --roster class.csv"),
)
def collect(
    archives: Annotated[
        list[Path],
        typer.Argument(help="Zip or tar files as downloaded.", exists=True, dir_okay=False),
    ],
    lesson: Annotated[
        str | None, typer.Option(help="Whose notebooks these are, if their names do not tell.")
    ] = None,
    pattern: Annotated[
        str,
        typer.Option(
            help="Regular expression for a whole path, with groups student and file, where names "
            "are neither Moodle's nor Canvas's."
        ),
    ] = "",
    roster: Annotated[
        Path | None,
        typer.Option(
            help="CSV: a column id, and others with names or numbers.", exists=True, dir_okay=False
        ),
    ] = None,
) -> None:
    """Take notebooks out of a learning platform's archives into submitted/.

    The exit code is 1 if anything that looked like a submission was left out.
    """
    from attncourse.course.places import locate
    from attncourse.course.syllabus import find
    from attncourse.grading.intake.collect import State, collect, render
    from attncourse.grading.intake.roster import Roster

    rows = collect(
        archives,
        locate(),
        lesson=find(lesson) if lesson else None,
        pattern=pattern,
        roster=Roster.read(roster) if roster else None,
    )
    show(render(rows))
    raise typer.Exit(any(row.state is State.REFUSED for row in rows))


@app.command(
    rich_help_panel=INSTRUCTORS,
    epilog=examples("grade 06-se", "grade 06-se --workers 8", "grade 06-se.ipynb --json"),
)
def grade(
    what: Annotated[
        str, typer.Argument(help="A lesson, to grade submitted/*/LESSON; or a notebook.")
    ],
    student: Annotated[
        list[str] | None, typer.Option(help="Grade this student only; may be repeated.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes on this machine; default: one a core.", min=1)
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Grade on the workers of this Dask scheduler, tcp://….")
    ] = None,
    db: Database = None,
    force: Annotated[
        bool, typer.Option("--force", help="Grade again what has not changed.")
    ] = False,
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox/--no-sandbox", help="Run what learners wrote in a sandbox, or trust it."
        ),
    ] = True,
    seed: Annotated[
        int | None, typer.Option(help="Draw the probes from this; default: as before.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a notebook's result for other programs.")
    ] = False,
    lesson: Annotated[
        str | None, typer.Option(help="A notebook's lesson, if its name does not tell.")
    ] = None,
) -> None:
    """Grade a class into nbgrader's gradebook, or a single notebook.

    Only new and changed submissions are graded. The exit code of a single notebook is 1 if points
    of its checks are missing.
    """
    from attncourse.course.places import locate
    from attncourse.course.syllabus import LESSONS, find
    from attncourse.grading import console
    from attncourse.grading.runner import Settings

    course = locate()
    settings = Settings(sandbox=sandbox, force=force, seed=seed)
    path = Path(what)
    if path.suffix == ".ipynb":
        if not path.is_file():
            raise typer.BadParameter(f"there is no file {path}")
        if lesson is None and path.stem not in [each.name for each in LESSONS]:
            raise typer.BadParameter(f"{path.name} does not tell its lesson; say --lesson")
        found = find(lesson or path.stem)
        raise typer.Exit(console.grade_file(course, found, path, settings, json=as_json))
    if as_json:
        raise typer.BadParameter("--json is for a single notebook")
    if seed is not None and student:
        raise typer.BadParameter("--seed is for the whole class: all are asked the same")
    engine = console.engine_for(workers, scheduler)
    url = _gradebook(course, db)
    raise typer.Exit(console.grade_lesson(course, find(what), engine, url, settings, student or ()))


@app.command(rich_help_panel=INSTRUCTORS, epilog=examples("feedback 06-se"))
def feedback(
    lesson: Annotated[str, typer.Argument(help="Number, slug or both.")],
    db: Database = None,
) -> None:
    """Write feedback, grades.csv and report again, with what people have graded since."""
    from attncourse.course.places import locate
    from attncourse.course.syllabus import find
    from attncourse.grading.console import renew

    course = locate()
    renew(course, find(lesson), _gradebook(course, db))


def _gradebook(course: "Course", db: str | None) -> str:
    from attncourse.grading.results.gradebook import url_of

    if db and "://" not in db:
        return f"sqlite:///{Path(db).resolve()}"
    return db or url_of(course.root)


@app.command(rich_help_panel=MAINTAINERS, epilog=examples("rehearse 01-bahdanau", "rehearse"))
def rehearse(
    lessons: Lessons = None,
    once: Annotated[
        bool, typer.Option("--once", help="Leave out the second run of every demonstration.")
    ] = False,
) -> None:
    """Run solutions from the top, every demonstration twice, and store their outputs.

    The exit code is 1 if a demonstration shows something else when it is run again.
    """
    from attncourse.course.places import locate
    from attncourse.course.rehearsal import rehearse

    course = locate()
    changed = False
    for lesson in course.select(lessons or ()):
        with following(lesson.name) as on_cell:
            rehearsal = rehearse(course, lesson, once=once, on_cell=on_cell)
        print(f"{lesson.name}: {rehearsal.cpu_seconds:.0f} s of CPU time")
        for cell in rehearsal.changed:
            print(f"  cell {cell} shows something else when it is run again")
        changed = changed or bool(rehearsal.changed)
    raise typer.Exit(changed)


@app.command(rich_help_panel=MAINTAINERS, epilog=examples("measure", "measure 01-bahdanau"))
def measure(lessons: Lessons = None) -> None:
    """Hold lessons against the rules of the template.

    The exit code is 1 if any is broken.
    """
    from attncourse.course import measures
    from attncourse.course.places import locate

    course = locate()
    chosen = [(each, measures.dissect(course, each)) for each in course.select(lessons or ())]
    show(measures.render(chosen))
    raise typer.Exit(any(measures.measure(anatomy) for _, anatomy in chosen))


@app.command(
    rich_help_panel=MAINTAINERS,
    epilog=examples(
        "new 12-stand-alone",
        "new 12-stand-alone window logits Block --mechanism StandAloneAttention",
    ),
)
def new(
    lesson: Annotated[str, typer.Argument(help="Number and slug, as the syllabus has them.")],
    exercises: Annotated[
        list[str] | None,
        typer.Argument(help="What its functions and Classes are called; default: first, …."),
    ] = None,
    mechanism: Annotated[
        str, typer.Option(help="The class of the implementation; default: from the slug.")
    ] = "",
) -> None:
    """Lay out every room of a new lesson; nothing that exists is touched.

    What is to be filled in is marked; attncourse measure lists what is left.
    """
    from attncourse.course.places import locate
    from attncourse.course.skeleton import lay_out, planned

    course = locate()
    written = lay_out(course, planned(lesson), exercises or (), mechanism=mechanism)
    for path, new in written.items():
        print("wrote" if new else "kept ", path.relative_to(course.root))


@app.command(rich_help_panel=MAINTAINERS, epilog=examples("papers"))
def papers() -> None:
    """Compare the size of our networks with the papers' tables."""
    from attncourse.models.papers import table

    show(table())
