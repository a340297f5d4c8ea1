"""A name says one thing: to whoever reads an import, a traceback or a file's tab in an editor."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from attncourse.grading import exceptions

#: Where an exercise is asked, judged and graded: what these say of each other must be clear.
ROOMS = ("exercises/core", "course", "grading")


def files(repository: Path) -> Iterator[Path]:
    for room in ROOMS:
        folder = repository / "attncourse" / room
        yield from (p for p in folder.rglob("*.py") if "skeleton" not in p.parts)


def classes(path: Path) -> list[ast.ClassDef]:
    return [each for each in ast.parse(path.read_text()).body if isinstance(each, ast.ClassDef)]


def test_no_two_files_or_public_classes_share_a_name(repository: Path) -> None:
    found = defaultdict(list)
    for path in files(repository):
        if path.name != "__init__.py":
            found[path.name].append(path)
        for each in classes(path):
            if not each.name.startswith("_"):
                found[each.name].append(path)
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


def raised(repository: Path) -> dict[str, list[str]]:
    """The exceptions of grading by file: what derives from one, by whatever way."""
    bases = {Exception.__name__, BaseException.__name__, "ValueError", "RuntimeError"}
    found = defaultdict(list)
    while True:
        before = len(bases)
        for path in (p for p in files(repository) if "grading" in p.parts):
            for each in classes(path):
                derived = {base.id for base in each.bases if isinstance(base, ast.Name)}
                if each.name not in bases and derived & bases:
                    bases.add(each.name)
                    found[path.name].append(each.name)
        if len(bases) == before:
            return found


def drawn() -> list[str]:
    """The lines of the tree in the docstring: its second paragraph."""
    return (exceptions.__doc__ or "").split("\n\n")[1].splitlines()


def test_what_grading_raises_stands_in_one_file_and_in_its_tree(repository: Path) -> None:
    found = raised(repository)
    assert list(found) == ["exceptions.py"]
    assert sorted(line.split()[-1] for line in drawn()) == sorted(found["exceptions.py"])


def test_the_tree_of_exceptions_is_drawn_as_it_is() -> None:
    above: list[type] = []
    for line in drawn():
        name = line.split()[-1]
        depth = (len(line) - len(name)) // 4 - 1  # all of it is indented once
        above[depth:] = [getattr(exceptions, name)]
        assert above[depth].__bases__ == ((above[depth - 1],) if depth else (Exception,))
