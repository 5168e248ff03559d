"""Calibration: maps from raw to calibrated predictions, and scores that say how good they are.

Example:
    Logits that are twice as large as they should be, and calibrators of a binary task:

    >>> import numpy as np
    >>> logit = np.linspace(-6, 6, 2000)
    >>> chance = 1 / (1 + np.exp(-logit / 2))
    >>> label = (np.random.default_rng(0).random(2000) < chance) * 1.0
    >>> methods = Temperature(), Vector(), Platt(), Beta(), Isotonic(), Histogram()
    >>> fitted = [method.fit(logit, label) for method in methods]
    >>> [round(float(one.transform(np.array([4.0]))[0]), 1) for one in fitted]
    [2.0, 1.9, 1.9, 1.9, 1.8, 1.9]
    >>> [type(one).__name__ for one in fitted if not one.strictly_increasing]
    ['FittedSteps']
    >>> kinds = FittedAffine, FittedAffine, FittedAffine, FittedBeta, FittedCurve, FittedSteps
    >>> all(isinstance(one, kind) for one, kind in zip(fitted, kinds, strict=True))
    True

    Predictive distributions of a count, by their 80 % interval at 5:

    >>> prediction = np.linspace(0, 10, 400)
    >>> count = prediction + np.random.default_rng(1).standard_normal(400)
    >>> for method in (Variance(), Quantile(), Conformal(levels=[0.8])):
    ...     low, high = method.fit(prediction, count).interval(np.array([5.0]), level=0.8)
    ...     print(type(method).__name__, float(low[0].round(1)), float(high[0].round(1)))
    Variance 3.8 6.2
    Quantile 3.8 5.9
    Conformal 3.9 6.1

    A calibrator a task by its kind, its strength chosen on a split that had no part in the fit:

    >>> from deepmr.tasks import Task, TaskTable
    >>> tasks = TaskTable((Task("GATA1"), Task("reads", kind="count")))
    >>> raw = np.stack([logit[::5], prediction], axis=1)
    >>> target = np.stack([label[::5], count], axis=1)
    >>> every = np.ones(raw.shape, dtype=bool)
    >>> held_out = HeldOut(prediction=raw, target=target, mask=every)
    >>> table = fit_calibrators(ByKind(strength="validation"), tasks, raw, target,
    ...                         held_out=held_out)
    >>> table.names, type(table.of("reads")).__name__
    (('GATA1', 'reads'), 'FittedVariance')
"""

from deepmr.calibration.binary import (
    Beta,
    FittedAffine,
    FittedBeta,
    Platt,
    Prior,
    Temperature,
    Vector,
)
from deepmr.calibration.binary_scores import binary_scores
from deepmr.calibration.by_kind import ByKind, choose_strength
from deepmr.calibration.change import nll_change
from deepmr.calibration.conformal import Conformal, FittedConformal
from deepmr.calibration.contract import (
    Calibrator,
    FittedCalibrator,
    FittedIdentity,
    Identity,
    PredictiveCalibrator,
)
from deepmr.calibration.curve import CalibrationCurve, reliability_curve
from deepmr.calibration.monotone import FittedCurve, FittedSteps, Histogram, Isotonic
from deepmr.calibration.predictive import (
    FittedQuantile,
    FittedVariance,
    Quantile,
    Variance,
)
from deepmr.calibration.record import from_record
from deepmr.calibration.scores import Score, predictive_scores
from deepmr.calibration.table import CalibratorTable, HeldOut, fit_calibrators
from deepmr.calibration.task_scores import (
    TaskScore,
    score_tasks,
)

__all__ = [
    "Beta",
    "ByKind",
    "CalibrationCurve",
    "Calibrator",
    "CalibratorTable",
    "Conformal",
    "FittedAffine",
    "FittedBeta",
    "FittedCalibrator",
    "FittedConformal",
    "FittedCurve",
    "FittedIdentity",
    "FittedQuantile",
    "FittedSteps",
    "FittedVariance",
    "HeldOut",
    "Histogram",
    "Identity",
    "Isotonic",
    "Platt",
    "PredictiveCalibrator",
    "Prior",
    "Quantile",
    "Score",
    "TaskScore",
    "Temperature",
    "Variance",
    "Vector",
    "binary_scores",
    "choose_strength",
    "fit_calibrators",
    "from_record",
    "nll_change",
    "predictive_scores",
    "reliability_curve",
    "score_tasks",
]
