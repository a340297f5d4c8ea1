"""Which cells of a lesson show a trained network, found by reading their code.

What training touches is followed from name to name: through assignments, containers, attributes,
loops and comprehensions, into functions and out of them, from cell to cell. Nothing is run. Where
the code leaves it open, a value counts as trained: an author can always say it more plainly.

Training is a call of `attncourse.training.fit` or of a recipe, a call of any method `fit` or
`step`, and a change in place by a gradient, such as ``w -= rate * w.grad``.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from attncourse.course.notebook import python

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

CLAIM = "attncourse.plotting.claim"
TRAINING_METHODS = ("fit", "step")
# Calls that give back what they are given, or something made of the very same objects.
SAME_OBJECTS = ("enumerate", "zip", "list", "tuple", "dict", "reversed", "sorted", "iter", "next")
WRAPPERS = ("torch.nn", "torch.compile")


@dataclass
class CellFlow:
    """What a cell does with trained networks.

    Attributes:
        trained: Whether it trains, or mentions something that training touched.
        claims: For each call of `claim` that it makes, whether something trained is judged.
        seeds: The values that it assigns to the name `seeds`.
    """

    trained: bool = False
    claims: dict[ast.Call, bool] = field(default_factory=dict)
    seeds: list[ast.expr] = field(default_factory=list)


def follow(sources: Iterable[str]) -> list[CellFlow]:
    """Follows training through the code cells of a lesson.

    Raises:
        SyntaxError: A cell is not Python.
    """
    flow = _Flow()
    return [flow.cell(ast.parse(python(source))) for source in sources]


@dataclass
class _Scope:
    """Names of a module, a function or a comprehension.

    `aliases` are the names of what a name's object was taken out of, or made to hold: what changes
    it in place changes them.
    """

    parent: "_Scope | None" = None
    bound: set[str] = field(default_factory=set)
    trained: set[str] = field(default_factory=set)
    aliases: dict[str, set[str]] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)
    defined: dict[str, Function | ast.ClassDef] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)  # declared global or nonlocal
    changed: set[str] = field(default_factory=set)  # in place
    returned: set[str] = field(default_factory=set)  # names that may be given back
    returns_trained: bool = False
    comprehension: bool = False

    def held_by(self, names: set[str]) -> set[str]:
        """These names, and all those through which their objects can be reached as well."""
        found, new = set(names), set(names)
        while new:
            new = set().union(*(self.aliases.get(name, set()) for name in new)) - found
            found |= new
        return found

    def of(self, name: str) -> "_Scope | None":
        """The scope in which a name is bound."""
        here = name in self.bound and name not in self.elsewhere
        return self if here else self.parent.of(name) if self.parent else None


class _Flow:
    """The state of all names while a lesson is read from top to bottom."""

    def __init__(self) -> None:
        self.scope = _Scope()
        self.now = CellFlow()
        self.branches = 0  # within them an assignment may not have happened
        self.running: list[ast.AST] = []
        # For each function that was read, the parameters that can be reached from what it returns.
        self.given_back: dict[Function, set[str]] = defaultdict(set)

    def cell(self, tree: ast.Module) -> CellFlow:
        self.now = CellFlow()
        self.block(tree.body)
        return self.now

    # Statements

    def block(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Import() | ast.ImportFrom():
                self.bring(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.define(node)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                self.scope.elsewhere.update(names)
            case ast.Return(value=value):
                if value is not None:
                    self.scope.returns_trained |= self.value(value)
                    self.scope.returned |= self.reached(value)
            case ast.Assign(targets=targets, value=value):
                trained, reached = self.value(value), self.reached(value)
                for target in targets:
                    self.assign(target, value, trained, reached)
            case ast.AnnAssign(target=target, value=value):
                if value is not None:
                    self.assign(target, value, self.value(value), self.reached(value))
            case ast.AugAssign(target=target, value=value):
                if self.value(value) or _has_gradient(value):
                    self.change(target)
                self.value(target)
            case ast.For() | ast.AsyncFor():
                for target, source in _bound_by(node.target, node.iter):
                    self.assign(target, source, self.value(source), self.reached(source))
                self.loop([*node.body, *node.orelse])
            case ast.While(test=test):
                self.value(test)
                self.loop([*node.body, *node.orelse])
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    trained, reached = (
                        self.value(item.context_expr),
                        self.reached(item.context_expr),
                    )
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, item.context_expr, trained, reached)
                self.block(node.body)
            case ast.If() | ast.Try() | ast.TryStar() | ast.Match():
                self.branch(node)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.value(child)

    def branch(self, node: ast.AST) -> None:
        """A statement of which parts may not run."""
        self.branches += 1
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                self.statement(child)
            elif isinstance(child, ast.expr):
                self.value(child)
            else:  # a handler of exceptions, a case
                self.branch(child)
        self.branches -= 1

    def loop(self, body: list[ast.stmt]) -> None:
        """Twice, since what comes last in a loop flows into what comes first."""
        self.block(body)
        self.block(body)

    def bring(self, node: ast.Import | ast.ImportFrom) -> None:
        origin = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        for each in node.names:
            name = each.asname or each.name.partition(".")[0]
            self.bind(name)
            whole = each.name if each.asname or origin else name
            self.scope.imported[name] = origin + whole

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.bind(node.name)
        self.scope.defined[node.name] = node

    def bind(self, name: str) -> _Scope:
        """The scope where an assignment puts a name, which is as good as new there."""
        scope = self.scope
        while scope.parent is not None and (scope.comprehension or name in scope.elsewhere):
            scope = scope.parent
        scope.bound.add(name)
        if not self.branches:
            scope.trained.discard(name)
            scope.aliases.pop(name, None)
        scope.imported.pop(name, None)
        scope.defined.pop(name, None)
        return scope

    def assign(self, target: ast.expr, value: ast.expr, trained: bool, reached: set[str]) -> None:
        match target:
            case ast.Name(id=name):
                if name == "seeds" and self.scope.parent is None:
                    self.now.seeds.append(value)
                scope = self.bind(name)
                scope.aliases.setdefault(name, set()).update(reached - {name})
                if isinstance(value, ast.Lambda):
                    scope.defined[name] = value
                if trained:
                    scope.trained.add(name)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
                if len(values) == len(parts) and not any(map(_is_starred, [*values, *parts])):
                    for part, own in zip(parts, values, strict=True):
                        self.assign(part, own, self.value(own), self.reached(own))
                else:
                    for part in parts:
                        self.assign(part, value, trained, reached)
            case ast.Starred(value=inner):
                self.assign(inner, value, trained, reached)
            case _:  # an attribute or an item: what holds it changes
                self.value(target)
                if trained:
                    self.change(target)
                for root in _roots(target):
                    if owner := self.scope.of(root):
                        owner.aliases.setdefault(root, set()).update(reached - {root})

    # Expressions: whether something trained flows into their value

    def value(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return self.name(name)
            case ast.Call():
                return self.call(node)
            case ast.Lambda():
                return self.run(node, {})
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return self.comprehension(node)
            case ast.NamedExpr(target=target, value=value):
                trained = self.value(value)
                self.assign(target, value, trained, self.reached(value))
                return trained
            case _:
                return any([self.value(child) for child in _parts(node)])

    def name(self, name: str) -> bool:
        scope = self.scope.of(name)
        if scope is None:
            return False
        trained = name in scope.trained
        if definition := scope.defined.get(name):
            trained |= self.run(definition, {})
        self.now.trained |= trained
        return trained

    def comprehension(self, node: Comprehension) -> bool:
        with self.within(_Scope(self.scope, comprehension=True)) as scope:
            for each in node.generators:
                for target, source in _bound_by(each.target, each.iter):
                    trained, reached = self.value(source), self.reached(source)
                    for name in _names(target):
                        scope.bound.add(name)
                        scope.aliases[name] = reached - {name}
                        if trained:
                            scope.trained.add(name)
                for condition in each.ifs:
                    self.value(condition)
            parts = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
            return any([self.value(part) for part in parts])

    def call(self, node: ast.Call) -> bool:
        arguments = [*node.args, *(each.value for each in node.keywords)]
        flags = [self.value(each) for each in arguments]
        path = self.path(node.func)
        if path == CLAIM:
            judged = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "values")]
            self.now.claims[node] = self.now.claims.get(node, False) or any(map(self.value, judged))
            return False
        if path.startswith(("attncourse.training", "attncourse.recipes")) and (
            path.endswith(".fit") or path.startswith("attncourse.recipes")
        ):
            return self.train(*arguments[:1])
        trained = any(flags)
        definition = self.definition(node.func)
        if definition is not None:
            trained |= self.run(definition, self.given(definition, node), anything=trained)
        elif isinstance(node.func, ast.Attribute):
            trained |= self.method(node, node.func, trained)
        else:
            trained |= self.value(node.func)
        if trained:  # what is called may call what it is given, and draw on axes
            for each in arguments:
                if callee := each if isinstance(each, ast.Lambda) else self.definition(each):
                    self.run(callee, {}, anything=True)
            for keyword in node.keywords:
                if keyword.arg == "ax":
                    self.change(keyword.value)
            if isinstance(node.func, ast.Name) and node.func.id == "setattr":
                self.change(node.args[0])
        return trained

    def method(self, node: ast.Call, called: ast.Attribute, trained: bool) -> bool:
        receiver = self.value(called.value)
        if called.attr in TRAINING_METHODS:
            return self.train(called.value, *node.args[:1])
        by_gradient = called.attr.endswith("_") and any(map(_has_gradient, node.args))
        if trained or by_gradient:
            self.change(called.value)
        return receiver or by_gradient

    def train(self, *models: ast.expr) -> bool:
        self.now.trained = True
        for model in models:
            self.change(model)
        return True

    def run(
        self,
        definition: Function | ast.ClassDef,
        given: dict[str, ast.expr],
        *,
        anything: bool = False,
    ) -> bool:
        """Reads the body of a function, or of all methods of a class, as if it were called.

        Args:
            definition: What is called.
            given: Its parameters' arguments.
            anything: Whether something trained is among the arguments, whichever they are.
        """
        if definition in self.running:
            return False
        if isinstance(definition, ast.ClassDef):
            with self.frame(definition, _Scope(self.scope)):
                methods = [each for each in definition.body if isinstance(each, ast.FunctionDef)]
                self.block(each for each in definition.body if each not in methods)
                return any([self.run(each, {}, anything=anything) for each in methods])
        scope = _Scope(self.scope, set(_parameters(definition)))
        # Its globals are looked up where it is called; lessons hide no global behind a local one.
        for name in _parameters(definition):
            if anything if name not in given else self.value(given[name]):
                scope.trained.add(name)
        with self.frame(definition, scope):
            if isinstance(definition, ast.Lambda):
                scope.returns_trained = self.value(definition.body)
                scope.returned = self.reached(definition.body)
            else:
                self.block(definition.body)
        self.given_back[definition] |= scope.held_by(scope.returned)
        for name in scope.changed & given.keys():
            self.change(given[name])
        return scope.returns_trained

    @contextmanager
    def frame(self, definition: ast.AST, scope: _Scope) -> Iterator[None]:
        self.running.append(definition)
        branches, self.branches = self.branches, 0
        with self.within(scope):
            yield
        self.branches = branches
        self.running.pop()

    @contextmanager
    def within(self, scope: _Scope) -> Iterator[_Scope]:
        outer, self.scope = self.scope, scope
        yield scope
        self.scope = outer

    # Objects: what changes when something is changed in place

    def change(self, node: ast.expr) -> None:
        for name in self.reached(node) | _roots(node):
            self.change_name(name, self.scope)

    def change_name(self, name: str, start: _Scope) -> None:
        scope = start.of(name)
        if scope is None or name in scope.imported or name in scope.defined:
            return
        if name in scope.changed and name in scope.trained:
            return  # known, and so are those that share it
        scope.trained.add(name)
        scope.changed.add(name)
        for other in scope.aliases.get(name, ()):  # what holds it
            self.change_name(other, scope)
        parts = [name]
        while parts:  # what was taken out of it
            whole = parts.pop()
            found = {part for part, held in scope.aliases.items() if whole in held} - scope.trained
            scope.trained |= found
            parts += found

    def reached(self, node: ast.expr) -> set[str]:
        """Names of objects that can be reached from a value, and changed through it."""
        match node:
            case ast.Name(id=name):
                return {name}
            case ast.Attribute(value=inner) | ast.Subscript(value=inner):
                return self.reached(inner)
            case ast.Starred(value=inner) | ast.NamedExpr(value=inner) | ast.Await(value=inner):
                return self.reached(inner)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self.reached_by_comprehension(node)
            case ast.Call(func=called):
                return self.reached_by_call(node, called)
            case ast.Lambda() | ast.Compare() | ast.JoinedStr():
                return set()
            case _:
                return set().union(*(self.reached(child) for child in _parts(node)))

    def reached_by_comprehension(self, node: Comprehension) -> set[str]:
        element = node.value if isinstance(node, ast.DictComp) else node.elt
        found = self.reached(element)
        for each in node.generators:
            own = set(_names(each.target))
            if found & own:
                found = (found - own) | self.reached(each.iter)
        return found

    def reached_by_call(self, node: ast.Call, called: ast.expr) -> set[str]:
        arguments = [*node.args, *(each.value for each in node.keywords)]
        # An optimizer holds the parameters that it is given, whoever makes it.
        held = [each for each in arguments if _is_parameters(each)]
        if definition := self.definition(called):
            if isinstance(definition, ast.ClassDef):
                return set().union(*map(self.reached, arguments))
            given = self.given(definition, node)
            held += [given[name] for name in self.given_back[definition] & given.keys()]
        elif _roots(called) & {*SAME_OBJECTS} or self.path(called).startswith(WRAPPERS):
            held = arguments
        elif isinstance(called, ast.Attribute) and not self.path(called):
            held.append(called.value)  # `model.eval()` is the model
        return set().union(*map(self.reached, held))

    def definition(self, node: ast.expr) -> Function | ast.ClassDef | None:
        if isinstance(node, ast.Lambda):
            return node
        if not isinstance(node, ast.Name):
            return None
        scope = self.scope.of(node.id)
        return scope.defined.get(node.id) if scope else None

    def given(self, definition: Function | ast.ClassDef, node: ast.Call) -> dict[str, ast.expr]:
        """Which argument of a call each parameter gets, as far as it can be read."""
        if isinstance(definition, ast.ClassDef):
            return {}
        names = [each.arg for each in (*definition.args.posonlyargs, *definition.args.args)]
        plain = node.args if not any(map(_is_starred, node.args)) else []
        given = dict(zip(names, plain, strict=False))
        return given | {each.arg: each.value for each in node.keywords if each.arg}

    def path(self, node: ast.expr) -> str:
        """Where something imported comes from, such as `torch.nn.Linear`; else empty."""
        match node:
            case ast.Name(id=name):
                scope = self.scope.of(name)
                return scope.imported.get(name, "") if scope else ""
            case ast.Attribute(value=inner, attr=attr):
                path = self.path(inner)
                return f"{path}.{attr}" if path else ""
        return ""


def _parts(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions directly within another, also through slices and keywords."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        else:
            yield from _parts(child)


def _roots(node: ast.expr) -> set[str]:
    """The name that an attribute or item belongs to."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _bound_by(target: ast.expr, iterated: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What each part of a loop's target is taken from: `zip` and `enumerate` mix nothing."""
    match target, iterated:
        case ast.Tuple(elts=parts), ast.Call(func=ast.Name(id="zip"), args=sources) if len(
            parts
        ) == len(sources) and not any(map(_is_starred, [*parts, *sources])):
            for part, source in zip(parts, sources, strict=True):
                yield from _bound_by(part, source)
        case ast.Tuple(elts=[count, part]), ast.Call(func=ast.Name(id="enumerate"), args=[source]):
            yield count, ast.Constant(0)
            yield from _bound_by(part, source)
        case _:
            yield target, iterated


def _names(node: ast.expr) -> Iterator[str]:
    return (each.id for each in ast.walk(node) if isinstance(each, ast.Name))


def _parameters(definition: Function) -> list[str]:
    known = definition.args
    single = [each for each in (known.vararg, known.kwarg) if each]
    return [each.arg for each in (*known.posonlyargs, *known.args, *known.kwonlyargs, *single)]


def _has_gradient(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Attribute) and each.attr == "grad" for each in ast.walk(node))


def _is_parameters(node: ast.AST) -> bool:
    """Whether it is a call such as `model.parameters()`, perhaps within a container."""
    methods = (each.func for each in ast.walk(node) if isinstance(each, ast.Call))
    return any(isinstance(m, ast.Attribute) and m.attr == "parameters" for m in methods)


def _is_starred(node: ast.AST) -> bool:
    return isinstance(node, ast.Starred)
