"""Concordance: does the outcome follow the exposure along one dose-response at a locus?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.inference.concordant import median_slopes
from deepmr.verdict.thresholds import Thresholds

__all__ = ["concordant_variants"]


def concordant_variants(
    exposure: Float64[np.ndarray, "*batch variant"],
    outcome: Float64[np.ndarray, "*batch variant"],
    thresholds: Thresholds | None = None,
) -> Bool[np.ndarray, "*batch variant"]:
    """Return which instruments lie on the locus's dose-response.

    With b the locus's weighted median ratio, a variant is concordant if ``|y - b x|`` is at most
    half of ``|b x|`` plus .03. A slope over these variants is the concordant slope; the share of
    the exposure's squared effects that they carry says how much of the exposure it speaks for.

    Args:
        exposure: Scaled effects on the exposure (`scaled_effects`).
        outcome: Scaled effects on the outcome.
        thresholds: Constants; the documented ones by default.

    Example:
        >>> x, y = np.array([1.0, 0.5, 0.8, 0.05]), np.array([0.6, 0.3, 0.0, 0.03])
        >>> concordant_variants(x, y).tolist()
        [True, True, False, False]
    """
    rule = Thresholds() if thresholds is None else thresholds
    instrument = np.abs(exposure) >= rule.effects.instrument
    kept = np.where(instrument, exposure, 0.0)
    (slope,) = median_slopes(kept, outcome, instrument)
    expected = slope[..., None] * exposure
    near = (
        np.abs(outcome - expected) <= rule.effects.tolerance * np.abs(expected) + rule.effects.floor
    )
    return np.asarray(instrument & near)
