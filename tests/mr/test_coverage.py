"""Intervals hold at each estimator's own assumptions (benchmarks/mr_coverage.py has the table)."""

from __future__ import annotations

import pytest

from benchmarks.mr_coverage import judge

LOCI = 600
# Three standard errors of a share of 95 % in 600 loci.
NOISE = 3 * (0.95 * 0.05 / LOCI) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("ivw", "valid"),
        ("egger", "directional"),
        ("weighted_median", "minority"),
        ("maximum_likelihood", "correlated_errors"),
        ("raps", "weak"),
        ("debiased_ivw", "weak"),
        ("constrained_ml", "plurality"),
    ],
)
def test_interval_covers_and_rejects_at_its_level(name: str, condition: str) -> None:
    row = judge(name, condition, LOCI, seed=1)
    assert row["coverage"] > 0.95 - NOISE
    assert row["type_1_error"] < 0.05 + NOISE
