"""Reliability curves: what was predicted beside what happened, bin by bin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int

from deepmr.distributions import normal_quantile

__all__ = ["CalibrationCurve", "Strategy", "bin_index", "reliability_curve"]

Strategy = Literal["mass", "width"]
"""Bins of equally many samples, or of equal width in probability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationCurve:
    """Bins of predictions, empty ones left out.

    Args:
        confidence: Mean predicted probability in each bin.
        frequency: Share of positives there.
        count: Number of samples there.

    Raises:
        ValueError: If lengths differ.
    """

    confidence: Float64[np.ndarray, " bin"]
    frequency: Float64[np.ndarray, " bin"]
    count: Int[np.ndarray, " bin"]

    def __post_init__(self) -> None:
        if not self.confidence.shape == self.frequency.shape == self.count.shape:
            raise ValueError(
                "a calibration curve needs confidence, frequency and count of one length, got "
                f"{self.confidence.size}, {self.frequency.size} and {self.count.size}"
            )

    def interval(
        self, level: float = 0.95
    ) -> tuple[Float64[np.ndarray, " bin"], Float64[np.ndarray, " bin"]]:
        """Return Wilson intervals of the frequencies, which never leave [0, 1].

        Raises:
            ValueError: If ``level`` is outside (0, 1).

        References:
            Wilson 1927, doi:10.1080/01621459.1927.10502953.
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"level must lie strictly between 0 and 1, got {level}")
        z2 = normal_quantile(0.5 + level / 2) ** 2
        n = self.count.astype(np.float64)
        centre = (self.frequency + z2 / (2 * n)) / (1 + z2 / n)
        variance = self.frequency * (1 - self.frequency) / n + z2 / (4 * n**2)
        reach = np.sqrt(z2 * variance) / (1 + z2 / n)
        return np.maximum(centre - reach, 0.0), np.minimum(centre + reach, 1.0)


def bin_index(
    probability: Float64[np.ndarray, " sample"], bins: int, strategy: Strategy
) -> Int[np.ndarray, " sample"]:
    """Return the bin of each prediction; equal predictions always share a bin.

    Raises:
        ValueError: If there is less than one bin.
    """
    if bins < 1:
        raise ValueError(f"a calibration curve needs at least 1 bin, got {bins}")
    if strategy == "width":
        return np.minimum((probability * bins).astype(np.int64), bins - 1)
    edges = np.unique(np.quantile(probability, np.arange(1, bins) / bins))
    return np.asarray(np.searchsorted(edges, probability, side="right"), dtype=np.int64)


def reliability_curve(
    probability: Float64[np.ndarray, " sample"],
    target: Float64[np.ndarray, " sample"],
    *,
    bins: int = 15,
    strategy: Strategy = "mass",
) -> CalibrationCurve:
    """Compare predicted probabilities with observed frequencies.

    For rare positives ``mass`` bins show where the predictions are; most ``width`` bins are
    empty, or hold a handful of samples.

    Args:
        probability: Predictions in [0, 1].
        target: Labels, 0 or 1.
        bins: At most so many.
        strategy: How samples are divided.

    Raises:
        ValueError: If there is no sample, or a prediction is no probability.

    Example:
        >>> curve = reliability_curve(np.array([0.1, 0.3, 0.8]), np.array([0.0, 1.0, 1.0]), bins=2)
        >>> curve.confidence.tolist(), curve.frequency.tolist(), curve.count.tolist()
        ([0.1, 0.55], [0.0, 1.0], [1, 2])
    """
    if probability.size == 0:
        raise ValueError("a calibration curve needs at least one sample, got none")
    if not bool(np.all((probability >= 0) & (probability <= 1))):
        raise ValueError(
            "a calibration curve needs probabilities between 0 and 1, got "
            f"{probability.min()} to {probability.max()}; are these logits?"
        )
    index = bin_index(probability, bins, strategy)
    count = np.bincount(index)
    seen = count > 0
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(index, weights=probability) / count
        frequency = np.bincount(index, weights=target) / count
    return CalibrationCurve(
        confidence=confidence[seen], frequency=frequency[seen], count=count[seen]
    )
