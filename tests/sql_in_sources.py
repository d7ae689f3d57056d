"""The SQL in this package's sources: every place that runs a statement, and what of it is not constant.

Here: reading Python with `ast`. Never here: what is allowed (test_sources). Always: what is not understood counts as not constant.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

SINKS: dict[str, dict[str, int | None]] = {
    "execute": {"sql": 0},
    "_execute": {"sql": 0},
    "_executemany": {"sql": 0},
    "executemany": {"sql": 0},
    "executescript": {"sql": 0},
    # Functions that pass on SQL which they were given: their callers are looked at in the same way.
    "found": {"schema": 2},
    "refounding": {"schema": 2},
    "_make_tables": {"schema": 1},
    "_walk": {"columns": 1},
    "_active": {"columns": 0},
    "_prints": {"condition": 1},
    "_select": {"table": 0, "where": 1},
    "select": {"view": 2, "where": None},
}
"""Who takes SQL: parameter and position (None: by its name only)."""

CORE = "host/"
"""Here statements are objects of SQLAlchemy, which binds every value by itself; as text it takes only these:"""

CORE_SINKS: dict[str, dict[str, int | None]] = {
    "text": {"text": 0},
    "literal_column": {"text": 0},
    "exec_driver_sql": {"statement": 0},
    "DDL": {"statement": 0},
    "executescript": {"sql": 0},
}

_KEEPS_CONSTANT = {"split", "join", "strip", "items", "values", "keys"}
"""Methods that make constant text of constant text."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@attrs.frozen
class Hole:
    """A part of a statement that is not constant, as it stands in the source."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


def holes_in(folder: Path) -> list[Hole]:
    """Of all modules below the folder, by their paths in it."""
    return [
        hole
        for path in sorted(folder.rglob("*.py"))
        for hole in holes(path.read_text(encoding="utf-8"), path.relative_to(folder).as_posix())
    ]


def holes(source: str, file: str) -> list[Hole]:
    """In the order in which they stand in the source."""
    tree = ast.parse(source)
    constants = _constants(tree)
    sinks = CORE_SINKS if file.startswith(CORE) else SINKS
    found = []
    for function, call in _calls(tree, None):
        for expression in _sql_of(call, sinks):
            parts = _Names(function, constants).not_constant(expression)
            found += [Hole(file, part.lineno, ast.unparse(part)) for part in parts]
    return found


def _calls(node: ast.AST, function: Function | None) -> Iterator[tuple[Function | None, ast.Call]]:
    """Every call, with the innermost function around it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield function, child
        yield from _calls(child, child if isinstance(child, Function) else function)


def _sql_of(call: ast.Call, sinks: Mapping[str, Mapping[str, int | None]]) -> list[ast.expr]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    found = []
    for parameter, position in sinks.get(name, {}).items():
        if position is not None and position < len(call.args):
            found.append(call.args[position])
        found += [keyword.value for keyword in call.keywords if keyword.arg == parameter]
    return found


def _constants(tree: ast.Module) -> set[str]:
    """Names in capitals that the module gives itself or imports: made when it is imported, before anybody's input."""
    found: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            found |= {
                name.id for target in statement.targets for name in ast.walk(target) if isinstance(name, ast.Name)
            }
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            found.add(statement.target.id)
        elif isinstance(statement, ast.ImportFrom | ast.Import):
            found |= {alias.asname or alias.name for alias in statement.names}
    return {name for name in found if name.isupper()}


class _Names:
    """What the names in one function stand for."""

    def __init__(self, function: Function | None, constants: set[str]) -> None:
        self._constants = constants
        self._bound: Mapping[str, list[ast.expr]] = _bound_in(function) if function else {}
        self._parameters = _parameters_of(function) if function else set()
        self._passed_on = set(SINKS.get(function.name, {})) if function else set()
        self._looked_into: set[str] = set()

    def not_constant(self, node: ast.expr) -> list[ast.expr]:
        """The parts of the expression that may hold something from outside."""
        match node:
            case ast.Constant():
                return []
            case ast.JoinedStr(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
                return self._any(parts)
            case ast.Dict(keys=keys, values=values):
                return self._any([*(key for key in keys if key), *values])
            case ast.FormattedValue(value=value) | ast.Starred(value=value) | ast.Subscript(value=value):
                return self.not_constant(value)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._any([left, right])
            case ast.IfExp(body=body, orelse=orelse):
                return self._any([body, orelse])
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
                return self.not_constant(element)
            case ast.Call(func=ast.Attribute(value=value, attr=attr), args=arguments) if attr in _KEEPS_CONSTANT:
                return self._any([value, *arguments])
            case ast.Attribute(attr=attr) if attr.isupper():
                return []
            case ast.Name(id=name):
                return self._named(node, name)
        return [node]

    def _any(self, parts: list[ast.expr]) -> list[ast.expr]:
        return [hole for part in parts for hole in self.not_constant(part)]

    def _named(self, node: ast.expr, name: str) -> list[ast.expr]:
        if name in self._looked_into:
            return []
        if name in self._parameters:
            return [node]
        if name in self._bound:
            self._looked_into.add(name)
            try:
                return self._any(self._bound[name])
            finally:
                self._looked_into.discard(name)
        return [] if name in self._constants or name in self._passed_on else [node]


def _parameters_of(function: Function) -> set[str]:
    """But for those that it passes on: what they are is seen where it is called."""
    given = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    return given - set(SINKS.get(function.name, {}))


def _bound_in(function: Function) -> Mapping[str, list[ast.expr]]:
    """What each name is given in the function. What a `with … as` gives is not looked into."""
    bound: defaultdict[str, list[ast.expr]] = defaultdict(list)
    for node in ast.walk(function):
        for target, value in _bindings(node):
            for name, part in _unpacked(target, value):
                bound[name].append(part)
    return bound


def _bindings(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((target, value) for target in targets)
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.AugAssign(target=target, value=value):
            yield target, value
        case ast.NamedExpr(target=target, value=value):
            yield target, value
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            yield from ((target, one) for one in (value.elts if isinstance(value, ast.Tuple | ast.List) else [value]))
        case ast.withitem(optional_vars=ast.expr() as target, context_expr=value):
            yield target, value


def _unpacked(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Each name in the target and what it is given: of `a, b = x, y` x and y apart."""
    match target, value:
        case ast.Name(id=name), _:
            yield name, value
        case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
            for one, part in zip(targets, values, strict=True):
                yield from _unpacked(one, part)
        case ast.Tuple(), ast.IfExp(body=body, orelse=orelse):
            yield from _unpacked(target, body)
            yield from _unpacked(target, orelse)
        case ast.Tuple(elts=targets), _:
            for one in targets:
                yield from _unpacked(one, value)
