"""Conditional F statistics and heterogeneity of multivariable Mendelian randomization."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float64

from deepmr.effects import MultivariableEffectSizes
from deepmr.estimate import Heterogeneity
from deepmr.mr.multivariable.least_squares import fit_plane
from deepmr.mr.multivariable.result import MultivariableRows, rows_of
from deepmr.mr.numerics.batch import heterogeneity_in_batch, in_batch
from deepmr.mr.numerics.ratio import with_positive_errors

__all__ = ["conditional_f", "multivariable_heterogeneity"]


def _error_covariance(
    effects: MultivariableEffectSizes, rows: MultivariableRows
) -> Float64[np.ndarray, "locus exposure exposure variant"]:
    """Return the covariance of one variant's exposure errors."""
    n_exposures = rows.x.shape[1]
    correlation = np.eye(n_exposures)[None]
    if effects.exposure_error_correlation is not None:
        shape = (*effects.mask.shape[:-1], n_exposures, n_exposures)
        wide = np.broadcast_to(effects.exposure_error_correlation, shape)
        correlation = wide.reshape(-1, n_exposures, n_exposures)
    return np.asarray(correlation[..., None] * rows.sx[:, :, None] * rows.sx[:, None, :])


def _summary_covariance(
    rows: MultivariableRows, n_exposure: float, correlation: np.ndarray
) -> np.ndarray:
    """Return the covariance that standardised traits in one sample of known size imply."""
    inverse = n_exposure * rows.sx**2 + rows.x**2
    scaled = rows.x / np.sqrt(inverse) * rows.mask[:, None]
    explained = np.einsum("lkv,ljv->lkj", scaled, scaled)
    root = np.sqrt(inverse)
    left = (correlation - explained) / (n_exposure - rows.n + 1)[:, None, None]
    return np.asarray(left[..., None] * root[:, :, None] * root[:, None, :])


def _contrast_variance(covariance: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("lkjv,lk,lj->lv", covariance, contrast, contrast))


def conditional_f(
    effects: MultivariableEffectSizes,
    *,
    method: Literal["reported", "sample_size"] = "reported",
    n_exposure: float | None = None,
) -> Float64[np.ndarray, "*batch exposure"]:
    """Return each exposure's F statistic given the other exposures.

    An exposure's effects are regressed on the others'; F is the mean squared residual over its
    variance. Near 1 the instruments cannot tell this exposure from the others, and
    `multivariable_ivw` is unreliable; above 10 weak-instrument bias is small.

    Args:
        effects: The instruments; ``exposure_error_correlation`` enters the variances.
        method: Where the variances come from: the ``reported`` errors, and the sum is divided by n
            (R's MVMR; the default, since effects of networks have errors but no sample size); or
            the ``sample_size``, for standardised traits measured in one sample, and the sum is
            divided by n - K + 1. The latter is what MendelianRandomization reports where its
            optimiser stays at its start, as it mostly does: the gradient it is given is not that of
            its objective.
        n_exposure: Sample size behind the exposures, for ``sample_size``.

    Raises:
        ValueError: If ``sample_size`` is asked for without one.

    References:
        Sanderson, Spiller and Bowden 2021, doi:10.1002/sim.9133;
        Patel, Lane and Burgess 2023, doi:10.48550/arXiv.2310.02869 (by sample size).

    Example:
        >>> from deepmr.mr import lipids_chd
        >>> conditional_f(lipids_chd()).round(1).tolist()
        [18.4, 12.8, 12.2]
    """
    rows = rows_of(effects)
    n_exposures = rows.x.shape[1]
    if method == "sample_size":
        if n_exposure is None:
            raise ValueError("conditional_f by sample_size needs n_exposure, got None")
        correlation = np.eye(n_exposures)[None]
        if effects.exposure_error_correlation is not None:
            correlation = effects.exposure_error_correlation.reshape(-1, n_exposures, n_exposures)
        covariance = _summary_covariance(rows, n_exposure, correlation)
    else:
        covariance = _error_covariance(effects, rows)
    found = []
    for k in range(n_exposures):
        contrast = _contrast(rows, k)
        residual = np.einsum("lkv,lk->lv", rows.x, contrast)
        weight = rows.mask / np.where(rows.mask, _contrast_variance(covariance, contrast), 1.0)
        divisor = rows.n - n_exposures + 1 if method == "sample_size" else rows.n
        found.append(np.vecdot(weight, residual**2) / divisor)
    return in_batch(np.stack(found, axis=-1), effects.mask.shape[:-1])


def _contrast(rows: MultivariableRows, k: int) -> Float64[np.ndarray, "locus exposure"]:
    """Return 1 for exposure ``k`` and minus the coefficients of its regression on the others."""
    others = [j for j in range(rows.x.shape[1]) if j != k]
    contrast = np.zeros((len(rows.n), rows.x.shape[1]))
    contrast[:, k] = 1.0
    plane = fit_plane(rows.x[:, others], rows.x[:, k], rows.mask.astype(np.float64))
    contrast[:, others] = -plane.coefficient
    return contrast


def multivariable_heterogeneity(effects: MultivariableEffectSizes) -> Heterogeneity:
    """Test instrument validity by Q about the plane, with the exposures' errors in its variances.

    Q = sum(r^2 / (sy^2 + b' S b)), S the covariance of a variant's exposure errors, on n - K
    degrees of freedom. (R's MVMR compares it with n - K - 1, as if an intercept had been fitted.)

    Args:
        effects: The instruments; ``exposure_error_correlation`` enters the variances.

    References:
        Sanderson, Davey Smith, Windmeijer and Bowden 2019, doi:10.1093/ije/dyy262.

    Example:
        >>> from deepmr.mr import lipids_chd
        >>> round(float(multivariable_heterogeneity(lipids_chd()).q), 2)
        46.73
    """
    effects, _ = with_positive_errors(effects)
    rows = rows_of(effects)
    plane = fit_plane(rows.x, rows.y, rows.mask / rows.sy**2)
    noise = _contrast_variance(_error_covariance(effects, rows), plane.coefficient)
    residual = rows.y - np.einsum("lkv,lk->lv", rows.x, plane.coefficient)
    q = np.vecdot(rows.mask / (rows.sy**2 + noise), residual**2)
    df = np.maximum(rows.n - rows.x.shape[1], 0.0)
    batch = effects.mask.shape[:-1]
    return heterogeneity_in_batch(Heterogeneity(q=q, df=df), batch)
