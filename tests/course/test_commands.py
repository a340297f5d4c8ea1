"""The commands on a course: what they write, print and answer to scripts."""

import shutil
from pathlib import Path

import pytest

from attncourse import cli
from attncourse.course import archive
from attncourse.course.places import Course

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def here(course: Course, monkeypatch: pytest.MonkeyPatch) -> Course:
    """The course as working directory, with what else belongs into the students' archive."""
    for name in ("README.md", *archive.FILES):
        shutil.copy(REPOSITORY / name, course.root)
    monkeypatch.chdir(course.root)
    return course


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    return exit_.value.code or 0


def test_release_writes_notebooks_and_archive_and_is_then_current(here, lesson, capsys):
    assert run("release") == 0
    name = f"{lesson.name}/{lesson.name}.ipynb"
    assert {f"wrote notebooks/{name}", f"wrote dist/{archive.FOLDER}.zip"} <= set(
        capsys.readouterr().out.splitlines()
    )
    assert run("release", "--check") == 0
    assert run("release") == 0
    assert capsys.readouterr().out.splitlines()[-1:] == [f"wrote dist/{archive.FOLDER}.zip"]


def test_release_check_notices_an_edited_notebook_and_writes_nothing(here, lesson, capsys):
    run("release")
    here.notebook(lesson).write_text("edited")
    capsys.readouterr()
    assert run("release", "--check") == 1
    assert "is not what is generated" in capsys.readouterr().out
    assert here.notebook(lesson).read_text() == "edited"


def test_check_answers_1_until_all_is_solved_and_progress_remembers(here, lesson, capsys):
    run("release")
    assert run("check", lesson.slug) == 1
    assert "not solved yet" in capsys.readouterr().out
    shutil.copy(here.solution(lesson), here.notebook(lesson))
    assert run("check", lesson.slug) == 0
    assert "3 / 3" in capsys.readouterr().out
    assert run("progress") == 0
    assert "3 / 3" in capsys.readouterr().out


def test_rehearse_stores_outputs_and_says_what_it_took(here, lesson, capsys):
    assert run("rehearse") == 0
    assert capsys.readouterr().out.startswith(f"{lesson.name}: ")
    assert '"execution_count": 1' in here.solution(lesson).read_text()


def test_measure_answers_1_for_a_lesson_that_breaks_rules(here, lesson, capsys):
    assert run("measure") == 1
    assert lesson.name in capsys.readouterr().out


@pytest.mark.parametrize("command", ["release", "rehearse", "measure", "check"])
def test_an_unknown_lesson_gets_one_line_and_exit_code_2(command, here, capsys):
    assert run(command, "bahdanu") == 2
    error = capsys.readouterr().err
    assert error.startswith("attncourse: no lesson is called 'bahdanu'; did you mean 01-bahdanau")
    assert error.count("\n") == 1
