"""Ratio estimates of single instruments, outcome over exposure effect, and their weights."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float64

from deepmr.mr.numerics.blocks import Columns

__all__ = ["Weights", "outcome_error", "ratio_weights", "ratios"]

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
