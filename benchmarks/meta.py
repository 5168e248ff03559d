"""Pooling many pairs of tasks at once: speed against PyMARE, and coverage of each pooling.

    pip install 'deepmr[bench]'
    python -m benchmarks.meta --json meta.json
    python -m benchmarks.meta --coverage --json coverage.json    # no PyMARE needed

Speed: REML with Hartung-Knapp errors of 400 pairs of tasks over 10,000 loci, in one call, against a
loop over PyMARE's REML (same adjustment) and against PyMARE's own call for all pairs at once, by
turns in one process pinned to one core; medians of the rounds, in processor seconds. The loop is
run on `--loop-pairs` of the pairs and scaled up. Results must agree, or the comparison is void.

Coverage: how often the 95 % interval of the pooled mean holds the truth, for pooling that takes
loci as independent (reml_hk, on the members' means and their errors) and for the two-way model,
where members share an error of standard deviation `member` at all loci.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.inference.two_way import two_way
from deepmr.meta import MetaAnalysisResult, random_effects

AGREEMENT = 1e-4
"""PyMARE's bounded search ends within some 1e-5 of the scale of tau2; ours at 1e-10."""


def loci(n_pairs: int, n_loci: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw effects and errors of unlike precision, tau = 0.15."""
    rng = np.random.default_rng(seed)
    se = 0.08 * np.exp(rng.normal(0, 0.7, (n_pairs, n_loci)))
    return rng.normal(0.4, np.sqrt(0.15**2 + se**2)), se


def pymare_fit(value: np.ndarray, se: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pool columns by PyMARE: tau2, mean and Hartung-Knapp error of each."""
    from pymare.estimators import VarianceBasedLikelihoodEstimator

    model = VarianceBasedLikelihoodEstimator(method="REML")
    summary = model.fit(value.T, se.T**2, np.ones((value.shape[1], 1))).summary()
    fixed = summary.get_fe_stats()
    return np.ravel(summary.tau2), np.ravel(fixed["est"]), np.ravel(fixed["se"])


def seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return the processor seconds of a call, and what it returned."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def speed(n_pairs: int, n_loci: int, loop_pairs: int, rounds: int) -> dict[str, Any]:
    """Time the three ways by turns and check that they agree."""
    value, se = loci(n_pairs, n_loci)
    some = range(min(loop_pairs, n_pairs))

    def loop() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        return [pymare_fit(value[i : i + 1], se[i : i + 1]) for i in some]

    times: dict[str, list[float]] = {"deepmr": [], "pymare_loop": [], "pymare_batched": []}
    ours: MetaAnalysisResult | None = None
    theirs: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for _ in range(rounds):
        spent, ours = seconds(lambda: random_effects(value, se))
        times["deepmr"].append(spent)
        spent, theirs = seconds(loop)
        times["pymare_loop"].append(spent * n_pairs / len(some))
        spent, _ = seconds(lambda: pymare_fit(value, se))
        times["pymare_batched"].append(spent)
    assert ours is not None
    columns = [np.concatenate(column) for column in zip(*theirs, strict=True)]
    mine = (ours.tau2, ours.pooled.value, ours.pooled.se)
    apart = [float(np.max(np.abs(m[: len(c)] / c - 1))) for m, c in zip(mine, columns, strict=True)]
    medians = {name: statistics.median(spent) for name, spent in times.items()}
    return {
        "pairs": n_pairs,
        "loci": n_loci,
        "loop_pairs_timed": len(some),
        "rounds": rounds,
        "seconds": medians,
        "times_loop": medians["pymare_loop"] / medians["deepmr"],
        "times_batched": medians["pymare_batched"] / medians["deepmr"],
        "all_converged": bool(ours.converged is not None and ours.converged.all()),
        "largest_relative_difference": dict(zip(("tau2", "mean", "se"), apart, strict=True)),
    }


def coverage(n_rounds: int = 2000, seed: int = 0) -> list[dict[str, float]]:
    """Simulate ensembles and count how often each interval holds the truth, 0."""
    rng = np.random.default_rng(seed)
    table = []
    for n_loci in (20, 100, 500):
        for n_members in (3, 5, 10):
            for locus, member, residual in (
                (0.3, 0.0, 0.2),
                (0.3, 0.03, 0.2),
                (0.3, 0.1, 0.2),
                (0.0, 0.1, 0.2),
            ):
                slopes = locus * rng.normal(size=(n_rounds, n_loci, 1))
                slopes = slopes + member * rng.normal(size=(n_rounds, 1, n_members))
                slopes = slopes + residual * rng.normal(size=(n_rounds, n_loci, n_members))
                error = slopes.std(axis=-1, ddof=1) / np.sqrt(n_members)
                row: dict[str, float] = {
                    "loci": n_loci,
                    "members": n_members,
                    "sd_locus": locus,
                    "sd_member": member,
                    "sd_residual": residual,
                }
                ways = {
                    "independent": random_effects(slopes.mean(axis=-1), error),
                    "two_way": two_way(slopes),
                }
                for name, result in ways.items():
                    low, high = result.pooled.interval()
                    row[f"{name}_coverage"] = float(np.mean((low <= 0) & (high >= 0)))
                    row[f"{name}_half_width"] = float(np.median(high - low) / 2)
                table.append(row)
    return table


def main() -> None:
    """Run the comparison and write it down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=400)
    parser.add_argument("--loci", type=int, default=10_000)
    parser.add_argument("--loop-pairs", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--coverage", action="store_true", help="the coverage table instead")
    options = parser.parse_args()
    if options.coverage:
        table = coverage()
        for row in table:
            print("  ".join(f"{key} {entry:.3g}" for key, entry in row.items()))
        options.json.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        return
    try:
        import pymare  # noqa: F401
    except ImportError:
        sys.exit("the comparison needs PyMARE, which is not installed: pip install 'deepmr[bench]'")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found = speed(options.pairs, options.loci, options.loop_pairs, options.rounds)
    if max(found["largest_relative_difference"].values()) > AGREEMENT:
        sys.exit(f"the two disagree, which voids the comparison: {found}")
    print(json.dumps(found, indent=1))
    options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
