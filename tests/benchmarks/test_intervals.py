"""The study of intervals: what a row says, and how rows become a table."""

import numpy as np
import pytest

from benchmarks.intervals.dataset import _local
from benchmarks.intervals.plan import DEVELOPMENT, JUDGING, SCENARIOS
from benchmarks.intervals.table import cells, show


def test_a_row_counts_what_intervals_hold_and_how_wide_they_are_beside_the_best_constant():
    truth = np.zeros(100)
    value = np.linspace(-1.0, 1.0, 100)
    found = _local(value, value - 0.475, value + 0.475, truth)
    # Errors are spread evenly over 0 to 1: .475 holds about 47.5 % of them, .95 would hold 95 %.
    assert found["local"] == pytest.approx(0.48, abs=0.011)
    assert found["half_width_over_best"] == pytest.approx(0.5, abs=0.01)
    assert found["excludes_zero"] == pytest.approx(1 - found["local"])
    assert _local(*[np.zeros(0)] * 4) == {"n_loci": 0}


def test_coverage_is_averaged_over_seeds_not_over_loci_and_its_interval_is_theirs():
    rows = [
        {
            "method": "slope",
            "scenario": "a",
            "direction": "forward",
            "seed": seed,
            "local": local,
            "shared": 1.0,
        }
        for seed, local in ((0, 1.0), (0, 1.0), (0, 1.0), (1, 0.8))
    ]
    (cell,) = cells(rows)
    assert cell["local"] == pytest.approx(0.9)
    assert (cell["local_low"], cell["local_high"]) == (0.0, 1.0)  # two seeds tell little
    assert "| slope | a | forward | 2 | 0.900 (0.000 to 1.000) |" in show([cell])


def test_seeds_that_judge_fix_nothing():
    assert len(JUDGING) == 12
    assert not set(JUDGING) & set(DEVELOPMENT)
    assert len(SCENARIOS) >= 12
