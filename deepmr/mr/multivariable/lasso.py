"""Multivariable MR-Lasso: IVW of the instruments without a direct effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effects import MultivariableEffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.lasso import choose_penalty, penalty_path
from deepmr.mr.multivariable.least_squares import fit_plane, residual_of, solve_weighted
from deepmr.mr.multivariable.result import (
    Distribution,
    MultivariableEstimate,
    MultivariableRows,
    assemble_multivariable,
    rows_of,
)
from deepmr.mr.numerics.batch import in_batch
from deepmr.mr.numerics.ratio import with_positive_errors

__all__ = [
    "MultivariableLassoSelection",
    "multivariable_lasso",
    "multivariable_lasso_selection",
]

_ROUNDS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class MultivariableLassoSelection:
    """Result of the multivariable lasso: valid instruments and the penalty.

    Args:
        valid: Instruments without a direct effect.
        penalty: The penalty chosen (lambda, as glmnet scales it).
    """

    valid: Bool[np.ndarray, "*batch variant"]
    penalty: Float64[np.ndarray, "*batch"]


def _huber_plane(
    x: np.ndarray, y: np.ndarray, w: np.ndarray, limit: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Minimise the sum of Huber losses, each with its own limit, over the plane.

    Given which residuals exceed their limits the minimum is linear; the split is updated, with
    reweighted least squares on the way, until it stands.
    """
    for step in range(4 * _ROUNDS):
        residual = residual_of(x, y, b)
        size = np.abs(residual)
        outside = size > limit
        if step % 4 == 3:
            pulled = np.where(outside, np.sign(residual) * limit, 0.0)
            inner = np.where(outside, 0.0, w)
            scaled = x * inner[..., None, :]
            gram = scaled @ np.swapaxes(x, -1, -2)
            gram = gram + 1e-13 * np.trace(gram, axis1=-2, axis2=-1)[..., None, None] * np.eye(
                x.shape[-2]
            )
            gram = gram + 1e-300 * np.eye(x.shape[-2])
            right = np.vecdot(scaled, y[..., None, :]) + np.vecdot(x, (w * pulled)[..., None, :])
            moved = np.linalg.solve(gram, right[..., None])[..., 0]
            again = np.abs(residual_of(x, y, moved)) > limit
            same = np.all(again == outside, axis=-1) & np.all(np.isfinite(moved), axis=-1)
            b = np.where(same[..., None], moved, b)
            if bool(np.all(same)):
                break
        else:
            weight = w * np.where(outside, limit / np.where(outside, size, 1.0), 1.0)
            b = solve_weighted(x, y, np.maximum(weight, 0.0))
    return b


def _select(
    rows: MultivariableRows, orient: int, penalty: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the valid instruments and the penalty of each locus."""
    sign = np.where(rows.x[:, orient] < 0, -1.0, 1.0)
    x, y = rows.x * sign[:, None], rows.y * sign
    w = rows.mask / rows.sy**2
    root = np.sqrt(w)
    n, n_exposures = rows.n[:, None], x.shape[1]
    b = x * root[:, None]
    inverse = np.linalg.pinv(b @ np.swapaxes(b, -1, -2))
    hat = np.einsum("lkv,lkj,ljv->lv", b, inverse, b)
    across = np.einsum("lkv,lkj,lj->lv", b, inverse, b.sum(axis=-1))
    mean = root * (1 - across) / n
    scale = np.sqrt(np.maximum(w * (1 - hat) / n - mean**2, 0.0))
    ols = fit_plane(x, y, w).coefficient
    ols = np.nan_to_num(ols)
    residual = residual_of(x, y, ols)
    if penalty is None:
        penalties = penalty_path(w * residual, scale, rows.n)
    else:
        penalties = np.full((len(n), 1), penalty)
    null = np.vecdot(w * residual, residual)
    valid, spread, count, share = [], [], [], []
    current = ols
    for step in range(penalties.shape[1]):
        limit = n * penalties[:, step, None] * scale / np.where(w > 0, w, 1.0)
        current = _huber_plane(x, y, w, limit, current)
        left = residual_of(x, y, current)
        inside = (np.abs(left) <= limit * (1 + 1e-9)) & rows.mask
        clipped = np.clip(left, -limit, limit)
        share.append(1 - np.vecdot(w * clipped, clipped) / null)
        kept = fit_plane(x, y, w * inside)
        number = inside.sum(axis=-1).astype(np.float64)
        df = np.where(number > n_exposures, number - n_exposures, np.nan)
        valid.append(inside)
        spread.append(np.sqrt(kept.q / df))
        count.append(number)
    if penalty is not None:
        return valid[0], penalties[:, 0]
    explained = np.stack(share, axis=1)
    gain = np.diff(explained, axis=1, prepend=0.0)
    stop = (gain < 1e-5 * explained) | (explained > 0.999)
    stop[:, :4] = False
    reached: np.ndarray = np.cumsum(stop, axis=1) - stop == 0
    chosen = choose_penalty(np.stack(spread, axis=1), np.stack(count, axis=1), reached, n_exposures)
    picked = np.take_along_axis(np.stack(valid, axis=1), chosen[:, None, None], axis=1)[:, 0]
    return picked, np.take_along_axis(penalties, chosen[:, None], axis=1)[:, 0]


def multivariable_lasso(
    effects: MultivariableEffectSizes,
    *,
    orient: int = 0,
    penalty: float | None = None,
    distribution: Distribution = "normal",
) -> MultivariableEstimate:
    """Estimate direct effects by IVW of the instruments a lasso on direct effects finds valid.

    Penalties and the choice among them are those of `lasso`. Errors are those of IVW on the valid
    instruments, as if these had been given.

    Args:
        effects: The instruments; more valid ones than exposures, otherwise NaN.
        orient: Index of the exposure whose effects are made positive, 0 by default; it scales the
            penalties.
        penalty: Penalty (lambda, as glmnet scales it); by default chosen by heterogeneity.
        distribution: ``normal`` (default), or ``t`` with as many degrees of freedom as valid
            instruments less exposures.

    References:
        Grant and Burgess 2021, doi:10.1002/sim.9156.

    Example:
        >>> from deepmr.mr import lipids_chd
        >>> multivariable_lasso(lipids_chd()).effect.value.round(2).tolist()
        [1.73, -0.13, 0.86]
    """
    effects, exact = with_positive_errors(effects)
    rows = rows_of(effects)
    n_exposures = rows.x.shape[1]
    valid, _ = _select(rows, orient, penalty)
    plane = fit_plane(rows.x, rows.y, valid / rows.sy**2)
    number = valid.sum(axis=-1).astype(np.float64)
    df = np.maximum(number - n_exposures, 0.0)
    factor = np.maximum(np.sqrt(plane.q / np.maximum(df, 1.0)), 1.0)[:, None]
    enough = (number > n_exposures)[:, None]
    degrees = np.maximum(df, 1.0)[:, None]
    effect = Estimate(
        value=np.where(enough, plane.coefficient, np.nan),
        se=np.where(enough, plane.error * factor, np.nan),
        df=degrees if distribution == "t" else np.asarray(np.inf),
    )
    return assemble_multivariable(
        effects,
        "multivariable_lasso",
        rows,
        effect=effect,
        heterogeneity=Heterogeneity(q=np.where(df > 0, plane.q, np.nan), df=df),
        extra_flags={"invalid_instruments": np.asarray(number < rows.n)} | exact,
    )


def multivariable_lasso_selection(
    effects: MultivariableEffectSizes, *, orient: int = 0, penalty: float | None = None
) -> MultivariableLassoSelection:
    """Return the instruments that `multivariable_lasso` finds valid, and at which penalty.

    Args:
        effects: The instruments.
        orient: Index of the exposure whose effects are made positive, 0 by default; it scales the
            penalties.
        penalty: Penalty (lambda, as glmnet scales it); by default chosen by heterogeneity.

    Example:
        >>> from deepmr.mr import lipids_chd
        >>> int(multivariable_lasso_selection(lipids_chd()).valid.sum())
        25
    """
    effects, _ = with_positive_errors(effects)
    valid, chosen = _select(rows_of(effects), orient, penalty)
    batch = effects.mask.shape[:-1]
    return MultivariableLassoSelection(
        valid=in_batch(valid, batch), penalty=in_batch(chosen, batch)
    )
