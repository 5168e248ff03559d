"""How strong the instruments are: F statistics, and I2 of the exposure effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from deepmr.effects import EffectSizes
from deepmr.mr.assemble import in_batch
from deepmr.mr.columns import Columns, by_blocks
from deepmr.mr.generalised import correlated, flat, inverse_products

__all__ = ["InstrumentStrength", "generalised_f", "i2_gx", "instrument_strength", "strength_kernel"]


def i2_gx(block: Columns, *, weighted: bool) -> Float64[np.ndarray, " locus"]:
    """Return I2 of the oriented exposure effects, floored at 0.

    Unweighted it compares x / 1 with error sx, weighted x / sy with error sx / sy, the scale on
    which MR-Egger regresses.
    """
    z = block.x / block.sx
    precision = block.sy / block.sx if weighted else 1 / block.sx
    if not block.full:
        precision *= block.mask
    oriented = np.copysign(precision, block.x)
    q = np.vecdot(z, z) - np.vecdot(z, oriented) ** 2 / np.vecdot(precision, precision)
    return np.asarray(np.maximum(0.0, (q - (block.n - 1)) / q))


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


def generalised_f(effects: EffectSizes) -> Float64[np.ndarray, " locus"]:
    """Return the mean F statistic of correlated instruments."""
    columns = flat(effects)
    products = inverse_products(effects, columns["x"][:, None, :], columns["sx"])
    with np.errstate(invalid="ignore"):
        return np.asarray(products[:, 0, 0] / columns["n"])


def instrument_strength(effects: EffectSizes) -> InstrumentStrength:
    """Measure the strength of the instruments.

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
