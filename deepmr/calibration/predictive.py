"""Calibrated predictive distributions for counts (Anscombe scale) and signals.

All of them leave the point prediction as it is, so effects stay on their scale, and calibrate what
is said *around* it. The predictive variance of a new observation is modelled as

    noise + scale x spread^2

with ``spread`` the standard deviation over members and ``noise`` what no member can know. On the
Anscombe scale a Poisson count has noise near 1: a fitted noise of 1 means that the network has
reached the floor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from jaxtyping import Float64
from scipy import special

from deepmr.calibration.contract import FittedIdentity, UnchangedPrediction, check_pairs
from deepmr.distributions import normal_quantile

__all__ = [
    "MINIMUM",
    "FittedQuantile",
    "FittedVariance",
    "Quantile",
    "Variance",
    "normal_reach",
    "too_few",
]

MINIMUM = 20  # below this not even a 95 % quantile of residuals is defined


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedVariance(UnchangedPrediction):
    """A Gaussian predictive distribution around the unchanged prediction.

    Args:
        noise: Variance that a network without spread would still miss, in squared units.
        scale: Factor on the squared spread; 0 where it was fitted without one.

    Raises:
        ValueError: If a number is negative or not finite.
    """

    noise: float
    scale: float = 0.0

    def __post_init__(self) -> None:
        numbers = np.array([self.noise, self.scale])
        if not np.all(np.isfinite(numbers)) or np.any(numbers < 0):
            raise ValueError(
                "a variance calibrator needs finite, non-negative noise and scale, got "
                f"{self.noise} and {self.scale}"
            )

    def deviation(
        self,
        prediction: Float64[np.ndarray, "..."],
        spread: Float64[np.ndarray, "..."] | None = None,
    ) -> Float64[np.ndarray, "..."]:
        """Return the predictive standard deviation of a new observation.

        Raises:
            ValueError: If it was fitted with a spread and none is given.
        """
        if spread is None:
            if self.scale > 0:
                raise ValueError(
                    "this variance calibrator was fitted with the members' spread, got none; "
                    "pass spread"
                )
            return np.full(prediction.shape, np.sqrt(self.noise))
        return np.asarray(np.sqrt(self.noise + self.scale * spread**2))

    def interval(
        self,
        prediction: Float64[np.ndarray, "..."],
        spread: Float64[np.ndarray, "..."] | None = None,
        *,
        level: float = 0.95,
    ) -> tuple[Float64[np.ndarray, "..."], Float64[np.ndarray, "..."]]:
        """Return the central Gaussian interval of a new observation.

        Raises:
            ValueError: If ``level`` is outside (0, 1), or a spread is missing.
        """
        reach = normal_reach(level) * self.deviation(prediction, spread)
        return np.asarray(prediction - reach), np.asarray(prediction + reach)

    def to_record(self) -> dict[str, Any]:
        """Return plain data."""
        return {"type": "variance", "noise": self.noise, "scale": self.scale}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variance:
    """Fit noise and scale by Gaussian maximum likelihood.

    With fewer than 20 samples the identity is returned, with the reason.

    References:
        Kendall and Gal 2017, doi:10.48550/arXiv.1703.04977 (noise beside model variance).
        Laves et al. 2020, Proc. MIDL (scaling the variance on a calibration set).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> mean = rng.normal(10, 3, 4000)
        >>> round(Variance().fit(mean, mean + rng.normal(0, 2, 4000)).noise)
        4
    """

    def fit(
        self,
        prediction: Float64[np.ndarray, " sample"],
        target: Float64[np.ndarray, " sample"],
        *,
        spread: Float64[np.ndarray, " sample"] | None = None,
    ) -> FittedVariance | FittedIdentity:
        """Fit; without a spread the scale is 0 and the noise the mean squared residual.

        Raises:
            ValueError: If predictions or targets are not finite, or lengths differ.
        """
        check_pairs("variance", prediction, target)
        if target.size < MINIMUM:
            return FittedIdentity(reason=too_few(target))
        square = (target - prediction) ** 2
        mean = float(square.mean())
        if spread is None or mean == 0.0 or not np.any(spread > 0):
            return FittedVariance(noise=mean)
        check_pairs("variance", spread, target)
        model = spread**2
        unit = float(model.mean())

        def objective(parts: Float64[np.ndarray, " two"]) -> tuple[float, np.ndarray]:
            variance = parts[0] + parts[1] * model / unit
            ratio = square / mean / variance
            slope = (1.0 - ratio) / variance
            gradient = 0.5 * np.array([slope.mean(), (slope * model / unit).mean()])
            return 0.5 * float(np.mean(np.log(variance) + ratio)), gradient

        # The floor on the noise keeps a sample predicted without spread from infinite density.
        result = scipy.optimize.minimize(
            objective,
            np.array([0.5, 0.5]),
            jac=True,
            method="L-BFGS-B",
            bounds=[(1e-6, None), (0.0, None)],
        )
        noise, scale = result.x
        return FittedVariance(noise=float(noise * mean), scale=float(scale * mean / unit))


def normal_reach(level: float) -> float:
    """Return how many standard deviations the central interval at this level reaches.

    Raises:
        ValueError: If ``level`` is outside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"an interval's level must lie strictly between 0 and 1, got {level}")
    return normal_quantile(0.5 + level / 2)


def too_few(target: Float64[np.ndarray, " sample"]) -> str:
    """Return the reason that is kept where there are too few samples."""
    return f"{target.size} samples in the calibration split are too few for a distribution"


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedQuantile(UnchangedPrediction):
    """A predictive distribution whose quantiles were seen on the calibration split.

    Args:
        variance: The Gaussian that is corrected.
        normal: Normal scores of the knots, increasing.
        observed: Quantiles of the standardised residuals there, strictly increasing.

    Raises:
        ValueError: If the knots do not increase.
    """

    variance: FittedVariance
    normal: tuple[float, ...]
    observed: tuple[float, ...]

    def __post_init__(self) -> None:
        increasing = all(
            len(knots) == len(self.normal)
            and np.all(np.isfinite(knots))
            and np.all(np.diff(knots) > 0)
            for knots in (self.normal, self.observed)
        )
        if not increasing:
            raise ValueError(
                "a quantile calibrator needs finite, strictly increasing knots; "
                "was its record edited?"
            )

    def quantile(
        self,
        prediction: Float64[np.ndarray, "..."],
        spread: Float64[np.ndarray, "..."] | None = None,
        *,
        probability: float,
    ) -> Float64[np.ndarray, "..."]:
        """Return the value that a new observation stays below with the given probability.

        Beyond the outermost knots the Gaussian's own shape goes on, so it is always finite.

        Raises:
            ValueError: If ``probability`` is outside (0, 1).
        """
        if not 0.0 < probability < 1.0:
            raise ValueError(
                f"a quantile's probability must lie strictly between 0 and 1, got {probability}"
            )
        score = normal_quantile(probability)
        beyond = min(score - self.normal[0], 0.0) + max(score - self.normal[-1], 0.0)
        standard = float(np.interp(score, self.normal, self.observed)) + beyond
        return np.asarray(prediction + standard * self.variance.deviation(prediction, spread))

    def interval(
        self,
        prediction: Float64[np.ndarray, "..."],
        spread: Float64[np.ndarray, "..."] | None = None,
        *,
        level: float = 0.95,
    ) -> tuple[Float64[np.ndarray, "..."], Float64[np.ndarray, "..."]]:
        """Return the central interval of a new observation.

        Raises:
            ValueError: If ``level`` is outside (0, 1), or a spread is missing.
        """
        normal_reach(level)
        low, high = 0.5 - level / 2, 0.5 + level / 2
        return (
            self.quantile(prediction, spread, probability=low),
            self.quantile(prediction, spread, probability=high),
        )

    def to_record(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "type": "quantile",
            "variance": self.variance.to_record(),
            "normal": list(self.normal),
            "observed": list(self.observed),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile:
    """Recalibrate quantiles: learn which of them the observations really fall under.

    The isotonic map from nominal to observed probability, as usually written, sends the ends to 0
    and 1, whose normal scores are infinite. Here the map runs between normal scores and residual
    quantiles at ``knots`` probabilities strictly inside (0, 1), which says the same without
    infinities.

    Args:
        knots: Number of probabilities; fewer where there are not 10 samples a knot.

    References:
        Kuleshov, Fenner and Ermon 2018, doi:10.48550/arXiv.1807.00263 (recalibrated quantiles).
    """

    knots: int = 39

    def fit(
        self,
        prediction: Float64[np.ndarray, " sample"],
        target: Float64[np.ndarray, " sample"],
        *,
        spread: Float64[np.ndarray, " sample"] | None = None,
    ) -> FittedQuantile | FittedIdentity:
        """Fit; the identity, with the reason, with fewer than 20 samples or no residuals.

        Raises:
            ValueError: If predictions or targets are not finite, or lengths differ.
        """
        check_pairs("quantile", prediction, target)
        variance = Variance().fit(prediction, target, spread=spread)
        if isinstance(variance, FittedIdentity):
            return variance
        if variance.noise == 0.0:
            return FittedIdentity(reason="predictions equal the targets; there are no residuals")
        standard = (target - prediction) / variance.deviation(prediction, spread)
        count = max(2, min(self.knots, target.size // 10))
        probability = np.arange(1, count + 1) / (count + 1.0)
        observed = np.quantile(standard, probability)
        keep = np.append(np.diff(observed) > 0, True)
        return FittedQuantile(
            variance=variance,
            normal=tuple(special.ndtri(probability)[keep].tolist()),
            observed=tuple(observed[keep].tolist()),
        )
