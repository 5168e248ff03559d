"""Calibration: maps from raw to calibrated predictions, and scores that say how good they are."""

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
