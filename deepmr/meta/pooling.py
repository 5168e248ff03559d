"""Pooling of loci: one effect common to all, or effects that differ around a mean."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.distributions import chi2_quantile, normal_quantile, t_quantile
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.meta.fit import fit
from deepmr.meta.result import MetaAnalysisResult
from deepmr.meta.sample import ZeroSe, prepare
from deepmr.meta.tau2 import Tau2Method, between_variance

__all__ = [
    "Adjustment",
    "Prediction",
    "check_random_effects",
    "common_effect",
    "random_effects",
]

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
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        mask: False where a locus is to be left out; by default none is.

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


def check_random_effects(
    *,
    tau2: object = "reml",
    adjustment: object = "hartung_knapp",
    prediction: object = "pooled",
    zero_se: object = "drop",
) -> None:
    """Refuse options that `random_effects` does not know, without any data.

    Args:
        tau2: Estimator of the variance between loci, or a number of 0 or more.
        adjustment: Adjustment of the pooled error.
        prediction: Degrees of freedom of the prediction interval.
        zero_se: Rule for loci with a standard error of 0.

    Raises:
        ValueError: If one is not among its words, which the message lists.

    Example:
        >>> check_random_effects(tau2="mle")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: tau2 is one of reml, ml, dl, ..., sj, zero, or a number; got 'mle'
    """
    for name, word, words in (
        ("tau2", tau2, Tau2Method),
        ("adjustment", adjustment, Adjustment),
        ("prediction", prediction, Prediction),
        ("zero_se", zero_se, ZeroSe),
    ):
        number = name == "tau2" and isinstance(word, (int, float)) and not isinstance(word, bool)
        if number:
            if not float(word) >= 0:  # type: ignore[arg-type]
                raise ValueError(f"tau2 is a variance, 0 or more; got {word}")
        elif word not in get_args(words):
            known = ", ".join(get_args(words)) + (", or a number" if name == "tau2" else "")
            raise ValueError(f"{name} is one of {known}; got {word!r}")


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
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        tau2: Estimator of the variance between loci, ``reml`` by default, as in metafor;
            ``zero``: none; a number: taken as known.
        adjustment: ``none``: standard error 1 / sqrt(sum of weights), normal quantiles.
            ``hartung_knapp``: that times sqrt(Q(tau2) / (k - 1)), t quantiles with k - 1 degrees
            of freedom. ``adhoc``: the factor never below 1. ``hybrid``: whichever of the
            Hartung-Knapp and the plain 95 % interval is wider.
        prediction: Degrees of freedom of the prediction interval: the pooled effect's
            (metafor), infinite (Skipka), k - 1 (Veroniki et al.), k - 2 (Higgins et al.).
        zero_se: What becomes of a locus whose standard error is 0: ``drop`` (default, as R's meta
            does; where *every* locus has error 0 none is dropped and all count alike), or ``keep``
            (as metafor does: its weight is then 1 / tau2; what needs 1 / se^2 is NaN).
        mask: False where a locus is to be left out; by default none is.

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
    check_random_effects(tau2=tau2, adjustment=adjustment, prediction=prediction, zero_se=zero_se)
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
    n_known = sample.n_loci.copy()
    if zero_se == "drop" and bool(np.any(se == 0)):
        _pool_exact(columns, n_known, tau2, value, se, mask)
    batch = value.shape[:-1]
    c = {name: column.reshape(batch) for name, column in columns.items()}
    n_loci = n_known.reshape(batch)
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


def _pool_exact(
    columns: dict[str, np.ndarray],
    n_loci: Int[np.ndarray, " row"],
    tau2: Tau2Method | float,
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    mask: Bool[np.ndarray, "*batch locus"] | None,
) -> None:
    """Fill in the rows whose loci all have an error of 0: the limit of equal, vanishing errors.

    The mean is unweighted and tau2 the variance of the effects, which every estimator tends to
    (ML and HS with divisor k, the median-unbiased one by the median of its chi-square).
    """
    exact = prepare(value, np.where(se == 0, 1.0, np.nan), mask=mask)
    rows = np.flatnonzero((n_loci == 0) & (exact.n_loci > 0))
    if not len(rows):
        return
    k, effect, present = exact.n_loci[rows], exact.effect[rows], exact.present[rows]
    mean = np.sum(effect, axis=-1) / k
    square = np.sum(present * (effect - mean[:, None]) ** 2, axis=-1)
    df = k - 1.0
    divisor = {"ml": k, "hs": k, "pm_median": chi2_quantile(0.5, np.maximum(df, 1.0))}
    if isinstance(tau2, str):
        between = square / np.maximum(divisor.get(tau2, df), 1.0)
        between = np.zeros(len(rows)) if tau2 == "zero" else np.where(k > 1, between, 0.0)
    else:
        between = np.full(len(rows), float(tau2))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(square > 0, np.sqrt(square / between / df), 0.0)
    n_loci[rows] = k
    columns["tau2"][rows], columns["mean"][rows] = between, mean
    columns["plain"][rows], columns["factor"][rows] = np.sqrt(between / k), factor
    columns["q"][rows] = np.nan


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
            t_quantile(0.975, np.maximum(n_loci - 1.0, 1.0)) * error
            < normal_quantile(0.975) * plain
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
