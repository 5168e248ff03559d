"""Concordance: does the outcome follow the exposure along one dose-response at a locus?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.verdict.thresholds import Thresholds

__all__ = ["concordant_variants", "median_slopes"]


def median_slopes(
    exposure: Float64[np.ndarray, "*batch variant"],
    outcome: Float64[np.ndarray, "*batch variant"],
    *subsets: Bool[np.ndarray, "*batch variant"],
) -> tuple[Float64[np.ndarray, "*batch"], ...]:
    """Return medians of outcome over exposure, weighted by squared exposure effects.

    One median a subset of variants; the ratios are sorted once for all. A median, so that the
    outcome's own variants or a second pathway do not drag the slope along.

    Args:
        exposure: Effects on the exposure; variants with 0 are left out.
        outcome: Effects on the outcome.
        subsets: True for the variants of each subset.

    Returns:
        A slope for each subset, 0 where it is empty.

    Example:
        >>> x, y = np.array([1.0, 1.0, 1.0, 2.0]), np.array([0.5, 0.4, 9.0, 1.0])
        >>> [b.item() for b in median_slopes(x, y, x > 0, x < 2)]
        [0.5, 0.5]
    """
    used = exposure != 0
    ratio = np.divide(outcome, exposure, out=np.zeros_like(outcome), where=used)
    order = np.argsort(ratio, axis=-1)
    ratio = np.take_along_axis(ratio, order, axis=-1)
    weight = np.take_along_axis(exposure**2, order, axis=-1)
    slopes = []
    for subset in subsets:
        part = np.where(np.take_along_axis(subset, order, axis=-1), weight, 0.0)
        total = np.cumsum(part, axis=-1)
        # Half the weight less a rounding error: three equal weights' median is the middle one.
        middle = (total >= total[..., -1:] * (0.5 - 1e-12)).argmax(axis=-1)
        slope = np.take_along_axis(ratio, middle[..., None], axis=-1)[..., 0]
        slopes.append(np.where(total[..., -1] > 0, slope, 0.0))
    return tuple(slopes)


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
