"""Hold intervals against the truth, over many kinds of data, in both directions.

    python -m benchmarks.intervals --json OUT                 judging seeds, one after the other
    python -m benchmarks.intervals --json OUT --seeds 3       the first three of them
    python -m benchmarks.intervals --json OUT --runs DIR      trained networks are kept and reused
    python -m benchmarks.intervals --json OUT --stage development
    python -m benchmarks.intervals --json OUT --option model.filters=32    another recipe; own OUT
    python -m benchmarks.intervals --json OUT --inference per_member       another way; own OUT

Every data set is simulated, an ensemble of five is trained on it by the code of `train.py`, and
pairs are asked in both directions with the default question. About a minute and a half a data set
on one core; the file is written after each, so the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.intervals.dataset import INFERENCES, one_dataset
from benchmarks.intervals.plan import DEVELOPMENT, FURTHER, JUDGING, SCENARIOS
from benchmarks.intervals.table import cells, show
from deepmr.files import read_json, write_json

_STAGES = {"judging": JUDGING, "development": DEVELOPMENT}


def main(argv: Sequence[str] | None = None) -> int:
    """Train, ask, write, show."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.intervals",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", type=Path, required=True, help="results, read and extended")
    parser.add_argument("--stage", choices=tuple(_STAGES), default="judging")
    parser.add_argument("--scenario", action="append", choices=(*SCENARIOS, *FURTHER))
    parser.add_argument("--seeds", type=int, help="the first so many; default: all of the stage")
    parser.add_argument("--seed", type=int, action="append", help="this seed; may be repeated")
    parser.add_argument(
        "--runs", type=Path, help="folder to keep trained networks in, or with them"
    )
    parser.add_argument(
        "--option", action="append", default=[], help="of train.py, e.g. model.filters=32"
    )
    parser.add_argument("--members", type=int, default=5, help="networks of an ensemble")
    parser.add_argument(
        "--inference", choices=INFERENCES, default="jackknife", help="another than the default"
    )
    options = parser.parse_args(argv)
    if options.option and options.runs is not None:
        parser.error("--runs keeps networks of the default recipe: leave it out with --option")
    earlier: dict[str, Any] = read_json(options.json) if options.json.is_file() else {}
    rows: list[dict[str, Any]] = earlier.get("rows", [])
    given = sys.argv[1:] if argv is None else list(argv)
    if earlier and options.option != earlier.get("options", []):
        parser.error(f"{options.json} was begun with other --option; name another file")
    if earlier and options.inference != earlier.get("inference", "per_member"):
        parser.error(f"{options.json} was begun with another --inference; name another file")
    this = shlex.join(["python", "-m", "benchmarks.intervals", *given])
    commands = list(dict.fromkeys([*earlier.get("commands", []), this]))
    done = {(row["scenario"], row["seed"]) for row in rows}
    wanted = [
        (name, seed)
        for seed in options.seed or _STAGES[options.stage][: options.seeds]
        for name in options.scenario or SCENARIOS
        if (name, seed) not in done
    ]
    for k, (name, seed) in enumerate(wanted):
        print(f"{k + 1}/{len(wanted)} {name}, seed {seed}", file=sys.stderr, flush=True)
        rows += one_dataset(
            *(name, seed),
            members=options.members,
            runs=options.runs,
            options=options.option,
            inference=options.inference,
        )
        table = {"commands": commands, "stage": options.stage, "options": options.option}
        table["inference"] = options.inference
        table |= {"cells": cells(rows), "rows": rows}
        write_json(options.json, table)
    print(show(cells(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
