"""Which estimators will take longer than mutagenesis is said before the start."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from deepmr.inference.question import Question
from deepmr.mr import constrained_ml, slope, weighted_mode
from deepmr.workflow.cost import estimator_seconds, slower_than_mutagenesis


def slow(effects: Any) -> Any:
    time.sleep(0.06)
    return slope(effects)


def test_time_is_that_of_a_locus_times_loci_members_and_two_directions() -> None:
    question = Question(estimators={"slow": slow, "slope": slope})
    found = estimator_seconds(question, n_loci=10, n_variants=30, n_members=5)
    assert found["slow"] >= 0.06 * 10 * 5 * 2
    assert found["slope"] < found["slow"]
    longer = estimator_seconds(question, n_loci=10, n_variants=3000, n_members=5)
    assert longer["slow"] >= 10 * 0.06 * 10 * 5 * 2  # ten times the locus that is timed


def test_errors_that_nobody_reads_are_not_counted_and_sample_sizes_are_not_missed() -> None:
    drawn = partial(weighted_mode, iterations=20_000)  # seconds a locus with the error
    question = Question(estimators={"mode": drawn, "cml": constrained_ml})
    found = estimator_seconds(question, n_loci=1, n_variants=30, n_members=1)
    assert found["mode"] < 2 * 0.1
    assert found["cml"] > 0


def test_only_what_takes_longer_than_mutagenesis_and_ten_seconds_is_spoken_of() -> None:
    expected = {"slope": 0.1, "mode": 9.0, "constrained_ml": 100.0}
    assert slower_than_mutagenesis(expected, 1.0).endswith(": constrained_ml about 100 s")
    assert slower_than_mutagenesis(expected, 200.0) == ""
