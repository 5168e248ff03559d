"""MR-Egger regression: an intercept stands for directional pleiotropy."""

from __future__ import annotations

from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float64

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.assemble import assemble
from deepmr.mr.columns import Columns, by_blocks
from deepmr.mr.flags import common_flags
from deepmr.mr.ivw import CANCELLED
from deepmr.mr.result import MREstimate
from deepmr.mr.strength import i2_gx

__all__ = ["egger"]

COLLINEAR = 1e-14
"""Share of the exposures' sum of squares below which they count as identical: the square of the
tolerance 1e-7 by which R's lm drops a column."""


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


def _kernel(block: Columns, *, orient_zero: str) -> dict[str, np.ndarray]:
    w = 1 / block.sy
    if not block.full:
        w *= block.mask
    x = block.x
    if orient_zero == "keep":
        x = np.where(x == 0, np.finfo(np.float64).tiny, x)
    sums = _quick(w, x, block.y) if bool(np.all(x, where=block.mask)) else None
    if sums is None:
        sums = _centred(w, x, block.y)
    n = block.n
    enough = (sums.xx > COLLINEAR * sums.raw_xx) & (n >= 3)
    slope = np.where(enough, sums.xy / sums.xx, np.nan)
    return {
        "value": slope,
        "intercept": sums.mean_y - slope * sums.mean_x,
        "fixed_se": np.where(enough, 1 / np.sqrt(sums.xx), np.nan),
        "intercept_se": np.where(
            enough, np.sqrt(1 / sums.total + sums.mean_x**2 / sums.xx), np.nan
        ),
        "q": np.where(enough, sums.q, np.nan),
        "n": n,
        "i2_gx": i2_gx(block, weighted=True),
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
) -> MREstimate:
    """Estimate the causal effect and the directional pleiotropy by MR-Egger regression."""
    found = by_blocks(effects, partial(_kernel, orient_zero=orient_zero))
    n = found["n"]
    df = np.maximum(n - 2, 0.0)
    heterogeneity = Heterogeneity(q=found["q"], df=df)
    spread = np.sqrt(found["q"] / np.maximum(df, 1.0))
    effect, pleiotropy = (
        floored_estimate(value, se, spread=spread, df=df, distribution=distribution)
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
        ),
    )
