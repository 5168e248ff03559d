"""Unweighted slope of outcome on exposure effects through the origin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deepmr.effects import EffectSizes
from deepmr.mr.ivw import inverse_variance_weighted
from deepmr.mr.result import MREstimate

__all__ = ["slope"]


def slope(effects: EffectSizes) -> MREstimate:
    """Estimate the causal effect by unweighted regression of outcome on exposure through 0.

    The slope is sum(x y) / sum(x^2), the inverse-variance weighted estimate where all outcome
    effects have one error, which is taken to be the root mean square of theirs. Large effects
    count most. It is the functional whose true value a simulation knows for the same variants,
    whatever the errors.

    *Weak* and *invalid instruments* bias it as they do `inverse_variance_weighted`.

    Args:
        effects: The instruments.

    References:
        Burgess, Butterworth and Thompson 2013, doi:10.1002/gepi.21758 (with equal weights).

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> result = slope(ldl_chd())
        >>> result.method, round(float(result.effect.value), 3)
        ('slope', 2.501)
    """
    count = np.maximum(effects.mask.sum(axis=-1, keepdims=True), 1)
    square = np.sum(effects.se_outcome**2, axis=-1, keepdims=True, where=effects.mask) / count
    common = np.sqrt(np.where(square > 0, square, 1.0))
    equal = replace(effects, se_outcome=np.broadcast_to(common, effects.se_outcome.shape).copy())
    return replace(inverse_variance_weighted(equal), method="slope")
