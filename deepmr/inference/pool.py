"""Pooling slopes that come from the same members: the variance between networks counts once."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.estimate import Estimate
from deepmr.inference.contract import LocalInference, Pooling
from deepmr.instruments import moderated_variance
from deepmr.meta.result import MetaAnalysisResult

__all__ = ["pool_slopes"]


class _Parts(NamedTuple):
    """Sums of the two-way table of slopes (locus by member), complete loci only."""

    locus: Float64[np.ndarray, "*batch locus"]
    own: Float64[np.ndarray, "*batch locus"]
    complete: Bool[np.ndarray, "*batch locus"]


def pool_slopes(
    local: LocalInference, *, pooling: Pooling, loci: Literal["random", "fixed"] = "random"
) -> MetaAnalysisResult:
    """Pool a table of slopes, locus by member, whose rows and columns both vary.

    A slope is the mean effect, plus what is particular to the locus, to the member, and to both.
    Loci are weighted by 1 / (tau2 + their own error), where a locus's own error is what is left
    of the spread between members after each member's mean over loci is taken out, moderated over
    loci; tau2 is the pooling's. The members' weighted means then vary by the shared part
    (which no number of loci averages out) and the own part; the loci's means by tau2 and, again,
    the own part. The variance is their sum less the part counted twice, its degrees of freedom
    Satterthwaite's. Loci for which a member has no slope are left out.

    Args:
        local: Local results with slopes, loci on the last batch axis.
        pooling: Supplies tau2 and heterogeneity from the loci's means and own errors.
        loci: With ``fixed`` the pooled effect is the mean over exactly these loci, and only the
            members' variance counts.

    Raises:
        ValueError: If the results carry no slopes, or the pooling has no tau2.

    References:
        Satterthwaite 1946, doi:10.2307/3002019 (degrees of freedom of a sum of variances).
        Hartung and Knapp 2001, doi:10.1002/sim.791 (the variance between loci).
    """
    if local.slopes is None:
        raise ValueError(
            "pooling over members needs their slopes, got results without; use the inference that "
            "made them to pool them"
        )
    slopes = local.slopes
    n = float(slopes.shape[-1])
    parts = _split(slopes)
    result = pooling(
        np.where(parts.complete, parts.locus, np.nan), np.sqrt(np.maximum(parts.own, 1e-300))
    )
    if bool(np.any(np.isnan(result.tau2) & (result.n_loci > 1))):
        raise ValueError(
            f"pooling over members needs a tau2 for its weights, got none from {result.method}; "
            "choose meta=random_effects, or inference=summary"
        )
    tau2 = np.nan_to_num(result.tau2)[..., None]
    weight = np.where(parts.complete, 1.0 / (tau2 + np.maximum(parts.own, 1e-300)), 0.0)
    total = weight.sum(axis=-1, keepdims=True)
    weight = weight / np.where(total > 0, total, 1.0)
    filled = np.where(parts.complete[..., None], slopes, 0.0)
    by_member = np.asarray(np.sum(weight[..., None] * filled, axis=-2))
    value = np.asarray(by_member.mean(axis=-1))
    member = np.asarray(by_member.var(axis=-1, ddof=1) / n)
    count = np.asarray(parts.complete.sum(axis=-1), dtype=np.float64)
    spread = np.sum(weight * (parts.locus - value[..., None]) ** 2, axis=-1, where=parts.complete)
    overlap = np.sum(weight**2 * parts.own, axis=-1, where=parts.complete)
    between = np.asarray(np.maximum(spread / np.maximum(count - 1.0, 1.0) - overlap, 0.0))
    if loci == "fixed":
        between = np.zeros_like(between)
    variance = member + between
    with np.errstate(divide="ignore", invalid="ignore"):
        df = variance**2 / (member**2 / (n - 1.0) + between**2 / np.maximum(count - 1.0, 1.0))
    empty = count == 0
    pooled = Estimate(
        value=np.where(empty, np.nan, value),
        se=np.where(empty, np.nan, np.sqrt(variance)),
        df=np.where(variance > 0, df, n - 1.0),
    )
    new = np.maximum(result.prediction.se**2 - result.pooled.se**2, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        new_df = (new + variance) ** 2 / (new**2 / result.prediction.df + variance**2 / pooled.df)
    return replace(
        result,
        method=f"{result.method}_members",
        pooled=pooled,
        prediction=Estimate(
            value=pooled.value,
            se=np.where(empty, np.nan, np.sqrt(new + variance)),
            df=np.where(new + variance > 0, new_df, pooled.df),
        ),
        components={**result.components, "member": member, "locus": between},
    )


def _split(slopes: Float64[np.ndarray, "*batch locus member"]) -> _Parts:
    n = float(slopes.shape[-1])
    complete = np.asarray(np.all(np.isfinite(slopes), axis=-1))
    count = complete.sum(axis=-1)
    filled = np.where(complete[..., None], slopes, 0.0)
    locus = filled.mean(axis=-1)
    deviation = filled - locus[..., None]
    shared = deviation.sum(axis=-2, keepdims=True) / np.maximum(count, 1)[..., None, None]
    rest = np.where(complete[..., None], deviation - shared, 0.0)
    # Taking out the members' means costs one locus's worth of freedom, spread over all.
    freedom = (n - 1.0) * np.where(count > 1, 1.0 - 1.0 / np.maximum(count, 2), 1.0)
    own = np.sum(rest**2, axis=-1) / (n * freedom[..., None])
    # A single locus has no rest: the spread between members is its own error.
    alone = np.sum(deviation**2, axis=-1) / (n * (n - 1.0))
    own = np.where((count > 1)[..., None], own, alone)
    own, _ = moderated_variance(own, n - 1.0, complete)
    return _Parts(locus=locus, own=own, complete=complete)
