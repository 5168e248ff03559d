"""Beta calibration: two slopes, one for each end of the scale, and a shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from deepmr.calibration.calibrator import both_classes, check_binary
from deepmr.calibration.identity import FittedIdentity
from deepmr.calibration.logistic import fit_logistic

__all__ = ["Beta", "FittedBeta"]

# A slope of exactly 0 would flatten one end, and effects there would vanish.
_SLOPE = (0.01, 100.0)
_SHIFT = 50.0


def _columns(prediction: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "... column"]:
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
        return np.asarray(_columns(prediction) @ np.array([self.a, self.b, self.c]))

    def to_record(self) -> dict[str, Any]:
        """Return plain data."""
        return {"type": "beta", "a": self.a, "b": self.b, "c": self.c}


@dataclass(frozen=True, slots=True, kw_only=True)
class Beta:
    """Fit a beta calibration map by maximum likelihood.

    It contains temperature and vector scaling (a = b), and bends where the network is
    overconfident at one end only.

    References:
        Kull, Silva Filho and Flach 2017, doi:10.1214/17-EJS1338SI (the map; a = b = 1, c = 0 is
        the identity).
    """

    def fit(
        self,
        prediction: Float64[np.ndarray, " sample"],
        target: Float64[np.ndarray, " sample"],
        *,
        spread: Float64[np.ndarray, " sample"] | None = None,  # noqa: ARG002
    ) -> FittedBeta | FittedIdentity:
        """Fit; the identity, with the reason, where a class is absent.

        Raises:
            ValueError: If predictions are not finite, or targets not 0 or 1.
        """
        check_binary("beta", prediction, target)
        if not both_classes(target):
            return FittedIdentity(reason=f"one class only among {target.size} samples")
        a, b, c = fit_logistic(
            _columns(prediction),
            target,
            start=np.array([1.0, 1.0, 0.0]),
            lower=np.array([_SLOPE[0], _SLOPE[0], -_SHIFT]),
            upper=np.array([_SLOPE[1], _SLOPE[1], _SHIFT]),
        )
        return FittedBeta(a=float(a), b=float(b), c=float(c))
