"""How much of a calibrator to trust: its strength, chosen on chromosomes it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64
from scipy import optimize

from deepmr.calibration.affine import FittedAffine
from deepmr.calibration.calibrator import FittedCalibrator

__all__ = ["choose_strength", "weaken"]


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
        target: 0 or 1.
        known: True where there is a label.
        min_class: A task with fewer samples of either class there has no say.

    Returns:
        The strength; 1 where no task has a say.
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

    inner = optimize.minimize_scalar(loss, bounds=(0.0, 1.0), method="bounded")
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
