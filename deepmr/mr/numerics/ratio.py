"""Ratio estimates of single instruments, outcome over exposure effect, and their weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeVar

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effects import EffectSizes, MultivariableEffectSizes
from deepmr.mr.numerics.blocks import Columns

__all__ = ["Weights", "outcome_error", "ratio_weights", "ratios", "with_positive_errors"]

Weights = Literal["first_order", "second_order"]
"""``first_order``: only the outcome's standard error enters a ratio's error; ``second_order``: the
exposure's enters too, by the delta method."""


def outcome_error(block: Columns, weights: Weights) -> Float64[np.ndarray, "locus variant"]:
    """Return the error of an outcome effect that a ratio estimate implies.

    First order it is the outcome's own. Second order (the delta method) the variance gains
    y^2 sx^2 / x^2 - 2 psi y sx sy / x; an instrument with x = 0 then has infinite error.
    """
    if weights == "first_order":
        return block.sy
    slope = np.where(block.x == 0, np.inf, block.y / block.x)
    variance = block.sy**2 + (slope * block.sx) ** 2
    if block.psi is not None:
        variance -= 2 * block.psi * slope * block.sx * block.sy
    return np.asarray(np.sqrt(np.where(block.x == 0, np.inf, variance)))


def ratios(block: Columns) -> Float64[np.ndarray, "locus variant"]:
    """Return y / x; infinite where x is 0 and for absent variants, which sorts them last."""
    absent = block.x == 0
    ratio = block.y / np.where(absent, 1.0, block.x)
    ratio[absent] = np.inf
    return np.asarray(ratio)


def ratio_weights(block: Columns, weights: Weights | None) -> Float64[np.ndarray, "locus variant"]:
    """Return inverse variances of the ratios; ones for ``None``, 0 where there is no ratio."""
    if weights is None:
        weight = block.mask & ((block.x != 0) | (block.y != 0))
        weight = weight.astype(np.float64)
    elif weights == "first_order":
        weight = (block.x / block.sy) ** 2
    else:
        inverse = np.where(block.x == 0, 0.0, 1 / np.where(block.x == 0, 1.0, block.x))
        slope = block.y * inverse
        variance = (block.sy * inverse) ** 2 + (slope * inverse * block.sx) ** 2
        if block.psi is not None:
            variance -= 2 * block.psi * slope * inverse**2 * block.sx * block.sy
        weight = np.where(block.x == 0, 0.0, 1 / variance)
    return np.asarray(weight)


Effects = TypeVar("Effects", EffectSizes, MultivariableEffectSizes)


def with_positive_errors(
    effects: Effects, weights: Weights = "first_order"
) -> tuple[Effects, dict[str, Bool[np.ndarray, " locus"]]]:
    """Give every ratio a positive standard error: an error of exactly 0 is an infinite weight.

    A network that reads its outcome from the cropped middle of the window changes it by exactly 0,
    in every member, for a mutation at the rim, and by little for one near it. That is a fact, but
    the spread over members then says nothing about precision. Where errors are estimated from
    members (``effects.df`` is finite), the outcome errors of a locus with an exact one are floored
    at the median of its positive errors, and all its instruments stay. Where errors count as known
    (``df`` infinite, as from an association study), instruments without error are left out.

    Args:
        effects: The instruments.
        weights: ``first_order``: an error is exact where ``se_outcome`` is 0; ``second_order``:
            where the delta method's error is 0, which takes an outcome effect or a
            ``se_exposure`` of 0, too.

    Returns:
        The effects, the same object where no error is exact; and the flag ``zero_error`` of each
        locus in a row, no flag where no error is exact.

    References:
        Tusher, Tibshirani and Chu 2001, doi:10.1073/pnas.091062498 (a percentile of the errors
        keeps small ones from dominating).

    Example:
        >>> e = EffectSizes.from_arrays([0.1, 0.2], [0.01, 0.01], [0.0, 0.1], [0.0, 0.02])
        >>> with_positive_errors(e)[0].mask.tolist()
        [False, True]
        >>> with_positive_errors(replace(e, df=4.0))[0].se_outcome.tolist()
        [0.02, 0.02]
    """
    exact = _exact(effects, weights)
    if not bool(exact.any()):
        return effects, {}
    flag = np.asarray(exact.any(axis=-1))
    if isinstance(effects, EffectSizes) and np.isfinite(effects.df):
        positive = np.where(effects.mask & (effects.se_outcome > 0), effects.se_outcome, np.nan)
        some = flag & ~np.all(np.isnan(positive), axis=-1)
        floor = np.zeros(some.shape)
        floor[some] = np.nanmedian(positive[some], axis=-1)
        effects = replace(effects, se_outcome=np.maximum(effects.se_outcome, floor[..., None]))
        exact = _exact(effects, weights)
    return replace(effects, mask=effects.mask & ~exact), {"zero_error": flag.reshape(-1)}


def _exact(
    effects: EffectSizes | MultivariableEffectSizes, weights: Weights
) -> Bool[np.ndarray, "*batch variant"]:
    exact = (effects.se_outcome == 0) & effects.mask
    if weights == "second_order" and isinstance(effects, EffectSizes):
        exact &= (effects.beta_outcome == 0) | (effects.se_exposure == 0)
    return np.asarray(exact)
