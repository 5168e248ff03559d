"""Inverse-variance weighted Mendelian randomization."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Float64
from scipy import special

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.flags import common_flags
from deepmr.mr.numerics.batch import assemble
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.generalised_least_squares import (
    correlated,
    flat,
    generalised_f,
    least_squares,
)
from deepmr.mr.numerics.mm_regression import mm_regression
from deepmr.mr.numerics.ratio import Weights, outcome_error, with_positive_errors
from deepmr.mr.numerics.weighted_median import interpolated_median
from deepmr.mr.result import MREstimate

__all__ = ["inverse_variance_weighted", "random_effects_factor"]

CANCELLED = 1e-5
"""Where a difference of sums is a smaller share of them than this, it is computed anew from
residuals: the short way would leave fewer than ten exact digits."""

Model = Literal["auto", "fixed", "random", "random_unfloored"]

PENALTY = {"first_order": 100.0, "second_order": 20.0}
"""By how much the p-value of a ratio's distance is multiplied before it weighs the ratio down."""


def _regression(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return slope through the origin, sum of squares of ``u`` and residual sum of squares."""
    xx, xy, yy = np.vecdot(u, u), np.vecdot(u, v), np.vecdot(v, v)
    slope = np.where(xx > 0, xy / xx, np.nan)
    q = yy - slope * xy
    if bool(np.any(q < CANCELLED * yy)):
        residual = v - slope[:, None] * u
        q = np.vecdot(residual, residual)
    return slope, xx, q


def _penalty(block: Columns, u: np.ndarray, v: np.ndarray, factor: float) -> np.ndarray:
    """Return the square root of each instrument's penalty, around the median ratio."""
    usable = block.mask & (block.x != 0)
    ratio = np.where(usable, block.y / block.x, np.inf)
    median = interpolated_median(ratio, usable.astype(np.float64))
    chi2 = (v - median[:, None] * u) ** 2
    return np.asarray(np.sqrt(np.minimum(1.0, factor * special.chdtrc(1.0, chi2))))


def _kernel(
    block: Columns, *, weights: Weights, penalized: bool, robust: bool
) -> dict[str, np.ndarray]:
    error = outcome_error(block, weights)
    u, v, f = block.x / error, block.y / error, block.x / block.sx
    n = block.n
    df = n - 1
    if penalized:
        root = _penalty(block, u, v, PENALTY[weights])
        u, v = u * root, v * root
        df = np.sum((root > 0) & block.mask, axis=-1) - 1.0
    if robust:
        fit = mm_regression(u[:, None, :], v, block.mask)
        slope, q = fit.coefficient[:, 0], df * fit.scale**2
        fixed_se = np.sqrt(fit.covariance[:, 0, 0]) / fit.scale
    else:
        slope, xx, q = _regression(u, v)
        fixed_se = np.where(xx > 0, 1 / np.sqrt(xx), np.nan)
    return {
        "value": slope,
        "fixed_se": fixed_se,
        "q": np.where(df > 0, q, np.nan),
        "n": n,
        "df": np.maximum(df, 0.0),
        "f_mean": np.vecdot(f, f) / n,
    }


def _correlated(effects: EffectSizes) -> dict[str, np.ndarray]:
    """Generalised least squares; the kernel's quantities for correlated instruments."""
    columns = flat(effects)
    coefficient, covariance, q = least_squares(
        effects, columns["x"][:, None, :], columns["y"], columns["sy"]
    )
    n = columns["n"]
    return {
        "value": coefficient[:, 0],
        "fixed_se": np.sqrt(covariance[:, 0, 0]),
        "q": np.where(n > 1, q, np.nan),
        "n": n,
        "df": np.maximum(n - 1, 0.0),
        "f_mean": generalised_f(effects),
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
    penalized: bool = False,
    robust: bool = False,
) -> MREstimate:
    """Estimate the causal effect by weighted regression of outcome on exposure through 0.

    The slope is sum(x y / s^2) / sum(x^2 / s^2) with s the outcome's error (``first_order``),
    which is the inverse-variance weighted mean of the ratios y / x. Correlated instruments
    (``effects.instrument_correlation`` or ``instrument_factor``) turn it into generalised least
    squares with C_jk = s_j s_k rho_jk; a correlation that is not positive definite gives NaN.

    *Weak instruments* bias it towards 0 (towards the confounded association where the errors of
    exposure and outcome correlate positively) by about one part in the mean F statistic. *Invalid*
    ones bias it by the weighted mean of their direct effects, whatever the standard error says.

    Args:
        effects: The instruments. A ratio with an error of exactly 0, whose weight would be
            infinite, is floored or left out (`with_positive_errors`; flag ``zero_error``).
        model: Multiplies the fixed-effect error 1 / sqrt(sum(x^2 / s^2)) by the residual spread
            sqrt(Q / (n - 1)): never (``fixed``); where it exceeds 1 (``random``); always
            (``random_unfloored``, what plain least squares reports: intervals then shrink when
            ratios agree by luck). ``auto`` is fixed below 4 instruments, else random: the default
            of R's MendelianRandomization, since 2 or 3 ratios cannot measure their own spread.
        weights: ``second_order`` adds the exposure's errors by the delta method, and takes away
            what correlated errors (``effects.error_correlation``) share.
        distribution: Normal, or t with n - 1 degrees of freedom.
        penalized: Weigh an instrument down by min(1, 100 p) (20 p with second-order weights), p
            from its distance to the median ratio.
        robust: Regress by an MM-estimate instead of least squares: bounded influence, and nearly
            half of the instruments may be outliers. R finds its start by random subsets; here
            every instrument's ratio is a start, up to 500.

    A single instrument gives its Wald ratio. Where all ratios agree exactly the spread is 0 and
    the floored error equals the fixed one (R divides 0 by 0 there and reports NaN).

    Raises:
        ValueError: If ``robust`` or ``penalized`` is asked for with correlated instruments.

    References:
        Burgess, Butterworth and Thompson 2013, doi:10.1002/gepi.21758 (the estimator);
        Burgess, Dudbridge and Thompson 2016, doi:10.1002/sim.6835 (correlated instruments);
        Rees et al. 2019, doi:10.1371/journal.pone.0222362 (robust and penalized);
        Bowden et al. 2017, doi:10.1002/sim.7221 (multiplicative random effects).

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> result = inverse_variance_weighted(ldl_chd())
        >>> round(float(result.effect.value), 3), round(float(result.effect.se), 3)
        (2.834, 0.53)
    """
    effects, exact = with_positive_errors(effects, weights)
    if correlated(effects):
        if robust or penalized:
            raise ValueError(
                "ivw with correlated instruments has no robust or penalized form, got "
                f"robust={robust}, penalized={penalized}; leave both False"
            )
        found = _correlated(effects)
    else:
        kernel = partial(_kernel, weights=weights, penalized=penalized, robust=robust)
        found = by_blocks(effects, kernel)
    n, df = found["n"], found["df"]
    heterogeneity = Heterogeneity(q=found["q"], df=df)
    factor = random_effects_factor(found["q"], df, n, model)
    degrees = np.asarray(np.inf) if distribution == "normal" else np.maximum(n - 1, 1.0)
    return assemble(
        effects,
        "ivw",
        effect=Estimate(value=found["value"], se=found["fixed_se"] * factor, df=degrees),
        heterogeneity=heterogeneity,
        flags=common_flags(n=n, f_mean=found["f_mean"], log_p_heterogeneity=heterogeneity.log_p)
        | exact,
        correlated_errors="ignored" if weights == "first_order" or correlated(effects) else "used",
    )
