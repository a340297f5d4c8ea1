"""Public docstrings say what is raised, and of what shape a tensor is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import attncourse

ROOT = Path(attncourse.__file__).parent
AXES = r"\((?:[A-Z…][\w·']{0,2}|\d+|in_channels|length|batch|size)(?:,[^()]*)?\)"
SHAPE = re.compile(AXES + r"|\bscalar\b|\bshape (?:of|and)\b")
"""Axes in brackets, or words for what has none or takes those of an input."""

WITHOUT_SHAPES = ("exercises/",)
"""Where a task's statement gives the shapes, and functions answer it rightly or wrongly."""

LEAVES = {"BadParameter", "Exit", "TyperException"}
"""How a command ends, which the command's own line says."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def documented(tree: ast.AST, name: str = "") -> Iterator[tuple[str, ast.AST, list[Function]]]:
    """Every public function and class, by name, with the functions that it answers for."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            makers = [n for n in node.body if isinstance(n, Function)]
            makers = [n for n in makers if n.name in {"__init__", "__post_init__", "__new__"}]
            yield f"{name}{node.name}", node, makers
            yield from documented(node, f"{name}{node.name}.")
        elif isinstance(node, Function) and not node.name.startswith("_"):
            yield f"{name}{node.name}", node, [node]


def own(function: ast.AST) -> Iterator[ast.AST]:
    """What runs when the function runs: not what functions inside it would do."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, (*Function.__args__, ast.ClassDef, ast.Lambda)):
            yield node
            yield from own(node)


def raises(function: Function) -> bool:
    """Whether an error of its own making may leave the function."""
    errors = [node.exc for node in own(function) if isinstance(node, ast.Raise) and node.exc]
    names = [ast.unparse(e.func if isinstance(e, ast.Call) else e) for e in errors]
    return any(name.split(".")[-1] not in LEAVES for name in names)


def all_documented() -> Iterator[tuple[str, ast.AST, list[Function]]]:
    for path in sorted(ROOT.rglob("*.py")):
        for name, node, functions in documented(ast.parse(path.read_text(encoding="utf-8"))):
            yield f"{path.relative_to(ROOT)}: {name}", node, functions


def test_what_raises_says_so():
    silent = [
        name
        for name, node, functions in all_documented()
        if any(map(raises, functions)) and "Raises:" not in (ast.get_docstring(node) or "")
    ]
    assert silent == []


def test_what_returns_tensors_gives_their_shape():
    silent = [
        name
        for name, node, _ in all_documented()
        if isinstance(node, Function)
        and not name.startswith(WITHOUT_SHAPES)
        and node.returns is not None
        and re.search(r"\bTensor\b", ast.unparse(node.returns))
        and not SHAPE.search(ast.get_docstring(node) or "")
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("raise ValueError('no')", True),
        ("raise", False),
        ("raise typer.Exit(1)", False),
        ("raise typer.BadParameter('no') from None", False),
        ("def inner():\n  raise ValueError", False),
        ("for _ in ():\n  raise errors.Refused", True),
    ],
)
def test_an_error_is_found_where_it_would_leave_the_function(body, found):
    (function,) = ast.parse("def f():\n" + "\n".join(f" {line}" for line in body.split("\n"))).body
    assert raises(function) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The gates (B, C, 1, 1).", True),
        ("Maps (…, H, W).", True),
        ("A scalar.", True),
        ("Numbers of the given mean (and deviation).", False),
        ("The loss of a model.", False),
        ("What SE does (Hu et al. 2018, section 3).", False),
    ],
)
def test_a_shape_is_told_from_words(text, found):
    assert bool(SHAPE.search(text)) == found
