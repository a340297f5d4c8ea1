"""The command `attncourse`: help with examples, and one line for bad input."""

import pytest
from typer.main import get_command

from attncourse import cli, doctor

COMMANDS = list(get_command(cli.app).commands)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    return exit_.value.code or 0


def test_help_names_every_command(capsys):
    assert run("--help") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


def test_without_arguments_help_is_shown(capsys):
    assert run() == 0
    assert "Usage: attncourse" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_shows_examples_of_it(name, capsys):
    assert run(name, "--help") == 0
    shown = capsys.readouterr().out
    assert "Examples:" in shown
    assert f"attncourse {name}" in shown.partition("Examples:")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["--no-such-option"],
        ["doctor", "--no-such-option"],
        ["doctor", "more"],
        ["check"],
        ["check", "no-such-lesson"],
        ["check", "no-such-notebook.ipynb"],
        ["train", "no-such-lesson"],
        ["train", "bahdanau"],
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(arguments, capsys):
    assert run(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("attncourse: ")
    assert printed.err.count("\n") == 1


def test_what_a_room_refuses_gets_one_line(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "examine", refuse)
    assert run("doctor") == 2
    assert capsys.readouterr().err == "attncourse: first line second line\n"


def test_traceback_shows_where_a_refusal_arose(monkeypatch):
    monkeypatch.setattr(doctor, "examine", refuse)
    with pytest.raises(ValueError, match="first line"):
        cli.main(["--traceback", "doctor"])


def refuse():
    raise ValueError("first line\nsecond line")
