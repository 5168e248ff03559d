"""The result of a meta-analysis over loci."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.estimate import Estimate, Heterogeneity

__all__ = ["MetaAnalysisResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaAnalysisResult:
    """A pooled effect and how much the loci differ beyond their errors.

    Args:
        method: Short name of the pooling, e.g. ``reml_hk``.
        n_loci: Number of loci that had an estimate.
        pooled: The mean effect over loci.
        tau2: Variance of the true effects between loci; 0 for common-effect pooling, NaN where
            the method has none or its search did not converge.
        heterogeneity: Cochran's Q over loci.
        prediction: Effect of a new locus; its standard error joins tau2 and the pooled error.
        se_tau2: Standard error of ``tau2``, where the method has one.
        typical_variance: The error variance of a typical locus (Higgins and Thompson), the
            yardstick of ``i2`` and ``h2``.
        converged: False where a search for tau2 did not end; the numbers are NaN there.
        components: Further variance components by name, e.g. ``member`` or ``cluster``.

    References:
        Higgins and Thompson 2002, doi:10.1002/sim.1186 (the typical variance, I2 and H2).
    """

    method: str
    n_loci: Int[np.ndarray, "*batch"]
    pooled: Estimate
    tau2: Float64[np.ndarray, "*batch"]
    heterogeneity: Heterogeneity
    prediction: Estimate
    se_tau2: Float64[np.ndarray, "*batch"] | None = None
    typical_variance: Float64[np.ndarray, "*batch"] | None = None
    converged: Bool[np.ndarray, "*batch"] | None = None
    components: Mapping[str, Float64[np.ndarray, "*batch"]] = field(default_factory=dict)

    @property
    def prediction_lower(self) -> Float64[np.ndarray, "*batch"]:
        """Where the effect of a new locus lies with 95 % probability, lower end."""
        return self.prediction.interval()[0]

    @property
    def prediction_upper(self) -> Float64[np.ndarray, "*batch"]:
        """Where the effect of a new locus lies with 95 % probability, upper end."""
        return self.prediction.interval()[1]

    @property
    def i2(self) -> Float64[np.ndarray, "*batch"]:
        """Share of the total variance that lies between loci, from tau2; a fraction.

        ``heterogeneity.i2`` is the same from Q; for DL the two are one number.
        """
        return np.asarray(1.0 - 1.0 / self.h2)

    @property
    def h2(self) -> Float64[np.ndarray, "*batch"]:
        """Total over sampling variance, from tau2; 1 where tau2 is 0."""
        if self.typical_variance is None:
            return np.full(self.tau2.shape, np.nan)
        with np.errstate(invalid="ignore"):
            ratio = np.asarray(self.tau2 / self.typical_variance)
        return np.where(self.tau2 == 0, 1.0, 1.0 + ratio)
