"""Meta-regression of local effects on properties of their loci."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float64, Int, Shaped

from deepmr.distributions import chi2_log_tail, f_log_tail
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.meta.cluster_robust import Correction, sandwich
from deepmr.meta.fit import fit
from deepmr.meta.sample import Sample, prepare
from deepmr.meta.tau2 import Tau2Method, between_variance

__all__ = ["BetweenLoci", "MetaRegressionResult", "WaldTest", "meta_regression"]

Adjustment = Literal["hartung_knapp", "none", "adhoc"]

_SUFFIX = {"hartung_knapp": "_hk", "none": "", "adhoc": "_adhoc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WaldTest:
    """A test of several coefficients at once: chi-square, or F where ``df`` is finite.

    Args:
        statistic: Chi-square with ``n_tested`` degrees of freedom, or that over ``n_tested``,
            which is F with ``n_tested`` and ``df``.
        n_tested: Number of coefficients tested.
        df: Denominator degrees of freedom; infinite for the chi-square.
    """

    statistic: Float64[np.ndarray, "*batch"]
    n_tested: int
    df: Float64[np.ndarray, "*batch"]

    @property
    def log_p(self) -> Float64[np.ndarray, "*batch"]:
        """Natural log of the p-value."""
        finite = np.where(np.isinf(self.df), 1.0, self.df)
        return np.asarray(
            np.where(
                np.isinf(self.df),
                chi2_log_tail(self.statistic, self.n_tested),
                f_log_tail(self.statistic, self.n_tested, finite),
            )
        )

    @property
    def p_value(self) -> Float64[np.ndarray, "*batch"]:
        """The p-value."""
        return np.asarray(np.exp(self.log_p))


@dataclass(frozen=True, slots=True, kw_only=True)
class BetweenLoci:
    """Residual variance between loci of a meta-regression.

    Args:
        tau2: Variance between loci that the moderators do not account for.
        se_tau2: Standard error of ``tau2``.
        r2: Share of the variance between loci that the moderators account for, floored at 0;
            NaN where there was none. With ``tau2="zero"``, the share of Q over its degrees of
            freedom.
        typical_variance: Typical sampling variance of a locus's effect (Higgins and Thompson 2002).
        converged: False where the search for tau2 did not converge; the numbers are NaN there.
    """

    tau2: Float64[np.ndarray, "*batch"]
    se_tau2: Float64[np.ndarray, "*batch"]
    r2: Float64[np.ndarray, "*batch"]
    typical_variance: Float64[np.ndarray, "*batch"]
    converged: Bool[np.ndarray, "*batch"]

    @property
    def h2(self) -> Float64[np.ndarray, "*batch"]:
        """Total over sampling variance given the moderators, from tau2."""
        return np.asarray(1.0 + self.tau2 / self.typical_variance)

    @property
    def i2(self) -> Float64[np.ndarray, "*batch"]:
        """Share of that total that lies between loci; a fraction."""
        return np.asarray(1.0 - 1.0 / self.h2)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaRegressionResult:
    """Regression coefficients of local effects on properties of their loci.

    Args:
        method: Short name, as of `random_effects`.
        names: Names of the coefficients, in order.
        n_loci: Number of loci that had an effect and all moderators.
        coefficients: Coefficients, in units of the effect per unit of the moderator.
        covariance: Covariance matrix of the coefficients.
        between: Residual variance between loci, with R2 and I2.
        residual: Cochran's Q of the residuals: test of residual heterogeneity.
        moderators: Wald test of all coefficients but the intercept.
    """

    method: str
    names: tuple[str, ...]
    n_loci: Int[np.ndarray, "*batch"]
    coefficients: Estimate
    covariance: Float64[np.ndarray, "*batch coefficient coefficient"]
    between: BetweenLoci
    residual: Heterogeneity
    moderators: WaldTest


def meta_regression(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    moderators: Float64[np.ndarray, "*rest locus moderator"],
    *,
    names: Sequence[str] | None = None,
    tau2: Tau2Method = "reml",
    adjustment: Adjustment = "hartung_knapp",
    cluster: Shaped[np.ndarray, " locus"] | None = None,
    correction: Correction = "cr2",
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> MetaRegressionResult:
    """Regress local effects on properties of their loci, loci differing beyond them by tau2.

    A moderator is observed, not set: its coefficient is an association across loci. Wide-ranged
    or related moderators are harmless to the arithmetic (an orthogonal basis is fitted), but
    related ones share what they explain.

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        moderators: Properties of the loci, e.g. distance to the motif, GC content; the same for
            the whole batch, or one set a batch member. A locus with one missing is left out.
        names: The moderators' names; an intercept comes first.
        tau2: Estimator of the variance that is left; ``zero`` for a fixed-effects regression.
        adjustment: As in `random_effects` (Knapp and Hartung's is t with k - p).
        cluster: Labels of loci that resemble each other; errors are then robust to it (see
            `deepmr.meta.cluster_robust`) and ``adjustment`` is without effect.
        correction: Correction of the robust error, ``cr2`` by default, as in `cluster_robust`.
        mask: False where a locus is to be left out; by default none is.

    Raises:
        ValueError: If moderators are linearly dependent, shapes or names do not fit, or as
            `random_effects` does.

    References:
        Knapp and Hartung 2003, doi:10.1002/sim.1482; Raudenbush 2009 in Cooper, Hedges and
        Valentine, The Handbook of Research Synthesis (R2).

    Example:
        >>> x = np.arange(6.0)
        >>> r = meta_regression(0.5 + 0.1 * x, np.full(6, 0.1), x[:, None], names=["distance"])
        >>> r.names, r.coefficients.value.round(3).tolist()
        (('intercept', 'distance'), [0.5, 0.1])
    """
    if adjustment not in get_args(Adjustment):
        raise ValueError(f"adjustment is one of {', '.join(_SUFFIX)}; got {adjustment!r}")
    all_names = _names(names, moderators.shape[-1])
    sample, to_names = _with_design(value, se, moderators, mask)
    c = _fit_rows(sample, to_names, tau2, adjustment, cluster, correction)
    batch, p = value.shape[:-1], sample.n_columns
    error = np.sqrt(np.diagonal(c["covariance"], axis1=-2, axis2=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = (c["alone"] - c["left"]) / c["alone"]
    return MetaRegressionResult(
        method=f"{tau2}{_SUFFIX[adjustment] if cluster is None else '_' + correction}",
        names=all_names,
        n_loci=sample.n_loci.reshape(batch),
        coefficients=Estimate(
            value=c["coefficients"].reshape(*batch, p),
            se=error.reshape(*batch, p),
            df=c["df"].reshape(*batch, p),
        ),
        covariance=c["covariance"].reshape(*batch, p, p),
        between=BetweenLoci(
            tau2=c["tau2"].reshape(batch),
            se_tau2=c["se_tau2"].reshape(batch),
            r2=np.where(c["alone"] > 0, np.maximum(0.0, explained), np.nan).reshape(batch),
            typical_variance=c["typical"].reshape(batch),
            converged=c["converged"].astype(bool).reshape(batch),
        ),
        residual=Heterogeneity(
            q=c["q"].reshape(batch), df=np.maximum(sample.df, 0.0).reshape(batch)
        ),
        moderators=_wald(c["coefficients"], c["covariance"], c["df"], batch),
    )


def _fit_rows(
    sample: Sample,
    to_names: Float64[np.ndarray, "*row column column"],
    tau2: Tau2Method,
    adjustment: Adjustment,
    cluster: Shaped[np.ndarray, " locus"] | None,
    correction: Correction,
) -> dict[str, Float64[np.ndarray, "row ..."]]:
    """Fit every row in the orthogonal basis, and turn its coefficients into the named ones."""
    rows, p = len(sample.effect), sample.n_columns
    scalars = ("tau2", "se_tau2", "alone", "left", "q", "typical", "converged")
    c = {key: np.full(rows, np.nan) for key in scalars}
    c |= {"coefficients": np.full((rows, p), np.nan), "df": np.full((rows, p), np.inf)}
    c["covariance"] = np.full((rows, p, p), np.nan)
    for part, chunk in sample.chunks():
        between = between_variance(chunk, tau2)
        model, none = between.model, fit(chunk, np.zeros(len(chunk.effect)))
        c["tau2"][part], c["se_tau2"][part] = between.value, between.se
        c["alone"][part] = _left_over(chunk.with_design(None), tau2)
        c["left"][part] = _left_over(chunk, tau2)
        c["q"][part], c["converged"][part] = none.q(), between.converged
        with np.errstate(divide="ignore", invalid="ignore"):
            c["typical"][part] = np.where(chunk.df > 0, chunk.df / none.trace(), np.nan)
            factor = np.where(chunk.df > 0, model.q() / chunk.df, np.nan)
        basis = to_names[part] if to_names.ndim == 3 else to_names
        c["coefficients"][part] = (basis @ model.coefficients[:, :, None])[:, :, 0]
        if cluster is not None:
            c["covariance"][part], c["df"][part] = sandwich(
                chunk, model, cluster=cluster, correction=correction, basis=basis
            )
            continue
        c["covariance"][part] = basis @ model.covariance @ np.swapaxes(basis, -1, -2)
        if adjustment != "none":
            least = 1.0 if adjustment == "adhoc" else 0.0
            c["covariance"][part] *= np.maximum(factor, least)[:, None, None]
            c["df"][part] = np.where(chunk.df > 0, chunk.df, np.nan)[:, None]
    return c


def _names(names: Sequence[str] | None, n_moderators: int) -> tuple[str, ...]:
    given = [f"x{j + 1}" for j in range(n_moderators)] if names is None else list(names)
    if len(given) != n_moderators or len({"intercept", *given}) != n_moderators + 1:
        raise ValueError(
            f"meta-regression needs one name of its own a moderator, got {', '.join(given)} for "
            f"{n_moderators} moderators"
        )
    return ("intercept", *given)


def _with_design(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    moderators: Float64[np.ndarray, "*rest locus moderator"],
    mask: Bool[np.ndarray, "*batch locus"] | None,
) -> tuple[Sample, Float64[np.ndarray, "*row column column"]]:
    """Return the loci with an orthogonal design, and what turns its coefficients back.

    Raises:
        ValueError: If moderators do not belong to the loci, or are linearly dependent.
    """
    n_loci, n_moderators = moderators.shape[-2:]
    if n_moderators < 1:
        raise ValueError("meta-regression needs a moderator, got none; use random_effects")
    if n_loci != value.shape[-1] or moderators.shape[:-2] not in ((), value.shape[:-1]):
        raise ValueError(
            f"moderators belong to the {value.shape[-1]} loci of effects of shape {value.shape}, "
            f"got shape {moderators.shape}; put loci on the last axis but one"
        )
    known = np.all(np.isfinite(moderators), axis=-1)
    usable = np.broadcast_to(known, value.shape) if mask is None else known & mask
    sample = prepare(value, se, mask=usable)
    x = np.concatenate([np.ones((*moderators.shape[:-1], 1)), moderators], axis=-1)
    x = np.where(known[..., None], x, 0.0)
    x = x if x.ndim == 2 else x.reshape(-1, n_loci, n_moderators + 1)
    scale = np.max(np.abs(x), axis=-2, keepdims=True, initial=0.0)
    orthogonal, triangle = np.linalg.qr(x / np.where(scale > 0, scale, 1.0))
    size = np.abs(np.diagonal(triangle, axis1=-2, axis2=-1))
    if x.shape[-1] > n_loci or bool(np.any(size <= 1e-10 * np.max(size, axis=-1, keepdims=True))):
        raise ValueError(
            "moderators must be linearly independent of each other and of the intercept over the "
            f"loci, got {n_moderators} over {n_loci} loci; leave out the redundant one"
        )
    back = np.linalg.inv(triangle) / np.swapaxes(np.where(scale > 0, scale, 1.0), -1, -2)
    grow = np.sqrt(n_loci)
    return sample.with_design(orthogonal * grow), back * grow


def _left_over(sample: Sample, tau2: Tau2Method) -> Float64[np.ndarray, " row"]:
    """Return tau2; Q over its degrees of freedom where tau2 is not estimated."""
    if tau2 != "zero":
        return between_variance(sample, tau2).value
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(fit(sample, np.zeros(len(sample.effect))).q() / sample.df)


def _wald(
    coefficients: Float64[np.ndarray, "row column"],
    covariance: Float64[np.ndarray, "row column column"],
    df: Float64[np.ndarray, "row column"],
    batch: tuple[int, ...],
) -> WaldTest:
    """Test all coefficients but the intercept; with robust errors by the least of their df."""
    n_tested = coefficients.shape[-1] - 1
    tested, inner = coefficients[:, 1:], covariance[:, 1:, 1:]
    whole = np.all(np.isfinite(inner), axis=(-2, -1))
    safe = np.where(whole[:, None, None], inner, np.eye(n_tested))
    solved = np.matmul(np.linalg.pinv(safe, hermitian=True), tested[:, :, None])[:, :, 0]
    chi2 = np.where(whole, np.sum(solved * tested, axis=-1), np.nan)
    least = np.min(df, axis=-1)
    statistic = np.where(np.isinf(least), chi2, chi2 / n_tested)
    return WaldTest(statistic=statistic.reshape(batch), n_tested=n_tested, df=least.reshape(batch))
