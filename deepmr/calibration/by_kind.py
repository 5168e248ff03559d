"""The calibrator of each kind of task, and how much of a fitted one is applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import scipy
from jaxtyping import Bool, Float64

from deepmr.calibration.binary import FittedAffine, Temperature
from deepmr.calibration.contract import Calibrator, FittedCalibrator
from deepmr.calibration.predictive import Variance

__all__ = ["ByKind", "Strength", "choose_strength", "weaken"]

Strength = Literal["full", "validation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ByKind:
    """Choose the calibrator by the task's kind; what a configuration names.

    Args:
        binary: For binary tasks, on the logit scale.
        count: For counts, on the Anscombe scale.
        signal: For signals, as they are.
        min_class: A binary task with fewer calibration samples than this of either class is left
            as it is, with the reason: a temperature from three positives is noise.
        strength: ``full`` applies binary calibrators as they were fitted; ``validation`` weakens
            all of them alike, by what does best on the validation split (see
            `choose_strength`), which they must be lines for.

    Raises:
        ValueError: If ``min_class`` is below 1, or the strength is another word.
    """

    binary: Calibrator = field(default_factory=Temperature)
    count: Calibrator = field(default_factory=Variance)
    signal: Calibrator = field(default_factory=Variance)
    min_class: int = 10
    strength: Strength = "full"

    def __post_init__(self) -> None:
        if self.min_class < 1:
            raise ValueError(
                f"calibrator.min_class must be at least 1, got {self.min_class}; without one "
                "sample of each class there is nothing to fit"
            )
        if self.strength not in get_args(Strength):
            raise ValueError(
                f"calibrator.strength is one of {', '.join(get_args(Strength))}, "
                f"got {self.strength!r}"
            )

    def of(self, kind: str) -> Calibrator:
        """Return the calibrator of a kind.

        Raises:
            ValueError: If there is no such kind.
        """
        if kind == "binary":
            return self.binary
        if kind == "count":
            return self.count
        if kind == "signal":
            return self.signal
        raise ValueError(f"a task's kind is binary, count or signal; got {kind!r}")


def choose_strength(
    calibrators: Sequence[FittedCalibrator],
    prediction: Float64[np.ndarray, "sample task"],
    target: Float64[np.ndarray, "sample task"],
    known: Bool[np.ndarray, "sample task"],
    *,
    min_class: int = 10,
) -> float:
    """Return the strength between 0 (leave predictions alone) and 1 (as fitted) that does best.

    A calibrator fitted on one chromosome repairs what is particular to that chromosome, too. All
    tasks share one strength, the one with the least mean negative log-likelihood on a split that
    had no part in the fit; one number for all is hard to overfit. Stopping early on the same split
    leaves predictions there slightly too well calibrated, which errs towards weaker.

    Args:
        calibrators: Fitted, one a task; those that are no line on the logit scale have no part.
        prediction: Raw logits on another split than they were fitted on.
        target: Labels, 0 or 1, of the same shape.
        known: True where there is a label.
        min_class: A task with fewer samples of either class there has no say.

    Returns:
        The strength; 1 where no task has a say.

    Example:
        >>> good = FittedAffine(slope=1.0, intercept=0.0, method="vector")
        >>> logit, label = np.linspace(-3, 3, 40)[:, None], np.tile([0.0, 1.0], 20)[:, None]
        >>> choose_strength([good], logit, label, np.ones((40, 1), bool))
        0.0
    """
    samples = []
    for column, fitted in enumerate(calibrators):
        kept = known[:, column]
        label = target[kept, column]
        positives = int(np.sum(label == 1))
        if isinstance(fitted, FittedAffine) and min(positives, label.size - positives) >= min_class:
            samples.append((fitted, prediction[kept, column], label))
    if not samples:
        return 1.0

    def loss(strength: float) -> float:
        total = 0.0
        for fitted, logit, label in samples:
            changed = weaken(fitted, strength).transform(logit)
            total += float(np.mean(np.logaddexp(0.0, changed) - label * changed))
        return total

    inner = scipy.optimize.minimize_scalar(loss, bounds=(0.0, 1.0), method="bounded")
    return float(min((0.0, 1.0, float(inner.x)), key=loss))


def weaken(fitted: FittedAffine, strength: float) -> FittedAffine:
    """Return a line between no change (0) and the fitted one (1).

    Example:
        >>> half = weaken(FittedAffine(slope=4.0, intercept=1.0, method="vector"), 0.5)
        >>> half.slope, half.intercept
        (2.0, 0.5)
    """
    return FittedAffine(
        slope=float(fitted.slope**strength),
        intercept=strength * fitted.intercept,
        method=fitted.method,
        strength=strength,
    )
