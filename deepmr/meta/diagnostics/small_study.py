"""Small-study effects: Egger's regression and Begg's rank test of funnel asymmetry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy
from jaxtyping import Bool, Float64

from deepmr.estimate import Estimate
from deepmr.meta.fit import fit
from deepmr.meta.regression import meta_regression
from deepmr.meta.sample import prepare
from deepmr.meta.tau2 import Tau2Method

__all__ = ["EggerTest", "RankTest", "egger_test", "rank_test"]

_EXACT = 170
"""Above this the counts of permutations overflow, and the exact sum takes minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EggerTest:
    """Whether effects change with their precision.

    Args:
        asymmetry: Change of the effect per unit of its standard error (or variance).
        limit: The effect of a locus known without error.
    """

    asymmetry: Estimate
    limit: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class RankTest:
    """Kendall's correlation of effects with their variances, and its two-sided p-value."""

    tau: Float64[np.ndarray, "*batch"]
    p_value: Float64[np.ndarray, "*batch"]


def egger_test(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    model: Literal["random", "multiplicative"] = "random",
    predictor: Literal["se", "variance"] = "se",
    tau2: Tau2Method = "reml",
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> EggerTest:
    """Regress effects on their standard errors.

    In Deep MR there is no publication bias; effects that grow with their errors point to
    instruments chosen by the very effects they are to measure, or to a bias of weak ones.

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        model: ``random``: meta-regression with variance tau2 between loci, normal quantiles
            (metafor's default). ``multiplicative``: Egger's own, weights 1 / se^2 with a
            dispersion factor, t with k - 2 degrees of freedom.
        predictor: The standard error, or its square.
        tau2: Estimator for ``random``.
        mask: False where a locus is to be left out; by default none is.

    Returns:
        The test; NaN with fewer than 3 loci, or where all are equally precise.

    Raises:
        ValueError: If an option is unknown, or as `random_effects` does.

    References:
        Egger et al. 1997, doi:10.1136/bmj.315.7109.629; Sterne and Egger 2005 in Rothstein,
        Sutton and Borenstein, Publication Bias in Meta-Analysis (the regression's forms).

    Example:
        >>> test = egger_test(np.array([0.1, 0.2, 0.35, 0.5]), np.array([0.1, 0.15, 0.2, 0.3]))
        >>> round(float(test.asymmetry.value), 2), round(float(test.limit.value), 2)
        (2.14, -0.11)
    """
    if model not in ("random", "multiplicative") or predictor not in ("se", "variance"):
        raise ValueError(
            "egger_test knows the models random, multiplicative and the predictors se, variance; "
            f"got {model!r} and {predictor!r}"
        )
    sample = prepare(value, se, mask=mask)
    pad = [(0, 0), (0, max(0, 3 - value.shape[-1]))]
    effect = np.pad(
        np.where(sample.present > 0, sample.effect, np.nan), pad, constant_values=np.nan
    )
    error = np.pad(np.sqrt(sample.variance), pad, constant_values=1.0)
    known = np.isfinite(effect)
    x = np.where(known, error if predictor == "se" else error**2, np.nan)
    high, low = (
        np.max(x, axis=-1, initial=-np.inf, where=known),
        np.min(x, axis=-1, initial=np.inf, where=known),
    )
    usable = (high - low > 1e-10 * high) & (np.sum(known, axis=-1) > 2)
    ramp = np.arange(effect.shape[-1], dtype=float)
    x = np.where(usable[:, None], x, ramp)[:, :, None]
    if model == "random":
        r = meta_regression(effect, error, x, tau2=tau2, adjustment="none")
    else:
        r = meta_regression(effect, error, x, tau2="zero", adjustment="hartung_knapp")
    batch = value.shape[:-1]

    def part(column: int) -> Estimate:
        return Estimate(
            value=np.where(usable, r.coefficients.value[:, column], np.nan).reshape(batch),
            se=np.where(usable, r.coefficients.se[:, column], np.nan).reshape(batch),
            df=np.where(usable, r.coefficients.df[:, column], np.nan).reshape(batch),
        )

    return EggerTest(asymmetry=part(1), limit=part(0))


def rank_test(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> RankTest:
    """Correlate the ranks of standardised effects and of their variances.

    Weaker than Egger's regression but free of its linearity. P-values are exact without ties
    and up to 170 loci (as metafor's), else from the normal approximation, by then a few per cent
    off. NaN with fewer than 2 loci.

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        mask: False where a locus is to be left out; by default none is.

    Raises:
        ValueError: As `random_effects` does.

    References:
        Begg and Mazumdar 1994, doi:10.2307/2533446.

    Example:
        >>> r = rank_test(np.array([0.1, 0.2, 0.4, 0.5]), np.array([0.1, 0.15, 0.2, 0.3]))
        >>> round(float(r.tau), 3), round(float(r.p_value), 3)
        (0.667, 0.333)
    """
    sample = prepare(value, se, mask=mask)
    model = fit(sample, np.zeros(len(sample.effect)))
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(sample.variance - model.covariance[:, 0])
        standard = (sample.effect - model.coefficients) / spread
    tau, p_value = np.full((2, len(standard)), np.nan)
    for row in np.flatnonzero(sample.n_loci > 1):
        kept = sample.present[row] > 0
        x, y = standard[row, kept], sample.variance[row, kept]
        ties = len(np.unique(x)) < len(x) or len(np.unique(y)) < len(y)
        exact = not ties and len(x) <= _EXACT
        found = scipy.stats.kendalltau(x, y, method="exact" if exact else "asymptotic")
        tau[row], p_value[row] = found.statistic, found.pvalue
    batch = value.shape[:-1]
    return RankTest(tau=tau.reshape(batch), p_value=p_value.reshape(batch))
