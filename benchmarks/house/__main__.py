"""The house in numbers, measured afresh on a checkout.

    python -m benchmarks.house [--json OUT] [--repo DIR] [--no-run]

1. functions and files that the first question runs (`question.py` says what is counted)
2. lines and files by room; yamls by group
3. the largest bags: fields of dataclasses, parameters of functions
4. import circles among the package's files, imports under TYPE_CHECKING with them
5. code that no command, example or R reference reaches (`reach.py` says what that means)
6. yamls called default.yaml, and twins: same keys, same `_target_`, other values

About a minute on one core, nearly all of it the run of 1 (`--no-run` leaves it out).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.house import settings
from benchmarks.house.bags import bags
from benchmarks.house.circles import circles, imports
from benchmarks.house.question import ask_first_question
from benchmarks.house.reach import WAYS, reached
from benchmarks.house.source import closed_rooms, lines_and_files, read_folder

_ROOT = Path(__file__).resolve().parents[2]
_LARGEST = 10


def main() -> None:
    """Measure, print, and write the record where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write everything there, too")
    parser.add_argument("--repo", type=Path, default=_ROOT, help="a checkout; default: this one")
    parser.add_argument("--no-run", action="store_true", help="leave out the first question")
    options = parser.parse_args()
    record = measure(options.repo.resolve(), run=not options.no_run)
    _print(record)
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def measure(repository: Path, *, run: bool = True) -> dict[str, Any]:
    """Return all counts of a checkout.

    Args:
        repository: Its root.
        run: Whether to train a small run and ask it the first question.
    """
    modules = read_folder(repository, "deepmr")
    conf = next(
        (one for one in (repository / "conf", repository / "deepmr/conf") if one.is_dir()), None
    )
    if not modules or conf is None:
        raise ValueError(f"{repository} is no checkout of Deep MR: deepmr/ or conf/ is missing")
    record: dict[str, Any] = {"first_question": _first_question(repository) if run else None}
    everything = bags(modules)
    record["rooms"] = lines_and_files(modules)
    record["scripts"] = lines_and_files(
        [*read_folder(repository, "train.py"), *read_folder(repository, "interrogate.py")]
    )
    record["yamls"] = settings.groups(conf)
    record["bags"] = {
        kind: [dataclasses.asdict(bag) for bag in everything if bag.kind == kind][:_LARGEST]
        for kind in ("fields", "parameters")
    }
    record["circles"] = circles(imports(modules))
    record["reach"] = [dataclasses.asdict(one) for one in reached(repository)]
    record["defaults"] = settings.defaults(conf)
    record["twins"] = settings.twins(conf)
    return record


def _first_question(repository: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        found = ask_first_question(repository, Path(folder).resolve())
    closed = closed_rooms(repository)
    outside = found.outside(closed)
    return {
        "closed_rooms": closed,
        "functions_outside": len(outside.functions),
        "files_outside": len(outside.files),
        "functions": len(found.functions),
        "files_with_a_function_run": len(found.files),
        "files_imported": len(found.imported),
        "with_lambdas_and_comprehensions": len(found.named),
        "rooms": found.by_room(),
        "called": found.functions,
    }


def _print(record: Mapping[str, Any]) -> None:
    question = record["first_question"]
    if question is not None:
        print("FIRST QUESTION: interrogate.py exposure=GATA1 outcome=TAL1 logger=none loci.n=6")
        print(f"  {question['functions']} functions run (def, with methods and nested ones)")
        print(
            f"  {question['files_with_a_function_run']} files with a function run, the script too"
        )
        print(
            f"  {question['functions_outside']} functions in {question['files_outside']} files of "
            f"them outside the closed rooms ({', '.join(question['closed_rooms']) or 'none'})"
        )
        print(f"  {question['files_imported']} files of deepmr/ imported")
        print(f"  {question['with_lambdas_and_comprehensions']} with lambdas and comprehensions")
        _print_table(question["rooms"], ("functions", "files"))
    print("\nROOMS")
    _print_table(record["rooms"] | record["scripts"], ("lines", "files"))
    print(f"\nYAMLS: {sum(record['yamls'].values())}")
    print("  " + ", ".join(f"{group} {number}" for group, number in record["yamls"].items()))
    for kind, title in (("fields", "TYPES BY FIELDS"), ("parameters", "FUNCTIONS BY PARAMETERS")):
        print(f"\nLARGEST {title}")
        for bag in record["bags"][kind]:
            print(f"  {bag['size']:3} {bag['name']} ({bag['path']})")
    print(f"\nIMPORT CIRCLES: {len(record['circles'])}")
    for circle in record["circles"]:
        print("  " + " -> ".join(circle))
    _print_reach(record["reach"])
    print(f"\nCALLED default.yaml: {len(record['defaults'])}")
    for name in record["defaults"]:
        print(f"  {name}")
    print(f"\nTWINS (same keys, same _target_): {len(record['twins'])} groups")
    for files in record["twins"]:
        print("  " + " = ".join(files))


def _print_reach(found: list[dict[str, Any]]) -> None:
    print("\nREACHED FIRST BY (functions, classes and methods; a class has its methods' lines)")
    for way in WAYS:
        own = [one for one in found if one["way"] == way]
        print(f"  {way:10}{len(own):6} {sum(_own_lines(own)):7,} lines")
    for way, title in (
        ("nothing", "REACHED BY NOTHING"),
        ("test", "REACHED BY TESTS ALONE"),
        ("benchmark", "REACHED BY BENCHMARKS ALONE"),
        ("reference", "REACHED BY AN R REFERENCE ALONE: no command, no documented example"),
    ):
        own = [one for one in found if one["way"] == way]
        print(f"\n{title}: {len(own)}")
        for one in own:
            print(f"  {one['path']}: {one['name']} ({one['kind']}, {one['lines']} lines)")


def _own_lines(found: list[dict[str, Any]]) -> list[int]:
    """Lines of each; a method's lines are its class's where the class is in the list as well."""
    classes = {(one["path"], one["name"]) for one in found if one["kind"] == "class"}
    return [
        one["lines"]
        for one in found
        if one["kind"] != "method" or (one["path"], one["name"].rpartition(".")[0]) not in classes
    ]


def _print_table(rows: Mapping[str, Mapping[str, int]], columns: tuple[str, str]) -> None:
    for room, row in rows.items():
        print(f"  {room:24}" + "".join(f"{row[name]:9,} {name}" for name in columns))
    total = (sum(row[name] for row in rows.values()) for name in columns)
    print("  all".ljust(26) + "".join(f"{n:9,} {c}" for n, c in zip(total, columns, strict=True)))


if __name__ == "__main__":
    main()
