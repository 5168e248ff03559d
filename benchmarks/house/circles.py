"""Import circles: files that need one another."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from benchmarks.house.source import Module

__all__ = ["circles", "imports"]


def imports(modules: Sequence[Module]) -> dict[str, set[str]]:
    """Return, for each file, the files that its text imports, wherever in it the import stands.

    Imports under `if TYPE_CHECKING` and inside functions count. That Python runs the `__init__`
    of every enclosing package on the way does not.

    Args:
        modules: The files between which imports are looked for.
    """
    paths = {module.name: module.path for module in modules}
    return {
        module.path: {paths[name] for name in _imported_names(module, set(paths)) if name in paths}
        for module in modules
    }


def _imported_names(module: Module, known: set[str]) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                package = module.package.split(".")
                kept = package[: len(package) - node.level + 1]
                start = ".".join([*kept, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{start}.{alias.name}"
                names.add(inner if inner in known else start)
    return names


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return a shortest circle of each group of files that reach one another by imports.

    Args:
        graph: For each file, the files that it imports.

    Example:
        >>> circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
        [['a', 'b', 'c', 'a']]
    """
    reach = {file: _distances(graph, file) for file in graph}
    grouped: set[str] = set()
    found = []
    for file in sorted(graph):
        if file in grouped or file not in reach[file]:
            continue
        group = {other for other in reach[file] if file in reach.get(other, {})}
        grouped |= group
        start = min(group, key=lambda one: (reach[one][one], one))
        found.append(_walk(graph, reach, start))
    return found


def _distances(graph: Mapping[str, set[str]], start: str) -> dict[str, int]:
    """Steps from a file to all that it reaches; to itself, the length of its shortest circle."""
    steps: dict[str, int] = {}
    front, step = {start}, 0
    while front:
        step += 1
        front = {other for file in front for other in graph.get(file, ())} - steps.keys()
        steps |= dict.fromkeys(front, step)
    return steps


def _walk(
    graph: Mapping[str, set[str]], reach: Mapping[str, dict[str, int]], start: str
) -> list[str]:
    path = [start]
    while True:
        nearer = [other for other in graph[path[-1]] if other == start or start in reach[other]]
        step = min(nearer, key=lambda one: (0 if one == start else reach[one][start], one))
        path.append(step)
        if step == start:
            return path
