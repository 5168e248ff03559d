"""Multivariable estimators that survive some invalid instruments: median and lasso."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effects import MultivariableEffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.assemble import in_batch
from deepmr.mr.lasso import choose_penalty, penalty_path
from deepmr.mr.multivariable import (
    Distribution,
    MultivariableEstimate,
    MultivariableRows,
    assemble_multivariable,
    fit_plane,
    rows_of,
)

__all__ = [
    "MultivariableLassoSelection",
    "multivariable_lasso",
    "multivariable_lasso_selection",
    "multivariable_median",
]

_ROUNDS = 80
_CHUNK = 1 << 18


def _solve(design: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Weighted normal equations with any leading axes; a whiff of ridge keeps them regular."""
    scaled = design * w[..., None, :]
    gram = scaled @ np.swapaxes(design, -1, -2)
    ridge = 1e-13 * np.trace(gram, axis1=-2, axis2=-1)[..., None, None]
    gram = gram + ridge * np.eye(gram.shape[-1]) + 1e-300 * np.eye(gram.shape[-1])
    right = np.vecdot(scaled, y[..., None, :])
    return np.asarray(np.linalg.solve(gram, right[..., None])[..., 0])


def _residual(design: np.ndarray, y: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(y - np.einsum("...kv,...k->...v", design, b))


def _least_absolute(design: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Minimise sum w |y - x b|: reweighted least squares, then the nearest vertex.

    The minimum lies where as many residuals are 0 as there are exposures; those with the smallest
    residuals near the minimum are taken, and kept if that lowers the sum.
    """
    terms = design.shape[-2]
    b = _solve(design, y, w)
    typical = np.maximum(np.max(np.abs(_residual(design, y, b)), axis=-1, keepdims=True), 1e-300)
    for step in range(_ROUNDS):
        floor = typical * 10.0 ** (-10.0 * step / _ROUNDS - 1)
        size = np.sqrt(_residual(design, y, b) ** 2 + floor**2)
        b = _solve(design, y, w / size)
    size = np.where(w > 0, np.abs(_residual(design, y, b)), np.inf)
    nearest = np.argsort(size, axis=-1)[..., :terms]
    rows = np.take_along_axis(design, nearest[..., None, :], axis=-1)
    values = np.take_along_axis(np.broadcast_to(y, size.shape), nearest, axis=-1)
    matrix = np.swapaxes(rows, -1, -2)
    regular = np.linalg.cond(matrix) < 1e12
    matrix = np.where(regular[..., None, None], matrix, np.eye(terms))
    vertex = np.linalg.solve(matrix, values[..., None])[..., 0]
    cost = [np.sum(w * np.abs(_residual(design, y, c)), axis=-1) for c in (b, vertex)]
    take = regular & (cost[1] <= cost[0] * (1 + 1e-9))
    return np.asarray(np.where(take[..., None], vertex, b))


def multivariable_median(
    effects: MultivariableEffectSizes,
    *,
    iterations: int = 1000,
    rng: np.random.Generator | int = 0,
    distribution: Distribution = "normal",
) -> MultivariableEstimate:
    """Estimate direct effects by weighted least absolute deviations.

    Minimises sum |y - x b| / sy^2. Errors are standard deviations over parametric bootstrap draws
    of all effects. Robust to instruments with outlying direct effects, up to about half of the
    weight. *Weak* conditional instruments (`conditional_f`) bias it towards 0.

    Args:
        effects: The instruments; more of them than exposures.
        iterations: Bootstrap draws; all loci see the same standard normal draws.
        rng: Generator or seed for them.
        distribution: Normal, or t with n - K degrees of freedom.

    References:
        Grant and Burgess 2021, doi:10.1002/sim.9156.
    """
    rows = rows_of(effects)
    w = rows.mask / rows.sy**2
    n_exposures, n_variants = rows.x.shape[1:]
    b = _least_absolute(rows.x, rows.y, w)
    rng_x, rng_y = np.random.default_rng(rng).spawn(2)
    step = max(1, _CHUNK // max(1, rows.x.size))
    draws = []
    for start in range(0, iterations, step):
        count = min(step, iterations - start)
        x = rows.x + rows.sx * rng_x.standard_normal((count, 1, n_exposures, n_variants))
        y = rows.y + rows.sy * rng_y.standard_normal((count, 1, n_variants))
        draws.append(_least_absolute(x, y, np.broadcast_to(w, y.shape)))
    se = np.std(np.concatenate(draws), axis=0, ddof=1)
    enough = (rows.n > n_exposures)[:, None]
    degrees = np.maximum(rows.n - n_exposures, 1.0)[:, None]
    effect = Estimate(
        value=np.where(enough, b, np.nan),
        se=np.where(enough, se, np.nan),
        df=degrees if distribution == "t" else np.asarray(np.inf),
    )
    return assemble_multivariable(effects, "multivariable_median", rows, effect=effect)


@dataclass(frozen=True, slots=True, kw_only=True)
class MultivariableLassoSelection:
    """What the multivariable lasso decided.

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
        residual = _residual(x, y, b)
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
            again = np.abs(_residual(x, y, moved)) > limit
            same = np.all(again == outside, axis=-1) & np.all(np.isfinite(moved), axis=-1)
            b = np.where(same[..., None], moved, b)
            if bool(np.all(same)):
                break
        else:
            weight = w * np.where(outside, limit / np.where(outside, size, 1.0), 1.0)
            b = _solve(x, y, np.maximum(weight, 0.0))
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
    residual = _residual(x, y, ols)
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
        left = _residual(x, y, current)
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

    See `lasso`, whose choices carry over. Errors are those of IVW on the valid instruments, as if
    these had been given.

    References:
        Grant and Burgess 2021, doi:10.1002/sim.9156.
    """
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
        extra_flags={"invalid_instruments": np.asarray(number < rows.n)},
    )


def multivariable_lasso_selection(
    effects: MultivariableEffectSizes, *, orient: int = 0, penalty: float | None = None
) -> MultivariableLassoSelection:
    """Return the instruments that `multivariable_lasso` finds valid, and at which penalty."""
    valid, chosen = _select(rows_of(effects), orient, penalty)
    batch = effects.mask.shape[:-1]
    return MultivariableLassoSelection(
        valid=in_batch(valid, batch), penalty=in_batch(chosen, batch)
    )
