"""Empirical Bayes variances: shrinkage of a locus's variances towards each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float64
from scipy import special

from deepmr.effects import EffectSizes

__all__ = ["moderate", "moderated_variance"]


def moderated_variance(
    variance: Float64[np.ndarray, "*batch variant"],
    df: float,
    mask: Bool[np.ndarray, "*batch variant"],
) -> tuple[Float64[np.ndarray, "*batch variant"], Float64[np.ndarray, "*batch"]]:
    """Shrink each variance towards those of the other variants of the locus.

    A scaled inverse chi-square prior is fitted to a locus's log variances by their first two
    moments; the posterior mean weighs it by its degrees of freedom d0. Where the variances differ
    no more than chance would make them d0 is infinite and all become equal; where they differ by
    orders of magnitude d0 is near 0 and nothing changes. Variances of exactly 0 do not inform the
    prior. Loci with fewer than 3 informative variants, and infinite ``df``, are left as they are.

    Args:
        variance: Squared standard errors, in the squared unit of the effects.
        df: Degrees of freedom of the variances: members - 1 for an ensemble.
        mask: False where a variant is left out of the prior.

    Returns:
        The moderated variances, and the degrees of freedom df + d0 of each locus.

    References:
        Smyth 2004, doi:10.2202/1544-6115.1027 (section 6: moments of log variances).

    Example:
        >>> variance = np.array([0.8, 1.0, 1.2, 1.1])
        >>> moderated, df = moderated_variance(variance, 4.0, np.ones(4, bool))
        >>> bool(np.ptp(moderated) < np.ptp(variance)), float(df)
        (True, inf)
    """
    informative = mask & (variance > 0)
    count = np.asarray(informative.sum(axis=-1))
    if np.isinf(df):
        return variance.copy(), np.full(count.shape, np.inf)
    log = np.log(np.where(informative, variance, 1.0)) - special.digamma(df / 2) + np.log(df / 2)
    enough = np.maximum(count, 2)
    mean = np.sum(log, axis=-1, where=informative) / enough
    excess = np.sum((log - mean[..., None]) ** 2, axis=-1, where=informative) / (enough - 1)
    prior_df = 2.0 * _inverse_trigamma(np.asarray(excess - special.polygamma(1, df / 2)))
    prior_df = np.where(count >= 3, prior_df, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = prior_df / 2
        offset = np.where(np.isinf(half), 0.0, special.digamma(half) - np.log(half))
        prior = np.where(prior_df > 0, np.exp(mean + offset), 0.0)
        share = np.where(np.isinf(prior_df), 1.0, prior_df / (prior_df + df))
    moderated = share[..., None] * prior[..., None] + (1.0 - share[..., None]) * variance
    return np.asarray(moderated), np.asarray(df + prior_df)


def moderate(effects: EffectSizes) -> EffectSizes:
    """Return effects with moderated standard errors, for weights and thresholds.

    ``df`` is unchanged: its increase differs between loci and between exposure and outcome.

    Args:
        effects: Effects with the standard errors of an ensemble.

    Example:
        >>> e = EffectSizes.from_arrays(np.ones(4), np.sqrt([0.8, 1.0, 1.2, 1.1]), np.ones(4),
        ...                             np.ones(4))
        >>> moderate(e).se_exposure.tolist() == e.se_exposure.tolist()  # infinite df: known errors
        True
    """
    exposure, _ = moderated_variance(effects.se_exposure**2, effects.df, effects.mask)
    outcome, _ = moderated_variance(effects.se_outcome**2, effects.df, effects.mask)
    return replace(effects, se_exposure=np.sqrt(exposure), se_outcome=np.sqrt(outcome))


def _inverse_trigamma(value: Float64[np.ndarray, "*batch"]) -> Float64[np.ndarray, "*batch"]:
    """Solve trigamma(x) = value by Newton's method on 1 / trigamma; infinite where value <= 0."""
    positive = value > 0
    target = np.where(positive, np.clip(value, 1e-7, 1e7), 1.0)
    # Started below the root, where 1 / trigamma is convex and nearly linear: each step climbs.
    x = 0.5 + 1.0 / target
    for _ in range(50):
        trigamma = special.polygamma(1, x)
        step = trigamma * (1.0 - trigamma / target) / special.polygamma(2, x)
        x = x + step
        if float(np.max(-step / x, initial=0.0)) < 1e-10:
            break
    return np.asarray(np.where(positive, x, np.inf))
