"""Wald ratio of a single instrument: its outcome effect over its exposure effect."""

from __future__ import annotations

import numpy as np

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate
from deepmr.mr.flags import common_flags
from deepmr.mr.numerics.batch import assemble, in_batch
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.ratio import Weights, outcome_error
from deepmr.mr.result import MREstimate

__all__ = ["wald_ratio", "wald_ratios"]


def _kernel(block: Columns, *, weights: Weights) -> dict[str, np.ndarray]:
    usable = block.mask & (block.x != 0)
    value = np.where(usable, block.y / block.x, np.nan)
    se = np.where(usable, outcome_error(block, weights) / np.abs(block.x), np.nan)
    f = np.vecdot(block.x / block.sx, block.x / block.sx) / block.n
    return {"value": value, "se": se, "n": block.n, "f_mean": f}


def wald_ratios(effects: EffectSizes, *, weights: Weights = "first_order") -> Estimate:
    """Return the ratio estimate of every instrument: y / x with error sy / |x|.

    Second order the squared error gains y^2 sx^2 / x^4 (less what correlated errors share).
    With a weak instrument the ratio is heavy-tailed and neither error describes it: its
    normal interval is too short on the far side of 0. NaN where masked or where x is 0.

    Args:
        effects: The instruments.
        weights: Order of the ratios' errors, ``first_order`` by default, or ``second_order``.

    References:
        Thomas, Lawlor and Thompson 2007, doi:10.1016/j.annepidem.2006.12.001 (delta method).

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> ratios = wald_ratios(ldl_chd())
        >>> round(float(ratios.value[0]), 3), round(float(ratios.se[0]), 3)
        (2.604, 1.1)
    """
    found = by_blocks(effects, lambda block: _kernel(block, weights=weights))
    batch = effects.mask.shape[:-1]
    return Estimate(value=in_batch(found["value"], batch), se=in_batch(found["se"], batch))


def wald_ratio(effects: EffectSizes, *, weights: Weights = "first_order") -> MREstimate:
    """Estimate the causal effect at loci with exactly one instrument; elsewhere it is missing.

    With one instrument there is no test of its validity: the estimate is only as good as the
    assumption that the variant acts on the outcome through the exposure alone.

    Args:
        effects: The instruments; NaN at loci with none or with several.
        weights: Order of the ratios' errors, ``first_order`` by default, or ``second_order``.

    Example:
        >>> one = EffectSizes.from_arrays([0.1], [0.01], [0.05], [0.02])
        >>> round(float(wald_ratio(one).effect.value), 3)
        0.5
    """
    found = by_blocks(effects, lambda block: _kernel(block, weights=weights))
    single = found["n"] == 1
    value, se = (
        np.where(single, np.sum(np.nan_to_num(found[name]), axis=-1), np.nan)
        for name in ("value", "se")
    )
    missing = np.all(np.isnan(found["value"]), axis=-1)
    return assemble(
        effects,
        "wald_ratio",
        effect=Estimate(value=np.where(missing, np.nan, value), se=np.where(missing, np.nan, se)),
        flags=common_flags(n=found["n"], f_mean=found["f_mean"]),
    )
