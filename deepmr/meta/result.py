"""What every way of pooling returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from deepmr.estimate import Estimate, Heterogeneity

__all__ = ["MetaAnalysisResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaAnalysisResult:
    """A pooled effect and how much the loci differ beyond their errors.

    Args:
        method: Short name of the pooling, e.g. ``reml_hk``.
        n_loci: Number of loci that had an estimate.
        pooled: The mean effect over loci.
        tau2: Variance of the true effects between loci; 0 for common-effect pooling.
        heterogeneity: Cochran's Q over loci.
        prediction_lower: Where the effect of a new locus lies with 95 % probability, lower end.
        prediction_upper: The upper end.
    """

    method: str
    n_loci: Int[np.ndarray, "*batch"]
    pooled: Estimate
    tau2: Float64[np.ndarray, "*batch"]
    heterogeneity: Heterogeneity
    prediction_lower: Float64[np.ndarray, "*batch"]
    prediction_upper: Float64[np.ndarray, "*batch"]
