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
from jaxtyping import Float64
from scipy import optimize, stats

from deepmr.calibration.calibrator import check_pairs
from deepmr.calibration.identity import FittedIdentity

__all__ = ["MINIMUM", "FittedVariance", "Variance", "normal_reach", "too_few"]

MINIMUM = 20  # below this not even a 95 % quantile of residuals is defined


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedVariance:
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

    @property
    def strictly_increasing(self) -> bool:
        """True: the prediction is unchanged."""
        return True

    def transform(self, prediction: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """Return a copy of the predictions: only their distribution is calibrated."""
        return prediction.copy()

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
        result = optimize.minimize(
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
    return float(stats.norm.ppf(0.5 + level / 2))


def too_few(target: Float64[np.ndarray, " sample"]) -> str:
    """Return the reason that is kept where there are too few samples."""
    return f"{target.size} samples in the calibration split are too few for a distribution"
