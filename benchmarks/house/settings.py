"""Settings files: how many of each group, which are called default, and which are twins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

__all__ = ["defaults", "groups", "targets", "twins"]


def groups(conf: Path) -> dict[str, int]:
    """Count the yaml files of each group (the tables of contents are the group `.`)."""
    paths = sorted(conf.rglob("*.yaml"))
    names = [path.parent.relative_to(conf).as_posix() for path in paths]
    return {name: names.count(name) for name in sorted(set(names))}


def defaults(conf: Path) -> list[str]:
    """Return the files that are called default.yaml: a name that says nothing."""
    return sorted(path.relative_to(conf).as_posix() for path in conf.rglob("default.yaml"))


def twins(conf: Path) -> list[list[str]]:
    """Return groups of files that build the same thing from the same keys, with other values.

    Files of one folder are twins if they hold the same keys at all depths and name the same
    `_target_`, at least one, at the same keys. Each file is read by itself, without the files of
    its defaults list; files that name no `_target_` are never twins.
    """
    alike: dict[tuple[Path, frozenset[tuple[tuple[str, ...], str | None]]], list[str]] = {}
    for path in sorted(conf.rglob("*.yaml")):
        shape = _shape(path)
        if any(target is not None for target in shape.values()):
            same = alike.setdefault((path.parent, frozenset(shape.items())), [])
            same.append(path.relative_to(conf).as_posix())
    return [files for files in alike.values() if len(files) > 1]


def targets(conf: Path) -> set[str]:
    """Return every dotted name that a file gives as a value: what Hydra may build."""
    found: set[str] = set()
    for path in conf.rglob("*.yaml"):
        for _, value in _leaves(yaml.safe_load(path.read_text(encoding="utf-8")), ()):
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, str) and "." in one and one.replace(".", "_").isidentifier():
                    found.add(one)
    return found


def _shape(path: Path) -> dict[tuple[str, ...], str | None]:
    """The keys of a file, each with the class it names, if it is a `_target_`."""
    leaves = _leaves(yaml.safe_load(path.read_text(encoding="utf-8")), ())
    return {key: value if key[-1:] == ("_target_",) else None for key, value in leaves}


def _leaves(value: Any, key: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        return [leaf for name, one in value.items() for leaf in _leaves(one, (*key, str(name)))]
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return [leaf for i, one in enumerate(value) for leaf in _leaves(one, (*key, str(i)))]
    return [(key, value)]
