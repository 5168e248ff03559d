"""Pooling of loci: one effect common to all, or effects that differ around a mean."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float64
from scipy import stats

from deepmr.estimate import Estimate, Heterogeneity
from deepmr.meta.fit import fit
from deepmr.meta.result import MetaAnalysisResult
from deepmr.meta.sample import ZeroSe, prepare
from deepmr.meta.tau2 import Tau2Method, between_variance

__all__ = ["Adjustment", "Prediction", "common_effect", "random_effects"]

Adjustment = Literal["hartung_knapp", "none", "adhoc", "hybrid"]
Prediction = Literal["pooled", "normal", "t_k_minus_1", "t_k_minus_2"]

_SUFFIX = {"hartung_knapp": "_hk", "none": "", "adhoc": "_adhoc", "hybrid": "_hybrid"}


def common_effect(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> MetaAnalysisResult:
    """Pool loci as if all shared one effect: mean weighted by 1 / se^2, error 1 / sqrt(sum).

    Where effects differ between loci its interval covers the mean of these loci only, and where
    the loci's errors are shared (one ensemble behind all of them) not even that: see
    `deepmr.inference.two_way`.

    Args:
        value: The loci's effects.
        se: Their standard errors.
        mask: False where a locus is to be left out.

    Returns:
        The pooled effect; loci without an estimate (NaN or infinite effect or error, error 0)
        are as if absent; with none left everything is NaN and ``n_loci`` 0.

    Raises:
        ValueError: If shapes differ or a standard error is negative.

    Example:
        >>> r = common_effect(np.array([0.3, 0.8]), np.array([0.2, 0.2]))
        >>> round(float(r.pooled.value), 3), round(float(r.pooled.se), 3)
        (0.55, 0.141)
    """
    sample = prepare(value, se, mask=mask)
    rows = len(sample.effect)
    columns = {name: np.full(rows, np.nan) for name in ("mean", "se", "q", "typical")}
    for part, chunk in sample.chunks():
        model = fit(chunk, np.zeros(len(chunk.effect)))
        columns["mean"][part] = model.coefficients[:, 0]
        columns["se"][part] = np.sqrt(model.covariance[:, 0, 0])
        columns["q"][part] = np.where(chunk.n_loci > 0, model.q(), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            columns["typical"][part] = np.where(chunk.df > 0, chunk.df / model.trace(), np.nan)
    batch = value.shape[:-1]
    n_loci = sample.n_loci.reshape(batch)
    shaped = {name: column.reshape(batch) for name, column in columns.items()}
    pooled = Estimate(value=shaped["mean"], se=shaped["se"])
    return MetaAnalysisResult(
        method="common",
        n_loci=n_loci,
        pooled=pooled,
        tau2=np.where(n_loci > 0, 0.0, np.nan),
        heterogeneity=Heterogeneity(q=shaped["q"], df=np.asarray(np.maximum(n_loci - 1.0, 0.0))),
        prediction=pooled,
        typical_variance=shaped["typical"],
    )


def random_effects(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    tau2: Tau2Method | float = "reml",
    adjustment: Adjustment = "hartung_knapp",
    prediction: Prediction = "pooled",
    zero_se: ZeroSe = "drop",
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> MetaAnalysisResult:
    """Pool loci whose true effects vary with variance tau2: weights 1 / (se^2 + tau2).

    The interval takes the loci as independent draws. Loci judged by one ensemble share its
    members' errors, and then this interval is too narrow, the more so the more loci there are;
    `deepmr.inference.two_way` is the interval to report. `deepmr.meta.multilevel` and
    `deepmr.meta.cluster_robust` are for loci that resemble each other (one chromosome, overlap).

    Args:
        value: The loci's effects.
        se: Their standard errors.
        tau2: Estimator of the variance between loci, ``reml`` by default, as in metafor;
            ``zero``: none; a number: taken as known.
        adjustment: ``none``: standard error 1 / sqrt(sum of weights), normal quantiles.
            ``hartung_knapp``: that times sqrt(Q(tau2) / (k - 1)), t quantiles with k - 1 degrees
            of freedom. ``adhoc``: the factor never below 1. ``hybrid``: whichever of the
            Hartung-Knapp and the plain 95 % interval is wider.
        prediction: Degrees of freedom of the prediction interval: the pooled effect's
            (metafor), infinite (Skipka), k - 1 (Veroniki et al.), k - 2 (Higgins et al.).
        zero_se: What becomes of a locus whose standard error is 0: dropped (as R's meta does),
            or kept (as metafor does: its weight is then 1 / tau2; what needs 1 / se^2 is NaN).
        mask: False where a locus is to be left out.

    Returns:
        The pooled effect, by these rules at the edges. A locus with a NaN or infinite effect or
        error is as if absent. No locus: all NaN. One locus: its own effect and error, tau2 = 0,
        normal quantiles whatever the adjustment. Two loci: estimated (Hartung-Knapp then has one
        degree of freedom). All effects equal: tau2 = 0; the Hartung-Knapp error is 0, as in
        metafor, and ``adhoc`` the plain one. A search for tau2 that does not end: all NaN and
        ``converged`` False.

    Raises:
        ValueError: If shapes differ, a standard error is negative or an option is unknown.

    References:
        Hartung and Knapp 2001, doi:10.1002/sim.791; Sidik and Jonkman 2002, doi:10.1002/sim.1262
        (the adjusted error); Knapp and Hartung 2003, doi:10.1002/sim.1482 (the factor's floor at
        1); Jackson et al. 2017, doi:10.1002/sim.7411 (the hybrid); Higgins et al. 2009,
        doi:10.1111/j.1467-985X.2008.00552.x (prediction interval).

    Example:
        >>> r = random_effects(np.array([0.3, 0.8, 0.5]), np.array([0.2, 0.2, 0.1]))
        >>> r.method, round(float(r.pooled.value), 3), float(r.pooled.df)
        ('reml_hk', 0.521, 2.0)
    """
    if adjustment not in get_args(Adjustment):
        raise ValueError(f"adjustment is one of {', '.join(_SUFFIX)}; got {adjustment!r}")
    if prediction not in get_args(Prediction):
        raise ValueError(
            f"prediction is one of {', '.join(get_args(Prediction))}; got {prediction!r}"
        )
    sample = prepare(value, se, mask=mask, zero_se=zero_se)
    names = ("tau2", "se_tau2", "mean", "plain", "factor", "q", "typical")
    columns = {name: np.full(len(sample.effect), np.nan) for name in names}
    converged = np.zeros(len(sample.effect), bool)
    for part, chunk in sample.chunks():
        between = between_variance(chunk, tau2)
        model, zero = between.model, fit(chunk, np.zeros(len(chunk.effect)))
        columns["tau2"][part], columns["se_tau2"][part] = between.value, between.se
        columns["mean"][part] = model.coefficients[:, 0]
        columns["plain"][part] = np.sqrt(model.covariance[:, 0, 0])
        with np.errstate(divide="ignore", invalid="ignore"):
            columns["factor"][part] = np.sqrt(model.q() / chunk.df)
            columns["typical"][part] = np.where(chunk.df > 0, chunk.df / zero.trace(), np.nan)
        columns["q"][part] = zero.q()
        converged[part] = between.converged
    batch = value.shape[:-1]
    c = {name: column.reshape(batch) for name, column in columns.items()}
    n_loci = sample.n_loci.reshape(batch)
    empty = n_loci == 0
    c["tau2"][empty], c["q"][empty] = np.nan, np.nan
    error, df = _adjust(c["plain"], c["factor"], n_loci, adjustment)
    return MetaAnalysisResult(
        method=f"{tau2 if isinstance(tau2, str) else 'given'}{_SUFFIX[adjustment]}",
        n_loci=n_loci,
        pooled=Estimate(value=c["mean"], se=error, df=df),
        tau2=c["tau2"],
        heterogeneity=Heterogeneity(q=c["q"], df=np.asarray(np.maximum(n_loci - 1.0, 0.0))),
        prediction=Estimate(
            value=c["mean"],
            se=np.asarray(np.sqrt(error**2 + c["tau2"])),
            df=_prediction_df(df, n_loci, prediction),
        ),
        se_tau2=c["se_tau2"],
        typical_variance=c["typical"],
        converged=converged.reshape(batch),
    )


def _adjust(
    plain: Float64[np.ndarray, "*batch"],
    factor: Float64[np.ndarray, "*batch"],
    n_loci: np.ndarray,
    adjustment: Adjustment,
) -> tuple[Float64[np.ndarray, "*batch"], Float64[np.ndarray, "*batch"]]:
    """Return the pooled error and its degrees of freedom under one of the adjustments."""
    adjusted = n_loci > 1
    infinite = np.full(plain.shape, np.inf)
    if adjustment == "none":
        return plain, infinite
    if adjustment == "adhoc":
        factor = np.maximum(factor, 1.0)
    df = np.where(adjusted, n_loci - 1.0, np.inf)
    error = np.where(adjusted, plain * factor, plain)
    if adjustment == "hybrid":
        narrower = adjusted & (
            stats.t.ppf(0.975, np.maximum(n_loci - 1.0, 1.0)) * error
            < stats.norm.ppf(0.975) * plain
        )
        return np.where(narrower, plain, error), np.where(narrower, np.inf, df)
    return error, df


def _prediction_df(
    df: Float64[np.ndarray, "*batch"], n_loci: np.ndarray, prediction: Prediction
) -> Float64[np.ndarray, "*batch"]:
    """Degrees of freedom of the prediction interval; NaN where there are too few loci."""
    if prediction == "pooled":
        return df
    if prediction == "normal":
        return np.full(df.shape, np.inf)
    left = np.asarray(n_loci - (1.0 if prediction == "t_k_minus_1" else 2.0))
    return np.where(left > 0, left, np.nan)
