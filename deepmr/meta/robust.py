"""Pooling that a few wild loci do not decide: median, trimmed mean, t-distributed effects."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int
from scipy import special, stats

from deepmr.estimate import Estimate
from deepmr.meta.pooling import common_effect
from deepmr.meta.result import MetaAnalysisResult
from deepmr.meta.sample import prepare

__all__ = ["median_effect", "t_effects", "trimmed_mean"]

_MAX_ITERATIONS = 2000
_TOLERANCE = 1e-9


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
        value: The loci's effects.
        se: Their standard errors.
        weights: ``equal``, or ``precision``: 1 / se^2.
        mask: False where a locus is to be left out.

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
    half = stats.norm.ppf(0.975) * 0.5 * np.sqrt(np.vecdot(weight, weight))
    n_loci = sample.n_loci
    middle = _quantile(effect, place, np.full(len(half), 0.5), n_loci)
    low = _quantile(effect, place, 0.5 - half, n_loci)
    high = _quantile(effect, place, 0.5 + half, n_loci)
    batch = value.shape[:-1]
    error = (high - low) / (2 * stats.norm.ppf(0.975))
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
        value: The loci's effects.
        se: Their standard errors; only whether there is one matters.
        proportion: Share cut off at each end.
        mask: False where a locus is to be left out.

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


def t_effects(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    df: float = 4.0,
    n_nodes: int = 64,
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> MetaAnalysisResult:
    """Pool by maximum likelihood with true effects that follow Student's t, not a normal.

    The heavy tails take up outlying loci, which a normal would let pull the mean and swell tau2.

    A t is a normal whose variance is divided by a gamma variable; the integral over that is a
    sum over nodes equally spaced in its logarithm, where a trapezoid is exact to many digits.

    Args:
        value: The loci's effects.
        se: Their standard errors.
        df: Degrees of freedom of the effects' distribution: the lower, the heavier the tails.
        n_nodes: Nodes of the quadrature.
        mask: False where a locus is to be left out.

    Returns:
        The centre, with its error from the observed information. ``tau2`` is the squared *scale*
        of the t (its variance is df / (df - 2) times that). The prediction's quantiles are
        those of a t with ``df``. Searches that do not end are NaN with ``converged`` False.

    Raises:
        ValueError: If ``df`` is not positive, or as `common_effect` does.

    References:
        Baker and Jackson 2008, doi:10.1007/s10729-007-9041-8 (t-distributed random effects);
        Louis 1982, doi:10.1111/j.2517-6161.1982.tb01203.x (information under EM).

    Example:
        >>> r = t_effects(np.array([0.1, 0.2, 0.3, 0.4, 5.0]), np.full(5, 0.1))
        >>> 0.2 < float(r.pooled.value) < 0.4
        True
    """
    if not df > 0:
        raise ValueError(f"the effects' degrees of freedom must be positive, got {df}")
    law = stats.gamma(df / 2, scale=2 / df)
    log_node = np.linspace(np.log(law.ppf(1e-13)), np.log(law.isf(1e-13)), n_nodes)
    log_mass = law.logpdf(np.exp(log_node)) + log_node
    log_mass -= special.logsumexp(log_mass)
    inverse = np.exp(-log_node)
    sample = prepare(value, se, mask=mask)
    rows = len(sample.effect)
    out = {name: np.full(rows, np.nan) for name in ("mean", "scale2", "se")}
    converged = np.ones(rows, bool)
    for row in np.flatnonzero(sample.n_loci > 0):  # a batch is few; loci are the many
        kept = sample.present[row] > 0
        found = _expectation_maximisation(
            sample.effect[row, kept], sample.variance[row, kept], inverse, log_mass
        )
        out["mean"][row], out["scale2"][row], out["se"][row], converged[row] = found
    batch = value.shape[:-1]
    c = {name: np.where(converged, column, np.nan).reshape(batch) for name, column in out.items()}
    plain = common_effect(value, se, mask=mask)
    spread = np.asarray(np.sqrt(c["se"] ** 2 + c["scale2"]))
    return MetaAnalysisResult(
        method="t_effects",
        n_loci=plain.n_loci,
        pooled=Estimate(value=c["mean"], se=c["se"]),
        tau2=c["scale2"],
        heterogeneity=plain.heterogeneity,
        prediction=Estimate(value=c["mean"], se=spread, df=np.full(batch, float(df))),
        typical_variance=plain.typical_variance,
        converged=converged.reshape(batch),
    )


def _expectation_maximisation(
    effect: Float64[np.ndarray, " locus"],
    variance: Float64[np.ndarray, " locus"],
    inverse: Float64[np.ndarray, " node"],
    log_mass: Float64[np.ndarray, " node"],
) -> tuple[float, float, float, bool]:
    """Return centre, squared scale, the centre's error, and whether the search ended.

    A scoring step for the scale is tried first; where the likelihood falls, the slower step of
    expectation-maximisation, under which it cannot, takes its place.
    """
    mean = float(np.median(effect))
    scale2 = float(np.median((effect - mean) ** 2)) if len(effect) > 1 else 0.0
    unit = float(np.mean(variance)) + scale2
    best, safe = -np.inf, (mean, scale2)
    for _ in range(_MAX_ITERATIONS):
        total = variance[:, None] + scale2 * inverse
        residual = (effect - mean)[:, None]
        log_density = log_mass - 0.5 * np.log(total) - 0.5 * residual**2 / total
        of_locus = special.logsumexp(log_density, axis=1, keepdims=True)
        loglik = float(np.sum(of_locus))
        if loglik < best - 1e-12 * abs(best) and (mean, scale2) != safe:
            mean, scale2 = safe
            continue
        best = loglik
        share = np.exp(log_density - of_locus)
        weight = np.sum(share / total, axis=1)
        pull = residual / total
        next_mean = float(np.sum(weight * effect) / np.sum(weight))
        shrunk = scale2 * inverse / total
        moved = (shrunk * residual) ** 2 + shrunk * variance[:, None]
        safe = (next_mean, float(np.mean(np.sum(share * moved / inverse, axis=1))))
        slope = np.sum(share * inverse * (pull**2 - 1 / total))
        curve = np.sum(share * (inverse / total) ** 2)
        next_scale2 = max(0.0, scale2 + float(slope / curve)) if len(effect) > 1 else 0.0
        step = abs(next_mean - mean) / np.sqrt(unit) + abs(next_scale2 - scale2) / unit
        if step < _TOLERANCE:
            first = np.sum(share * pull, axis=1)
            information = float(np.sum(first**2 - np.sum(share * pull**2, axis=1) + weight))
            error = float(1 / np.sqrt(information)) if information > 0 else np.nan
            return next_mean, next_scale2, error, information > 0
        mean, scale2 = next_mean, next_scale2
    return np.nan, np.nan, np.nan, False


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
