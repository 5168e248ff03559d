"""Pool per-member slopes over loci by the two-way model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from deepmr.inference.contract import LocalInference, Pooling
from deepmr.inference.two_way import LociWeights, PooledOver, two_way
from deepmr.meta import MetaAnalysisResult

__all__ = ["pool_slopes"]


def pool_slopes(
    local: LocalInference,
    *,
    pooling: Pooling,
    loci: PooledOver = "sampled",
    weights: LociWeights = "equal",
    between_sites: float = 0.0,
    relative: float = 0.0,
) -> MetaAnalysisResult:
    """Pool the members' slopes, or pseudo-values, by the two-way model.

    Args:
        local: Local results with slopes, loci on the last batch axis.
        pooling: Meta-analysis that supplies tau2 and heterogeneity.
        loci: Population of the interval, ``sampled`` (default) or ``fixed``; see `two_way`.
        weights: Weights of loci, ``equal`` (default) or ``random_effects``; see `two_way`.
        between_sites: Factor on the median over loci of their residual variance between sites,
            which is added to the variance of the pooled effect; 0 by default.
        relative: Relative error of the pooled effect that all members share; 0 by default.

    Raises:
        ValueError: If the results carry no slopes, or the pooling has no tau2.
    """
    if local.slopes is None:
        raise ValueError(
            "pooling over members needs their slopes, got results without; use the inference that "
            "made them to pool them"
        )
    result = two_way(local.slopes, pooling=pooling, loci=loci, weights=weights)
    lacking = np.isnan(result.tau2) & (result.n_loci > 1)
    if result.converged is not None:
        lacking &= result.converged
    if bool(np.any(lacking)):
        raise ValueError(
            "pooling over members reports tau2, and this pooling has none; choose "
            "meta=random_effects, or inference=summary"
        )
    extra = (relative * result.pooled.value) ** 2
    if local.between_sites is not None:
        extra = extra + between_sites * _median(local.between_sites)
    return _widened(result, np.asarray(extra)) if np.any(extra) else result


def _median(value: Float64[np.ndarray, "*batch locus"]) -> Float64[np.ndarray, "*batch"]:
    """Return the median over loci without the missing ones; 0 where all are missing."""
    known = np.any(np.isfinite(value), axis=-1)
    filled = np.where(known[..., None], value, 0.0)
    return np.asarray(np.nanmedian(filled, axis=-1))


def _widened(
    result: MetaAnalysisResult, extra: Float64[np.ndarray, "*batch"]
) -> MetaAnalysisResult:
    """Add a variance to a pooled effect and to its prediction interval."""
    pooled, prediction = result.pooled, result.prediction
    return replace(
        result,
        pooled=replace(pooled, se=np.asarray(np.sqrt(pooled.se**2 + extra))),
        prediction=None
        if prediction is None
        else replace(prediction, se=np.asarray(np.sqrt(prediction.se**2 + extra))),
    )
