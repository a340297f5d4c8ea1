"""README and CONTRIBUTING name commands and files that exist."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from attncourse import cli

DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
LINK = re.compile(r"\]\(([^)#]+)\)")
LONGEST_SCREEN = 50  # lines


@pytest.fixture(params=DOCUMENTS)
def document(request, repository: Path) -> str:
    return (repository / request.param).read_text(encoding="utf-8")


def test_links_and_pictures_lead_to_files(document, repository):
    targets = [target for target in LINK.findall(document) if "://" not in target]
    assert [target for target in targets if not (repository / target).is_file()] == []


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
