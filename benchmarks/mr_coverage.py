"""Do the intervals of each estimator hold at its own assumptions?

    python -m benchmarks.mr_coverage --json OUT [--loci 2000]

Simulated loci with a known effect: exposure effects of 40 instruments, errors in both effects, and
one of several kinds of direct effects. For every estimator and condition: the share of 95 %
intervals that hold the true effect (0.3), the share that exclude 0 where the effect is 0 (type-I
error, 5 % is right), and the mean error of the estimate. A binomial share of 95 % over 2,000 loci
has a standard error of 0.5 %.

Conditions: `valid` (no direct effects, F near 100), `weak` (200 instruments, F near 6), `balanced`
(direct effects of mean 0 on all), `directional` (of mean 0.04 on all, independent of strength),
`outliers`, `minority` and `plurality` (1, 3 and 6 of 10 instruments off by 7 to 30 errors, each by
its own amount, to either side),
`correlated_errors` (exposure and outcome errors correlate by 0.7, F near 25).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from deepmr import mr
from deepmr.effects import EffectSizes

EFFECT = 0.3
OWN = {
    "ivw": ("valid", "balanced"),
    "egger": ("valid", "directional"),
    "simple_median": ("valid", "minority"),
    "weighted_median": ("valid", "minority"),
    "penalized_weighted_median": ("valid", "minority"),
    "weighted_mode": ("valid", "minority", "plurality"),
    "maximum_likelihood": ("valid", "correlated_errors"),
    "raps": ("valid", "weak", "balanced"),
    "raps_tukey": ("valid", "outliers"),
    "debiased_ivw": ("valid", "weak", "balanced"),
    "penalized_debiased_ivw": ("valid", "weak", "balanced"),
    "contamination_mixture": ("valid", "minority", "plurality"),
    "lasso": ("valid", "minority"),
    "constrained_ml": ("valid", "minority", "plurality"),
    "presso": ("valid", "outliers"),
    "grip": ("valid",),
}
"""Where each estimator's assumptions hold, so that its interval should."""


def simulate(condition: str, effect: float, loci: int, seed: int) -> EffectSizes:
    """Draw loci under one condition."""
    rng = np.random.default_rng(seed)
    n = 200 if condition == "weak" else 40
    shape = (loci, n)
    sx = np.full(shape, 0.01)
    strength = {"weak": 0.022, "correlated_errors": 0.05}.get(condition, 0.1)
    # Egger's slope is told from its intercept by instruments of different strength.
    x = strength * rng.uniform(0.3, 1.7, shape)
    sy = rng.uniform(0.015, 0.025, shape)
    direct = np.zeros(shape)
    if condition == "balanced":
        direct = rng.normal(0.0, 0.03, shape)
    elif condition == "directional":
        direct = rng.normal(0.04, 0.01, shape)
    elif condition in {"outliers", "minority", "plurality"}:
        share = {"outliers": 0.1, "minority": 0.3, "plurality": 0.6}[condition]
        invalid = np.arange(n) < share * n
        size = rng.uniform(0.15, 0.6, shape) * rng.choice([-1.0, 1.0], shape)
        direct = np.where(invalid, size, 0.0)
    rho = 0.7 if condition == "correlated_errors" else 0.0
    first = rng.standard_normal(shape)
    second = rho * first + np.sqrt(1 - rho**2) * rng.standard_normal(shape)
    return EffectSizes(
        beta_exposure=x + sx * first,
        se_exposure=sx,
        beta_outcome=effect * x + direct + sy * second,
        se_outcome=sy,
        mask=np.ones(shape, bool),
        error_correlation=np.full(1, rho),
    )


Estimator = Callable[[EffectSizes], mr.MREstimate]
ESTIMATORS: dict[str, Estimator] = {
    "ivw": mr.inverse_variance_weighted,
    "egger": mr.egger,
    "simple_median": mr.simple_median,
    "weighted_median": mr.weighted_median,
    "penalized_weighted_median": mr.penalized_weighted_median,
    "weighted_mode": partial(mr.weighted_mode, iterations=200, search="grid"),
    "maximum_likelihood": mr.maximum_likelihood,
    "raps": mr.raps,
    "raps_tukey": partial(mr.raps, loss="tukey"),
    "debiased_ivw": mr.debiased_ivw,
    "penalized_debiased_ivw": mr.penalized_debiased_ivw,
    "contamination_mixture": mr.contamination_mixture,
    "lasso": mr.lasso,
    "constrained_ml": partial(mr.constrained_ml, sample_size=10_000.0, max_invalid=30),
    "presso": partial(mr.presso, iterations=1000),
    "grip": mr.grip,
}


def judge(name: str, condition: str, loci: int, seed: int) -> dict[str, object]:
    """Return one row of the table."""
    shares, bias = {}, np.nan
    for effect in (EFFECT, 0.0):
        result = ESTIMATORS[name](simulate(condition, effect, loci, seed))
        low, high = result.effect.interval()
        shares[effect] = float(np.mean((low <= effect) & (effect <= high)))
        if effect:
            bias = float(np.nanmean(result.effect.value) - effect)
    return {
        "estimator": name,
        "condition": condition,
        "own_assumptions": condition in OWN[name],
        "coverage": shares[EFFECT],
        "type_1_error": 1 - shares[0.0],
        "bias": bias,
    }


def main() -> None:
    """Print, and write, the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--loci", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--estimators", nargs="*", default=list(ESTIMATORS))
    options = parser.parse_args()
    table = []
    print("| estimator | condition | coverage | type-I error | bias |\n|---|---|---|---|---|")
    for name in options.estimators:
        for condition in OWN[name]:
            row = judge(name, condition, options.loci, options.seed)
            table.append(row)
            print(
                f"| {name} | {condition} | {row['coverage']:.3f} | {row['type_1_error']:.3f} | "
                f"{row['bias']:+.4f} |",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
