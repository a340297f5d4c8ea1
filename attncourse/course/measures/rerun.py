"""Whether a cell can be run again: what stands in a notebook is run in any order, and twice.

What no reading of the code can tell (a network that is trained on, a random number drawn without a
seed), `attncourse rehearse` finds by running every cell twice.
"""

import ast
from collections.abc import Iterator

from attncourse.course.anatomy import Anatomy
from attncourse.course.notebook import mark, python

# Methods by which a list, set or dictionary becomes another one.
CHANGES = {"append", "clear", "extend", "insert", "pop", "popitem", "remove", "reverse"}


def growing(lesson: Anatomy) -> Iterator[str]:
    """A cell grows, shrinks or deletes only what it made itself, so that it can be run again."""
    for index, cell in lesson.numbered("code"):
        if not mark(cell):
            for name in sorted(set(_changed(ast.parse(python(cell.source))))):
                yield f"cell {index + 1} changes `{name}` of an earlier cell"


def _changed(cell: ast.Module) -> Iterator[str]:
    """The names that a cell changes in place before it has bound them."""
    made: set[str] = set()
    for node in _in_order(cell):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                made.add(name)
            case ast.alias():
                made.add((node.asname or node.name).partition(".")[0])
            case ast.Name(id=name, ctx=ast.Store()):
                made.add(name)
            case ast.AugAssign(target=target):
                yield from _root(target) - made
            case ast.Delete(targets=targets):
                for each in targets:
                    yield from _root(each) - made
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=value, attr=method))):
                if method in CHANGES:
                    yield from _root(value) - made


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a cell runs, in the order in which it is written; no bodies of functions."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            yield from _in_order(child)


def _root(node: ast.expr) -> set[str]:
    """The variable to which an item or an attribute belongs in the end, if it is one."""
    if isinstance(node, ast.Subscript | ast.Attribute):
        return _root(node.value)
    return {node.id} if isinstance(node, ast.Name) else set()


MEASURES = (growing,)
