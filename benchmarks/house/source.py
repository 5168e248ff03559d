"""The Python files of a package, parsed, and how they divide into rooms."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Module", "closed_rooms", "lines_and_files", "read_folder", "room_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One parsed Python file.

    Args:
        path: Relative to the repository, with forward slashes.
        text: Its source.
        tree: Its syntax tree.
    """

    path: str
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The dotted name: `deepmr.mr` for `deepmr/mr/__init__.py`."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def is_init(self) -> bool:
        """Whether the file is a package's `__init__.py`."""
        return self.path.endswith("__init__.py")

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.name if self.is_init else self.name.rpartition(".")[0]


def read_folder(repository: Path, folder: str) -> list[Module]:
    """Parse a folder's Python files (or one file), in the order of their paths.

    Args:
        repository: The repository's root.
        folder: A folder or file relative to it; one that is missing holds no files.
    """
    start = repository / folder
    paths = [start] if start.is_file() else sorted(start.rglob("*.py"))
    modules = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        relative = path.relative_to(repository).as_posix()
        modules.append(Module(path=relative, text=text, tree=ast.parse(text, filename=relative)))
    return modules


def room_of(path: str) -> str:
    """Return the room of a file: its folder below the package, which may be the package itself.

    Example:
        >>> room_of("deepmr/mr/ivw.py"), room_of("deepmr/files.py"), room_of("train.py")
        ('deepmr/mr', 'deepmr', 'scripts')
    """
    folders = path.split("/")[:-1]
    return "/".join(folders[:2]) if folders else "scripts"


def closed_rooms(repository: Path) -> list[str]:
    """Return folders whose modules only they themselves import: ``protected`` in pyproject.toml.

    Args:
        repository: Root of a checkout.
    """
    path = repository / "pyproject.toml"
    content = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    contracts = content.get("tool", {}).get("importlinter", {}).get("contracts", [])
    patterns = [one for contract in contracts for one in contract.get("protected_modules", [])]
    return sorted(one.removesuffix(".*").replace(".", "/") for one in patterns)


def lines_and_files(modules: Iterable[Module]) -> dict[str, dict[str, int]]:
    """Count lines (blank ones and comments, too) and files of each room."""
    lines: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for module in modules:
        lines[room_of(module.path)] += module.text.count("\n")
        files[room_of(module.path)] += 1
    return {room: {"lines": lines[room], "files": files[room]} for room in sorted(files)}
