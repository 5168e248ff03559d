"""Contracts of calibrators: a specification that is fitted, and a fitted map that is plain data.

Binary tasks are calibrated on the logit scale, counts on the Anscombe scale and signals as they
are, always from and to the same scale, so that a calibrated effect has the units of a raw one.
For counts and signals the point prediction stays and the *predictive distribution* around it is
calibrated; `PredictiveCalibrator` is the contract of those.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

__all__ = [
    "BinaryCalibrator",
    "Calibrator",
    "FittedCalibrator",
    "FittedIdentity",
    "Identity",
    "PredictiveCalibrator",
    "UnchangedPrediction",
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


class UnchangedPrediction:
    """Base of fitted maps that leave the point prediction as it is."""

    __slots__ = ()

    @property
    def strictly_increasing(self) -> bool:
        """True: the prediction is unchanged."""
        return True

    def transform(self, prediction: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """Return a copy of the predictions."""
        return prediction.copy()


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedIdentity(UnchangedPrediction):
    """Identity map: predictions stay uncalibrated.

    Args:
        reason: Why the task is not calibrated, one sentence; by default that none was asked for.

    Example:
        >>> FittedIdentity().transform(np.array([1.5])).tolist()
        [1.5]
    """

    reason: str = "calibrator=none was chosen"

    def to_record(self) -> dict[str, Any]:
        """Return plain data."""
        return {"type": "identity", "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """No calibration.

    Example:
        >>> Identity().fit(np.zeros(2), np.array([0.0, 1.0])).reason
        'calibrator=none was chosen'
    """

    def fit(
        self,
        prediction: Float64[np.ndarray, " sample"],  # noqa: ARG002 (the contract's argument)
        target: Float64[np.ndarray, " sample"],  # noqa: ARG002
        *,
        spread: Float64[np.ndarray, " sample"] | None = None,  # noqa: ARG002
    ) -> FittedIdentity:
        """Return the identity whatever the data."""
        return FittedIdentity()


class BinaryCalibrator:
    """Base of calibrators of binary tasks: logits and 0/1 labels are checked, then fitted."""

    __slots__ = ()
    method: ClassVar[str]

    def fit(
        self,
        prediction: Float64[np.ndarray, " sample"],
        target: Float64[np.ndarray, " sample"],
        *,
        spread: Float64[np.ndarray, " sample"] | None = None,  # noqa: ARG002
    ) -> FittedCalibrator:
        """Fit the map; the identity, with the reason, where a class is absent.

        Args:
            prediction: The ensemble's mean raw logit, masked samples removed.
            target: Labels, 0 or 1.
            spread: Standard deviation over members; not used for binary tasks.

        Raises:
            ValueError: If predictions are not finite, or targets not 0 or 1.
        """
        check_binary(self.method, prediction, target)
        known = self._without_data()
        if known is not None:
            return known
        if not both_classes(target):
            return FittedIdentity(reason=_one_class(target))
        return self._fit(prediction, target)

    def _without_data(self) -> FittedCalibrator | None:
        """Return the map where it follows from the options alone."""
        return None

    @abstractmethod
    def _fit(
        self, prediction: Float64[np.ndarray, " sample"], target: Float64[np.ndarray, " sample"]
    ) -> FittedCalibrator:
        """Fit the map to samples of both classes."""


def _one_class(target: Float64[np.ndarray, " sample"]) -> str:
    if target.size == 0:
        return "no labelled samples in the calibration split"
    kind = "positives" if not np.any(target == 1) else "negatives"
    return f"no {kind} among {target.size} samples of the calibration split"
