"""Inverse-variance weighted Mendelian randomization."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Float64

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.assemble import assemble
from deepmr.mr.columns import Columns, by_blocks
from deepmr.mr.flags import common_flags
from deepmr.mr.result import MREstimate

__all__ = ["inverse_variance_weighted", "outcome_error"]

CANCELLED = 1e-5
"""Where a difference of sums is a smaller share of them than this, it is computed anew from
residuals: the short way would leave fewer than ten exact digits."""

Model = Literal["auto", "fixed", "random", "random_unfloored"]
Weights = Literal["first_order", "second_order"]


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


def _kernel(block: Columns, *, weights: Weights) -> dict[str, np.ndarray]:
    error = outcome_error(block, weights)
    u, v, f = block.x / error, block.y / error, block.x / block.sx
    xx, xy, yy = np.vecdot(u, u), np.vecdot(u, v), np.vecdot(v, v)
    slope = np.where(xx > 0, xy / xx, np.nan)
    q = yy - slope * xy
    if bool(np.any(q < CANCELLED * yy)):
        residual = v - slope[:, None] * u
        q = np.vecdot(residual, residual)
    n = block.n
    return {
        "value": slope,
        "fixed_se": np.where(xx > 0, 1 / np.sqrt(xx), np.nan),
        "q": np.where(n > 1, q, np.nan),
        "n": n,
        "f_mean": np.vecdot(f, f) / n,
    }


def random_effects_factor(
    q: Float64[np.ndarray, "*batch"],
    df: Float64[np.ndarray, "*batch"],
    n: Float64[np.ndarray, "*batch"],
    model: Model,
) -> Float64[np.ndarray, "*batch"]:
    """Return what a model multiplies the fixed-effect standard error by."""
    spread = np.where(df > 0, np.sqrt(q / np.maximum(df, 1.0)), 1.0)
    if model == "fixed":
        return np.ones_like(spread)
    if model == "random_unfloored":
        return spread
    floored = np.maximum(spread, 1.0)
    return np.where(n < 4, 1.0, floored) if model == "auto" else floored


def inverse_variance_weighted(
    effects: EffectSizes,
    *,
    model: Model = "auto",
    weights: Weights = "first_order",
    distribution: Literal["normal", "t"] = "normal",
) -> MREstimate:
    """Estimate the causal effect as the weighted regression of outcome on exposure through 0."""
    found = by_blocks(effects, partial(_kernel, weights=weights))
    n = found["n"]
    df = n - 1
    heterogeneity = Heterogeneity(q=found["q"], df=df)
    factor = random_effects_factor(found["q"], df, n, model)
    degrees = np.asarray(np.inf) if distribution == "normal" else np.maximum(df, 1.0)
    return assemble(
        effects,
        "ivw",
        effect=Estimate(value=found["value"], se=found["fixed_se"] * factor, df=degrees),
        heterogeneity=heterogeneity,
        flags=common_flags(n=n, f_mean=found["f_mean"], log_p_heterogeneity=heterogeneity.log_p),
    )
