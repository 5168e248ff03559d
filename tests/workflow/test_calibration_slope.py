"""The calibration slope reaches the assumption panel, also after calibration post hoc."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deepmr.calibration import FittedVariance
from deepmr.calibration.scores import predictive_scores
from deepmr.workflow.assumptions import _prediction_quality
from deepmr.workflow.calibration_slope import post_hoc_metrics


def columns(rows):
    names = ("member", "epoch", "split", "task", "stage", "metric", "value")
    numbers = ("member", "epoch", "value")
    return {
        name: np.array([row[k] for row in rows], dtype=float if name in numbers else object)
        for k, name in enumerate(names)
    }


TRAINED = columns(
    [
        (np.nan, np.nan, "test", "A", "before", "auroc", 0.9),
        (np.nan, np.nan, "test", "A", "before", "calibration_slope", 0.4),
        (np.nan, np.nan, "test", "A", "after", "auroc", 0.9),
        (np.nan, np.nan, "test", "A", "after", "calibration_slope", 0.97),
        (0, np.nan, "test", "A", "before", "calibration_slope", 0.1),
    ]
)


def test_the_slope_of_observations_on_predictions_is_that_of_least_squares():
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    y = 3.0 + 0.7 * x + rng.normal(size=400)
    found = {s.name: s for s in predictive_scores(FittedVariance(noise=1.0), x, y, draws=200)}
    slope = found["slope"]
    assert slope.value == pytest.approx(np.polyfit(x, y, 1)[0], rel=1e-10)
    assert abs(slope.value - 0.7) < 3 / 20, "three standard errors"
    assert slope.upper - slope.lower == pytest.approx(4 / 20, rel=0.3), "4 se, se = 1 / sqrt(400)"
    alike = predictive_scores(FittedVariance(noise=1.0), np.ones(9), y[:9], draws=10)
    assert np.isnan({s.name: s.value for s in alike}["slope"])


def test_the_panel_reads_the_ensemble_after_calibration():
    first, second = _prediction_quality(TRAINED, ("A", "B"))
    assert first.explained == pytest.approx(0.8)
    assert first.calibration_slope == 0.97
    assert np.isnan(second.calibration_slope)


def test_calibration_post_hoc_replaces_the_training_runs_own(tmp_path):
    path = tmp_path / "scores.parquet"
    rows = {"task": ["A", "A"], "stage": ["before", "after"], "score": ["slope"] * 2}
    pq.write_table(pa.table({**rows, "value": [0.4, 1.02]}), path)
    after, _ = _prediction_quality(post_hoc_metrics(TRAINED, path), ("A", "B"))
    assert (after.explained, after.calibration_slope) == (pytest.approx(0.8), 1.02)
    unknown, _ = _prediction_quality(post_hoc_metrics(TRAINED, tmp_path / "none"), ("A", "B"))
    assert unknown.explained == pytest.approx(0.8), "ranks stay"
    assert np.isnan(unknown.calibration_slope), "that of other calibrators does not serve"
    assert post_hoc_metrics(None, tmp_path / "none") is None
