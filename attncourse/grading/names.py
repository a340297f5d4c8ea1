"""Which names a cell binds and which it needs, read from its text; nothing is run."""

import ast
import re
import symtable
from collections.abc import Iterator

from IPython.core.inputtransformer2 import TransformerManager

# Cell magics that run the cell below them as Python, and only watch it.
WATCHING = re.compile(r"\A\s*%%(?:time|timeit|capture|prun)\b.*\n?")
# What a broken cell would have bound, had it been right.
ALMOST = re.compile(r"^(?:async +def|def|class) +(\w+)|^(\w+) *=(?!=)", re.MULTILINE)


def python(source: str) -> str:
    """A cell's text as Python: magics and shell commands become calls of `get_ipython()`."""
    source = WATCHING.sub("", source)
    try:
        return str(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source  # running it will say what is wrong


def bound(source: str, *, imports: bool = True) -> frozenset[str]:
    """The names that a cell binds at its top level.

    Args:
        source: A cell's text; in a cell with a syntax error, what looks like a definition counts.
        imports: Whether imported names count.
    """
    table = _table(source)
    if table is None:
        return frozenset(one or other for one, other in ALMOST.findall(source))
    found = {each.get_name() for each in table.get_symbols() if _binds(each, imports)}
    # A function may declare a name global and bind it for the whole notebook.
    for inner in _inside(table):
        found |= {s.get_name() for s in inner.get_symbols() if s.is_declared_global()}
    return frozenset(found)


def needed(source: str) -> frozenset[str]:
    """The names that a cell or its functions look up outside of it, builtins among them.

    A name that the cell itself binds is not needed, wherever in the cell that happens.
    """
    table = _table(source)
    if table is None:
        return frozenset()
    used = {each.get_name() for each in table.get_symbols() if each.is_referenced()}
    for inner in _inside(table):
        used |= {s.get_name() for s in inner.get_symbols() if s.is_global() and s.is_referenced()}
    return frozenset(used) - bound(source)


def statements(source: str) -> Iterator[str]:
    """The top-level statements of a cell, each as text; none where the cell cannot be read."""
    code = python(source)
    try:
        parts = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    lines = code.splitlines(keepends=True)
    for part in parts:
        decorators = getattr(part, "decorator_list", [])
        start = min([part.lineno, *(each.lineno for each in decorators)])
        yield "".join(lines[start - 1 : part.end_lineno])


def _table(source: str) -> symtable.SymbolTable | None:
    try:
        return symtable.symtable(python(source), "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _binds(symbol: symtable.Symbol, imports: bool) -> bool:
    return imports if symbol.is_imported() else symbol.is_assigned()


def _inside(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inside(child)
