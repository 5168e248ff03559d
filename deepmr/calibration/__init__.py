"""Calibration: maps from raw to calibrated predictions, and scores that say how good they are."""

from deepmr.calibration.affine import FittedAffine, Platt, Prior, Temperature, Vector
from deepmr.calibration.beta import Beta, FittedBeta
from deepmr.calibration.binary_scores import binary_scores
from deepmr.calibration.calibrator import Calibrator, FittedCalibrator, PredictiveCalibrator
from deepmr.calibration.conformal import Conformal, FittedConformal
from deepmr.calibration.curve import CalibrationCurve, reliability_curve
from deepmr.calibration.identity import FittedIdentity, Identity
from deepmr.calibration.kinds import ByKind
from deepmr.calibration.monotone import FittedCurve, FittedSteps, Histogram, Isotonic
from deepmr.calibration.predictive_scores import predictive_scores
from deepmr.calibration.quantile import FittedQuantile, Quantile
from deepmr.calibration.record import from_record
from deepmr.calibration.score import Score
from deepmr.calibration.strength import choose_strength
from deepmr.calibration.table import CalibratorTable, HeldOut, fit_calibrators
from deepmr.calibration.task_scores import (
    CalibrationSummary,
    TaskScore,
    score_tasks,
    summarise_scores,
)
from deepmr.calibration.variance import FittedVariance, Variance

__all__ = [
    "Beta",
    "ByKind",
    "CalibrationCurve",
    "CalibrationSummary",
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
    "predictive_scores",
    "reliability_curve",
    "score_tasks",
    "summarise_scores",
]
