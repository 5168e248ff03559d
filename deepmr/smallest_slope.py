"""Test of a slope against the smallest one of interest, rather than against exactly none."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtr, stdtr

from deepmr.estimate import Estimate

__all__ = ["check_smallest", "p_beyond"]


def check_smallest(smallest: float) -> None:
    """Verify that a smallest slope of interest is a number of at least 0.

    Raises:
        ValueError: If it is not.

    Example:
        >>> check_smallest(0.05)
    """
    if not (np.isfinite(smallest) and smallest >= 0):
        raise ValueError(
            f"smallest_slope must be a number of at least 0, got {smallest}; it is a slope, in "
            "outcome units per unit of the exposure"
        )


def p_beyond(estimate: Estimate, smallest: float) -> Float64[np.ndarray, "*batch"]:
    """Return the p-value of a true slope within plus or minus the smallest one of interest.

    A network's tasks are never without any slope: sites of unrelated motifs resemble one another,
    which gives slopes of .01 to .03 that many loci tell from 0 beyond doubt, and that mean nothing.

    Args:
        estimate: The slope, with a Wald interval.
        smallest: Smallest slope of interest, in outcome units per unit of the exposure, 0 or
            more. With 0 the p-value is the usual two-sided one.

    Returns:
        The largest two-sided p-value over all true slopes within the range; NaN without an
        estimate, or without a standard error of its own (profile likelihoods, Fieller sets).

    Raises:
        ValueError: If ``smallest`` is negative or not finite.

    References:
        Murphy and Myors 1999, doi:10.1037/0021-9010.84.2.234 (minimum-effect tests).

    Example:
        >>> slope = Estimate(value=np.asarray(0.02), se=np.asarray(0.004))
        >>> f"{float(p_beyond(slope, 0.0)):.0e} {float(p_beyond(slope, 0.05)):.2f}"
        '6e-07 1.00'
    """
    check_smallest(smallest)
    if estimate.bounds is not None or estimate.log_p is not None:
        return np.full(estimate.value.shape, np.nan)
    value, df = np.abs(estimate.value), np.broadcast_to(estimate.df, estimate.value.shape)
    se = np.where(estimate.se > 0, estimate.se, np.nan)
    tails = []
    for distance in (value - smallest, value + smallest):
        z = -distance / se
        tails.append(np.where(np.isinf(df), ndtr(z), stdtr(np.where(np.isinf(df), 1.0, df), z)))
    return np.asarray(np.minimum(tails[0] + tails[1], 1.0))
