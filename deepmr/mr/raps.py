"""Robust adjusted profile score (MR-RAPS): many weak instruments and balanced pleiotropy."""

from __future__ import annotations

from functools import cache, partial
from typing import Literal, NamedTuple

import numpy as np
import scipy
from jaxtyping import Float64

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate
from deepmr.mr.flags import common_flags
from deepmr.mr.maximum_likelihood import profile_minimum
from deepmr.mr.numerics.batch import assemble, in_batch
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.root import bracket_from, root
from deepmr.mr.result import MREstimate

__all__ = ["overdispersion", "raps"]

Loss = Literal["l2", "huber", "tukey"]
TUNING = {"l2": np.inf, "huber": 1.345, "tukey": 4.685}
"""95 % efficiency under normal errors."""
_ROUNDS = 300
_SETTLED = 1e-12
_STARTS = 64


def _loss(t: np.ndarray, loss: Loss) -> np.ndarray:
    k = TUNING[loss]
    if loss == "l2":
        return np.asarray(t**2 / 2)
    if loss == "huber":
        size = np.abs(t)
        return np.asarray(np.where(size <= k, t**2 / 2, k * (size - k / 2)))
    return np.asarray(1 - (1 - np.minimum((t / k) ** 2, 1.0)) ** 3)


def _influence(t: np.ndarray, loss: Loss) -> np.ndarray:
    """Derivative of the loss (Tukey's up to the constant by which R's mr.raps scales it)."""
    k = TUNING[loss]
    if loss == "l2":
        return t
    if loss == "huber":
        return np.asarray(np.clip(t, -k, k))
    return np.asarray(t * (1 - np.minimum((t / k) ** 2, 1.0)) ** 2)


class _Moments(NamedTuple):
    """Expectations of the influence function under a standard normal residual."""

    delta: float
    c1: float
    c2: float
    c3: float


@cache
def _moments(loss: Loss) -> _Moments:
    if loss == "l2":
        return _Moments(1.0, 1.0, 2.0, 1.0)
    k = TUNING[loss]

    def expect(power: int, *, squared: bool) -> float:
        def integrand(t: float) -> float:
            psi = float(_influence(np.asarray(t), loss))
            return t**power * psi ** (2 if squared else 1) * float(scipy.stats.norm.pdf(t))

        inner = scipy.integrate.quad(integrand, 0, k, epsabs=1e-14, epsrel=1e-13)[0]
        return 2 * float(
            inner + scipy.integrate.quad(integrand, k, 40, epsabs=1e-14, epsrel=1e-13)[0]
        )

    delta = expect(1, squared=False)
    # E[t^2 psi'] by parts: E[t^3 psi] - 2 E[t psi].
    c3 = expect(3, squared=False) - 2 * delta
    return _Moments(delta, expect(0, squared=True), expect(2, squared=True) - delta**2, c3)


def _standardised(
    beta: np.ndarray, tau2: np.ndarray, block: Columns
) -> tuple[np.ndarray, np.ndarray]:
    """Return residuals over their standard deviations, and the variances."""
    variance = block.sy**2 + (beta[:, None] * block.sx) ** 2 + tau2[:, None]
    return (block.y - beta[:, None] * block.x) / np.sqrt(variance), variance


def _slope_score(
    beta: np.ndarray, *, tau2: np.ndarray, block: Columns, loss: Loss
) -> Float64[np.ndarray, " locus"]:
    """Derivative of the summed loss in the slope."""
    t, variance = _standardised(beta, tau2, block)
    bend = block.x / np.sqrt(variance) + t * beta[:, None] * block.sx**2 / variance
    return np.asarray(-np.sum(_influence(t, loss) * bend, axis=-1))


def _spread_score(
    tau2: np.ndarray, *, beta: np.ndarray, block: Columns, loss: Loss
) -> Float64[np.ndarray, " locus"]:
    """Estimating function of the overdispersion, weighted by the exposure's error variance."""
    t, variance = _standardised(beta, tau2, block)
    term = (t * _influence(t, loss) - _moments(loss).delta) * block.mask
    return np.asarray(np.sum(block.sx**2 * term / variance, axis=-1))


def _local_slope(beta: np.ndarray, tau2: np.ndarray, block: Columns, loss: Loss) -> np.ndarray:
    score = partial(_slope_score, tau2=tau2, block=block, loss=loss)
    variance = block.sy**2 + tau2[:, None]
    step = 0.1 / np.sqrt(np.sum(block.x**2 / variance, axis=-1))
    step = np.where(np.isfinite(step) & (step > 0), step, 1e-8)
    near, far = bracket_from(score, beta, step)
    return root(score, near, far)


def _global_slope(block: Columns, loss: Loss) -> np.ndarray:
    """Minimise a loss without overdispersion, from ratios spread over their distribution."""
    zero = np.zeros(len(block.x))
    start = profile_minimum(block)
    if loss == "l2":
        return start
    usable = block.mask & (block.x != 0)
    ratio = np.sort(np.where(usable, block.y / block.x, np.inf), axis=-1)
    count = usable.sum(axis=-1)
    lowest = np.full(zero.shape, np.inf)
    best = start
    for k in range(-1, _STARTS):
        index = np.minimum((count * (k + 0.5) / _STARTS).astype(int), np.maximum(count - 1, 0))
        trial = start if k < 0 else np.take_along_axis(ratio, index[:, None], axis=-1)[:, 0]
        trial = np.where(np.isfinite(trial), trial, start)
        height = np.sum(_loss(_standardised(trial, zero, block)[0], loss), axis=-1)
        best = np.where(height < lowest, trial, best)
        lowest = np.minimum(height, lowest)
    return _local_slope(best, zero, block, loss)


def _tau2(beta: np.ndarray, block: Columns, loss: Loss) -> np.ndarray:
    score = partial(_spread_score, beta=beta, block=block, loss=loss)
    zero = np.zeros_like(beta)
    residual = (block.y - beta[:, None] * block.x) ** 2
    high = np.maximum(np.max(np.where(block.mask, residual, 0.0), axis=-1), 1e-300) * 4
    return np.where(score(zero) > 0, root(score, zero, high), 0.0)


def _alternate(
    block: Columns, loss: Loss, beta: np.ndarray, tau2: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Solve for the overdispersion and the slope in turn until neither moves."""
    for _ in range(_ROUNDS):
        held = beta, tau2
        tau2 = _tau2(beta, block, loss)
        beta = _local_slope(beta, tau2, block, loss)
        moved = np.abs(beta - held[0]) > _SETTLED * (np.abs(beta) + 1e-300)
        moved |= np.abs(tau2 - held[1]) > _SETTLED * np.abs(tau2)
        if not bool(np.any(moved)):
            break
    return beta, tau2


def _errors(
    block: Columns, loss: Loss, beta: np.ndarray, tau2: np.ndarray, *, over_dispersion: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Sandwich errors of slope and overdispersion."""
    moments = _moments(loss)
    own = block.sy**2 + tau2[:, None]
    square = (own + (beta[:, None] * block.sx) ** 2) ** 2
    strength = (block.x**2 - block.sx**2) * own + (block.y**2 - own) * block.sx**2
    information = np.sum(strength / square, axis=-1, where=block.mask)
    noise = np.sum(block.sx**2 * own / square, axis=-1, where=block.mask)
    mixed = moments.delta * np.sum(block.sx**2 * beta[:, None] / square, axis=-1, where=block.mask)
    bend = (moments.delta + moments.c3) / 2
    bend = bend * np.sum(block.sx**2 / square, axis=-1, where=block.mask)
    spread = moments.c2 * np.sum(block.sx**4 / square, axis=-1, where=block.mask)
    through_tau2 = (mixed / bend) ** 2 * spread if over_dispersion else 0.0
    variance = moments.c1 * (information + noise) + through_tau2
    return np.sqrt(variance) / np.abs(moments.delta * information), np.sqrt(spread) / bend


def _kernel(block: Columns, *, over_dispersion: bool, loss: Loss) -> dict[str, np.ndarray]:
    zero = np.zeros(len(block.x))
    if over_dispersion:
        beta, tau2 = _alternate(block, "l2", profile_minimum(block), zero)
        if loss != "l2":
            beta, tau2 = _alternate(block, loss, beta, tau2)
    else:
        beta, tau2 = _global_slope(block, loss), zero
    se, tau2_se = _errors(block, loss, beta, tau2, over_dispersion=over_dispersion)
    usable = np.sum(block.x**2, axis=-1) > 0
    f = block.x / block.sx
    return {
        "value": np.where(usable, beta, np.nan),
        "se": np.where(usable, se, np.nan),
        "tau2": np.where(usable, tau2, np.nan),
        "tau2_se": np.where(usable, tau2_se, np.nan),
        "n": block.n,
        "f_mean": np.vecdot(f, f) / block.n,
    }


def raps(effects: EffectSizes, *, over_dispersion: bool = True, loss: Loss = "l2") -> MREstimate:
    """Estimate the causal effect by the robust adjusted profile score.

    Residuals t = (y - b x) / sqrt(sy^2 + b^2 sx^2 + tau2) solve two equations: the summed loss
    rho(t) is smallest in b, and sum(sx^2 (t psi(t) - delta) / variance) = 0 in tau2, the variance
    of the direct effects (``over_dispersion``; 0 where the sum is negative at 0). The loss is
    squared, Huber's (k = 1.345) or Tukey's (4.685).

    *Weak instruments*, even hundreds with an F near 1, are what it is made for. Direct effects must
    have mean 0; *directional* pleiotropy biases it. A few large outliers need ``huber`` or
    ``tukey``. R's mr.raps 0.4.2 scales residuals by a maximum over variants where each variant's
    own variance is meant when both options are on; this solves the published equations.

    Args:
        effects: The instruments.
        over_dispersion: Estimate the variance of balanced direct effects; True by default.
        loss: Loss of the residuals: ``l2`` (default), ``huber`` or ``tukey``.

    References:
        Zhao et al. 2020, doi:10.1214/19-AOS1866.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> round(float(raps(ldl_chd(), loss="tukey").effect.value), 3)
        2.715
    """
    found = by_blocks(effects, partial(_kernel, over_dispersion=over_dispersion, loss=loss))
    return assemble(
        effects,
        "raps",
        effect=Estimate(value=found["value"], se=found["se"]),
        flags=common_flags(n=found["n"], least=3 if over_dispersion else 1),
    )


def overdispersion(effects: EffectSizes, *, loss: Loss = "l2") -> Estimate:
    """Return `raps`'s estimate of the variance of the direct effects, in squared outcome units.

    The error is its sandwich error; at the boundary 0 it says little.

    Args:
        effects: The instruments.
        loss: Loss of the residuals: ``l2`` (default), ``huber`` or ``tukey``.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> bool(overdispersion(ldl_chd()).value > 0)
        True
    """
    found = by_blocks(effects, partial(_kernel, over_dispersion=True, loss=loss))
    batch = effects.mask.shape[:-1]
    return Estimate(value=in_batch(found["tau2"], batch), se=in_batch(found["tau2_se"], batch))
