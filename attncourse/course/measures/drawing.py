"""What a lesson draws: guessed before, told by its data, and folded where drawing takes long."""

import ast
import re
from collections.abc import Iterator

from nbformat import NotebookNode

from attncourse.course.anatomy import DETAILS, FENCE, HEADING, Anatomy
from attncourse.course.notebook import mark, python

# How lessons ask for a guess.
ASKS = re.compile(r"\b(?:predict|guess|sketch the map|what (?:do|would) you expect)\b", re.I)
GUESS = "guess"  # names that begin so hold a guess
LONGEST = 10  # lines that draw in a cell one sees


def guessed(lesson: Anatomy) -> Iterator[str]:
    """What is asked to be predicted is kept in a cell `guess = …`, and drawn into the figure."""
    for index, places in _predictions(lesson):
        trees = [_tree(lesson.nb.cells[place]) for place in places]
        kept = {name for tree in trees for name in _bound(tree) if name.startswith(GUESS)}
        if not kept:
            yield f"cell {index + 1} asks for a prediction, and no `guess = …` follows it"
        elif not any(kept & _used(tree) for tree in trees):
            yield f"what cell {index + 1} asks for is guessed, and compared with nothing"


def told_by_data(lesson: Anatomy) -> Iterator[str]:
    """After a prediction is asked for no text in the code tells the result: no literal alt."""
    asked = {place for _, places in _predictions(lesson) for place in places}
    for index, cell in lesson.numbered("code"):
        tree = _tree(cell)
        if index in asked or any(name.startswith(GUESS) for name in _used(tree)):
            for line in _literal_alts(tree):
                yield f"cell {index + 1}, line {line} gives an alt text before the cell has run"


def folded(lesson: Anatomy) -> Iterator[str]:
    """Drawing code of more than ten lines is folded, or stands in the package under a name."""
    for index, cell in lesson.numbered("code"):
        if mark(cell) or cell.metadata.get("jupyter", {}).get("source_hidden"):
            continue
        lines = _drawing_lines(_tree(cell))
        if len(lines) > LONGEST:
            yield f"cell {index + 1} draws in {len(lines)} lines that are not folded"


def _predictions(lesson: Anatomy) -> Iterator[tuple[int, list[int]]]:
    """Each text that asks for a prediction, with the code cells up to the figure that answers."""
    for index, cell in lesson.numbered("markdown"):
        if mark(cell) or not ASKS.search(DETAILS.sub("", cell.source)):
            continue
        follow: list[int] = []
        for place, each in enumerate(lesson.nb.cells[index + 1 :], start=index + 1):
            if each.cell_type == "markdown" and HEADING.search(FENCE.sub("", each.source)):
                break
            if each.cell_type == "code" and not mark(each):
                follow.append(place)
                if _draws(_tree(each)):
                    yield index, follow
                    break


def _tree(cell: NotebookNode) -> ast.Module:
    return ast.parse(python(cell.source))


def _draws(tree: ast.Module) -> bool:
    """Whether a cell shows a figure; the call tells it, also before it has run."""
    calls = (_called(node) for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(name == "show" or name.endswith("_view") for name in calls)


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _bound(tree: ast.AST) -> set[str]:
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _used(tree: ast.AST) -> set[str]:
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _literal_alts(tree: ast.Module) -> Iterator[int]:
    """Lines of `alt=` whose text stands in the code, there or under a name of the same cell."""
    texts = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_literal(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "alt":
            is_name = isinstance(node.value, ast.Name) and node.value.id in texts
            if is_name or _is_literal(node.value):
                yield node.value.lineno


def _is_literal(node: ast.expr) -> bool:
    """Whether it is a text without a value of the run in it."""
    match node:
        case ast.Constant(value=str()):
            return True
        case ast.JoinedStr(values=parts):
            return all(isinstance(part, ast.Constant) for part in parts)
        case ast.BinOp(left=left, right=right, op=ast.Add()):
            return _is_literal(left) and _is_literal(right)
        case ast.IfExp(body=one, orelse=other):
            return _is_literal(one) and _is_literal(other)
    return False


def _drawing_lines(tree: ast.Module) -> set[int]:
    """The lines of statements that call `plot`, or use what came of it."""
    drawn, lines = {"plot"}, set()
    for statement in _statements(tree):
        own = _own(statement)
        if any(_used(part) & drawn for part in own):
            drawn |= {name for part in own for name in _bound(part)}
            ends = (getattr(part, "end_lineno", None) or statement.lineno for part in own)
            lines |= set(range(statement.lineno, max(ends) + 1))
        elif isinstance(statement, ast.FunctionDef) and _used(statement) & drawn:
            drawn.add(statement.name)
    return lines


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Every statement, those inside others too, as they are written."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        if isinstance(child, ast.stmt | ast.excepthandler):
            yield from _statements(child)


def _own(statement: ast.stmt) -> list[ast.AST]:
    """A statement without the block below it: what a loop goes over, what is asked."""
    if not hasattr(statement, "body"):
        return [statement]
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return []
    parts = ast.iter_child_nodes(statement)
    return [part for part in parts if not isinstance(part, ast.stmt | ast.excepthandler)]


MEASURES = (guessed, told_by_data, folded)
