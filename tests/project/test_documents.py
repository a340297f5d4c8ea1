"""Documents name commands, modules and files that exist."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.main import get_command

from attncourse import cli

PAGES = ["docs/architecture.md", "docs/grading.md", "docs/new-lesson.md"]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *PAGES]
LINK = re.compile(r"\]\(([^)#]+)\)")
FILE = re.compile(r"\b(?:attncourse|benchmarks|docs|notebooks|solutions|tests)/[\w./-]*\w")
#: What documents call any lesson, and the new one of the guide, by one that is there.
EXAMPLES = {"NN-slug": "06-se", "17-gct": "06-se", "gct": "se"}
LONGEST_SCREEN = 50  # lines


@pytest.fixture(params=DOCUMENTS)
def path(request, repository: Path) -> Path:
    return repository / request.param


@pytest.fixture
def document(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_links_and_pictures_lead_to_files(document, path):
    targets = [target for target in LINK.findall(document) if "://" not in target]
    assert [target for target in targets if not (path.parent / target).is_file()] == []


def test_files_are_where_they_are_said_to_be(document, repository):
    for example, there in EXAMPLES.items():
        document = re.sub(rf"(?<![\w-]){example}|(?<=_){example}", there, document)
    named = sorted(set(FILE.findall(document)))
    assert [name for name in named if not (repository / name).exists()] == []


def test_modules_that_are_run_are_there(document):
    named = re.findall(r"python -m ([\w.]+)", document)
    assert [name for name in named if find_spec(name) is None] == []


def test_make_has_every_target_that_is_named(document, repository):
    targets = re.findall(r"^([a-z]+):.*##", (repository / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"(?:^ +|`)make ([a-z]+)", document, re.MULTILINE)) <= set(targets)


def test_the_command_line_has_every_command_that_is_named(document):
    named = re.findall(r"(?:^ +|`)attncourse ([a-z]+)", document, re.MULTILINE)
    assert set(named) <= set(get_command(cli.app).commands)


def test_the_readme_checks_without_make_what_make_checks(repository):
    makefile = (repository / "Makefile").read_text()
    checks = re.findall(r"^\t\$\(BIN\)/((?:ruff|mypy|codespell).*)$", makefile, re.MULTILINE)
    assert checks
    readme = (repository / "README.md").read_text(encoding="utf-8")
    assert [check for check in checks if f"    {check}\n" not in readme] == []


def test_contributing_fits_a_screen(repository):
    lines = (repository / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST_SCREEN
