"""Recalibrated quantiles of a predictive distribution, without infinities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64
from scipy import stats

from deepmr.calibration.calibrator import check_pairs
from deepmr.calibration.identity import FittedIdentity
from deepmr.calibration.variance import FittedVariance, Variance, normal_reach

__all__ = ["FittedQuantile", "Quantile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedQuantile:
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

    @property
    def strictly_increasing(self) -> bool:
        """True: the prediction is unchanged."""
        return True

    def transform(self, prediction: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """Return a copy of the predictions: only their distribution is calibrated."""
        return prediction.copy()

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
        score = float(stats.norm.ppf(probability))
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
            normal=tuple(stats.norm.ppf(probability)[keep].tolist()),
            observed=tuple(observed[keep].tolist()),
        )
