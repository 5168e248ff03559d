"""Radial IVW: each instrument's contribution to Cochran's Q, and outliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64
from scipy import special

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.maximum_likelihood import profile_minimum
from deepmr.mr.numerics.batch import estimate_in_batch, heterogeneity_in_batch, in_batch
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.ratio import with_positive_errors

__all__ = ["RadialFit", "radial_ivw"]

Weights = Literal["first_order", "second_order", "modified_second_order"]
_ROUNDS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RadialFit:
    """Radial IVW and what each instrument contributes to Q.

    Args:
        effect: The slope with its regression error (no floor).
        iterated: The slope whose weights use itself for the ratios' size.
        exact: The slope that minimises Q with exact weights (maximum likelihood), fixed effect.
        heterogeneity: Cochran's Q.
        contribution: Each instrument's part of Q, chi-square on 1 degree; NaN where masked.
        outliers: Instruments whose part is beyond the level (not corrected for their number).
    """

    effect: Estimate
    iterated: Estimate
    exact: Estimate
    heterogeneity: Heterogeneity
    contribution: Float64[np.ndarray, "*batch variant"]
    outliers: Bool[np.ndarray, "*batch variant"]


def _fit(block: Columns, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return slope, regression error and contributions, given the residuals' variances."""
    w = block.mask / variance
    xx = np.vecdot(w * block.x, block.x)
    slope = np.vecdot(w * block.x, block.y) / xx
    part = w * (block.y - slope[:, None] * block.x) ** 2
    n = block.n
    spread = np.sqrt(part.sum(axis=-1) / np.where(n > 1, n - 1, np.nan))
    return slope, spread / np.sqrt(xx), part


def _variance(block: Columns, slope: np.ndarray) -> np.ndarray:
    return np.asarray(block.sy**2 + (slope[:, None] * block.sx) ** 2)


def _kernel(block: Columns, *, weights: Weights, tolerance: float) -> dict[str, np.ndarray]:
    zero = np.zeros(len(block.x))
    first = _fit(block, block.sy**2)
    if weights == "first_order":
        main = first
    elif weights == "second_order":
        ratio = np.where(block.x == 0, np.inf, block.y / np.where(block.x == 0, 1.0, block.x))
        main = _fit(block, block.sy**2 + (ratio * block.sx) ** 2)
    else:
        main = _fit(block, _variance(block, first[0]))
    slope, error = zero, zero
    walking = np.ones(len(zero), bool)
    for _ in range(_ROUNDS):
        moved, moved_error, _ = _fit(block, _variance(block, slope))
        gap = np.abs(moved - slope)
        slope, error = np.where(walking, moved, slope), np.where(walking, moved_error, error)
        walking &= gap >= tolerance
        if not bool(np.any(walking)):
            break
    exact = profile_minimum(block)
    strength = np.vecdot(block.x**2, block.mask / _variance(block, exact))
    return {
        "value": main[0],
        "se": main[1],
        "contribution": np.where(block.mask, main[2], np.nan),
        "iterated": slope,
        "iterated_se": error,
        "exact": exact,
        "exact_se": 1 / np.sqrt(strength),
        "n": block.n,
    }


def radial_ivw(
    effects: EffectSizes,
    *,
    weights: Weights = "modified_second_order",
    level: float = 0.05,
    tolerance: float = 1e-4,
) -> RadialFit:
    """Fit radial IVW and find the instruments that do not fit.

    First-order weights ignore the exposure's errors and make Q too large when the effect is not 0;
    second-order ones use each ratio itself and make it too small; modified ones use the first
    fit's slope, b, in sy^2 + b^2 sx^2, and are right under homogeneity. At ``level`` 0.05 one valid
    instrument in twenty is called an outlier.

    Args:
        effects: The instruments.
        weights: Order of the ratios' errors: ``modified_second_order`` (default), ``first_order``
            or ``second_order``.
        level: Level of the test of each instrument's contribution to Q, 0.05 by default.
        tolerance: Largest last step of the iterated slope, 1e-4 by default.

    References:
        Bowden et al. 2018, doi:10.1093/ije/dyy101; Bowden et al. 2019, doi:10.1093/ije/dyy258
        (modified and exact weights).

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> int(radial_ivw(ldl_chd()).outliers.sum()) > 0
        True
    """

    def kernel(block: Columns) -> dict[str, np.ndarray]:
        return _kernel(block, weights=weights, tolerance=tolerance)

    effects, _ = with_positive_errors(effects)
    found = by_blocks(effects, kernel)
    batch = effects.mask.shape[:-1]
    df = np.maximum(found["n"] - 1, 0.0)
    q = np.nansum(found["contribution"], axis=-1)
    p_value = special.chdtrc(1.0, np.nan_to_num(found["contribution"]))
    effect, iterated, exact = (
        estimate_in_batch(Estimate(value=found[name], se=found[error]), batch)
        for name, error in (("value", "se"), ("iterated", "iterated_se"), ("exact", "exact_se"))
    )
    return RadialFit(
        effect=effect,
        iterated=iterated,
        exact=exact,
        heterogeneity=heterogeneity_in_batch(Heterogeneity(q=q, df=df), batch),
        contribution=in_batch(found["contribution"], batch),
        outliers=in_batch(p_value < level, batch),
    )
