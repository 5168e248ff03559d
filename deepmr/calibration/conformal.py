"""Split-conformal prediction intervals: coverage without a distributional assumption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from deepmr.calibration.contract import FittedIdentity, UnchangedPrediction, check_pairs
from deepmr.calibration.predictive import MINIMUM, FittedVariance, Variance, normal_reach, too_few

__all__ = ["Conformal", "FittedConformal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedConformal(UnchangedPrediction):
    """Intervals whose coverage is guaranteed for exchangeable observations.

    Args:
        variance: What residuals are divided by.
        levels: The levels that were prepared.
        reach: Half-widths in predictive standard deviations, one a level.
    """

    variance: FittedVariance
    levels: tuple[float, ...]
    reach: tuple[float, ...]

    def interval(
        self,
        prediction: Float64[np.ndarray, "..."],
        spread: Float64[np.ndarray, "..."] | None = None,
        *,
        level: float = 0.95,
    ) -> tuple[Float64[np.ndarray, "..."], Float64[np.ndarray, "..."]]:
        """Return the interval at one of the prepared levels.

        Raises:
            ValueError: If the level was not prepared.
        """
        if level not in self.levels:
            raise ValueError(
                f"this conformal calibrator was prepared at levels {self.levels}, got {level}; "
                "fit it with calibrator levels that include it"
            )
        reach = self.reach[self.levels.index(level)] * self.variance.deviation(prediction, spread)
        return np.asarray(prediction - reach), np.asarray(prediction + reach)

    def to_record(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "type": "conformal",
            "variance": self.variance.to_record(),
            "levels": list(self.levels),
            "reach": list(self.reach),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformal:
    """Split-conformal intervals from standardised absolute residuals.

    A level needs at least level / (1 - level) samples (19 for 95 %): with fewer its interval
    would be infinite, and the level is left out. The shape of the interval (its dependence on the
    spread) is fitted on one half of the split and its width on the other, which the guarantee
    needs.

    Args:
        levels: Levels to prepare.

    Raises:
        ValueError: If a level is outside (0, 1).

    References:
        Lei et al. 2018, doi:10.1080/01621459.2017.1307116 (split and locally weighted intervals).
    """

    levels: Sequence[float] = (0.5, 0.8, 0.9, 0.95)

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(float(level) for level in self.levels))
        for level in self.levels:
            normal_reach(level)

    def fit(
        self,
        prediction: Float64[np.ndarray, " sample"],
        target: Float64[np.ndarray, " sample"],
        *,
        spread: Float64[np.ndarray, " sample"] | None = None,
    ) -> FittedConformal | FittedIdentity:
        """Fit; the identity, with the reason, with fewer than 40 samples (20 a half).

        Raises:
            ValueError: If predictions or targets are not finite, or lengths differ.
        """
        check_pairs("conformal", prediction, target)
        shape, width = slice(0, None, 2), slice(1, None, 2)
        variance = Variance().fit(
            prediction[shape], target[shape], spread=None if spread is None else spread[shape]
        )
        if isinstance(variance, FittedIdentity) or target[width].size < MINIMUM:
            return FittedIdentity(reason=too_few(target))
        if variance.noise == 0.0:
            return FittedIdentity(reason="predictions equal the targets; there are no residuals")
        deviation = variance.deviation(prediction[width], None if spread is None else spread[width])
        score = np.sort(np.abs(target[width] - prediction[width]) / deviation)
        # The tiny number undoes the rounding of e.g. 20 x 0.95 to just above 19.
        rank = {level: int(np.ceil((score.size + 1) * level - 1e-9)) for level in self.levels}
        possible = tuple(level for level in self.levels if rank[level] <= score.size)
        return FittedConformal(
            variance=variance,
            levels=possible,
            reach=tuple(float(score[rank[level] - 1]) for level in possible),
        )
