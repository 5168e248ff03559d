"""Debiased inverse-variance weighting: IVW without its weak-instrument bias."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate
from deepmr.mr.flags import common_flags
from deepmr.mr.numerics.batch import assemble
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.ratio import with_positive_errors
from deepmr.mr.result import MREstimate

__all__ = ["debiased_ivw", "penalized_debiased_ivw"]

LEAST_STRENGTH = 20.0
"""Ye et al. ask for (mean F - 1) sqrt(n) above 20 before the normal approximation is trusted."""


def _strength(block: Columns) -> Float64[np.ndarray, " locus"]:
    """Return (mean F - 1) sqrt(n), the effective sample size of dIVW."""
    f = block.x / block.sx
    return np.asarray((np.vecdot(f, f) / block.n - 1) * np.sqrt(block.n))


def _pleiotropy(
    block: Columns, slope: np.ndarray, *, over_dispersion: bool
) -> Float64[np.ndarray, " locus"]:
    """Return the moment estimate of the direct effects' variance, floored at 0."""
    if not over_dispersion:
        return np.zeros_like(slope)
    b = slope[:, None]
    excess = (block.y - b * block.x) ** 2 - block.sy**2 - (b * block.sx) ** 2
    weight = block.mask / block.sy**2
    return np.asarray(np.maximum(np.vecdot(excess, weight) / weight.sum(axis=-1), 0.0))


def _debiased(block: Columns, *, over_dispersion: bool) -> dict[str, np.ndarray]:
    weight = block.mask / block.sy**2
    strength = np.vecdot(weight, block.x**2 - block.sx**2)
    slope = np.vecdot(weight, block.x * block.y) / strength
    tau2 = _pleiotropy(block, slope, over_dispersion=over_dispersion)
    noise = (slope[:, None] * block.sx) ** 2 * (block.x**2 + block.sx**2)
    variance = np.vecdot(weight, block.x**2) + np.vecdot(weight**2, noise)
    variance += tau2 * np.vecdot(weight**2, block.x**2)
    return {
        "value": slope,
        "se": np.sqrt(np.maximum(variance, 0.0)) / np.abs(strength),
        "n": block.n,
        "strength": _strength(block),
    }


def _assemble(
    effects: EffectSizes,
    method: str,
    found: dict[str, np.ndarray],
    effect: Estimate,
    exact: dict[str, np.ndarray],
) -> MREstimate:
    flags = common_flags(n=found["n"], least=1)
    flags["weak_instruments"] = np.asarray(found["strength"] < LEAST_STRENGTH)
    return assemble(effects, method, effect=effect, flags=flags | exact)


def debiased_ivw(effects: EffectSizes, *, over_dispersion: bool = True) -> MREstimate:
    """Estimate the causal effect by dIVW: sum(x y / sy^2) over sum((x^2 - sx^2) / sy^2).

    IVW's denominator overstates the instruments' strength by their errors; taking those away
    removes the weak-instrument bias. With ``over_dispersion`` balanced direct effects widen the
    error by their moment-estimated variance, floored at 0.

    *Very weak* instruments bring the denominator near 0 and the estimate anywhere: flag below
    (mean F - 1) sqrt(n) = 20. Use all instruments; choosing those with large x brings the
    winner's curse back. *Directional* pleiotropy biases it as it does IVW.

    Args:
        effects: The instruments.
        over_dispersion: Let balanced direct effects widen the error; True by default.

    References:
        Ye, Shao and Kang 2021, doi:10.1214/20-AOS2027.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> round(float(debiased_ivw(ldl_chd()).effect.value), 3)
        2.94
    """
    effects, exact = with_positive_errors(effects)
    found = by_blocks(effects, partial(_debiased, over_dispersion=over_dispersion))
    effect = Estimate(value=found["value"], se=found["se"])
    return _assemble(effects, "debiased_ivw", found, effect, exact)


class _Moments(NamedTuple):
    """Penalised sums and their estimated covariance, with any leading axes."""

    mu1: np.ndarray
    mu2: np.ndarray
    v1: np.ndarray
    v12: np.ndarray
    v2: np.ndarray


def _moments(
    x: np.ndarray, y: np.ndarray, block: Columns, tau2: np.ndarray, penalty: float
) -> _Moments:
    """Sums of the penalised estimator; ``x`` and ``y`` may have a leading axis of draws."""
    weight = block.mask / block.sy**2
    square, sx2 = weight**2, block.sx**2
    strong = x**2 - sx2
    v2 = np.vecdot(square, 4 * strong * sx2 + 2 * sx2**2)
    v12 = np.vecdot(square, 2 * y * x * sx2)
    own = block.sy**2 + tau2[:, None]
    v1 = np.vecdot(square, y**2 * x**2 - (y**2 - own) * strong)
    mu1, mu2 = np.vecdot(weight, x * y), np.vecdot(weight, strong)
    shrunk = mu2 / 2 + np.sign(mu2) * np.sqrt(mu2**2 / 4 + penalty * v2)
    share = shrunk / (2 * shrunk - mu2)
    return _Moments(mu1 + v12 / v2 * (shrunk - mu2), shrunk, v1, share * v12, share**2 * v2)


def _statistic(moments: _Moments, slope: np.ndarray) -> np.ndarray:
    difference = moments.mu1 - slope * moments.mu2
    variance = moments.v1 - 2 * slope * moments.v12 + slope**2 * moments.v2
    return np.asarray(difference**2 / variance)


def _bootstrap(
    block: Columns, slope: np.ndarray, tau2: np.ndarray, penalty: float, draws: int, seed: int
) -> np.ndarray:
    """Draw Fieller's statistic at the estimate; draws with a negative variance are left out."""
    rng_x, rng_y = np.random.default_rng(seed).spawn(2)
    found = []
    shape = (1, block.x.shape[1])
    own = np.sqrt(block.sy**2 + tau2[:, None])
    for _ in range(draws):
        x = block.x + block.sx * rng_x.standard_normal(shape)
        y = slope[:, None] * block.x + own * rng_y.standard_normal(shape)
        found.append(_statistic(_moments(x, y, block, tau2, penalty), slope))
    statistic = np.asarray(found)
    return np.sort(np.where(statistic < 0, np.nan, statistic), axis=0)


def _fieller_set(moments: _Moments, critical: np.ndarray) -> Float64[np.ndarray, "locus 2 2"]:
    """Return where Fieller's statistic stays below ``critical``: one range, two, or all."""
    a = moments.mu2**2 - critical * moments.v2
    b = 2 * (critical * moments.v12 - moments.mu1 * moments.mu2)
    c = moments.mu1**2 - critical * moments.v1
    discriminant = b**2 - 4 * a * c
    half = np.sqrt(np.maximum(discriminant, 0.0))
    first, second = (-b - half) / (2 * a), (-b + half) / (2 * a)
    inner = np.stack([first, second, np.full_like(a, np.nan), np.full_like(a, np.nan)], axis=-1)
    low, high = np.minimum(first, second), np.maximum(first, second)
    outer = np.stack([np.full_like(a, -np.inf), low, high, np.full_like(a, np.inf)], axis=-1)
    whole = np.broadcast_to([-np.inf, np.inf, np.nan, np.nan], outer.shape)
    ranges = np.where((a > 0)[:, None], inner, np.where((discriminant > 0)[:, None], outer, whole))
    return np.asarray(ranges.reshape(-1, 2, 2))


def _penalized(
    block: Columns, *, over_dispersion: bool, penalty: float, fieller: bool, draws: int, seed: int
) -> dict[str, np.ndarray]:
    zero = np.zeros(len(block.x))
    first = _moments(block.x, block.y, block, zero, penalty)
    slope = first.mu1 / first.mu2
    tau2 = _pleiotropy(block, slope, over_dispersion=over_dispersion)
    weight = block.mask / block.sy**2
    noise = (slope[:, None] * block.sx) ** 2 * (block.x**2 + block.sx**2)
    variance = np.vecdot(weight * (1 + tau2[:, None] * weight), block.x**2)
    variance += np.vecdot(weight**2, noise)
    found = {
        "value": slope,
        "se": np.sqrt(variance) / np.abs(first.mu2),
        "tau2": tau2,
        "n": block.n,
        "strength": _strength(block),
    }
    if fieller:
        moments = _moments(block.x, block.y, block, tau2, penalty)
        drawn = _bootstrap(block, slope, tau2, penalty, draws, seed)
        count = np.sum(~np.isnan(drawn), axis=0)
        place = np.maximum(np.round(0.95 * count).astype(int) - 1, 0)
        critical = np.take_along_axis(drawn, place[None, :], axis=0)[0]
        found["bounds"] = _fieller_set(moments, critical)
        beyond = np.sum(drawn > moments.mu1**2 / moments.v1, axis=0)
        found["log_p"] = np.log((beyond + 1.0) / (count + 1.0))
    return found


def penalized_debiased_ivw(
    effects: EffectSizes,
    *,
    over_dispersion: bool = True,
    penalty: float = 1.0,
    interval: str = "normal",
    iterations: int = 1000,
    rng: np.random.Generator | int = 0,
) -> MREstimate:
    """Estimate the causal effect by pIVW: dIVW whose denominator is kept away from 0.

    The denominator mu becomes mu / 2 + sign(mu) sqrt(mu^2 / 4 + penalty v), v its variance, and
    the numerator moves along with it. Where instruments are very weak, dIVW has no moments; this
    has, at the price of a little bias towards 0.

    Args:
        effects: The instruments.
        over_dispersion: Let balanced direct effects widen the error.
        penalty: Size of the penalty (lambda); 0 is dIVW.
        interval: ``normal``, or ``fieller``: Fieller's set with bootstrap critical values, which
            may be one range, two, or the whole line. Its p-value is a share of draws, counted with
            the observed one so that it cannot be 0.
        iterations: Bootstrap draws for ``fieller``.
        rng: Generator or seed for them; all loci see the same standard normal draws.

    Raises:
        ValueError: If ``interval`` is neither ``normal`` nor ``fieller``.

    References:
        Xu, Wang, Fung and Liu 2023, doi:10.1111/biom.13732.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> round(float(penalized_debiased_ivw(ldl_chd()).effect.value), 3)
        2.932
    """
    if interval not in {"normal", "fieller"}:
        raise ValueError(f"pivw's interval must be normal or fieller, got {interval!r}")
    seed = int(np.random.default_rng(rng).integers(2**63))
    kernel = partial(
        _penalized,
        over_dispersion=over_dispersion,
        penalty=penalty,
        fieller=interval == "fieller",
        draws=iterations,
        seed=seed,
    )
    effects, exact = with_positive_errors(effects)
    found = by_blocks(effects, kernel)
    effect = Estimate(
        value=found["value"], se=found["se"], bounds=found.get("bounds"), log_p=found.get("log_p")
    )
    return _assemble(effects, "penalized_debiased_ivw", found, effect, exact)
