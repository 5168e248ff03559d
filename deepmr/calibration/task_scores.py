"""Scores of every task before and after calibration, as one tidy table, and its summary."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.calibration.binary_scores import binary_scores
from deepmr.calibration.contract import PredictiveCalibrator
from deepmr.calibration.predictive import FittedVariance
from deepmr.calibration.scores import Score, predictive_scores
from deepmr.calibration.table import CalibratorTable
from deepmr.tasks import Task, TaskTable

__all__ = ["TaskScore", "score_tasks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskScore:
    """One row of the table.

    Args:
        task: Name of the task.
        kind: Kind of the task: ``binary``, ``count`` or ``signal``.
        stage: ``raw`` or ``calibrated``.
        score: Name of the score.
        value: NaN where it is undefined.
        lower: Lower end of the 95 % interval.
        upper: Upper end of the 95 % interval.
        n_samples: Number of labelled samples.
        n_positives: Positives among them; 0 for other kinds.
    """

    task: str
    kind: str
    stage: str
    score: str
    value: float
    lower: float
    upper: float
    n_samples: int
    n_positives: int

    def to_record(self) -> dict[str, str | float | int]:
        """Return a plain dictionary."""
        return asdict(self)


def score_tasks(
    calibrators: CalibratorTable,
    tasks: TaskTable,
    prediction: Float64[np.ndarray, "sample task"],
    target: Float64[np.ndarray, "sample task"],
    *,
    mask: Bool[np.ndarray, "sample task"] | None = None,
    spread: Float64[np.ndarray, "sample task"] | None = None,
    draws: int = 500,
    seed: int = 0,
) -> list[TaskScore]:
    """Score raw and calibrated predictions of every task on samples not used for fitting.

    A raw count has the predictive distribution that theory promises on the Anscombe scale, a
    variance of 1 plus the members' spread squared; a raw signal has none, and only its ``mse``
    and ``slope`` are given. A task left uncalibrated has the same numbers in both stages. A task
    without labels has no rows.

    Args:
        calibrators: The fitted calibrators of the tasks.
        tasks: The model's outputs, in order.
        prediction: The ensemble's mean raw prediction.
        target: Labels.
        mask: True where there is a label; by default wherever the target is not NaN.
        spread: Standard deviation over members, where the calibrators were fitted with one.
        draws: Bootstrap resamples, 500 by default.
        seed: Seed of the bootstrap, 0 by default.

    Example:
        >>> tasks = TaskTable((Task("GATA1", "GATA1"),))
        >>> raw = CalibratorTable.identity(tasks, reason="an example")
        >>> logit, label = np.array([[-1.0], [1.0], [2.0]]), np.array([[0.0], [1.0], [0.0]])
        >>> row = score_tasks(raw, tasks, logit, label, draws=10)[0]
        >>> row.stage, row.score, round(row.value, 3)
        ('raw', 'nll', 0.918)
    """
    known = ~np.isnan(target) if mask is None else mask
    rows: list[TaskScore] = []
    for position, task in enumerate(tasks):
        kept = known[:, position]
        if not bool(np.any(kept)):
            continue
        raw, label = prediction[kept, position], target[kept, position]
        around = None if spread is None else spread[kept, position]
        positives = int(np.sum(label == 1)) if task.kind == "binary" else 0
        for stage in ("raw", "calibrated"):
            fitted = calibrators.of(task.name)
            if task.kind == "binary":
                seen = raw if stage == "raw" else fitted.transform(raw)
                scores = binary_scores(seen, label, draws=draws, seed=seed)
            else:
                scores = _real_scores(
                    _distribution(task, stage, fitted, around), raw, label, around, draws, seed
                )
            rows.extend(
                TaskScore(
                    task=task.name,
                    kind=task.kind,
                    stage=stage,
                    score=score.name,
                    value=score.value,
                    lower=score.lower,
                    upper=score.upper,
                    n_samples=int(label.size),
                    n_positives=positives,
                )
                for score in scores
            )
    return rows


def _distribution(
    task: Task, stage: str, fitted: object, spread: Float64[np.ndarray, " sample"] | None
) -> PredictiveCalibrator | None:
    if stage == "calibrated" and isinstance(fitted, PredictiveCalibrator):
        return fitted
    if task.kind == "count":
        return FittedVariance(noise=1.0, scale=0.0 if spread is None else 1.0)
    return None


def _real_scores(
    distribution: PredictiveCalibrator | None,
    prediction: Float64[np.ndarray, " sample"],
    target: Float64[np.ndarray, " sample"],
    spread: Float64[np.ndarray, " sample"] | None,
    draws: int,
    seed: int,
) -> tuple[Score, ...]:
    chosen = FittedVariance(noise=1.0) if distribution is None else distribution
    scores = predictive_scores(chosen, prediction, target, spread=spread, draws=draws, seed=seed)
    if distribution is not None:
        return scores
    return tuple(score for score in scores if score.name in ("mse", "slope"))
