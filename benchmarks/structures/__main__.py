"""Judge the verdict's rule on simulated tasks with a known causal graph.

    python -m benchmarks.structures --json OUT                      the judging data sets
    python -m benchmarks.structures --json OUT --stage development  those that fixed the rule

Every data set is simulated, an ensemble of five is trained on it by the code of `train.py`, and
effects of every substitution are kept (``--cache``); verdicts follow from them by the frozen rule.
Finished data sets are kept, so the same command goes on where it was stopped. ``--judge-again``
judges cached data sets anew and trains nothing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shlex
import sys
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.structures.answers import one_dataset
from benchmarks.structures.cells import cells, show
from benchmarks.structures.plan import CELLS, DEVELOPMENT
from deepmr.files import atomic_write, read_json
from deepmr.verdict import Thresholds

COLUMNS = [
    "cell", "dataset", "loci", "n_loci",
    "exposure", "outcome", "kind", "truth", "verdict", "caveats",
]  # fmt: skip
"""Of a row of the results: one verdict."""

_STAGES = {"judging": CELLS, "development": DEVELOPMENT}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.structures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", type=Path, required=True, help="results, read and extended")
    parser.add_argument("--stage", choices=tuple(_STAGES), default="judging")
    parser.add_argument("--cell", action="append", help="these cells alone; default: all")
    parser.add_argument(
        "--cache", type=Path, default=Path("runs/structures"), help="for effects, 15 MB a data set"
    )
    parser.add_argument("--jobs", type=int, default=1, help="data sets at a time")
    parser.add_argument("--members", type=int, default=5, help="networks of an ensemble")
    parser.add_argument(
        "--judge-again", action="store_true", help="judge cached data sets anew, train nothing"
    )
    options = parser.parse_args(argv)
    known = _STAGES[options.stage]
    for cell in options.cell or ():
        if cell not in known:
            parser.error(f"--cell is one of {', '.join(known)}; got {cell}")
    if options.jobs < 1 or options.members < 2:
        parser.error("--jobs must be at least 1, --members at least 2")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Train, judge, write, show."""
    options = _arguments(argv)
    rule = asdict(Thresholds())
    earlier = read_json(options.json) if options.json.is_file() else {}
    kept = earlier.get("rows", []) if earlier.get("rule") == rule else []
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in kept]
    given = sys.argv[1:] if argv is None else list(argv)
    this = shlex.join(["python", "-m", "benchmarks.structures", *given])
    commands = list(dict.fromkeys([*earlier.get("commands", []), this]))
    done = set() if options.judge_again else {row["dataset"] for row in rows}
    wanted = [
        (name, cell)
        for cell, names in _STAGES[options.stage].items()
        if not options.cell or cell in options.cell
        for name in names
        if name not in done
        and (not options.judge_again or (options.cache / f"{name}.npz").is_file())
    ]
    failed = 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=options.jobs, mp_context=context) as pool:
        running = {
            pool.submit(one_dataset, name, cell, options.cache, options.members): name
            for name, cell in wanted
        }
        for count, future in enumerate(as_completed(running), start=1):
            name = running[future]
            try:
                new = future.result()
            except Exception:  # noqa: BLE001 - one failing data set must not end the others
                failed += 1
                traceback.print_exc()
                print(f"{name} failed; the same command tries it again", file=sys.stderr)
                continue
            rows = [row for row in rows if row["dataset"] != name] + new
            _write(options.json, rows, commands, rule, options.stage)
            print(f"{count}/{len(wanted)} {name}", flush=True)
    _write(options.json, rows, commands, rule, options.stage)
    print(show(cells(rows)))
    return 1 if failed else 0


def _write(
    path: Path, rows: list[dict[str, Any]], commands: list[str], rule: dict[str, Any], stage: str
) -> None:
    ordered = sorted(rows, key=lambda row: (row["cell"], row["dataset"], row["loci"]))
    content = {"commands": commands, "stage": stage, "rule": rule, "cells": cells(ordered)}
    head = json.dumps({**content, "columns": COLUMNS}, indent=1).removesuffix("\n}")
    lines = ",\n".join(json.dumps([row[name] for name in COLUMNS]) for row in ordered)
    with atomic_write(path, "w") as stream:  # a row a line: indented they take three times the room
        stream.write(f'{head},\n "rows": [\n{lines}\n ]\n}}\n')


if __name__ == "__main__":
    sys.exit(main())
