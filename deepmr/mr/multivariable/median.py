"""Multivariable median: weighted least absolute deviations."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64

from deepmr.effects import MultivariableEffectSizes
from deepmr.estimate import Estimate
from deepmr.mr.multivariable.least_squares import residual_of, solve_weighted
from deepmr.mr.multivariable.result import (
    Distribution,
    MultivariableEstimate,
    MultivariableRows,
    assemble_multivariable,
    rows_of,
)
from deepmr.mr.numerics.ratio import with_positive_errors

__all__ = ["multivariable_median"]

ErrorMethod = Literal["bootstrap", "none"]
_ROUNDS = 80
_CHUNK = 1 << 18


def _least_absolute(design: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Minimise sum w |y - x b|: reweighted least squares, then the nearest vertex.

    The minimum lies where as many residuals are 0 as there are exposures; those with the smallest
    residuals near the minimum are taken, and kept if that lowers the sum.
    """
    terms = design.shape[-2]
    b = solve_weighted(design, y, w)
    typical = np.maximum(np.max(np.abs(residual_of(design, y, b)), axis=-1, keepdims=True), 1e-300)
    for step in range(_ROUNDS):
        floor = typical * 10.0 ** (-10.0 * step / _ROUNDS - 1)
        size = np.sqrt(residual_of(design, y, b) ** 2 + floor**2)
        b = solve_weighted(design, y, w / size)
    size = np.where(w > 0, np.abs(residual_of(design, y, b)), np.inf)
    nearest = np.argsort(size, axis=-1)[..., :terms]
    rows = np.take_along_axis(design, nearest[..., None, :], axis=-1)
    values = np.take_along_axis(np.broadcast_to(y, size.shape), nearest, axis=-1)
    matrix = np.swapaxes(rows, -1, -2)
    regular = np.linalg.cond(matrix) < 1e12
    matrix = np.where(regular[..., None, None], matrix, np.eye(terms))
    vertex = np.linalg.solve(matrix, values[..., None])[..., 0]
    cost = [np.sum(w * np.abs(residual_of(design, y, c)), axis=-1) for c in (b, vertex)]
    take = regular & (cost[1] <= cost[0] * (1 + 1e-9))
    return np.asarray(np.where(take[..., None], vertex, b))


def multivariable_median(
    effects: MultivariableEffectSizes,
    *,
    error: ErrorMethod = "bootstrap",
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
        error: ``bootstrap`` (default), or ``none``, which returns a NaN standard error without
            spending time; the value is the same.
        iterations: Bootstrap draws, 1000 by default; all loci see the same standard normal draws.
        rng: Generator or seed of the draws, 0 by default.
        distribution: ``normal`` (default), or ``t`` with n - K degrees of freedom.

    Raises:
        ValueError: If ``error`` is neither word.

    References:
        Grant and Burgess 2021, doi:10.1002/sim.9156.

    Example:
        >>> from deepmr.mr import lipids_chd
        >>> multivariable_median(lipids_chd(), error="none").effect.value.round(2).tolist()
        [2.12, 0.11, 1.04]
    """
    effects, exact = with_positive_errors(effects)
    rows = rows_of(effects)
    w = rows.mask / rows.sy**2
    n_exposures = rows.x.shape[1]
    if error not in get_args(ErrorMethod):
        raise ValueError(
            f"a median's error is one of {', '.join(get_args(ErrorMethod))}, got {error!r}"
        )
    b = _least_absolute(rows.x, rows.y, w)
    se = np.full(b.shape, np.nan)
    if error == "bootstrap":
        se = _bootstrap_error(rows, w, iterations, rng)
    enough = (rows.n > n_exposures)[:, None]
    degrees = np.maximum(rows.n - n_exposures, 1.0)[:, None]
    effect = Estimate(
        value=np.where(enough, b, np.nan),
        se=np.where(enough, se, np.nan),
        df=degrees if distribution == "t" else np.asarray(np.inf),
    )
    return assemble_multivariable(
        effects, "multivariable_median", rows, effect=effect, extra_flags=exact
    )


def _bootstrap_error(
    rows: MultivariableRows, w: np.ndarray, iterations: int, rng: np.random.Generator | int
) -> Float64[np.ndarray, "locus exposure"]:
    """Return the standard deviation over parametric bootstrap draws of all effects."""
    n_exposures, n_variants = rows.x.shape[1:]
    rng_x, rng_y = np.random.default_rng(rng).spawn(2)
    step = max(1, _CHUNK // max(1, rows.x.size))
    draws = []
    for start in range(0, iterations, step):
        count = min(step, iterations - start)
        x = rows.x + rows.sx * rng_x.standard_normal((count, 1, n_exposures, n_variants))
        y = rows.y + rows.sy * rng_y.standard_normal((count, 1, n_variants))
        draws.append(_least_absolute(x, y, np.broadcast_to(w, y.shape)))
    return np.asarray(np.std(np.concatenate(draws), axis=0, ddof=1))
