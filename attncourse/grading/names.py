"""Which names a cell binds and which it needs, read from its text; nothing is run."""

import ast
import re
import symtable
from collections.abc import Iterator
from functools import lru_cache

# Cell magics that run the cell below them as Python, and only watch it.
WATCHING = re.compile(r"\A\s*%%(?:time|timeit|capture|prun)\b.*\n?")
# IPython's own lines: magics, shell commands, questions; and assignments of their results.
ASKING_IPYTHON = re.compile(r"^([ \t]*)(?:[%!?]|[\w.]+\?).*$", re.MULTILINE)
ASSIGNING = re.compile(r"^([ \t]*\w[\w, ]*=)[ \t]*[%!].*$", re.MULTILINE)
# Magics that run the rest of their line in the notebook; %timeit runs it where it binds nothing.
TIMED = re.compile(
    r"^([ \t]*(?:\w[\w, ]*=[ \t]*)?)%(?:time|prun)[ \t]+"
    r"(?:(?:-[qr]|--no-raise-error|-[lsTD][ \t]+\S+)[ \t]+)*(?=\S)",
    re.MULTILINE,
)
# What a broken cell would have bound, had it been right.
ALMOST = re.compile(r"^(?:async +def|def|class) +(\w+)|^(\w+) *=(?!=)", re.MULTILINE)
LONGEST = 50_000  # characters; no person writes a longer cell, and reading one takes long
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


def python(source: str) -> str:
    """A cell's text as Python: IPython's own lines do nothing in it, but %time's run.

    A cell that is no Python either way, or longer than `LONGEST`, comes back as it is.
    """
    if len(source) > LONGEST:
        return source
    unwatched = WATCHING.sub("", source)
    untimed = TIMED.sub(r"\1", unwatched)
    plain = ASSIGNING.sub(r"\1 None", ASKING_IPYTHON.sub(r"\1pass", untimed))
    return next((each for each in (source, unwatched, plain) if _parsed(each)), source)


@lru_cache(maxsize=1024)
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


@lru_cache(maxsize=1024)
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


@lru_cache(maxsize=1024)
def altered(source: str) -> frozenset[str]:
    """The names whose values a cell alters in place at its top level, as far as its text shows.

    It stores into them, deletes from them, or calls a method of theirs and drops what that gives.
    """
    tree = _tree(source)
    places = _altered(tree) if tree else ()
    return frozenset(place.id for place in places if isinstance(place, ast.Name))


def statements(source: str) -> Iterator[str]:
    """The top-level statements of a cell, each as Python; none where the cell cannot be read."""
    tree = _tree(source)
    try:
        yield from [ast.unparse(each) for each in tree.body] if tree else ()
    except UNREADABLE:
        return


@lru_cache(maxsize=1)  # who asks for a cell as Python asks for its tree next
def _parsed(code: str) -> ast.Module | None:
    try:
        return ast.parse(code) if len(code) <= LONGEST else None
    except UNREADABLE:
        return None


def _tree(source: str) -> ast.Module | None:
    return _parsed(python(source))


def _table(source: str) -> symtable.SymbolTable | None:
    code = python(source)
    try:
        return symtable.symtable(code, "<cell>", "exec") if len(code) <= LONGEST else None
    except UNREADABLE:
        return None


def _binds(symbol: symtable.Symbol, imports: bool) -> bool:
    return imports if symbol.is_imported() else symbol.is_assigned()


def _altered(node: ast.AST) -> Iterator[ast.expr]:
    """Where the chains of attributes and items begin that are altered when this runs."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return
    match node:
        case ast.Expr(ast.Call(ast.Attribute() as place)):
            yield _beginning(place)
        case (
            ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del())
        ):
            yield _beginning(node)
    for child in ast.iter_child_nodes(node):
        yield from _altered(child)


def _beginning(place: ast.expr) -> ast.expr:
    while True:
        match place:
            case ast.Attribute() | ast.Subscript():
                place = place.value
            case ast.Call(ast.Attribute() as method):
                place = method
            case _:
                return place


def _inside(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inside(child)
