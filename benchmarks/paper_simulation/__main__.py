"""Run rounds of the published simulation and judge every method on them.

    python -m benchmarks.paper_simulation --rounds 25 --seed 2000

Each round of a scenario simulates a data set at the paper's size, trains the published network
and the default one, five members each, and holds every method's intervals against the truth.
Finished rounds are kept (their effects in the cache, their verdicts in the results), so the same
command goes on where it was stopped, and more rounds are added by a larger number. Settings are
fixed on the development seeds, 1000 and up, and judged on others, 2000 and up.
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
from pathlib import Path
from typing import Any

from benchmarks.paper_simulation.evidence import NETWORKS, SCENARIOS, Round
from benchmarks.paper_simulation.table import cells, show
from benchmarks.paper_simulation.verdict import verdicts
from deepmr.files import read_json, write_json

_RESULTS = Path(__file__).resolve().parents[1] / "results" / "paper_simulation.json"
_KEY = ("scenario", "seed", "drawn", "effect", "network", "members", "method", "direction")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.paper_simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=25, help="of each scenario")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="default: all four")
    parser.add_argument("--network", action="append", choices=tuple(NETWORKS), help="default: both")
    parser.add_argument(
        "--method",
        action="append",
        help="judge by these alone (published_robust_egger is slow); 'default SETTING=VALUE' "
        "judges the default under settings of interrogate.py",
    )
    parser.add_argument("--seed", type=int, default=2000, help="of the first round")
    parser.add_argument("--effect", type=float, help="fix r (0: type-I error); default: drawn")
    parser.add_argument("--members", type=int, default=5, help="networks of an ensemble")
    parser.add_argument(
        "--option", action="append", default=[], help="further setting of train.py, to compare"
    )
    parser.add_argument("--jobs", type=int, default=1, help="rounds at a time")
    parser.add_argument("--threads", type=int, default=1, help="of each job")
    parser.add_argument(
        "--cache", type=Path, default=Path("runs/paper_simulation"), help="for effects"
    )
    parser.add_argument("--json", type=Path, default=_RESULTS, help="results, read and extended")
    parser.add_argument(
        "--judge-again",
        action="store_true",
        help="judge cached rounds anew (after a change, or by further methods), train nothing",
    )
    options = parser.parse_args(argv)
    if options.rounds < 1 or options.members < 2 or options.jobs < 1:
        parser.error("--rounds and --jobs must be at least 1, --members at least 2")
    return options


def _wanted(options: argparse.Namespace, rows: Sequence[dict[str, Any]]) -> list[Round]:
    """List the rounds without verdicts, scenario by scenario within each number."""
    judged = {
        (row["scenario"], row["seed"], row["network"], row["members"], row["drawn"])
        + ((None,) if row["drawn"] else (row["effect"],))
        for row in rows
    }
    rounds = [
        Round(
            scenario=scenario,
            seed=options.seed + k,
            network=network,
            effect=options.effect,
            members=options.members,
            options=tuple(options.option),
        )
        for k in range(options.rounds)
        for scenario in options.scenario or SCENARIOS
        for network in options.network or NETWORKS
    ]
    if options.judge_again:
        return [one for one in rounds if (options.cache / f"{one.name}.npz").is_file()]
    return [
        one
        for one in rounds
        if (one.scenario, one.seed, one.recipe, one.members, one.effect is None, one.effect)
        not in judged
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run, judge, write, show."""
    options = _arguments(argv)
    earlier = read_json(options.json) if options.json.is_file() else {"rounds": [], "commands": []}
    given = sys.argv[1:] if argv is None else list(argv)
    this = shlex.join(["python", "-m", "benchmarks.paper_simulation", *given])
    commands = list(dict.fromkeys([*earlier["commands"], this]))
    rows = earlier["rounds"]
    wanted = _wanted(options, rows)
    failed = 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=options.jobs, mp_context=context) as pool:
        running = {
            pool.submit(
                verdicts,
                one,
                options.cache,
                options.threads,
                options.method or (),
            ): one
            for one in wanted
        }
        for done, future in enumerate(as_completed(running), start=1):
            one = running[future]
            try:
                new = future.result()
            except Exception:  # noqa: BLE001 - one failing round must not end the others
                failed += 1
                traceback.print_exc()
                print(f"{one.name} failed; the same command tries it again", file=sys.stderr)
                continue
            rows = _merged(rows, new)
            _write(options.json, rows, commands)
            print(f"{done}/{len(wanted)} {one.name}: {new[0]['seconds']:.0f} s", flush=True)
    _write(options.json, rows, commands)
    print(show(cells(rows)))
    return 1 if failed else 0


def _merged(rows: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = {tuple(row[name] for name in _KEY): row for row in [*rows, *new]}
    return [kept[key] for key in sorted(kept)]


def _write(path: Path, rows: Sequence[dict[str, Any]], commands: Sequence[str]) -> None:
    content = {"commands": list(commands), "cells": cells(rows), "rounds": list(rows)}
    write_json(path, json.loads(json.dumps(content), parse_constant=lambda _: None))


if __name__ == "__main__":
    sys.exit(main())
