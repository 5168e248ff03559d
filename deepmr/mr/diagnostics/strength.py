"""Strength of the instruments: F statistics, and I2 of the exposure effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from deepmr.effects import EffectSizes
from deepmr.mr.egger import i2_gx
from deepmr.mr.numerics.batch import in_batch
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.generalised_least_squares import correlated, generalised_f

__all__ = ["InstrumentStrength", "instrument_strength", "strength_kernel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentStrength:
    """Measures of what weak-instrument bias to expect.

    Args:
        f: (x / sx)^2 of each variant; NaN where masked.
        f_mean: Their mean (for correlated instruments x' C^-1 x / n, with C the covariance of
            the exposure's errors); IVW is biased towards 0 by about one part in it.
        f_median: Their median.
        i2_gx: 1 minus the share by which unweighted MR-Egger is attenuated.
        i2_gx_weighted: The same for weighted MR-Egger, the one `egger` computes.

    References:
        Staiger and Stock 1997, doi:10.2307/2171753 (F and weak-instrument bias);
        Bowden et al. 2016, doi:10.1093/ije/dyw220 (I2_GX).
    """

    f: Float64[np.ndarray, "*batch variant"]
    f_mean: Float64[np.ndarray, "*batch"]
    f_median: Float64[np.ndarray, "*batch"]
    i2_gx: Float64[np.ndarray, "*batch"]
    i2_gx_weighted: Float64[np.ndarray, "*batch"]


def strength_kernel(block: Columns) -> dict[str, np.ndarray]:
    """Compute all measures for a block of loci."""
    f = np.where(block.mask, (block.x / block.sx) ** 2, np.nan)
    sorted_f = np.sort(f, axis=-1)
    n = block.n
    middle = [np.maximum(k, 0).astype(int)[:, None] for k in ((n - 1) // 2, n // 2)]
    median = sum(np.take_along_axis(sorted_f, k, axis=-1)[:, 0] for k in middle) / 2
    return {
        "f": f,
        "f_mean": np.sum(f, axis=-1, where=block.mask) / n,
        "f_median": np.where(n > 0, median, np.nan),
        "i2_gx": i2_gx(block, weighted=False),
        "i2_gx_weighted": i2_gx(block, weighted=True),
    }


def instrument_strength(effects: EffectSizes) -> InstrumentStrength:
    """Return F statistics and I2_GX of the instruments.

    Args:
        effects: The instruments.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> round(float(instrument_strength(ldl_chd()).f_mean), 2)
        28.01
    """
    batch = effects.mask.shape[:-1]
    found = by_blocks(effects, strength_kernel)
    if correlated(effects):
        found["f_mean"] = generalised_f(effects)
    return InstrumentStrength(**{name: in_batch(found[name], batch) for name in found})
