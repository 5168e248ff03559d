"""Parametric calibration of binary tasks: temperature, vector and Platt scaling, prior shift, beta.

All but beta calibration are a straight line on the logit scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy
from jaxtyping import Float64
from scipy import special

from deepmr.calibration.contract import BinaryCalibrator, FittedCalibrator
from deepmr.calibration.logistic import fit_logistic

__all__ = ["Beta", "FittedAffine", "FittedBeta", "Platt", "Prior", "Temperature", "Vector"]

# A slope outside this range is a failed network or a separable sample, not a temperature; the
# bounds keep the map finite and strictly increasing.
_SLOPE = (0.01, 100.0)
_SHIFT = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedAffine:
    """Calibrated logit = slope x logit + intercept.

    Args:
        slope: Positive; the inverse of the temperature.
        intercept: Logit units.
        method: Which specification fitted it.
        strength: How much of what was fitted this is, 0 to 1 (see `weaken`).

    Raises:
        ValueError: If the slope is not positive, something is not finite, or the strength is not
            between 0 and 1.
    """

    slope: float
    intercept: float
    method: str
    strength: float = 1.0

    def __post_init__(self) -> None:
        finite = np.isfinite(self.slope) and np.isfinite(self.intercept)
        if not finite or self.slope <= 0:
            raise ValueError(
                f"a {self.method} calibrator needs a positive slope and a finite intercept, "
                f"got {self.slope} and {self.intercept}"
            )
        if not 0.0 <= self.strength <= 1.0:
            raise ValueError(
                f"the strength of a {self.method} calibrator lies between 0 and 1, got "
                f"{self.strength}"
            )

    @property
    def strictly_increasing(self) -> bool:
        """True, as the slope is positive."""
        return True

    @property
    def temperature(self) -> float:
        """One over the slope; above 1 where the network was overconfident."""
        return 1.0 / self.slope

    def transform(self, prediction: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """Return calibrated logits."""
        return np.asarray(self.slope * prediction + self.intercept)

    def to_record(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "type": "affine",
            "method": self.method,
            "slope": self.slope,
            "intercept": self.intercept,
            "strength": self.strength,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperature(BinaryCalibrator):
    """Divide the logits by one temperature, chosen by maximum likelihood.

    Ranks and the decision at logit 0 stay. It cannot repair a wrong base rate (see `Prior` and
    `Vector`), which after training on balanced negatives is the larger part of the error.

    References:
        Guo et al. 2017, doi:10.48550/arXiv.1706.04599 (temperature scaling).

    Example:
        >>> logit = np.linspace(-8, 8, 2001)
        >>> target = (np.random.default_rng(0).random(2001) < special.expit(logit / 2)) * 1.0
        >>> round(Temperature().fit(logit, target).temperature)
        2
    """

    method: ClassVar[str] = "temperature"

    def _fit(
        self, prediction: Float64[np.ndarray, " sample"], target: Float64[np.ndarray, " sample"]
    ) -> FittedCalibrator:

        def gradient(log_slope: float) -> float:
            slope = np.exp(log_slope)
            return float(np.mean((special.expit(slope * prediction) - target) * prediction))

        low, high = np.log(_SLOPE[0]), np.log(_SLOPE[1])
        if gradient(low) >= 0:  # predictions that do not rank: the flattest line allowed
            slope = _SLOPE[0]
        elif gradient(high) <= 0:  # a separable sample: the steepest
            slope = _SLOPE[1]
        else:
            slope = float(np.exp(scipy.optimize.brentq(gradient, low, high, xtol=1e-12)))
        return FittedAffine(slope=slope, intercept=0.0, method="temperature")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector(BinaryCalibrator):
    """Give each task its own scale and shift, chosen by maximum likelihood.

    For independent binary tasks, vector scaling's diagonal matrix and bias are one line a task.

    References:
        Guo et al. 2017, doi:10.48550/arXiv.1706.04599 (vector scaling).
    """

    method: ClassVar[str] = "vector"

    def _fit(
        self, prediction: Float64[np.ndarray, " sample"], target: Float64[np.ndarray, " sample"]
    ) -> FittedCalibrator:
        return _line(prediction, target, "vector")


@dataclass(frozen=True, slots=True, kw_only=True)
class Platt(BinaryCalibrator):
    """Scale and shift against Platt's softened labels, which regularise where positives are few.

    A positive counts as (n1 + 1) / (n1 + 2), a negative as 1 / (n0 + 2): with many samples it is
    `Vector`, with five positives it is less extreme.

    References:
        Platt 1999, Advances in Large Margin Classifiers (softened targets).
        Lin, Lin and Weng 2007, doi:10.1007/s10994-007-5018-6 (a stable form of the likelihood).
    """

    method: ClassVar[str] = "platt"

    def _fit(
        self, prediction: Float64[np.ndarray, " sample"], target: Float64[np.ndarray, " sample"]
    ) -> FittedCalibrator:
        positives = float(target.sum())
        soft = np.where(
            target == 1,
            (positives + 1.0) / (positives + 2.0),
            1.0 / (target.size - positives + 2.0),
        )
        return _line(prediction, soft, "platt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior(BinaryCalibrator):
    """Shift the logits for another prevalence, leaving the slope at 1.

    A network trained on chosen negatives sees positives more often than the genome shows them.
    With both prevalences given the shift is their difference in logits; otherwise it is chosen so
    that the mean prediction equals the calibration split's prevalence, which then must be the
    genome's (no sampling of negatives there).

    Args:
        trained: Prevalence the network was trained at.
        deployed: Prevalence where it will be used.

    Raises:
        ValueError: If only one is given, or one is not strictly between 0 and 1.

    References:
        Saerens, Latinne and Decaestecker 2002, doi:10.1162/089976602753284446 (the shift).

    Example:
        >>> fitted = Prior(trained=0.5, deployed=0.1).fit(np.zeros(2), np.array([0.0, 1.0]))
        >>> round(float(special.expit(fitted.transform(np.zeros(1)))[0]), 6)
        0.1
    """

    method: ClassVar[str] = "prior"
    trained: float | None = None
    deployed: float | None = None

    def __post_init__(self) -> None:
        if (self.trained is None) != (self.deployed is None):
            raise ValueError(
                "prior needs both prevalences or neither, got "
                f"trained={self.trained} and deployed={self.deployed}"
            )
        for name in ("trained", "deployed"):
            value = getattr(self, name)
            if value is not None and not 0.0 < value < 1.0:
                raise ValueError(
                    f"prior.{name} must lie strictly between 0 and 1, got {value}; it is a share"
                )

    def _without_data(self) -> FittedCalibrator | None:
        if self.trained is None or self.deployed is None:
            return None
        shift = float(special.logit(self.deployed) - special.logit(self.trained))
        return FittedAffine(slope=1.0, intercept=shift, method=self.method)

    def _fit(
        self, prediction: Float64[np.ndarray, " sample"], target: Float64[np.ndarray, " sample"]
    ) -> FittedCalibrator:
        def excess(shift: float) -> float:
            return float(np.mean(special.expit(prediction + shift) - target))

        reach = _SHIFT + float(np.max(np.abs(prediction)))
        return FittedAffine(
            slope=1.0, intercept=float(scipy.optimize.brentq(excess, -reach, reach)), method="prior"
        )


def _line(
    prediction: Float64[np.ndarray, " sample"],
    target: Float64[np.ndarray, " sample"],
    method: str,
) -> FittedAffine:
    # Centred and scaled so that the two coefficients are nearly independent.
    centre, scale = float(prediction.mean()), float(prediction.std()) or 1.0
    columns = np.stack([(prediction - centre) / scale, np.ones_like(prediction)], axis=1)
    rate = float(special.logit(target.mean()))
    slope, shift = fit_logistic(
        columns,
        target,
        start=np.array([min(max(scale, _SLOPE[0] * scale), _SLOPE[1] * scale), rate]),
        lower=np.array([_SLOPE[0] * scale, -_SHIFT]),
        upper=np.array([_SLOPE[1] * scale, _SHIFT]),
    )
    slope /= scale
    return FittedAffine(slope=float(slope), intercept=float(shift - slope * centre), method=method)


def _beta_columns(prediction: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "... column"]:
    low = -np.logaddexp(0.0, -prediction)
    high = np.logaddexp(0.0, prediction)
    return np.stack([low, high, np.ones_like(prediction)], axis=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedBeta:
    """Calibrated logit = a log p - b log(1 - p) + c, with p the raw probability.

    Args:
        a: Slope where p is small; positive.
        b: Slope where p is near 1; positive.
        c: Shift in logit units.

    Raises:
        ValueError: If a slope is not positive, or something is not finite.
    """

    a: float
    b: float
    c: float

    def __post_init__(self) -> None:
        if not np.all(np.isfinite([self.a, self.b, self.c])) or min(self.a, self.b) <= 0:
            raise ValueError(
                "a beta calibrator needs positive slopes and a finite shift, got "
                f"{self.a}, {self.b} and {self.c}"
            )

    @property
    def strictly_increasing(self) -> bool:
        """True, as both slopes are positive."""
        return True

    def transform(self, prediction: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """Return calibrated logits."""
        return np.asarray(_beta_columns(prediction) @ np.array([self.a, self.b, self.c]))

    def to_record(self) -> dict[str, Any]:
        """Return plain data."""
        return {"type": "beta", "a": self.a, "b": self.b, "c": self.c}


@dataclass(frozen=True, slots=True, kw_only=True)
class Beta(BinaryCalibrator):
    """Fit a beta calibration map by maximum likelihood.

    It contains temperature and vector scaling (a = b), and bends where the network is
    overconfident at one end only.

    References:
        Kull, Silva Filho and Flach 2017, doi:10.1214/17-EJS1338SI (the map; a = b = 1, c = 0 is
        the identity).
    """

    method: ClassVar[str] = "beta"

    def _fit(
        self, prediction: Float64[np.ndarray, " sample"], target: Float64[np.ndarray, " sample"]
    ) -> FittedCalibrator:
        a, b, c = fit_logistic(
            _beta_columns(prediction),
            target,
            start=np.array([1.0, 1.0, 0.0]),
            lower=np.array([_SLOPE[0], _SLOPE[0], -_SHIFT]),
            upper=np.array([_SLOPE[1], _SLOPE[1], _SHIFT]),
        )
        return FittedBeta(a=float(a), b=float(b), c=float(c))
