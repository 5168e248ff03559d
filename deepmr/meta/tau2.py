"""Estimators of tau2, the variance of true effects between loci: DL, REML, ML, PM, HE, SJ, ..."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.distributions import chi2_quantile
from deepmr.meta.fit import Fit, fit, fit_weighted, trace_of_product
from deepmr.meta.sample import Sample
from deepmr.meta.tau2_search import active, maximise_likelihood, solve_q

__all__ = ["Tau2", "Tau2Method", "between_variance"]

Tau2Method = Literal[
    "reml",
    "ml",
    "dl",
    "dl_iterated",
    "pm",
    "pm_median",
    "eb",
    "he",
    "hs",
    "hs_corrected",
    "sj",
    "zero",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tau2:
    """The variance between loci, its standard error, and whether the search for it ended.

    Where ``converged`` is False, ``value`` and ``se`` are NaN: a number that a search has not
    settled on is never handed out. ``model`` is the fit at ``value``.
    """

    value: Float64[np.ndarray, " row"]
    se: Float64[np.ndarray, " row"]
    converged: Bool[np.ndarray, " row"]
    model: Fit


def between_variance(sample: Sample, method: Tau2Method | float) -> Tau2:
    """Estimate tau2, truncated at 0, with its standard error; or take the number given.

    With no more loci than coefficients tau2 is 0 and its standard error NaN.

    Raises:
        ValueError: If the method is unknown, or the number negative.

    References:
        Viechtbauer 2005, doi:10.3102/10769986030003261 (DL, HE, HS, ML, REML and their errors);
        Sidik and Jonkman 2005, doi:10.1111/j.1467-9876.2005.00489.x (SJ);
        Paule and Mandel 1982, doi:10.6028/jres.087.022 (PM; Morris's empirical Bayes, EB, solves
        the same equation, and so does DL iterated until it stands still);
        Viechtbauer 2021, doi:10.1007/978-3-030-69561-3_11 (the median-unbiased PM);
        Brannick et al. 2019, doi:10.1002/jrsm.1355 (HS corrected for few studies).
    """
    if isinstance(method, (int, float)):
        if not method >= 0:
            raise ValueError(f"tau2 is a variance, 0 or more; got {method}")
        given = np.full(len(sample.effect), float(method))
        nothing, always = np.full(given.shape, np.nan), np.ones(given.shape, bool)
        return Tau2(value=given, se=nothing, converged=always, model=fit(sample, given))
    if method not in get_args(Tau2Method):
        raise ValueError(f"tau2 is one of {', '.join(get_args(Tau2Method))}; got {method!r}")
    enough = np.flatnonzero(sample.df > 0)
    value, se = np.zeros(len(sample.effect)), np.full(len(sample.effect), np.nan)
    converged = np.ones(len(value), bool)
    part = active(sample, enough)
    if len(enough):
        found, converged[enough] = _ESTIMATORS[method](part)
        value[enough] = np.where(converged[enough], found, np.nan)
    model = fit(sample, value)
    if len(enough):
        kept = model if part is sample else fit(part, value[enough])
        se[enough] = _ERRORS[method](part, value[enough], kept)
    return Tau2(value=value, se=se, converged=converged, model=model)


def _closed(
    value: Float64[np.ndarray, " row"],
) -> tuple[Float64[np.ndarray, " row"], Bool[np.ndarray, " row"]]:
    """Truncate an estimate that needs no search; one that is no number was not found."""
    return np.maximum(value, 0.0), np.isfinite(value)


def _dersimonian_laird(
    sample: Sample,
) -> tuple[Float64[np.ndarray, " row"], Bool[np.ndarray, " row"]]:
    model = fit(sample, np.zeros(len(sample.effect)))
    return _closed((model.q() - sample.df) / model.trace())


def _hunter_schmidt(
    sample: Sample, *, corrected: bool
) -> tuple[Float64[np.ndarray, " row"], Bool[np.ndarray, " row"]]:
    model = fit(sample, np.zeros(len(sample.effect)))
    n_loci = sample.df + sample.n_columns
    factor = n_loci / sample.df if corrected else 1.0
    return _closed((factor * model.q() - n_loci) / model.total())


def _hedges(
    sample: Sample,
) -> tuple[Float64[np.ndarray, " row"], Bool[np.ndarray, " row"]]:
    model = fit_weighted(sample, sample.present.copy())
    kept = sample.present * sample.variance
    noise = np.sum(kept, axis=-1) - trace_of_product(model.covariance, sample.cross(kept))
    return _closed((model.q() - noise) / sample.df)


def _sidik_jonkman_start(sample: Sample) -> Float64[np.ndarray, " row"]:
    """Mean squared deviation of the effects from their plain mean."""
    n_loci = np.sum(sample.present, axis=-1)
    mean = np.sum(sample.effect, axis=-1) / n_loci
    deviation = (sample.effect - mean[:, None]) * sample.present
    return np.asarray(np.vecdot(deviation, deviation) / n_loci)


def _sidik_jonkman(
    sample: Sample,
) -> tuple[Float64[np.ndarray, " row"], Bool[np.ndarray, " row"]]:
    start = _sidik_jonkman_start(sample)
    model = fit(sample, start)
    value, found = _closed(start * model.q() / sample.df)
    return np.where(start > 0, value, 0.0), found | (start == 0)


def _error_of_q(
    sample: Sample, tau2: Float64[np.ndarray, " row"], divisor: str
) -> Float64[np.ndarray, " row"]:
    """Standard error of a tau2 that is linear in Q with inverse-variance weights."""
    model = fit(sample, np.zeros(len(tau2)))
    trace = model.trace()
    spread = 2 * sample.df + 4 * tau2 * trace + 2 * tau2**2 * model.trace_of_square()
    return np.asarray(np.sqrt(spread) / (trace if divisor == "trace" else model.total()))


def _error_of_hedges(
    sample: Sample, tau2: Float64[np.ndarray, " row"]
) -> Float64[np.ndarray, " row"]:
    model = fit_weighted(sample, sample.present.copy())
    kept = sample.present * sample.variance
    first = np.matmul(model.covariance, sample.cross(kept))
    noise = np.sum(kept, axis=-1) - np.trace(first, axis1=-2, axis2=-1)
    square = (
        np.sum(kept**2, axis=-1)
        - 2 * trace_of_product(model.covariance, sample.cross(kept**2))
        + trace_of_product(first, first)
    )
    spread = 2 * square + 4 * tau2 * noise + 2 * tau2**2 * sample.df
    return np.asarray(np.sqrt(spread) / sample.df)


def _error_of_sidik_jonkman(
    sample: Sample, tau2: Float64[np.ndarray, " row"]
) -> Float64[np.ndarray, " row"]:
    start = _sidik_jonkman_start(sample)
    model = fit(sample, start)
    trace, square = model.trace(), model.trace_of_square()
    spread = (
        2 * (sample.df - 2 * start * trace + start**2 * square)
        + 4 * tau2 * (trace - start * square)
        + 2 * tau2**2 * square
    )
    return np.asarray(start / sample.df * np.sqrt(np.maximum(spread, 0.0)))


def _error_of_paule_mandel(sample: Sample, model: Fit) -> Float64[np.ndarray, " row"]:
    n_loci = sample.df + sample.n_columns
    return np.asarray(np.sqrt(2 * n_loci**2 / sample.df) / model.total())


def _error_of_ml(model: Fit) -> Float64[np.ndarray, " row"]:
    return np.asarray(np.sqrt(2 / model.total_of_square()))


def _error_of_reml(model: Fit) -> Float64[np.ndarray, " row"]:
    return np.asarray(np.sqrt(2 / model.trace_of_square()))


_ESTIMATORS: dict[
    str, Callable[[Sample], tuple[Float64[np.ndarray, " row"], Bool[np.ndarray, " row"]]]
] = {
    "reml": lambda sample: maximise_likelihood(sample, _hedges(sample)[0], restricted=True),
    "ml": lambda sample: maximise_likelihood(sample, _hedges(sample)[0], restricted=False),
    "dl": _dersimonian_laird,
    "dl_iterated": lambda sample: solve_q(sample, sample.df),
    "pm": lambda sample: solve_q(sample, sample.df),
    "pm_median": lambda sample: solve_q(sample, chi2_quantile(0.5, sample.df)),
    "eb": lambda sample: solve_q(sample, sample.df),
    "he": _hedges,
    "hs": lambda sample: _hunter_schmidt(sample, corrected=False),
    "hs_corrected": lambda sample: _hunter_schmidt(sample, corrected=True),
    "sj": _sidik_jonkman,
    "zero": lambda sample: _closed(np.zeros(len(sample.effect))),
}

_ERRORS: dict[
    str, Callable[[Sample, Float64[np.ndarray, " row"], Fit], Float64[np.ndarray, " row"]]
] = {
    "reml": lambda _, __, model: _error_of_reml(model),
    "ml": lambda _, __, model: _error_of_ml(model),
    "dl": lambda sample, tau2, _: _error_of_q(sample, tau2, "trace"),
    "dl_iterated": lambda sample, _, model: _error_of_paule_mandel(sample, model),
    "pm": lambda sample, _, model: _error_of_paule_mandel(sample, model),
    "pm_median": lambda sample, _, model: _error_of_paule_mandel(sample, model),
    "eb": lambda sample, _, model: _error_of_paule_mandel(sample, model),
    "he": lambda sample, tau2, _: _error_of_hedges(sample, tau2),
    "hs": lambda sample, tau2, _: _error_of_q(sample, tau2, "weight"),
    "hs_corrected": lambda sample, tau2, _: (
        (1 + sample.n_columns / sample.df) * _error_of_q(sample, tau2, "weight")
    ),
    "sj": lambda sample, tau2, _: _error_of_sidik_jonkman(sample, tau2),
    "zero": lambda _, tau2, __: np.full(tau2.shape, np.nan),
}
