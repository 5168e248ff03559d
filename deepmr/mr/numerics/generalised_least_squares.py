"""Inner products in the metric of correlated instruments' errors.

Generalised least squares needs only a' C^-1 b for a few vectors, with C_jk = s_j s_k rho_jk.
Absent variants get correlation 0 with all others and zeros in every vector.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from deepmr.effects import EffectSizes

__all__ = ["correlated", "flat", "generalised_f", "inverse_products", "least_squares"]

_BLOCK = 1 << 22


def correlated(effects: EffectSizes) -> bool:
    """Whether the effects carry a correlation between instruments."""
    return effects.instrument_correlation is not None or effects.instrument_factor is not None


def flat(effects: EffectSizes) -> dict[str, np.ndarray]:
    """Return the columns with loci in a row and absent variants neutralised."""
    n_variants = effects.mask.shape[-1]
    shape = (int(np.prod(effects.mask.shape[:-1])), n_variants)
    mask = effects.mask.reshape(shape)
    columns = {
        "x": effects.beta_exposure,
        "sx": effects.se_exposure,
        "y": effects.beta_outcome,
        "sy": effects.se_outcome,
    }
    found = {
        name: np.where(mask, column.reshape(shape), 1.0 if name.startswith("s") else 0.0)
        for name, column in columns.items()
    }
    return found | {"mask": mask, "n": mask.sum(axis=-1).astype(np.float64)}


def correlation_of(
    effects: EffectSizes, rows: slice
) -> tuple[Float64[np.ndarray, "locus variant variant"] | None, np.ndarray | None]:
    """Return the dense correlation, or the factor, of some loci with absent variants cut off."""
    n_variants = effects.mask.shape[-1]
    mask = effects.mask.reshape(-1, n_variants)[rows]
    if effects.instrument_correlation is not None:
        shape = (-1, n_variants, n_variants)
        wide = np.broadcast_to(effects.instrument_correlation, (*effects.mask.shape, n_variants))
        dense = np.array(wide.reshape(shape)[rows])
        dense[~(mask[:, :, None] & mask[:, None, :])] = 0.0
        index = np.arange(n_variants)
        dense[:, index, index] = 1.0
        return dense, None
    factor = effects.instrument_factor
    if factor is None:
        raise ValueError(
            "correlated instruments need instrument_correlation or instrument_factor, got neither"
        )
    wide = np.broadcast_to(factor, (*effects.mask.shape, factor.shape[-1]))
    return None, np.where(mask[..., None], wide.reshape(-1, n_variants, factor.shape[-1])[rows], 0)


def _dense_products(dense: np.ndarray, scaled: np.ndarray) -> np.ndarray:
    """Products through the Cholesky factor; NaN at loci whose matrix is not positive definite."""
    try:
        root = np.linalg.cholesky(dense)
    except np.linalg.LinAlgError:
        positive = np.linalg.eigvalsh(dense)[:, 0] > 0
        safe = np.where(positive[:, None, None], dense, np.eye(dense.shape[-1]))
        root = np.linalg.cholesky(safe)
        scaled = np.where(positive[:, None, None], scaled, np.nan)
    white = np.linalg.solve(root, np.swapaxes(scaled, -1, -2))
    return np.asarray(np.swapaxes(white, -1, -2) @ white)


def _factor_products(factor: np.ndarray, scaled: np.ndarray) -> np.ndarray:
    """Products by Woodbury's identity: C = D + F F' with D what F leaves of the diagonal."""
    own = 1 - np.sum(factor**2, axis=-1)
    own = np.where(own > 0, own, np.nan)
    weighted = scaled / own[:, None, :]
    across = weighted @ factor
    inner = np.eye(factor.shape[-1]) + np.swapaxes(factor, -1, -2) @ (factor / own[..., None])
    correction = across @ np.linalg.solve(inner, np.swapaxes(across, -1, -2))
    return np.asarray(weighted @ np.swapaxes(scaled, -1, -2) - correction)


def inverse_products(
    effects: EffectSizes,
    vectors: Float64[np.ndarray, "locus vector variant"],
    se: Float64[np.ndarray, "locus variant"],
) -> Float64[np.ndarray, "locus vector vector"]:
    """Return all products a' C^-1 b of each locus's vectors.

    A correlation matrix that is not positive definite has no inverse: NaN for that locus.
    """
    n_loci, n_vectors, n_variants = vectors.shape
    found = np.empty((n_loci, n_vectors, n_vectors))
    step = max(1, _BLOCK // max(1, n_variants**2))
    for start in range(0, n_loci, step):
        rows = slice(start, min(start + step, n_loci))
        scaled = vectors[rows] / se[rows, None, :]
        dense, factor = correlation_of(effects, rows)
        found[rows] = (
            _factor_products(factor, scaled)
            if dense is None and factor is not None
            else _dense_products(np.asarray(dense), scaled)
        )
    return found


def least_squares(
    effects: EffectSizes,
    design: Float64[np.ndarray, "locus term variant"],
    target: Float64[np.ndarray, "locus variant"],
    se: Float64[np.ndarray, "locus variant"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return coefficients, their unit-spread covariance and the residual sum of squares."""
    n_terms = design.shape[1]
    joint = np.concatenate([design, target[:, None, :]], axis=1)
    products = inverse_products(effects, joint, se)
    gram, right = products[:, :n_terms, :n_terms], products[:, :n_terms, n_terms]
    singular = ~(np.linalg.cond(np.nan_to_num(gram, nan=0.0)) < 1e14)
    safe = np.where(singular[:, None, None], np.eye(n_terms), gram)
    covariance = np.where(singular[:, None, None], np.nan, np.linalg.inv(safe))
    coefficient = np.einsum("lij,lj->li", covariance, right)
    residual = target - np.einsum("li,liv->lv", np.nan_to_num(coefficient), design)
    q = inverse_products(effects, residual[:, None, :], se)[:, 0, 0]
    return coefficient, covariance, np.where(singular, np.nan, q)


def generalised_f(effects: EffectSizes) -> Float64[np.ndarray, " locus"]:
    """Return the mean F statistic of correlated instruments."""
    columns = flat(effects)
    products = inverse_products(effects, columns["x"][:, None, :], columns["sx"])
    with np.errstate(invalid="ignore"):
        return np.asarray(products[:, 0, 0] / columns["n"])
