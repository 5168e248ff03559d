"""Definitions of a package, and the names that each of them uses."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.house.source import Module

__all__ = ["Definition", "Scope", "Use", "definitions", "doctest_uses", "uses_of", "words_of"]

Use = tuple[str, str]
"""A path and a name: the definition of that name in that file; an empty path: in any file."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the names of a file mean.

    Args:
        path: The file; its own names are looked up here.
        package: The package whose definitions are asked about.
        own: Names defined at the top of the file.
        imported: Local names of what is imported from the package, and the original names.
        foreign: Local names of what is imported from elsewhere (`np`, `stats`): their attributes
            are no uses of the package.
    """

    path: str
    package: str
    own: frozenset[str]
    imported: dict[str, str] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()

    @classmethod
    def of(cls, path: str, tree: ast.Module, package: str) -> Scope:
        """Read the scope of a parsed file."""
        own = {name for node in _top(tree) for name in _bound(node)}
        imported: dict[str, str] = {}
        foreign: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                start = getattr(node, "module", None) or ""
                for alias in node.names:
                    source = start or alias.name
                    local = alias.asname or alias.name.split(".")[0]
                    if getattr(node, "level", 0) or source.split(".")[0] == package:
                        imported[local] = alias.name.split(".")[-1]
                    else:
                        foreign.add(local)
        return cls(
            path=path,
            package=package,
            own=frozenset(own),
            imported=imported,
            foreign=frozenset(foreign - imported.keys()),
        )


@dataclass(slots=True, kw_only=True)
class Definition:
    """A top-level function, class or constant, or a method of a top-level class.

    Args:
        path: The file.
        name: Qualified name.
        kind: `function`, `class`, `method` or `constant`.
        lines: Of its text; of a class, with its methods.
        uses: Names in its code; of a class, without its methods.
        examples: Names in its doctests.
        bases: Of a class: names of its base classes, as written.
        decorators: Their last names.
    """

    path: str
    name: str
    kind: str
    lines: int
    uses: set[Use]
    examples: set[Use]
    bases: list[ast.expr] = field(default_factory=list)
    decorators: frozenset[str] = frozenset()

    @property
    def last(self) -> str:
        """The name without its class."""
        return self.name.rpartition(".")[2]


def definitions(module: Module, scope: Scope) -> tuple[list[Definition], set[Use], set[Use]]:
    """Return a file's definitions, the uses of its other statements, and of its own doctests.

    Args:
        module: The file.
        scope: What its names mean.
    """
    found: list[Definition] = []
    loose = _chosen_by_word(module, scope)
    for node in _top(module.tree):
        if isinstance(node, ast.ClassDef):
            found += _class(node, scope)
        elif isinstance(node, _Function):
            found.append(_function(node, node.name, "function", scope))
        elif _bound(node):
            uses = set() if "__all__" in _bound(node) else uses_of([node], scope)
            found += [
                Definition(
                    path=scope.path,
                    name=name,
                    kind="constant",
                    lines=_lines(node),
                    uses=uses,
                    examples=set(),
                )
                for name in _bound(node)
            ]
        else:
            loose |= uses_of([node], scope)
    return found, loose, doctest_uses(ast.get_docstring(module.tree), scope)


def _class(node: ast.ClassDef, scope: Scope) -> Iterator[Definition]:
    methods = [child for child in node.body if isinstance(child, _Function)]
    rest = [child for child in node.body if not isinstance(child, _Function)]
    yield Definition(
        path=scope.path,
        name=node.name,
        kind="class",
        lines=_lines(node),
        uses=uses_of([*rest, *node.bases, *node.decorator_list, *node.keywords], scope),
        examples=doctest_uses(ast.get_docstring(node), scope),
        bases=node.bases,
    )
    for child in methods:
        yield _function(child, f"{node.name}.{child.name}", "method", scope)


def _function(node: _Function, name: str, kind: str, scope: Scope) -> Definition:
    return Definition(
        path=scope.path,
        name=name,
        kind=kind,
        lines=_lines(node),
        uses=uses_of([node], scope),
        examples=doctest_uses(ast.get_docstring(node), scope),
        decorators=frozenset(_last(one) for one in node.decorator_list),
    )


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def _last(node: ast.expr) -> str:
    while isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _top(tree: ast.Module) -> Iterator[ast.stmt]:
    """Top-level statements; those under a top-level `if`, `try` or `with` are at the top, too."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.If | ast.Try | ast.With):
            waiting = [c for c in ast.iter_child_nodes(node) if isinstance(c, ast.stmt)] + waiting
            tests = [node.test] if isinstance(node, ast.If) else []
            yield from (ast.Expr(value=test) for test in tests)
        else:
            yield node


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | _Function):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign):
        targets = [node.target]
    return [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]


def uses_of(nodes: Iterable[ast.AST], scope: Scope) -> set[Use]:
    """Return the names that code may mean: its file's own, imported ones, and all attributes.

    An attribute may belong to anything, so that it uses every definition of its name, also where
    `getattr` asks for it by a string. A string that starts with the package's name
    (`"deepmr.cli.train:main"`) uses its last part.
    """
    found: set[Use] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Name):
            if node.id in scope.own:
                found.add((scope.path, node.id))
            elif node.id in scope.imported:
                found.add(("", scope.imported[node.id]))
        elif isinstance(node, ast.Attribute):
            if not _is_foreign(node, scope):
                found.add(("", node.attr))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= _named_by_string(node.value, scope)
        elif isinstance(node, ast.Call):
            found |= _asked_by_string(node)
        for name in ("annotation", "returns"):
            quoted = getattr(node, name, None)
            if isinstance(quoted, ast.Constant) and isinstance(quoted.value, str):
                waiting += _parsed(quoted.value)
    return found


def _asked_by_string(call: ast.Call) -> set[Use]:
    """The name that ``getattr(one, "name")`` asks for; none for a name that is computed."""
    if isinstance(call.func, ast.Name) and call.func.id == "getattr" and len(call.args) > 1:
        name = call.args[1]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            return {("", name.value)}
    return set()


def _chosen_by_word(module: Module, scope: Scope) -> set[Use]:
    """Words of a file that imports a module of the package by its path and takes a name of it.

    The installed command does so: ``getattr(import_module("deepmr.cli.scripts"), word)``.
    """
    if "import_module" not in module.text or scope.path.endswith("__init__.py"):
        return set()
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    imports = any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr == "import_module"
        and isinstance(call.args[0], ast.Constant)
        and str(call.args[0].value).startswith(f"{scope.package}.")
        for call in calls
    )
    computed = any(
        isinstance(call.func, ast.Name)
        and call.func.id == "getattr"
        and not isinstance(call.args[1], ast.Constant)
        for call in calls
    )
    return words_of(module.tree) if imports and computed else set()


def words_of(tree: ast.Module) -> set[Use]:
    """Return the strings of a file that could be names."""
    strings = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {("", one) for one in strings if isinstance(one, str) and one.isidentifier()}


def _named_by_string(text: str, scope: Scope) -> set[Use]:
    """The last part of a string that names a place in the package; none in an `__init__`."""
    if not text.startswith(f"{scope.package}.") or scope.path.endswith("__init__.py"):
        return set()
    return {("", text.replace(":", ".").rpartition(".")[2])}


def _is_foreign(node: ast.Attribute, scope: Scope) -> bool:
    root: ast.expr = node
    while isinstance(root, ast.Attribute):
        root = root.value
    return isinstance(root, ast.Name) and root.id in scope.foreign


def _parsed(text: str) -> Sequence[ast.stmt]:
    try:
        return ast.parse(text).body
    except SyntaxError:
        return []


def doctest_uses(text: str | None, scope: Scope) -> set[Use]:
    """Return the names in the doctests of a text: those of its file, imported ones, attributes."""
    if not text or ">>>" not in text:
        return set()
    code = "".join(one.source for one in doctest.DocTestParser().get_examples(text))
    tree = ast.parse(code)
    inner = Scope.of(scope.path, tree, scope.package)
    known = Scope(
        path=scope.path,
        package=scope.package,
        own=scope.own,
        imported=scope.imported | inner.imported,
        foreign=(scope.foreign | inner.foreign) - inner.imported.keys(),
    )
    return uses_of(tree.body, known)
