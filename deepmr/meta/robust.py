"""Robust pooling: median and trimmed mean over loci."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.distributions import normal_quantile
from deepmr.estimate import Estimate
from deepmr.meta.pooling import common_effect
from deepmr.meta.result import MetaAnalysisResult
from deepmr.meta.sample import prepare

__all__ = ["median_effect", "trimmed_mean"]


def median_effect(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    weights: Literal["equal", "precision"] = "equal",
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> MetaAnalysisResult:
    """Take the median over loci: half of the loci (or of the precision) may be wild.

    With ``equal`` weights it is the effect of a typical locus; errors of measurement spread the
    effects but, if symmetric, leave the median. The interval is the sign test's, carried to the
    effects by their quantiles; where there are too few loci for it (fewer than 6 of equal weight)
    it is infinite.

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        weights: ``equal``, or ``precision``: 1 / se^2.
        mask: False where a locus is to be left out; by default none is.

    Returns:
        The median; tau2 and the prediction are NaN: a median models no distribution of effects.

    Raises:
        ValueError: If ``weights`` is unknown, or as `common_effect` does.

    References:
        Woodruff 1952, doi:10.1080/01621459.1952.10483443 (intervals of weighted quantiles).

    Example:
        >>> r = median_effect(np.array([0.1, 0.2, 0.3, 0.4, 50.0]), np.full(5, 0.1))
        >>> round(float(r.pooled.value), 3)
        0.3
    """
    if weights not in ("equal", "precision"):
        raise ValueError(f"weights is one of equal, precision; got {weights!r}")
    sample = prepare(value, se, mask=mask)
    effect = np.where(sample.present > 0, sample.effect, np.inf)
    order = np.argsort(effect, axis=-1, kind="stable")
    effect = np.take_along_axis(effect, order, axis=-1)
    weight = sample.present / (sample.variance if weights == "precision" else 1.0)
    weight = np.take_along_axis(weight, order, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = weight / np.sum(weight, axis=-1, keepdims=True)
    place = np.cumsum(weight, axis=-1) - 0.5 * weight
    half = normal_quantile(0.975) * 0.5 * np.sqrt(np.vecdot(weight, weight))
    n_loci = sample.n_loci
    middle = _quantile(effect, place, np.full(len(half), 0.5), n_loci)
    low = _quantile(effect, place, 0.5 - half, n_loci)
    high = _quantile(effect, place, 0.5 + half, n_loci)
    batch = value.shape[:-1]
    error = (high - low) / (2 * normal_quantile(0.975))
    pooled = Estimate(
        value=middle.reshape(batch),
        se=error.reshape(batch),
        bounds=np.stack([low, high], axis=-1).reshape(*batch, 1, 2),
    )
    return _unmodelled(
        "median" if weights == "equal" else "weighted_median", value, se, mask, pooled
    )


def trimmed_mean(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    proportion: float = 0.1,
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> MetaAnalysisResult:
    """Average the loci, equally weighted, without the lowest and the highest.

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Their standard errors; only whether there is one matters.
        proportion: Share cut off at each end.
        mask: False where a locus is to be left out; by default none is.

    Returns:
        The mean, its error from the winsorised variance, t with the loci left less one as degrees
        of freedom; tau2 and the prediction are NaN. One locus has no error.

    Raises:
        ValueError: If ``proportion`` is not in [0, 0.5), or as `common_effect` does.

    References:
        Tukey and McLaughlin 1963 (Sankhya A 25, 331-352); Yuen 1974, doi:10.1093/biomet/61.1.165.

    Example:
        >>> r = trimmed_mean(np.array([0.1, 0.2, 0.3, 0.4, 50.0]), np.full(5, 0.1), proportion=0.2)
        >>> round(float(r.pooled.value), 3), float(r.pooled.df)
        (0.3, 2.0)
    """
    if not 0.0 <= proportion < 0.5:
        raise ValueError(f"the proportion cut off at each end lies in [0, 0.5), got {proportion}")
    sample = prepare(value, se, mask=mask)
    effect = np.sort(np.where(sample.present > 0, sample.effect, np.inf), axis=-1)
    n = sample.n_loci
    cut = np.floor(proportion * n + 1e-9).astype(np.int64)
    rank = np.arange(effect.shape[-1])
    inside = (rank >= cut[:, None]) & (rank < (n - cut)[:, None])
    left = n - 2 * cut
    winsorised = np.full(effect.shape, np.nan)
    if effect.shape[-1]:
        clipped = np.clip(rank, cut[:, None], np.maximum(n - cut - 1, 0)[:, None])
        winsorised = np.take_along_axis(effect, clipped, axis=-1)
    known = rank < n[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.sum(np.where(inside, effect, 0.0), axis=-1) / np.where(n > 0, left, np.nan)
        centre = np.sum(np.where(known, winsorised, 0.0), axis=-1) / n
        deviation = np.where(known, winsorised - centre[:, None], 0.0)
        variance = np.vecdot(deviation, deviation) / (n - 1)
        error = np.where(left > 1, np.sqrt(n * variance) / left, np.nan)
    batch = value.shape[:-1]
    pooled = Estimate(
        value=mean.reshape(batch),
        se=error.reshape(batch),
        df=np.where(left > 1, left - 1.0, np.nan).reshape(batch),
    )
    return _unmodelled("trimmed", value, se, mask, pooled)


def _quantile(
    effect: Float64[np.ndarray, "row locus"],
    place: Float64[np.ndarray, "row locus"],
    probability: Float64[np.ndarray, " row"],
    n_loci: Int[np.ndarray, " row"],
) -> Float64[np.ndarray, " row"]:
    """Interpolate sorted effects at their places; infinite beyond the outermost, NaN if none."""
    if not effect.shape[-1]:
        return np.full(len(effect), np.nan)
    known = np.arange(effect.shape[-1]) < n_loci[:, None]
    last = np.maximum(n_loci - 1, 0)
    after = np.sum(known & (place < probability[:, None]), axis=-1)
    right, left = np.minimum(after, last), np.clip(after - 1, 0, last)
    rows = np.arange(len(effect))
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = place[rows, right] - place[rows, left]
        share = np.where(gap > 0, (probability - place[rows, left]) / gap, 0.0)
        inner = effect[rows, left] + share * (effect[rows, right] - effect[rows, left])
    slack = 1e-12
    below = probability < place[rows, 0] - slack
    above = probability > place[rows, last] + slack
    found = np.where(below, -np.inf, np.where(above, np.inf, inner))
    return np.asarray(np.where(n_loci > 0, found, np.nan))


def _unmodelled(
    method: str,
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    mask: Bool[np.ndarray, "*batch locus"] | None,
    pooled: Estimate,
) -> MetaAnalysisResult:
    """Return a result without a distribution of effects: no tau2, no prediction."""
    plain = common_effect(value, se, mask=mask)
    nothing = np.full(value.shape[:-1], np.nan)
    return MetaAnalysisResult(
        method=method,
        n_loci=plain.n_loci,
        pooled=pooled,
        tau2=nothing,
        heterogeneity=plain.heterogeneity,
        prediction=Estimate(value=nothing, se=nothing),
        typical_variance=plain.typical_variance,
    )
