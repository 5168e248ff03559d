"""Robust linear regression by MM-estimation, batched over loci."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

__all__ = ["MMRegression", "mm_regression"]

SCALE_TUNING = 1.54764
"""Tukey's bisquare constant for a scale that tolerates half of the data."""
SLOPE_TUNING = 4.685061
"""The one for a slope 95 % as efficient as least squares under normal errors."""
BREAKDOWN = 0.5
STARTS = 500
REFINED = 5
_ROUNDS = 500
_SETTLED = 1e-12


class MMRegression(NamedTuple):
    """Coefficients, their covariance and the residual scale."""

    coefficient: Float64[np.ndarray, "locus term"]
    covariance: Float64[np.ndarray, "locus term term"]
    scale: Float64[np.ndarray, " locus"]


def _chi(t: np.ndarray) -> np.ndarray:
    """Tukey's bisquare loss, scaled to 1 in the tails."""
    square = np.minimum((t / SCALE_TUNING) ** 2, 1.0)
    return np.asarray(1 - (1 - square) ** 3)


def _weight(t: np.ndarray, tuning: float) -> np.ndarray:
    """Derivative of the bisquare loss over its argument, 1 at 0."""
    square = np.minimum((t / tuning) ** 2, 1.0)
    return np.asarray((1 - square) ** 2)


def _m_scale(
    residual: np.ndarray, mask: np.ndarray, df: np.ndarray, rounds: int, scale: np.ndarray
) -> np.ndarray:
    """Solve sum(chi(r / s)) = df / 2 for s by fixed-point steps."""
    for _ in range(rounds):
        held = scale
        mean = np.sum(_chi(residual / scale[..., None]) * mask, axis=-1) / df
        scale = np.maximum(scale * np.sqrt(mean / BREAKDOWN), np.finfo(np.float64).tiny)
        if bool(np.all(np.abs(scale - held) <= _SETTLED * held)):
            break
    return scale


def _weighted_fit(design: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted least squares; ``weight`` may have one more leading axis of candidates."""
    if design.shape[-2] == 1:
        x = design[..., 0, :]
        return np.asarray((np.vecdot(weight * x, target) / np.vecdot(weight * x, x))[..., None])
    scaled = design * weight[..., None, :]
    gram = scaled @ np.swapaxes(design, -1, -2)
    right = np.vecdot(scaled, target[..., None, :])
    ridge = 1e-14 * np.trace(gram, axis1=-2, axis2=-1)[..., None, None] * np.eye(gram.shape[-1])
    singular = ~(np.linalg.cond(gram + ridge) < 1e15)
    gram = np.where(singular[..., None, None], np.eye(gram.shape[-1]), gram)
    fit = np.linalg.solve(gram, right[..., None])[..., 0]
    return np.asarray(np.where(singular[..., None], np.nan, fit))


def _residual(design: np.ndarray, target: np.ndarray, coefficient: np.ndarray) -> np.ndarray:
    return np.asarray(target - np.einsum("...tv,...t->...v", design, coefficient))


def _starts(
    design: np.ndarray, target: np.ndarray, mask: np.ndarray
) -> Float64[np.ndarray, "start locus term"]:
    """Exact fits to as many instruments as there are terms."""
    n_loci, n_terms, n_variants = design.shape
    rng = np.random.default_rng(0)
    n_starts = min(n_variants, STARTS) if n_terms == 1 else STARTS
    fits = []
    for k in range(n_starts):
        if n_terms == 1:
            chosen = np.full((n_loci, 1), int(k * n_variants / n_starts))
        else:
            keys = np.where(mask, rng.random((n_loci, n_variants)), 2.0)
            chosen = np.argpartition(keys, n_terms - 1, axis=-1)[:, :n_terms]
        rows = np.take_along_axis(design, chosen[:, None, :], axis=-1)
        values = np.take_along_axis(target, chosen, axis=-1)
        matrix = np.swapaxes(rows, -1, -2)
        singular = ~(np.linalg.cond(matrix) < 1e12)
        matrix = np.where(singular[:, None, None], np.eye(n_terms), matrix)
        fit = np.linalg.solve(matrix, values[..., None])[..., 0]
        fits.append(np.where(singular[:, None], 0.0, fit))
    return np.asarray(fits)


def _s_estimate(
    design: np.ndarray, target: np.ndarray, mask: np.ndarray, df: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the coefficients with the smallest robust residual scale, and that scale."""
    scales, fits = [], []
    for fit in _starts(design, target, mask):
        residual = _residual(design, target, fit)
        size = np.where(mask, np.abs(residual), np.nan)
        rough = np.maximum(np.nanmedian(size, axis=-1) / 0.6745, 1e-300)
        weight = _weight(residual / rough[:, None], SCALE_TUNING) * mask
        stepped = np.nan_to_num(_weighted_fit(design, target, weight))
        residual = _residual(design, target, stepped)
        size = np.where(mask, np.abs(residual), np.nan)
        rough = np.maximum(np.nanmedian(size, axis=-1) / 0.6745, 1e-300)
        scales.append(_m_scale(residual, mask, df, 4, rough))
        fits.append(stepped)
    order = np.argsort(np.asarray(scales), axis=0)[:REFINED]
    best_fit, best_scale = np.zeros(fits[0].shape), np.full(len(df), np.inf)
    for rank in order:
        fit = np.take_along_axis(np.asarray(fits), rank[None, :, None], axis=0)[0]
        scale = np.take_along_axis(np.asarray(scales), rank[None, :], axis=0)[0]
        fit, scale = _refine(design, target, mask, df, fit, scale)
        better = scale < best_scale
        best_fit = np.where(better[:, None], fit, best_fit)
        best_scale = np.where(better, scale, best_scale)
    return best_fit, best_scale


def _refine(
    design: np.ndarray,
    target: np.ndarray,
    mask: np.ndarray,
    df: np.ndarray,
    fit: np.ndarray,
    scale: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    for _ in range(_ROUNDS):
        residual = _residual(design, target, fit)
        scale = _m_scale(residual, mask, df, 1, scale)
        weight = _weight(residual / scale[:, None], SCALE_TUNING) * mask
        moved = np.nan_to_num(_weighted_fit(design, target, weight))
        shift = np.max(np.abs(moved - fit), axis=-1)
        fit = moved
        if bool(np.all(shift <= _SETTLED * (1e-300 + np.max(np.abs(fit), axis=-1)))):
            break
    residual = _residual(design, target, fit)
    return fit, _m_scale(residual, mask, df, 200, scale)


def _covariance(
    design: np.ndarray,
    mask: np.ndarray,
    first: np.ndarray,
    final: np.ndarray,
    scale: np.ndarray,
) -> np.ndarray:
    """Asymptotic covariance counting the scale's own error, with residuals over the scale.

    References:
        Croux, Dhaene and Hoorelbeke 2003, "Robust standard errors for robust estimators".
    """
    n = mask.sum(axis=-1).astype(np.float64)
    transposed = np.swapaxes(design, -1, -2)
    square = np.minimum((final / SLOPE_TUNING) ** 2, 1.0)
    slope = (1 - square) * (1 - 5 * square) * mask
    psi = final * (1 - square) ** 2 * mask
    chi = _chi(first) * mask
    chi_slope = 6 / SCALE_TUNING**2 * first * _weight(first, SCALE_TUNING) * mask
    spread = np.linalg.inv((design * slope[:, None, :]) @ transposed)
    spread = spread * (n * scale)[:, None, None]
    shared = np.vecdot(design, (slope * final)[:, None, :]) / np.vecdot(chi_slope, first)[:, None]
    shared = np.einsum("lij,lj->li", spread, shared)
    inner = (design * (psi**2)[:, None, :]) @ transposed / n[:, None, None]
    own = spread @ inner @ spread
    cross = np.einsum("lij,lj->li", spread, np.vecdot(design, (psi * chi)[:, None, :]))
    mixed = shared[:, :, None] * cross[:, None, :] / n[:, None, None]
    extra = np.sum((chi**2 - BREAKDOWN**2) * mask, axis=-1) / n
    last = extra[:, None, None] * shared[:, :, None] * shared[:, None, :]
    return np.asarray((own - mixed - np.swapaxes(mixed, -1, -2) + last) / n[:, None, None])


def mm_regression(
    design: Float64[np.ndarray, "locus term variant"],
    target: Float64[np.ndarray, "locus variant"],
    mask: Bool[np.ndarray, "locus variant"],
) -> MMRegression:
    """Regress robustly: an S-estimate of the residual scale, then an M-estimate of the slope.

    Loci with fewer instruments than terms plus one are NaN.

    References:
        Yohai 1987, doi:10.1214/aos/1176350366 (MM-estimates);
        Salibian-Barrera and Yohai 2006, doi:10.1198/106186006X113629 (the fast S-estimate);
        Koller and Stahel 2011, doi:10.1016/j.csda.2011.02.014 (as in R's lmrob).
    """
    n_terms = design.shape[1]
    df = mask.sum(axis=-1) - float(n_terms)
    enough = df >= 1
    design = np.where(mask[:, None, :], design, 0.0)
    target = np.where(mask, target, 0.0)
    first, scale = _s_estimate(design, target, mask, np.maximum(df, 1.0))
    fit = first
    for _ in range(_ROUNDS):
        weight = _weight(_residual(design, target, fit) / scale[:, None], SLOPE_TUNING) * mask
        moved = np.nan_to_num(_weighted_fit(design, target, weight))
        shift = np.max(np.abs(moved - fit), axis=-1)
        fit = moved
        if bool(np.all(shift <= _SETTLED * (1e-300 + np.max(np.abs(fit), axis=-1)))):
            break
    standard = [_residual(design, target, b) / scale[:, None] for b in (first, fit)]
    usable = enough & (scale > 1e-300)
    safe = np.where(usable[:, None, None], design, np.eye(n_terms, design.shape[-1]))
    covariance = _covariance(safe, mask, standard[0], standard[1], scale)
    return MMRegression(
        np.where(enough[:, None], fit, np.nan),
        np.where(usable[:, None, None], covariance, np.nan),
        np.where(enough, scale, np.nan),
    )
