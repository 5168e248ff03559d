"""Named warnings that travel with an estimate."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

__all__ = ["FEW_INSTRUMENTS", "WEAK_F", "WEAK_I2_GX", "common_flags"]

FEW_INSTRUMENTS = 3
"""Below this many instruments neither heterogeneity nor pleiotropy can be told from noise."""

WEAK_F = 10.0
"""Staiger and Stock 1997, doi:10.2307/2171753: below a mean F of 10 weak-instrument bias
is no longer small."""

WEAK_I2_GX = 0.9
"""Bowden et al. 2016, doi:10.1093/ije/dyw220: below 0.9 MR-Egger is attenuated by more
than a tenth."""

ALPHA = 0.05


def common_flags(
    *,
    n: Float64[np.ndarray, "*batch"],
    least: int = FEW_INSTRUMENTS,
    f_mean: Float64[np.ndarray, "*batch"] | None = None,
    i2_gx: Float64[np.ndarray, "*batch"] | None = None,
    log_p_heterogeneity: Float64[np.ndarray, "*batch"] | None = None,
    log_p_pleiotropy: Float64[np.ndarray, "*batch"] | None = None,
) -> dict[str, Bool[np.ndarray, "*batch"]]:
    """Turn diagnostics into flags; a diagnostic that is missing or NaN raises none.

    Args:
        n: Number of instruments.
        least: Fewest instruments the method can be trusted with.
        f_mean: Mean F statistic of the instruments.
        i2_gx: Bowden's I2 of the exposure effects.
        log_p_heterogeneity: Log p-value of Cochran's or Ruecker's Q.
        log_p_pleiotropy: Log p-value of MR-Egger's intercept.
    """
    flags = {"few_instruments": np.asarray(n < max(least, FEW_INSTRUMENTS))}
    weak = np.zeros(np.shape(n), bool)
    if f_mean is not None:
        weak |= f_mean < WEAK_F
    if i2_gx is not None:
        weak |= i2_gx < WEAK_I2_GX
    if f_mean is not None or i2_gx is not None:
        flags["weak_instruments"] = weak
    if log_p_heterogeneity is not None:
        flags["heterogeneity"] = np.asarray(log_p_heterogeneity < np.log(ALPHA))
    if log_p_pleiotropy is not None:
        flags["directional_pleiotropy"] = np.asarray(log_p_pleiotropy < np.log(ALPHA))
    return flags
