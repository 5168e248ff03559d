"""Calibration: maps from raw to calibrated predictions, and scores that say how good they are."""

from deepmr.calibration.affine import FittedAffine, Platt, Prior, Temperature, Vector
from deepmr.calibration.beta import Beta, FittedBeta
from deepmr.calibration.calibrator import Calibrator, FittedCalibrator, PredictiveCalibrator
from deepmr.calibration.conformal import Conformal, FittedConformal
from deepmr.calibration.identity import FittedIdentity, Identity
from deepmr.calibration.kinds import ByKind
from deepmr.calibration.monotone import FittedCurve, FittedSteps, Histogram, Isotonic
from deepmr.calibration.quantile import FittedQuantile, Quantile
from deepmr.calibration.record import from_record
from deepmr.calibration.table import CalibratorTable, fit_calibrators
from deepmr.calibration.variance import FittedVariance, Variance

__all__ = [
    "Beta",
    "ByKind",
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
    "Histogram",
    "Identity",
    "Isotonic",
    "Platt",
    "PredictiveCalibrator",
    "Prior",
    "Quantile",
    "Temperature",
    "Variance",
    "Vector",
    "fit_calibrators",
    "from_record",
]
