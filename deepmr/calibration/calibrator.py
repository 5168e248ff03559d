"""What a calibrator is: a specification that fits, and a fitted map that is plain data.

Binary tasks are calibrated on the logit scale, counts on the Anscombe scale and signals as they
are, always from and to the same scale, so that a calibrated effect has the units of a raw one.
For counts and signals the point prediction stays and the *predictive distribution* around it is
calibrated; `PredictiveCalibrator` is the contract of those.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

__all__ = [
    "Calibrator",
    "FittedCalibrator",
    "PredictiveCalibrator",
    "both_classes",
    "check_binary",
    "check_pairs",
]


@runtime_checkable
class FittedCalibrator(Protocol):
    """A fitted map from raw to calibrated predictions of one task."""

    @property
    def strictly_increasing(self) -> bool:
        """Whether a larger raw prediction always gives a larger calibrated one."""
        ...

    def transform(self, prediction: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """Calibrate predictions, on the scale they came on."""
        ...

    def to_record(self) -> dict[str, Any]:
        """Return plain data that `deepmr.calibration.from_record` restores."""
        ...


@runtime_checkable
class PredictiveCalibrator(FittedCalibrator, Protocol):
    """A fitted map of a real-valued task, which also knows the predictive distribution."""

    def interval(
        self,
        prediction: Float64[np.ndarray, "..."],
        spread: Float64[np.ndarray, "..."] | None = None,
        *,
        level: float = 0.95,
    ) -> tuple[Float64[np.ndarray, "..."], Float64[np.ndarray, "..."]]:
        """Return where a new observation lies with probability ``level``.

        Args:
            prediction: The ensemble's mean.
            spread: Standard deviation of the members around it (ddof 1), where the calibrator
                was fitted with one.
            level: Probability of the central interval.
        """
        ...


@runtime_checkable
class Calibrator(Protocol):
    """A specification of how to calibrate; ``fit`` returns the fitted map and changes nothing."""

    def fit(
        self,
        prediction: Float64[np.ndarray, " sample"],
        target: Float64[np.ndarray, " sample"],
        *,
        spread: Float64[np.ndarray, " sample"] | None = None,
    ) -> FittedCalibrator:
        """Fit on the calibration split of one task, masked labels already removed.

        Args:
            prediction: The ensemble's mean raw prediction.
            target: What was observed: 0 or 1; or counts on the Anscombe scale; or the signal.
            spread: Standard deviation over members (ddof 1); binary calibrators do not use it.
        """
        ...


def check_pairs(
    name: str,
    prediction: Float64[np.ndarray, " sample"],
    target: Float64[np.ndarray, " target"],
) -> None:
    """Refuse predictions and targets that do not belong together.

    Raises:
        ValueError: If lengths differ, or something is NaN or infinite.
    """
    if prediction.shape != target.shape:
        raise ValueError(
            f"{name} needs one target a prediction, got {target.size} targets for "
            f"{prediction.size} predictions; remove masked samples from both"
        )
    for what, values in (("predictions", prediction), ("targets", target)):
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise ValueError(
                f"{name} needs finite {what}, got {values[bad[0]]} at sample {bad[0]} "
                f"({bad.size} in all); remove masked samples"
            )


def check_binary(
    name: str,
    prediction: Float64[np.ndarray, " sample"],
    target: Float64[np.ndarray, " sample"],
) -> None:
    """Refuse what is not pairs of logits and 0/1 labels.

    Raises:
        ValueError: As `check_pairs`, or if a target is neither 0 nor 1.
    """
    check_pairs(name, prediction, target)
    odd = np.flatnonzero((target != 0) & (target != 1))
    if odd.size:
        raise ValueError(
            f"{name} needs targets of 0 or 1, got {target[odd[0]]} at sample {odd[0]}; "
            "for counts and signals use variance, quantile or conformal"
        )


def both_classes(target: Float64[np.ndarray, " sample"]) -> bool:
    """Return whether both a positive and a negative were observed."""
    return bool(np.any(target == 1) and np.any(target == 0))
