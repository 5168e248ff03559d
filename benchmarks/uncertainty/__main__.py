"""Compare ways of uncertainty where the truth is known, and on a run trained on real peaks.

    OMP_NUM_THREADS=1 python -m benchmarks.uncertainty --seed 1000 --seed 1002
    OMP_NUM_THREADS=1 python -m benchmarks.uncertainty --run RUN --pair TEAD4 EP300

Every round simulates a data set of the paper's size, trains what the ways need, and holds their
effects and intervals against the truth. With --run, the networks of a finished ensemble are asked
on real loci, and every way's errors are compared with that ensemble's. Seconds are the
processor's own, on one thread, so that a busy machine does not count. Finished parts are kept, so
the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.uncertainty.evidence import Measured, ensemble, measure, read_run, train
from benchmarks.uncertainty.verdict import against_others, against_truth, agreement
from benchmarks.uncertainty.ways import ENSEMBLES, REAL, SIMULATED, TRAININGS, Way
from deepmr.effects import MemberEffects
from deepmr.files import fingerprint, read_json, write_json
from deepmr.workflow.loci import test_loci

_RESULTS = Path(__file__).resolve().parents[1] / "results" / "uncertainty.json"
_TASKS = ("GATA1", "TAL1")
_ONE = "5 shifts of one network"
"""The way whose seconds, for each network, are those of an ensemble's networks."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is missing, judge all, write, show."""
    options = _arguments(argv)
    torch.set_num_threads(1)
    options.cache.mkdir(parents=True, exist_ok=True)
    earlier = read_json(options.json) if options.json.is_file() else {}
    given = sys.argv[1:] if argv is None else list(argv)
    this = shlex.join(["python", "-m", "benchmarks.uncertainty", *given])
    simulated, real = list(earlier.get("simulated", [])), list(earlier.get("real", []))
    commands = list(dict.fromkeys([*earlier.get("commands", []), this]))
    for way, scenario, seed in _wanted(options):
        simulated = _merged(simulated, [_simulated(way, scenario, seed, options.cache)])
        _write(options.json, commands, simulated, real)
        print(f"{scenario} {seed} {way.name}: done", flush=True)
    if options.run is not None:
        found = _real(options.run, tuple(options.pair), options)
        real = _merged(real, found)
        _write(options.json, commands, simulated, real)
    print(show_simulated(simulated))
    print(show_real(real))
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.uncertainty",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, action="append", help="of a round of each scenario")
    parser.add_argument("--scenario", action="append", help="default: none and both")
    parser.add_argument("--run", type=Path, help="a finished training run on real data")
    parser.add_argument("--pair", nargs=2, default=["TEAD4", "EP300"], help="its tasks asked")
    parser.add_argument("--loci", type=int, default=30, help="of the run's test split")
    parser.add_argument("--cache", type=Path, default=Path("runs/uncertainty"))
    parser.add_argument("--json", type=Path, default=_RESULTS, help="read and extended")
    return parser.parse_args(argv)


def _wanted(options: argparse.Namespace) -> list[tuple[Way, str, int]]:
    """List what to judge; ensembles first, whose rounds may lie there already."""
    scenarios = options.scenario or ("none", "both")
    rounds = [(scenario, seed) for seed in options.seed or () for scenario in scenarios]
    return [
        (way, *one)
        for known in (ENSEMBLES, TRAININGS)
        for one in rounds
        for way in SIMULATED
        if way.training in known
    ]


def _simulated(way: Way, scenario: str, seed: int, cache: Path) -> dict[str, Any]:
    if way.training in ENSEMBLES:
        found, truth, in_motif = ensemble(way, scenario, seed, cache)
    else:
        source, networks = train(way.training, scenario, seed, cache)
        loci = source.candidate_loci("pair", exposure=_TASKS[0], outcome=_TASKS[1])
        path = cache / f"{scenario}-{seed}-{fingerprint(repr(way))}.npz"
        found = measure(way, networks, source.sequences(*loci), path, _TASKS)
        truth = source.true_effects(*loci)
        in_motif = np.stack([source.motif_variants(task, *loci) for task in _TASKS], axis=1)
    about = {"way": way.name, "scenario": scenario, "seed": seed}
    return about | against_truth(found, truth, in_motif)


def _real(folder: Path, pair: tuple[str, str], options: argparse.Namespace) -> list[dict[str, Any]]:
    from deepmr.cli.plans import build_source

    from deepmr.workflow.run_folder import read_config
    from deepmr.workflow.trained_runs import TrainedRun, choose_pair

    run = TrainedRun.read(folder)
    networks = read_run(folder)
    first, second = choose_pair(run.tasks, *pair)
    names = (first.name, second.name)
    loci = test_loci(build_source(read_config(folder)), *names, n=options.loci, seed=0)
    about = {"run": folder.name, "exposure": names[0], "outcome": names[1], "loci": len(loci)}
    measured = {}
    for way in REAL:
        key = fingerprint([repr(way), list(names), options.loci, folder.name])
        path = options.cache / f"real-{key}.npz"
        measured[way.name] = measure(way, networks, loci.codes, path, names)
        print(f"{folder.name} {way.name}: done", flush=True)
    return [{"way": name, **about, **record} for name, record in real_records(measured).items()]


def real_records(measured: dict[str, Measured]) -> dict[str, dict[str, Any]]:
    """Compare every way with the first, an ensemble's spread.

    Ways that ask the first network alone are also held against the mean of the others. A last
    row splits the ensemble: how well does the spread of two networks agree with that of the rest?
    """
    reference, *_ = (one.members for one in measured.values())
    others = _networks(reference, range(1, reference.n_members))
    alone = {way.name for way in REAL if way.alone}
    records = {}
    for name, found in measured.items():
        record: dict[str, Any] = {
            "members": found.members.n_members,
            "mutagenesis_seconds": found.mutagenesis_seconds,
            **agreement(found.members, reference),
        }
        if name in alone:
            record |= against_others(found.members, others)
        records[name] = record
    halves = _networks(reference, range(2)), _networks(reference, range(2, reference.n_members))
    records["two of its networks against the others"] = {"members": 2} | agreement(*halves)
    return records


def _networks(members: MemberEffects, which: Sequence[int]) -> MemberEffects:
    return replace(members, value=members.value[..., list(which), :])


def _merged(rows: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        names = ("way", "scenario", "seed", "run", "exposure", "outcome")
        return tuple(row.get(name) for name in names)

    return list({key(row): row for row in [*rows, *new]}.values())


def _write(
    path: Path, commands: list[str], simulated: list[dict[str, Any]], real: list[dict[str, Any]]
) -> None:
    content = {"commands": commands, "simulated": simulated, "real": real}
    write_json(path, json.loads(json.dumps(content), parse_constant=lambda _: None))


def show_simulated(rows: Sequence[dict[str, Any]]) -> str:
    """Return a markdown table, a row for each way: means over the rounds of all scenarios."""
    lines = [
        "| way | members | rounds | SE short by (GATA1, TAL1) | RMSE (GATA1, TAL1) | "
        "local coverage | half-width | pooled | training, s | mutagenesis, s |",
        "|" + "---|" * 10,
    ]
    for way in dict.fromkeys(row["way"] for row in rows):
        mine = [row for row in rows if row["way"] == way and row["n_loci"]]
        covered = sum(row["local_covered"] for row in mine) / sum(row["n_loci"] for row in mine)
        pooled = sum(row["pooled_covers"] for row in mine)
        seconds = [_seconds(name, mine, rows) for name in ("training", "mutagenesis")]
        lines.append(
            f"| {way} | {mine[0]['members']} | {len(mine)} | {_mean('scale GATA1', mine):.2f}, "
            f"{_mean('scale TAL1', mine):.2f} | {_mean('rmse GATA1', mine):.2f}, "
            f"{_mean('rmse TAL1', mine):.2f} | {covered:.3f} | "
            f"{_mean('local_half_width', mine):.3f} | {pooled} of {len(mine)} | "
            f"{' | '.join('-' if one is None else f'{one:.1f}' for one in seconds)} |"
        )
    return "\n".join(lines)


def _mean(name: str, rows: Sequence[dict[str, Any]]) -> float:
    return float(np.mean([row[name] for row in rows]))


def _seconds(
    name: str, mine: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]
) -> float | None:
    """Return a way's mean seconds; for an ensemble those of one network, as often."""
    name = f"{name}_seconds"
    if _known(mine[0][name]):
        return _mean(name, mine)
    ones = [row for row in rows if row["way"] == _ONE and _known(row[name])]
    if not ones:
        return None
    readings = ones[0]["members"] if name.startswith("mutagenesis") else 1
    return float(mine[0]["members"] * _mean(name, ones) / readings)


def _known(value: float | None) -> bool:
    return value is not None and not np.isnan(value)


def show_real(rows: Sequence[dict[str, Any]]) -> str:
    """Return a markdown table, a row for each way and pair."""
    lines = [
        "| pair | way | members | spread over the ensemble's | rank correlation | SE short by | "
        "mutagenesis, s |",
        "|" + "---|" * 7,
    ]
    for row in rows:
        tasks = (row["exposure"], row["outcome"])

        def both(name: str, row: dict[str, Any] = row, tasks: tuple[str, str] = tasks) -> str:
            if row.get(f"{name} {tasks[0]}") is None:
                return "-"
            return ", ".join(f"{row[f'{name} {task}']:.2f}" for task in tasks)

        seconds = row.get("mutagenesis_seconds")
        lines.append(
            f"| {tasks[0]}, {tasks[1]} | {row['way']} | {row['members']} | {both('ratio')} | "
            f"{both('rank')} | {both('scale')} | {'-' if seconds is None else f'{seconds:.0f}'} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
