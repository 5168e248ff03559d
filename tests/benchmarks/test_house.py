"""The counts of `benchmarks.house`, on a made-up package in which each can be done by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from benchmarks.house import settings, traced
from benchmarks.house.bags import bags
from benchmarks.house.circles import circles, imports
from benchmarks.house.question import FirstQuestion
from benchmarks.house.reach import reached
from benchmarks.house.source import closed_rooms, lines_and_files, read_folder
from tests.conftest import REPOSITORY

FILES = {
    "toy/__init__.py": """
        from toy.rooms.one import asked, exported
        __all__ = ["asked", "exported"]
    """,
    "toy/rooms/__init__.py": "",
    "toy/rooms/one.py": '''
        from __future__ import annotations
        from typing import TYPE_CHECKING
        import numpy as np
        import torch
        if TYPE_CHECKING:
            from toy.rooms.two import Bag

        def asked(bag: Bag) -> float:
            """Ask.

            Example:
                >>> shown()
            """
            return np.median([_inner(bag), bag.used()])

        def _inner(bag): return [one for one in (lambda: [1])()]
        def exported(): return exported()
        def median(): return 0
        def shown(): return 0
        def benchmarked(): return 0
        def tested(): return _below_tested()
        def _below_tested(): return 0
        def referenced(): return 0
        def built(): return 0
        def in_template(): return 0
        def in_readme(): return 0
        def in_indented(): return 0
        def in_a_command(): return 0
        def asked_by_getattr(): return 0
        def chosen_by_word(): return 0

        class Net(torch.nn.Module):
            def forward(self, x): return getattr(x, "asked_by_getattr")
            def log_metrics(self): return 0
            def forgotten(self): return 0
    ''',
    "toy/rooms/two.py": """
        from dataclasses import dataclass, field
        from typing import ClassVar, NamedTuple, Protocol
        from .three import third

        @dataclass(frozen=True)
        class Base:
            a: int

        @dataclass(kw_only=True)
        class Bag(Base):
            limit: ClassVar[int] = 3
            b: int = 0
            made: int = field(init=False)

            def used(self): return third()
            def unused(self): return 0

        class Row(NamedTuple):
            x: int
            y: int
            z: int

        class Wide:
            def __init__(self, p, q, /, r, *, s, t=0): ...
            @staticmethod
            def still(u): ...

        class Contract(Protocol):
            def asked_of_others(self): ...
    """,
    "toy/rooms/three.py": """
        def third():
            from toy.rooms import one  # a circle, though only when called
            return one.asked
    """,
    "toy/page.html": "<p>{{ content.in_template }} exported</p>",
    "toy/command.py": """
        import importlib
        WORDS = {"chosen_by_word": "a word of the command line"}
        def main(word): return getattr(importlib.import_module("toy.rooms.one"), word)
    """,
    "main.py": """
        from toy import asked, command
        from toy.rooms.one import Net
        if __name__ == "__main__":
            command.main(Net(asked))
    """,
    "conf/part/first.yaml": "_target_: toy.rooms.one.built\nvalue: 1\n",
    "conf/part/second.yaml": "value: 2\n_target_: toy.rooms.one.built\n",
    "conf/part/other_keys.yaml": "_target_: toy.rooms.one.built\n",
    "conf/part/default.yaml": "_target_: toy.rooms.two.Contract\nvalue: 1\n",
    "conf/other/first.yaml": "_target_: toy.rooms.one.built\nvalue: 1\n",
    "README.md": "exported() is prose\n\n```python\nimport toy\ntoy.rooms.one.in_readme()\n```\n",
    "docs/page.md": "As a script:\n\n    one = toy.rooms.one.in_indented()\n\n    print(one)\n\n"
    "and by:\n\n    toy in_a_command toy.rooms.one.in_a_command\n",
    "benchmarks/speed.py": "from toy.rooms.one import benchmarked\nbenchmarked()\n",
    "tests/part/reference.py": "from toy.rooms import one\ngetattr(one, 'referenced')()\n",
    "tests/test_one.py": "from toy.rooms.one import tested\ndef test(): assert tested() == 0\n",
}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("toy").resolve()
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return root


def ways(toy: Path) -> dict[str, str]:
    return {one.name: one.way for one in reached(toy, "toy")}


def test_a_circle_is_found_through_type_checking_relative_and_late_imports(toy: Path) -> None:
    one, two, three = (f"toy/rooms/{name}.py" for name in ("one", "two", "three"))
    assert circles(imports(read_folder(toy, "toy"))) == [[one, two, three, one]]


def test_files_that_import_one_another_in_a_line_are_no_circle() -> None:
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_two_circles_are_two_and_a_file_that_imports_itself_is_one() -> None:
    graph = {"a": {"b"}, "b": {"a"}, "c": {"c", "a"}}
    assert circles(graph) == [["a", "b", "a"], ["c", "c"]]


def test_of_a_group_of_files_the_shortest_circle_is_shown() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"c"}}
    assert circles(graph) == [["c", "d", "c"]]


def test_fields_count_with_inherited_ones_without_class_variables_and_made_ones(toy: Path) -> None:
    sizes = {bag.name: (bag.kind, bag.size) for bag in bags(read_folder(toy, "toy"))}
    assert sizes["Bag"] == ("fields", 2)
    assert sizes["Row"] == ("fields", 3)


def test_parameters_count_however_they_are_passed_but_for_self(toy: Path) -> None:
    sizes = {bag.name: (bag.kind, bag.size) for bag in bags(read_folder(toy, "toy"))}
    assert sizes["Wide"] == ("parameters", 5)
    assert sizes["Wide.still"] == ("parameters", 1)
    assert "Bag.used" not in sizes


def test_the_largest_bag_comes_first(toy: Path) -> None:
    sizes = [bag.size for bag in bags(read_folder(toy, "toy"))]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("asked", "command"),
        ("_inner", "command"),
        ("third", "command"),  # through a method that a reached function calls
        ("built", "command"),  # by a yaml's _target_
        ("in_template", "command"),
        ("shown", "example"),  # by another one's doctest
        ("in_readme", "example"),
        ("in_indented", "example"),
        ("in_a_command", "nothing"),
        ("asked_by_getattr", "command"),
        ("chosen_by_word", "command"),
        ("referenced", "reference"),  # by a string of the adapter
        ("benchmarked", "benchmark"),
        ("tested", "test"),
        ("_below_tested", "test"),
        ("exported", "nothing"),  # by itself, __all__, a re-export and prose
        ("median", "nothing"),  # np.median is another's
        ("Wide", "nothing"),
    ],
)
def test_a_definition_counts_under_what_reaches_it_first(toy: Path, name: str, way: str) -> None:
    assert ways(toy)[name] == way


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("Bag.used", "command"),
        ("Bag.unused", "nothing"),
        ("Net.forward", "command"),  # torch calls it
        ("Net.log_metrics", "command"),  # Lightning would
        ("Net.forgotten", "nothing"),
        ("Contract.asked_of_others", "command"),  # a protocol's method is no code that runs
        ("Wide.__init__", "nothing"),  # nothing reaches its class
    ],
)
def test_a_method_is_reached_by_its_name_or_by_what_python_and_torch_call(
    toy: Path, name: str, way: str
) -> None:
    assert ways(toy)[name] == way


def test_all_code_of_the_package_is_reached_by_a_command_or_an_example() -> None:
    elsewhere = [one for one in reached(REPOSITORY) if one.way not in ("command", "example")]
    assert [f"{one.path}: {one.name} ({one.way})" for one in elsewhere] == []


def test_twins_have_the_same_target_and_keys_in_the_same_group(toy: Path) -> None:
    assert settings.twins(toy / "conf") == [["part/first.yaml", "part/second.yaml"]]


def test_files_called_default_and_yamls_by_group_are_counted(toy: Path) -> None:
    assert settings.defaults(toy / "conf") == ["part/default.yaml"]
    assert settings.groups(toy / "conf") == {"other": 1, "part": 4}


def test_lines_and_files_are_counted_by_room(toy: Path) -> None:
    counted = lines_and_files(read_folder(toy, "toy"))
    assert counted["toy"] == {"lines": 5, "files": 2}  # the __init__, too
    assert counted["toy/rooms"]["files"] == 4


def test_calls_are_recorded_in_threads_and_at_import_and_nothing_else(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    script = root / "script.py"
    script.write_text(
        dedent(
            """
            import sys, threading

            def decorate(function): return function

            class Named:
                @decorate
                def method(self): return [one for one in self.pairs()]
                def pairs(self): yield from (lambda: [1, 2])()
                def never(self): return 0

            def in_a_thread(): Named().method()

            def main():
                def nested(): return 0
                thread = threading.Thread(target=in_a_thread)
                thread.start()
                thread.join()
                nested()
                sys.exit(3)

            main()
            """
        ),
        encoding="utf-8",
    )
    out = root / "out.json"
    command = [sys.executable, str(traced.__file__), str(out), str(root), str(script), "argument"]
    assert subprocess.run(command, check=False).returncode == 3
    found = json.loads(out.read_text(encoding="utf-8"))
    assert {name for _, _, name in found["functions"]} == {
        "decorate",
        "Named.method",
        "Named.pairs",
        "in_a_thread",
        "main",
        "main.<locals>.nested",
    }
    assert {path for path, _, _ in found["functions"]} == {"script.py"}
    extra = {name for _, _, name in found["named"]} - {name for _, _, name in found["functions"]}
    assert "Named.pairs.<locals>.<lambda>" in extra


def test_closed_rooms_are_read_from_the_contracts_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[[tool.importlinter.contracts]]\nname = 'closed'\ntype = 'protected'\n"
        "protected_modules = ['toy.rooms.*']\nallowed_importers = ['toy.rooms']\n"
    )
    assert closed_rooms(tmp_path) == ["toy/rooms"]
    assert closed_rooms(tmp_path / "elsewhere") == []
    called = [("toy/rooms/one.py", "asked"), ("toy/roomsize.py", "f"), ("toy/a.py", "g")]
    found = FirstQuestion(functions=called, named=called, imported=[path for path, _ in called])
    assert found.outside(["toy/rooms"]).files == ["toy/a.py", "toy/roomsize.py"]
