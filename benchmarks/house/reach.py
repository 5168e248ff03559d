"""Code that nothing reaches: no command, no documented example, no R reference.

Names are followed from the commands and settings through the package: a definition is reached if
code that is itself reached names it. What counts as naming is generous (`uses.uses_of`): any
attribute of a name reaches every method and function of that name. So what is listed is unreached
beyond doubt, but for calls by a computed string; what is not listed may still be.

The ways are tried in this order, and each definition counts under the first that reaches it:

- command: the scripts at the root, `__main__`, the console commands of pyproject.toml, statements
  at the top of files, templates, and what the yamls of conf/ name
- example: doctests of another definition that is reached, or of a file; Python blocks of
  README.md and docs/ (indented ones, too), `deepmr.name` between backticks there, notebooks
- reference: the adapters of the reference values from R (`tests/**/reference*.py`)
- benchmark: benchmarks/
- test: the other tests
- nothing
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from benchmarks.house import settings
from benchmarks.house.source import Module, read_folder
from benchmarks.house.uses import (
    Definition,
    Scope,
    Use,
    definitions,
    doctest_uses,
    uses_of,
    words_of,
)

__all__ = ["WAYS", "Reached", "reached"]

WAYS = ("command", "example", "reference", "benchmark", "test", "nothing")

# Methods that a library calls by name on what derives from its classes. One that is not written
# here and that our code does not name is listed as unreached, on purpose.
_HOOKS = frozenset(
    name
    for names in (
        # torch: layers and automatic differentiation; samplers (Lightning calls set_epoch)
        ("forward", "backward", "extra_repr", "train", "set_epoch"),
        # torch.fx, its tracers and interpreters; what a model asks of a proxy while it is traced
        ("is_leaf_module", "create_arg", "create_node", "proxy"),
        ("run_node", "call_module", "call_function", "call_method"),
        ("placeholder", "output", "get_attr"),
        ("shape", "ndim", "dim", "size"),
        # Lightning modules, data modules and callbacks
        ("prepare_data", "setup", "teardown", "state_dict", "load_state_dict"),
        ("training_step", "validation_step", "test_step", "predict_step"),
        ("configure_optimizers", "configure_callbacks", "transfer_batch_to_device"),
        ("train_dataloader", "val_dataloader", "test_dataloader", "predict_dataloader"),
        # Lightning's loggers
        ("log_metrics",),
        # torchmetrics
        ("update", "compute", "reset"),
        # Python's import system
        ("find_spec", "create_module", "exec_module"),
        # parsers of the standard library
        ("format_help", "handle_starttag", "handle_endtag", "handle_data"),
    )
    for name in names
)
_HOOK_PREFIXES = ("on_", "_repr_", "visit_", "do_")  # Lightning callbacks; IPython; ast; http
# Bases that call no methods by themselves: deriving from them allows nothing.
_PASSIVE = frozenset({"ABC", "Generic", "NamedTuple", "TypedDict", "Enum", "StrEnum", "object"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A definition and the first way that reaches it (`WAYS`).

    Args:
        path: The file, relative to the repository.
        name: Qualified name.
        kind: `function`, `class` or `method`.
        lines: Of its text; of a class, with its methods.
        way: The first of `WAYS` that reaches it.
    """

    path: str
    name: str
    kind: str
    lines: int
    way: str


def reached(repository: Path, package: str = "deepmr") -> list[Reached]:
    """Say of each function, class and method of the package what reaches it first.

    Args:
        repository: Root of the checkout: it holds the package, and conf/, tests/, docs/,
            benchmarks/ where there are such.
        package: Name of the package and its folder.
    """
    modules = read_folder(repository, package)
    scopes = {one.path: Scope.of(one.path, one.tree, package) for one in modules}
    found: list[Definition] = []
    loose: set[Use] = set()
    examples: set[Use] = set()
    for module in modules:
        own, statements, shown = definitions(module, scopes[module.path])
        found += own
        loose |= statements
        examples |= shown
    starts: dict[str, Callable[[], set[Use]]] = {
        "command": lambda: loose | _commands(repository, package),
        "example": lambda: examples | _documents(repository, package),
        "reference": lambda: _tests(repository, package, adapters=True),
        "benchmark": lambda: _benchmarks(repository, package),
        "test": lambda: _tests(repository, package, adapters=False),
    }
    graph = _Graph(found, scopes)
    first: dict[int, str] = {}
    names: set[Use] = set()
    for way in WAYS[:-1]:
        if len(first) < len(found):  # or nothing is left to reach
            names |= starts[way]()
            for index in graph.closure(names, examples=way != "command"):
                first.setdefault(index, way)
    return [
        Reached(
            path=one.path,
            name=one.name,
            kind=one.kind,
            lines=one.lines,
            way=first.get(index, "nothing"),
        )
        for index, one in enumerate(found)
        if one.kind != "constant"
    ]


class _Graph:
    def __init__(self, found: Sequence[Definition], scopes: Mapping[str, Scope]):
        self._found = found
        classes = [one for one in found if one.kind == "class"]
        self._class = {(d.path, d.name): i for i, d in enumerate(found) if d.kind == "class"}
        self._bases = {(one.path, one.name): _base_names(one, scopes[one.path]) for one in classes}
        self._by_name: dict[str, list[tuple[str, str]]] = {}
        for key in self._bases:
            self._by_name.setdefault(key[1], []).append(key)

    def closure(self, names: set[Use], *, examples: bool) -> set[int]:
        """Return the indices of the definitions that are reached from some names."""
        known = set(names)
        inside: set[int] = set()
        grown = True
        while grown:
            grown = False
            for index, one in enumerate(self._found):
                if index not in inside and self._is_reached(one, known, inside):
                    inside.add(index)
                    known |= one.uses | (one.examples if examples else set())
                    grown = True
        return inside

    def _is_reached(self, one: Definition, known: set[Use], inside: set[int]) -> bool:
        if one.kind != "method":
            is_named = (one.path, one.name) in known or ("", one.name) in known
            return is_named or _is_dunder(one.name)  # a module's __getattr__ and __dir__
        owner = (one.path, one.name.rpartition(".")[0])
        if self._class[owner] not in inside:
            return False
        return ("", one.last) in known or self._is_allowed(one, owner)

    def _is_allowed(self, one: Definition, owner: tuple[str, str]) -> bool:
        """Whether a method needs no caller that we can see: see the comments of each case."""
        if _is_dunder(one.last):
            return True  # Python calls these
        if one.decorators & {"abstractmethod", "overload", "register", "setter"}:
            return True  # a contract for what derives from it; or called under another name
        ancestors = self._ancestors(owner, set())
        if "Protocol" in {name for name, _ in self._bases[owner]}:
            return True  # what is asked of others, not code that runs
        foreign = {name for name, is_foreign in ancestors if is_foreign} - _PASSIVE
        is_hook = one.last in _HOOKS or one.last.startswith(_HOOK_PREFIXES)
        return is_hook and (bool(foreign) or one.last.startswith("_repr_"))

    def _ancestors(
        self, owner: tuple[str, str], seen: set[tuple[str, str]]
    ) -> set[tuple[str, bool]]:
        found = set(self._bases[owner])
        seen.add(owner)
        for name, is_foreign in self._bases[owner]:
            for key in () if is_foreign else self._by_name.get(name, ()):
                if key not in seen:
                    found |= self._ancestors(key, seen)
        return found


def _base_names(one: Definition, scope: Scope) -> set[tuple[str, bool]]:
    """Last names of the base classes, each with whether it comes from outside the package."""
    names = set()
    for base in one.bases:
        node = base.value if isinstance(base, ast.Subscript) else base
        last = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        while isinstance(node, ast.Attribute):
            node = node.value
        root = getattr(node, "id", "")
        names.add((last, root not in scope.own and root not in scope.imported))
    return names


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _outside(module: Module, package: str, *, strings: bool) -> set[Use]:
    """Names that a file outside the package uses of it; with its strings, if it asks by string."""
    scope = Scope.of(module.path, module.tree, package)
    found = uses_of(module.tree.body, scope) | doctest_uses(ast.get_docstring(module.tree), scope)
    if strings:
        found |= words_of(module.tree)
    return {use for use in found if not use[0]}


def _tests(repository: Path, package: str, *, adapters: bool) -> set[Use]:
    """Names that the adapters of the reference values use, or all other tests."""
    found: set[Use] = set()
    for module in read_folder(repository, "tests"):
        if Path(module.path).stem.startswith("reference") == adapters:
            found |= _outside(module, package, strings=adapters)
    return found


def _benchmarks(repository: Path, package: str) -> set[Use]:
    found: set[Use] = set()
    for module in read_folder(repository, "benchmarks"):
        if module.package != "benchmarks.house":  # it reads the package as text
            found |= _outside(module, package, strings=False)
    return found


def _commands(repository: Path, package: str) -> set[Use]:
    found: set[Use] = set()
    for path in sorted(repository.glob("*.py")):
        for module in read_folder(repository, path.name):
            found |= _outside(module, package, strings=False)
    project = repository / "pyproject.toml"
    if project.is_file():
        text = project.read_text(encoding="utf-8")
        found |= {("", name) for name in re.findall(rf'"{package}[\w.]*:(\w+)"', text)}
    for conf in (repository / "conf", repository / package / "conf"):
        for target in settings.targets(conf):
            head, _, last = target.rpartition(".")
            owner = head.rpartition(".")[2]
            if target.startswith(f"{package}."):
                found |= {("", last)} | ({("", owner)} if owner[:1].isupper() else set())
    for template in sorted((repository / package).rglob("*.html")):
        for part in re.findall(r"\{[{%].*?[%}]\}", template.read_text(encoding="utf-8"), re.DOTALL):
            found |= {("", name) for name in re.findall(r"\w+", part)}
    return found


def _documents(repository: Path, package: str) -> set[Use]:
    blocks: list[str] = []
    for path in [repository / "README.md", *sorted((repository / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        blocks += re.findall(r"```(?:python|pycon)\n(.*?)```", text, re.DOTALL)
        blocks += re.findall(rf"`({package}\.[\w.]+)[^`\n]*`", text)
        blocks += [block for block in _indented(text) if f"{package}." in block]
    for path in sorted(repository.rglob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        blocks += ["".join(one["source"]) for one in cells if one["cell_type"] == "code"]
    found: set[Use] = set()
    for block in blocks:
        plain = re.sub(r"^\s*[%!].*$", "", block, flags=re.MULTILINE)  # a notebook's own commands
        scope = Scope(path="", package=package, own=frozenset(), imported={package: package})
        if ">>>" in plain:
            found |= doctest_uses(plain, scope)
        else:
            tree = ast.parse(plain)
            found |= uses_of(tree.body, Scope.of("", tree, package))
    return {use for use in found if not use[0]}


def _indented(text: str) -> list[str]:
    """Return indented blocks of a page that are Python; most are commands, which do not parse."""
    found = []
    for block in re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", text, re.MULTILINE):
        plain = dedent(block)
        try:
            ast.parse(plain)
        except SyntaxError:
            continue
        found.append(plain)
    return found
