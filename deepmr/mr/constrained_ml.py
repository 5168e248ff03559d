"""Constrained maximum likelihood (cML): the number of invalid instruments is chosen by BIC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate
from deepmr.mr.flags import common_flags
from deepmr.mr.numerics.batch import assemble, estimate_in_batch, in_batch
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.ratio import with_positive_errors
from deepmr.mr.result import MREstimate

__all__ = ["ConstrainedFit", "constrained_ml", "constrained_ml_fit"]

Criterion = Literal["bic", "model_average"]
_ROUNDS = 100
_SETTLED = 1e-7
_ELEMENTS = 1 << 18
_CACHED = 1 << 15
"""Numbers in the columns of rows that are done together."""
MOST_INVALID = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstrainedFit:
    """Selected and averaged constrained maximum-likelihood fits, and the invalid instruments.

    Args:
        selected: The estimate at the number of invalid instruments with the smallest BIC.
        averaged: The average over those numbers, weighted by exp(-BIC / 2).
        invalid: Which instruments the selected fit counts as invalid.
    """

    selected: Estimate
    averaged: Estimate
    invalid: Bool[np.ndarray, "*batch variant"]


class _Fit(NamedTuple):
    """Fits for each number of invalid instruments, on axes (locus, number)."""

    theta: Float64[np.ndarray, "locus number"]
    true: Float64[np.ndarray, "locus number variant"]
    invalid: Bool[np.ndarray, "locus number variant"]
    misfit: Float64[np.ndarray, "locus number"]


class _State(NamedTuple):
    """Slope, true exposure effects and invalid instruments of each row."""

    theta: Float64[np.ndarray, " row"]
    true: Float64[np.ndarray, "row variant"]
    invalid: Bool[np.ndarray, "row variant"]


def _largest(importance: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Mark the ``count`` largest entries of each row, the first ones where some are equal."""
    width, most = importance.shape[-1], max(int(count.max()), 1)
    few = 2 * most < width
    largest = np.partition(importance, width - most, axis=-1)[:, -most:] if few else importance
    ordered = np.sort(largest, axis=-1)
    place = ordered.shape[-1] - np.maximum(count, 1)
    least = np.take_along_axis(ordered, place[:, None], axis=-1)
    chosen = (importance >= least) & (count > 0)[:, None]
    tied = np.count_nonzero(chosen, axis=-1) != count
    if tied.any():
        order = np.argsort(-importance[tied], axis=-1, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.broadcast_to(np.arange(width), order.shape), -1)
        chosen[tied] = rank < count[tied, None]
    return np.asarray(chosen)


def _round(
    columns: Sequence[np.ndarray], mask: np.ndarray | None, count: np.ndarray, state: _State
) -> _State:
    """Choose the invalid instruments, then move true exposure effects, then the slope."""
    _, y, wx, wy, weighted_x = columns
    slope = state.theta[:, None]
    residual = y - slope * state.true
    importance = residual * residual
    importance *= wy
    if mask is not None:
        importance[~mask] = -1.0
    chosen = _largest(importance, count)
    if mask is not None:
        chosen &= mask
    residual[~chosen] = 0.0
    rest = np.subtract(y, residual, out=residual)
    rest *= wy
    true = slope * rest
    true += weighted_x
    true /= wx + slope**2 * wy
    kept = true if mask is None else np.where(mask, true, 0.0)
    weighted = np.multiply(wy, kept, out=importance)
    return _State(np.vecdot(rest, kept) / np.vecdot(weighted, kept), true, chosen)


def _climb(x: np.ndarray, y: np.ndarray, block: Columns, invalid_count: np.ndarray) -> _Fit:
    """Alternate between direct effects, true exposure effects and the slope.

    A row is a locus with a number of invalid instruments. Rows are independent, and as many are
    done together as the processor's cache holds.
    """
    (n_loci, n_variants), number = x.shape, len(invalid_count)
    locus, count = np.repeat(np.arange(n_loci), number), np.tile(invalid_count, n_loci)
    columns = (x, y, 1 / block.sx**2, 1 / block.sy**2, x / block.sx**2)
    step = max(1, _CACHED // n_variants)
    parts = [
        _settled(
            [one[locus[k : k + step]] for one in columns],
            None if block.full else block.mask[locus[k : k + step]],
            count[k : k + step],
        )
        for k in range(0, len(locus), step)
    ]
    theta, true, invalid, fit = (np.concatenate(one) for one in zip(*parts, strict=True))
    wide = (n_loci, number, n_variants)
    shaped = (theta.reshape(wide[:2]), true.reshape(wide), invalid.reshape(wide))
    return _Fit(*shaped, fit.reshape(wide[:2]))


def _settled(
    columns: Sequence[np.ndarray], mask: np.ndarray | None, count: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Go on until each row's slope has settled; rows that have are left alone."""
    rows, shape = len(count), columns[0].shape
    found = _State(np.zeros(rows), np.zeros(shape), np.zeros(shape, bool))
    active, left, masked = np.arange(rows), columns, mask
    state = _State(*(one.copy() for one in found))
    for _ in range(_ROUNDS):
        moved = _round(left, masked, count[active], state)
        if active.size == rows:
            found = moved
        else:
            for whole, part in zip(found, moved, strict=True):
                whole[active] = part
        going = ~(np.abs(moved.theta - state.theta) <= _SETTLED)
        if not bool(going.any()):
            break
        state = moved
        if not bool(going.all()):
            active = active[going]
            state = _State(*(one[going] for one in moved))
            left = [one[going] for one in left]
            masked = None if masked is None else masked[going]
    theta, true, invalid = found
    x, y, wx, wy, _ = columns
    off = (x - true) ** 2 * wx + (y - theta[:, None] * true) ** 2 * wy
    off[invalid if mask is None else invalid | ~mask] = 0.0
    return theta, true, invalid, np.sum(off, axis=-1)


def _error(y: np.ndarray, block: Columns, fit: _Fit) -> np.ndarray:
    """Return the error by the observed information of the valid instruments."""
    wx, wy = 1 / block.sx[:, None] ** 2, 1 / block.sy[:, None] ** 2
    y, slope = y[..., None, :], fit.theta[..., None]
    kept = block.mask[:, None] & ~fit.invalid
    term = fit.true**2 * wy - ((2 * fit.true * slope - y) * wy) ** 2 / (wx + slope**2 * wy)
    information = np.sum(np.where(kept, term, 0.0), axis=-1)
    return np.asarray(np.sqrt(np.where(information > 0, 1 / information, np.nan)))


def _average(theta: np.ndarray, se: np.ndarray, bic: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    weight = np.exp(-(bic - np.min(bic, axis=-1, keepdims=True)) / 2)
    weight /= weight.sum(axis=-1, keepdims=True)
    mean = np.sum(np.where(weight > 0, weight * theta, 0.0), axis=-1)
    spread = weight * np.sqrt(se**2 + (theta - mean[..., None]) ** 2)
    return mean, np.nansum(spread, axis=-1)


def _kernel(
    block: Columns, *, penalty: np.ndarray, most: int, perturbations: int, seed: int
) -> dict[str, np.ndarray]:
    counts = np.arange(most + 1)
    first = _climb(block.x, block.y, block, counts)
    theta, se, invalid = first.theta, _error(block.y, block, first), first.invalid
    n = block.n
    bic = penalty * counts + first.misfit
    bic = np.where(counts <= np.maximum(n - 2, 0)[:, None], bic, np.inf)
    if perturbations:
        theta, se, misfit = _perturbed(block, counts, perturbations, seed)
        bic = np.where(np.isfinite(bic), penalty * counts + misfit, np.inf)
    best = np.argmin(bic, axis=-1)[:, None]
    mean, mean_se = _average(theta, se, bic)
    usable = np.sum(block.x**2, axis=-1) > 0
    f = block.x / block.sx
    found = {
        "selected": np.take_along_axis(theta, best, axis=-1)[:, 0],
        "selected_se": np.take_along_axis(se, best, axis=-1)[:, 0],
        "averaged": mean,
        "averaged_se": mean_se,
    }
    found = {name: np.where(usable, value, np.nan) for name, value in found.items()}
    chosen = np.take_along_axis(invalid, best[..., None], axis=1)[:, 0]
    return found | {"invalid": chosen & block.mask, "n": n, "f_mean": np.vecdot(f, f) / n}


def _perturbed(
    block: Columns, counts: np.ndarray, perturbations: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Refit perturbed effects: means and standard deviations over draws, for each count."""
    rng_x, rng_y = np.random.default_rng(seed).spawn(2)
    thetas, fits = [], []
    for _ in range(perturbations):
        shape = (1, block.x.shape[1])
        x = np.where(block.mask, block.x + block.sx * rng_x.standard_normal(shape), 0.0)
        y = np.where(block.mask, block.y + block.sy * rng_y.standard_normal(shape), 0.0)
        fit = _climb(x, y, block, counts)
        thetas.append(fit.theta)
        fits.append(fit.misfit)
    drawn = np.asarray(thetas)
    return drawn.mean(axis=0), drawn.std(axis=0, ddof=1), np.mean(fits, axis=0)


def _sample_size(effects: EffectSizes, sample_size: float | None) -> float:
    if sample_size is not None:
        return sample_size
    if effects.n_exposure is None or effects.n_outcome is None:
        raise ValueError(
            "constrained_ml needs a sample size for its BIC, got none; give sample_size, or "
            "EffectSizes n_exposure and n_outcome"
        )
    return float(min(np.min(effects.n_exposure), np.min(effects.n_outcome)))


def _found(
    effects: EffectSizes,
    sample_size: float | None,
    max_invalid: int | None,
    perturbations: int,
    rng: np.random.Generator | int,
) -> dict[str, np.ndarray]:
    penalty = np.asarray(np.log(_sample_size(effects, sample_size)))
    n_variants = effects.mask.shape[-1]
    most = min(max(n_variants - 2, 0), MOST_INVALID if max_invalid is None else max_invalid)
    seed = int(np.random.default_rng(rng).integers(2**63))
    kernel = partial(_kernel, penalty=penalty, most=most, perturbations=perturbations, seed=seed)
    return by_blocks(effects, kernel, elements=max(n_variants, _ELEMENTS // (most + 1)))


def constrained_ml_fit(
    effects: EffectSizes,
    *,
    sample_size: float | None = None,
    max_invalid: int | None = None,
    perturbations: int = 0,
    rng: np.random.Generator | int = 0,
) -> ConstrainedFit:
    """Return the selected and the averaged fit of `constrained_ml`, and the invalid instruments.

    Args:
        effects: The instruments.
        sample_size: N; by default the smaller of ``effects.n_exposure`` and ``n_outcome``.
        max_invalid: Largest number of invalid instruments tried; by default n - 2, at most 200.
        perturbations: Redraw the data this often; 0 (default) fits them as they are.
        rng: Generator or seed for the redraws, 0 by default.

    Raises:
        ValueError: If no sample size is known.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> fit = constrained_ml_fit(ldl_chd())
        >>> int(fit.invalid.sum())
        2
    """
    effects, _ = with_positive_errors(effects)
    found = _found(effects, sample_size, max_invalid, perturbations, rng)
    batch = effects.mask.shape[:-1]
    selected, averaged = (
        estimate_in_batch(Estimate(value=found[name], se=found[f"{name}_se"]), batch)
        for name in ("selected", "averaged")
    )
    return ConstrainedFit(
        selected=selected, averaged=averaged, invalid=in_batch(found["invalid"], batch)
    )


def constrained_ml(
    effects: EffectSizes,
    *,
    criterion: Criterion = "model_average",
    sample_size: float | None = None,
    max_invalid: int | None = None,
    perturbations: int = 0,
    rng: np.random.Generator | int = 0,
) -> MREstimate:
    """Estimate the causal effect by maximum likelihood with k instruments left out as invalid.

    For each k the likelihood is maximised over slope, true exposure effects and k free direct
    effects; k then has the smallest BIC, log(N) k + 2 (negative log-likelihood), or all k are
    averaged with weights exp(-BIC / 2). Consistent under plurality, whatever the invalid ones do
    (correlated with the exposure effects or not).

    *Finite samples*: with small direct effects the selection errs and the error is too small; use
    ``perturbations`` (100 to 200), which averages over redrawn data. *Weak instruments* look valid
    for any slope and are harmless but useless. N is the smaller sample size of the two studies;
    effects of networks have none, so choose ``sample_size`` (a larger one leaves fewer out).

    Args:
        effects: The instruments.
        criterion: ``bic`` (select) or ``model_average``.
        sample_size: N; by default the smaller of ``effects.n_exposure`` and ``n_outcome``.
        max_invalid: Largest k tried; by default n - 2, at most 200.
        perturbations: Redraw the data this often and use means and standard deviations.
        rng: Generator or seed for the redraws; all loci see the same standard normal draws.

    Raises:
        ValueError: If no sample size is known.

    References:
        Xue, Shen and Pan 2021, doi:10.1016/j.ajhg.2021.05.014.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> round(float(constrained_ml(ldl_chd()).effect.value), 2)
        2.89
    """
    effects, exact = with_positive_errors(effects)
    found = _found(effects, sample_size, max_invalid, perturbations, rng)
    name = "selected" if criterion == "bic" else "averaged"
    flags = common_flags(n=found["n"], least=1)
    flags["invalid_instruments"] = np.asarray(found["invalid"].any(axis=-1))
    return assemble(
        effects,
        "constrained_ml",
        effect=Estimate(value=found[name], se=found[f"{name}_se"]),
        flags=flags | exact,
    )
