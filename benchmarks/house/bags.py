"""Bags: types with many fields and functions with many parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.house.source import Module

__all__ = ["Bag", "bags"]

_RECORDS = {"NamedTuple", "TypedDict"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bag:
    """Something that is made or called with many values at once.

    Args:
        name: Qualified name within its file.
        path: The file.
        kind: `fields` of a dataclass, NamedTuple or TypedDict, or `parameters` of a function.
        size: How many, inherited fields with them, without `self` and class variables.
    """

    name: str
    path: str
    kind: str
    size: int


def bags(modules: Sequence[Module]) -> list[Bag]:
    """Return every bag, the largest first; a class's `__init__` counts under the class's name.

    A dataclass that is passed on whole is one value. Functions count with positional parameters,
    too: a list of nineteen is no shorter for being positional.

    Args:
        modules: The files to look through; inherited fields are found among them.
    """
    classes = {
        node.name: node
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    }
    found = []
    for module in modules:
        for name, node in _definitions(module.tree, ""):
            if isinstance(node, ast.ClassDef):
                size = len(_fields(node, classes)) if _is_record(node) else 0
                kind = "fields"
            else:
                size, kind = _parameters(node, is_method="." in name), "parameters"
                name = name.removesuffix(".__init__")
            if size:
                found.append(Bag(name=name, path=module.path, kind=kind, size=size))
    return sorted(found, key=lambda bag: (-bag.size, bag.path, bag.name))


_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, _Definition]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Definition):
            yield prefix + child.name, child
            if isinstance(child, ast.ClassDef):
                yield from _definitions(child, f"{prefix}{child.name}.")


def _last_name(node: ast.AST) -> str:
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_record(node: ast.ClassDef) -> bool:
    return any(_last_name(one) == "dataclass" for one in node.decorator_list) or any(
        _last_name(base) in _RECORDS for base in node.bases
    )


def _fields(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> set[str]:
    names: set[str] = set()
    for base in node.bases:
        parent = classes.get(_last_name(base))
        if parent is not None and parent is not node and _is_record(parent):
            names |= _fields(parent, classes)
    for child in node.body:
        if not isinstance(child, ast.AnnAssign) or not isinstance(child.target, ast.Name):
            continue
        if _last_name(child.annotation) != "ClassVar" and not _is_made(child.value):
            names.add(child.target.id)
    return names


def _is_made(default: ast.expr | None) -> bool:
    """Whether a field is filled by the class itself: `field(init=False)`."""
    return isinstance(default, ast.Call) and any(
        word.arg == "init" and isinstance(word.value, ast.Constant) and word.value.value is False
        for word in default.keywords
    )


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef, *, is_method: bool) -> int:
    arguments = node.args
    number = len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)
    static = any(_last_name(one) == "staticmethod" for one in node.decorator_list)
    return number - (1 if is_method and not static else 0)
