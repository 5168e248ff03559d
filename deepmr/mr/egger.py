"""MR-Egger regression: an intercept stands for directional pleiotropy."""

from __future__ import annotations

from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy import special

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.flags import common_flags
from deepmr.mr.ivw import CANCELLED, PENALTY
from deepmr.mr.numerics.batch import assemble
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.generalised_least_squares import correlated, flat, least_squares
from deepmr.mr.numerics.mm_regression import mm_regression
from deepmr.mr.numerics.ratio import with_positive_errors
from deepmr.mr.result import MREstimate

__all__ = ["egger", "i2_gx"]

LEAST = 3

COLLINEAR = 1e-14
"""Share of the exposures' sum of squares below which they count as identical: the square of the
tolerance 1e-7 by which R's lm drops a column."""


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


class _Sums(NamedTuple):
    """Weighted means, and weighted sums of squares and products about them."""

    total: Float64[np.ndarray, " locus"]
    mean_x: Float64[np.ndarray, " locus"]
    mean_y: Float64[np.ndarray, " locus"]
    xx: Float64[np.ndarray, " locus"]
    xy: Float64[np.ndarray, " locus"]
    raw_xx: Float64[np.ndarray, " locus"]
    q: Float64[np.ndarray, " locus"]


def _quick(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> _Sums | None:
    """Sum without centring first; None where too many digits would cancel."""
    u, v, oriented = x * w, y * w, np.copysign(w, x)
    total, uu, vv = np.vecdot(w, w), np.vecdot(u, u), np.vecdot(v, v)
    mean_x, mean_y = np.vecdot(oriented, u) / total, np.vecdot(oriented, v) / total
    xx = uu - total * mean_x**2
    xy = np.vecdot(u, v) - total * mean_x * mean_y
    q = vv - total * mean_y**2 - xy**2 / xx
    if bool(np.all(xx > CANCELLED * uu) and np.all(q > CANCELLED * vv)):
        return _Sums(total, mean_x, mean_y, xx, xy, uu, q)
    return None


def _centred(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> _Sums:
    """Sum about the means, orienting by the sign of ``x`` (0 where x is 0)."""
    y, x = y * np.sign(x), np.abs(x)
    square = w * w
    total, raw = square.sum(axis=-1), np.vecdot(square, x * x)
    mean_x, mean_y = np.vecdot(square, x) / total, np.vecdot(square, y) / total
    u, v = (x - mean_x[:, None]) * w, (y - mean_y[:, None]) * w
    xx, xy = np.vecdot(u, u), np.vecdot(u, v)
    residual = v - (xy / xx)[:, None] * u
    return _Sums(total, mean_x, mean_y, xx, xy, raw, np.vecdot(residual, residual))


def _penalty(sums: _Sums, w: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the square root of each instrument's penalty, by its distance to the line."""
    slope = sums.xy / sums.xx
    sign = np.sign(x)
    fitted = sums.mean_y[:, None] + slope[:, None] * (np.abs(x) - sums.mean_x[:, None])
    chi2 = (w * (y * sign - fitted)) ** 2
    return np.asarray(np.sqrt(np.minimum(1.0, PENALTY["first_order"] * special.chdtrc(1.0, chi2))))


def _kernel(
    block: Columns, *, orient_zero: str, penalized: bool, robust: bool
) -> dict[str, np.ndarray]:
    w = 1 / block.sy
    if not block.full:
        w *= block.mask
    x = block.x
    if orient_zero == "keep":
        x = np.where(x == 0, np.finfo(np.float64).tiny, x)
    sums = _sums(block, w, x)
    n = block.n
    df = np.maximum(n - 2, 0.0)
    enough = (sums.xx > COLLINEAR * sums.raw_xx) & (n >= LEAST)
    if penalized:
        w = w * _penalty(sums, w, x, block.y)
        df = np.maximum(np.sum(w > 0, axis=-1) - 2.0, 0.0)
        sums = _sums(block, w, x)
    if robust:
        return _robust_fit(block, w, x, enough) | {
            "df": df,
            "n": n,
            "i2_gx": i2_gx(block, weighted=True),
        }
    slope = np.where(enough, sums.xy / sums.xx, np.nan)
    intercept_se = np.sqrt(1 / sums.total + sums.mean_x**2 / sums.xx)
    return {
        "value": slope,
        "intercept": sums.mean_y - slope * sums.mean_x,
        "fixed_se": np.where(enough, 1 / np.sqrt(sums.xx), np.nan),
        "intercept_se": np.where(enough, intercept_se, np.nan),
        "q": np.where(enough, sums.q, np.nan),
        "df": df,
        "n": n,
        "i2_gx": i2_gx(block, weighted=True),
    }


def _sums(block: Columns, w: np.ndarray, x: np.ndarray) -> _Sums:
    sums = _quick(w, x, block.y) if bool(np.all(x, where=block.mask)) else None
    return _centred(w, x, block.y) if sums is None else sums


def _robust_fit(
    block: Columns, w: np.ndarray, x: np.ndarray, enough: np.ndarray
) -> dict[str, np.ndarray]:
    """Regress by an MM-estimate; errors are returned for a residual scale of 1."""
    design = np.stack([w, w * np.abs(x)], axis=1)
    fit = mm_regression(design, w * block.y * np.sign(x), block.mask)
    intercept, slope = fit.coefficient.T
    errors = np.sqrt(np.diagonal(fit.covariance, axis1=-2, axis2=-1)) / fit.scale[:, None]
    return {
        "value": np.where(enough, slope, np.nan),
        "intercept": np.where(enough, intercept, np.nan),
        "fixed_se": np.where(enough, errors[:, 1], np.nan),
        "intercept_se": np.where(enough, errors[:, 0], np.nan),
        "q": np.where(enough, (block.n - 2) * fit.scale**2, np.nan),
    }


def _correlated(effects: EffectSizes) -> dict[str, np.ndarray]:
    """Generalised least squares; flipping an instrument flips its correlations too."""
    columns = flat(effects)
    sign = np.where(columns["x"] == 0, 0.0, np.sign(columns["x"]))
    design = np.stack([sign, columns["x"]], axis=1)
    coefficient, covariance, q = least_squares(effects, design, columns["y"], columns["sy"])
    n = columns["n"]
    enough = n >= LEAST
    errors = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    missing = np.full(n.shape, np.nan)
    return {
        "value": np.where(enough, coefficient[:, 1], np.nan),
        "intercept": np.where(enough, coefficient[:, 0], np.nan),
        "fixed_se": np.where(enough, errors[:, 1], np.nan),
        "intercept_se": np.where(enough, errors[:, 0], np.nan),
        "q": np.where(enough, q, np.nan),
        "df": np.maximum(n - 2, 0.0),
        "n": n,
        "i2_gx": missing,
    }


Distribution = Literal["normal", "t", "t_or_normal"]


def floored_estimate(
    value: Float64[np.ndarray, "*batch"],
    fixed_se: Float64[np.ndarray, "*batch"],
    *,
    spread: Float64[np.ndarray, "*batch"],
    df: Float64[np.ndarray, "*batch"],
    distribution: Distribution,
) -> Estimate:
    """Build an estimate whose error is multiplied by the residual spread, but never shrunk.

    With ``t_or_normal``, where the spread is below 1 the test is the more cautious of the
    normal one with the floored error and the t one with the error as it is, and the interval the
    wider of the two; elsewhere it is the t test.
    """
    se = fixed_se * np.maximum(spread, 1.0)
    if distribution == "normal":
        return Estimate(value=value, se=se)
    degrees = np.maximum(df, 1.0)
    by_t = Estimate(value=value, se=se, df=degrees)
    if distribution == "t":
        return by_t
    shrunk = Estimate(value=value, se=fixed_se * np.minimum(spread, 1.0), df=degrees)
    normal = Estimate(value=value, se=se)
    below = spread < 1
    log_p = np.where(below, np.maximum(normal.log_p_value, shrunk.log_p_value), by_t.log_p_value)
    half = np.maximum(normal.interval()[1] - value, shrunk.interval()[1] - value)
    half = np.where(below, half, by_t.interval()[1] - value)
    bounds = np.stack([value - half, value + half], axis=-1)[..., None, :]
    return Estimate(value=value, se=se, df=degrees, bounds=bounds, log_p=log_p)


def egger(
    effects: EffectSizes,
    *,
    orient_zero: Literal["zero", "keep"] = "zero",
    distribution: Distribution = "normal",
    penalized: bool = False,
    robust: bool = False,
) -> MREstimate:
    """Estimate the causal effect and the mean direct effect by MR-Egger regression.

    Instruments are oriented to a positive exposure effect; then y = a + b x is fitted with
    weights 1 / sy^2. The slope b is the causal effect if direct effects are independent of the
    instruments' strength (InSIDE); the intercept a, their mean, tests for directional pleiotropy.
    Both errors are multiplied by the residual spread sqrt(Q' / (n - 2)) where it exceeds 1.

    *Weak instruments* attenuate the slope by 1 - I2_GX (flag below 0.9), far more than they do
    IVW. *Exposures of the same size* leave the slope undetermined: its error grows without limit,
    and is NaN where they are identical. If InSIDE fails, slope and intercept are both wrong.

    Args:
        effects: The instruments; at least 3, otherwise NaN. Outcome errors of exactly 0
            are floored or left out (`with_positive_errors`; flag ``zero_error``).
        orient_zero: What becomes of an instrument with exactly no exposure effect, whose sign is
            arbitrary: its outcome effect counts as 0 (``zero``, MendelianRandomization), which no
            choice of allele can change, hence the default; or stays as coded (``keep``,
            TwoSampleMR).
        distribution: Normal; t with n - 2 degrees of freedom (TwoSampleMR's default); or
            ``t_or_normal`` (MendelianRandomization's t-dist): where the spread is below 1, the more
            cautious of the normal test with the floored error and the t test without the floor.
        penalized: Weigh an instrument down by min(1, 100 p), p from its distance to the line.
        robust: Regress by an MM-estimate instead of least squares.

    Raises:
        ValueError: If ``robust`` or ``penalized`` is asked for with correlated instruments.

    References:
        Bowden, Davey Smith and Burgess 2015, doi:10.1093/ije/dyv080 (the estimator);
        Bowden et al. 2016, doi:10.1093/ije/dyw220 (I2_GX);
        Burgess and Thompson 2017, doi:10.1007/s10654-017-0255-x (interpretation);
        Rees et al. 2019, doi:10.1371/journal.pone.0222362 (robust and penalized).

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> result = egger(ldl_chd())
        >>> round(float(result.effect.value), 3), round(float(result.pleiotropy.p_value), 3)
        (3.253, 0.451)
    """
    effects, exact = with_positive_errors(effects)
    if correlated(effects):
        if robust or penalized:
            raise ValueError(
                "egger with correlated instruments has no robust or penalized form, got "
                f"robust={robust}, penalized={penalized}; leave both False"
            )
        found = _correlated(effects)
    else:
        kernel = partial(_kernel, orient_zero=orient_zero, penalized=penalized, robust=robust)
        found = by_blocks(effects, kernel)
    n, df = found["n"], found["df"]
    heterogeneity = Heterogeneity(q=found["q"], df=df)
    spread = np.sqrt(found["q"] / np.maximum(df, 1.0))
    effect, pleiotropy = (
        floored_estimate(value, se, spread=spread, df=n - 2, distribution=distribution)
        for value, se in (
            (found["value"], found["fixed_se"]),
            (found["intercept"], found["intercept_se"]),
        )
    )
    return assemble(
        effects,
        "egger",
        effect=effect,
        pleiotropy=pleiotropy,
        heterogeneity=heterogeneity,
        flags=common_flags(
            n=n,
            i2_gx=found["i2_gx"],
            log_p_heterogeneity=heterogeneity.log_p,
            log_p_pleiotropy=pleiotropy.log_p_value,
        )
        | exact,
    )
