"""How the bias of the causal slope falls as the networks approach the noise floor.

    python -m benchmarks.learning_curve --json benchmarks/results/learning_curve.json

Trains the default ensemble on ever more of the simulation's training sequences, and holds the
slope over the exposure motif's substitutions against the truth. Runs are kept in the cache, so
the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.paper_simulation.evidence import Evidence, Round, gather
from deepmr.files import write_json
from deepmr.inference.estimation import true_slope

_SIZES = (625, 1250, 2500, 5000, 10_000)
_HEADS = ("n_train", "r", "mse GATA1", "floor", "mse TAL1", "floor", "slope/truth", "spread")


def point(evidence: Evidence) -> dict[str, Any]:
    """Compare slopes with the truth over the exposure motif's substitutions.

    Returns:
        relative_slope: Sum over loci of x y / x^2, ensemble means, over that of the truth: 1
            without bias. Weighted by x^2, so that loci where nothing moves do not count.
        relative_spread: Standard deviation of the same over members.
    """
    inside = evidence.in_motif[:, 0]
    members, truth = evidence.members.value, evidence.truth

    def slope(effects: np.ndarray) -> float:
        x, y = (np.where(inside, effects[:, task], 0.0).reshape(1, -1) for task in (0, 1))
        return float(true_slope(x, y, np.ones(x.shape, dtype=bool))[0])

    true = slope(truth)
    each = [slope(members[:, :, k]) for k in range(members.shape[2])]
    return {
        "effect": evidence.effect,
        "validation_mse": evidence.validation_mse.mean(axis=0).tolist(),
        "noise_floor": evidence.noise_floor.tolist(),
        "relative_slope": slope(members.mean(axis=2)) / true,
        "relative_spread": float(np.std(each, ddof=1)) / abs(true),
        "effect_rmse": np.sqrt(((members.mean(axis=2) - truth) ** 2).mean(axis=(0, 2))).tolist(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run, write, show."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning_curve")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/paper_simulation"))
    parser.add_argument("--scenario", default="none")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--effect", type=float, action="append", help="default: 1 and 10")
    parser.add_argument("--members", type=int, default=3)
    options = parser.parse_args(argv)
    rows = []
    for effect in options.effect or (1.0, 10.0):
        for size in _SIZES:
            one = Round(
                scenario=options.scenario,
                seed=options.seed,
                network="default",
                effect=effect,
                members=options.members,
                options=(f"data.n_train={size}", f"data.n_variants={size // 4}"),
            )
            about = {"n_train": size, "scenario": options.scenario, "seed": options.seed}
            rows.append(about | point(gather(one, options.cache)))
            write_json(options.json, rows)
    print(" ".join(f"{head:>11}" for head in _HEADS))
    for row in rows:
        quality = [
            x for pair in zip(row["validation_mse"], row["noise_floor"], strict=True) for x in pair
        ]
        values = (*quality, row["relative_slope"], row["relative_spread"])
        numbers = " ".join(f"{value:11.3f}" for value in values)
        print(f"{row['n_train']:11} {row['effect']:11.3g} {numbers}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
