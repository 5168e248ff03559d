"""Pool per-member slopes over loci by the two-way model."""

from __future__ import annotations

import numpy as np

from deepmr.inference.contract import LocalInference, Pooling
from deepmr.inference.two_way import LociWeights, PooledOver, two_way
from deepmr.meta.result import MetaAnalysisResult

__all__ = ["pool_slopes"]


def pool_slopes(
    local: LocalInference,
    *,
    pooling: Pooling,
    loci: PooledOver = "sampled",
    weights: LociWeights = "equal",
) -> MetaAnalysisResult:
    """Pool the members' slopes, or pseudo-values, by the two-way model.

    Args:
        local: Local results with slopes, loci on the last batch axis.
        pooling: Meta-analysis that supplies tau2 and heterogeneity.
        loci: Population of the interval, ``sampled`` (default) or ``fixed``; see `two_way`.
        weights: Weights of loci, ``equal`` (default) or ``random_effects``; see `two_way`.

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
    return result
