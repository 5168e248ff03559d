"""Calibration slopes among the metrics of a training run, also after calibration post hoc."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.io.tables import read_table

__all__ = ["CALIBRATION_SLOPE", "post_hoc_metrics", "slope_rows"]

CALIBRATION_SLOPE = "calibration_slope"
"""Metric: slope of measured on predicted values (of labels on logits), 1 where calibrated."""

_COLUMNS = ("member", "epoch", "split", "task", "stage", "metric", "value")


def slope_rows(scores: Mapping[str, Iterable[Any]]) -> list[dict[str, Any]]:
    """Return the calibration slopes among scores as rows of ``metrics.parquet``.

    Args:
        scores: Columns of ``scores.parquet``.

    Example:
        >>> columns = {"task": ["A"], "stage": ["after"], "score": ["slope"], "value": [0.9]}
        >>> [row["metric"] for row in slope_rows(columns)]
        ['calibration_slope']
    """
    names = ("task", "stage", "score", "value")
    return [
        {
            "member": None,
            "epoch": None,
            "split": "test",
            "task": task,
            "stage": stage,
            "metric": CALIBRATION_SLOPE,
            "value": value,
        }
        for task, stage, score, value in zip(*(scores[name] for name in names), strict=True)
        if score == "slope"
    ]


def post_hoc_metrics(
    metrics: Mapping[str, np.ndarray] | None, scores: Path
) -> Mapping[str, np.ndarray] | None:
    """Return a training run's metrics for calibrators that were fitted after it.

    Metrics after the training run's own calibration do not hold any more, and are left out.

    Args:
        metrics: Columns of ``metrics.parquet``; None where there is no training run.
        scores: ``scores.parquet`` beside the calibrators; it need not be there.
    """
    rows = slope_rows(read_table(scores)) if scores.is_file() else []
    if metrics is None and not rows:
        return None
    kept: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    if metrics is not None:
        stays = metrics["stage"] != "after"
        kept = {name: metrics[name][stays].tolist() for name in _COLUMNS}
    added = {name: kept[name] + [row[name] for row in rows] for name in _COLUMNS}
    numbers = {"member", "epoch", "value"}
    return {
        name: np.array(column, dtype=np.float64 if name in numbers else object)
        for name, column in added.items()
    }
