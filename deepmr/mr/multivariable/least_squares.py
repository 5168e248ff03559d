"""Weighted least squares on several exposures, batched over loci."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

__all__ = ["Plane", "fit_plane", "residual_of", "solve_weighted"]


class Plane(NamedTuple):
    """Coefficients, their errors at unit spread, Q and the instruments' influence."""

    coefficient: Float64[np.ndarray, "locus term"]
    error: Float64[np.ndarray, "locus term"]
    q: Float64[np.ndarray, " locus"]


def fit_plane(
    design: Float64[np.ndarray, "locus term variant"],
    y: Float64[np.ndarray, "locus variant"],
    w: Float64[np.ndarray, "locus variant"],
) -> Plane:
    """Weighted least squares by QR, which keeps the digits that normal equations lose.

    Loci with fewer instruments than terms, or with exposures that are multiples of each other,
    are NaN.
    """
    root = np.sqrt(w)
    n_terms = design.shape[1]
    tall = np.swapaxes(design * root[:, None, :], -1, -2)
    if tall.shape[1] < n_terms:
        missing = np.full((len(y), n_terms), np.nan)
        return Plane(missing, missing, missing[:, 0])
    finite = np.isfinite(tall).all(axis=(-2, -1))
    q, r = np.linalg.qr(np.where(finite[:, None, None], tall, 0.0))
    diagonal = np.abs(np.diagonal(r, axis1=-2, axis2=-1))
    size = np.linalg.norm(tall, axis=-2)
    singular = np.any(~(diagonal > 1e-7 * size), axis=-1) | ~finite
    r = np.where(singular[:, None, None], np.eye(n_terms), r)
    target = y * root
    inverse = np.linalg.inv(r)
    projected = np.einsum("lvt,lv->lt", q, target)
    coefficient = np.einsum("lij,lj->li", inverse, projected)
    error = np.sqrt(np.sum(inverse**2, axis=-1))
    residual = target - np.einsum("lvt,lt->lv", tall, coefficient)
    hole = singular[:, None]
    return Plane(
        np.where(hole, np.nan, coefficient),
        np.where(hole, np.nan, error),
        np.where(singular, np.nan, np.vecdot(residual, residual)),
    )


def solve_weighted(design: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Solve weighted normal equations with any leading axes, with a ridge of 1e-13 of the trace."""
    scaled = design * w[..., None, :]
    gram = scaled @ np.swapaxes(design, -1, -2)
    ridge = 1e-13 * np.trace(gram, axis1=-2, axis2=-1)[..., None, None]
    gram = gram + ridge * np.eye(gram.shape[-1]) + 1e-300 * np.eye(gram.shape[-1])
    right = np.vecdot(scaled, y[..., None, :])
    return np.asarray(np.linalg.solve(gram, right[..., None])[..., 0])


def residual_of(design: np.ndarray, y: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return y less the plane with coefficients ``b``, with any leading axes."""
    return np.asarray(y - np.einsum("...kv,...k->...v", design, b))
