"""Bayesian mode: the posterior of the effect, averaged over all sets of valid instruments."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64
from scipy import special

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate
from deepmr.mr.flags import common_flags
from deepmr.mr.numerics.batch import assemble
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.ratio import Weights, outcome_error, ratios, with_positive_errors
from deepmr.mr.numerics.root import root
from deepmr.mr.result import MREstimate

__all__ = ["bayesian_mode"]

_RANGES = 8
_CORE_NODES = 1024
_PEAKS, _PEAK_NODES = 16, 33
_BROAD_NODES = 384
_ZERO_NODES = 384
_REACH = 12.0
_NARROW = 8.0


class _Mixture(NamedTuple):
    """The ratios of some loci, their errors as valid and the variances as invalid instruments."""

    ratio: Float64[np.ndarray, "locus variant"]
    se: Float64[np.ndarray, "locus variant"]
    wide: Float64[np.ndarray, "locus variant"]
    usable: Bool[np.ndarray, "locus variant"]
    prior: float

    def log_posterior(
        self, theta: Float64[np.ndarray, "locus node"]
    ) -> Float64[np.ndarray, "locus node"]:
        """Sum the log mixture densities of the ratios, at every node."""
        found = np.zeros(theta.shape)
        for j in range(self.ratio.shape[1]):
            valid, other = self._parts(theta, slice(j, j + 1))
            found += np.where(self.usable[:, j, None], np.logaddexp(valid, other), 0.0)
        return found

    def slope(self, theta: Float64[np.ndarray, " locus"]) -> Float64[np.ndarray, " locus"]:
        """Return the derivative of the log posterior, at one point a locus."""
        valid, other = self._parts(theta[:, None], slice(None))
        share = special.expit(valid - other)
        pull = (self.ratio - theta[:, None]) * (share / self.se**2 + (1 - share) / self.wide)
        return np.asarray(np.sum(np.where(self.usable, pull, 0.0), axis=-1))

    def _parts(self, theta: np.ndarray, some: slice) -> tuple[np.ndarray, np.ndarray]:
        """Return the log density of ratios as valid and as invalid instruments."""
        ratio, se, wide = self.ratio[:, some], self.se[:, some], self.wide[:, some]
        near = (theta - ratio) ** 2
        valid = np.log(self.prior) - near / (2 * se**2) - np.log(se)
        return valid, np.log1p(-self.prior) - near / (2 * wide) - np.log(wide) / 2


def _mixture(ratio: np.ndarray, se: np.ndarray, usable: np.ndarray, prior: float) -> _Mixture:
    """Widen the errors of invalid instruments by 1.5 standard deviations of all ratios."""
    n = usable.sum(axis=-1)
    centre = np.sum(np.where(usable, ratio, 0.0), axis=-1) / n
    off = np.where(usable, ratio - centre[:, None], 0.0)
    spread = np.sum(off**2, axis=-1) / np.maximum(n - 1, 1)
    return _Mixture(ratio, se, se**2 + 2.25 * spread[:, None], usable, prior)


def _core(mixture: _Mixture) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the central 99 % of the ratios by weight, 8 smallest errors wider."""
    usable = mixture.usable
    weight = np.where(usable, 1 / mixture.se**2, 0.0)
    ratio = np.where(usable, mixture.ratio, np.inf)
    order = np.argsort(ratio, axis=-1)
    ordered = np.take_along_axis(ratio, order, axis=-1)
    total = np.cumsum(np.take_along_axis(weight, order, axis=-1), axis=-1)
    share, last = total / total[:, -1:], np.maximum(usable.sum(axis=-1) - 1, 0)
    places = [np.minimum(np.sum(share < q, axis=-1), last)[:, None] for q in (0.005, 0.995)]
    low, high = (np.take_along_axis(ordered, k, axis=-1)[:, 0] for k in places)
    margin = _NARROW * np.min(np.where(usable, mixture.se, np.inf), axis=-1)
    return low - margin, high + margin


def _grid(mixture: _Mixture) -> Float64[np.ndarray, "locus node"]:
    """Return sorted values of the effect that resolve the posterior's peaks and both its tails.

    Evenly spaced over the bulk of the ratios; dense around the most precise ones; sparse over
    12 standard deviations of the posterior that the widest components imply; and spaced
    geometrically on both sides of 0, where the tail that the p-value needs begins.
    """
    low, high = _core(mixture)
    core = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, _CORE_NODES)
    precision = np.where(mixture.usable, 1 / mixture.se, 0.0)
    count = min(_PEAKS, precision.shape[1])
    best = np.argsort(-precision, axis=-1)[:, :count]
    at = np.take_along_axis(np.where(mixture.usable, mixture.ratio, low[:, None]), best, axis=-1)
    size = np.take_along_axis(np.where(mixture.usable, mixture.se, 0.0), best, axis=-1)
    steps = np.linspace(-_NARROW, _NARROW, _PEAK_NODES)
    peaks = (at[..., None] + size[..., None] * steps).reshape(len(low), -1)
    heft = np.where(mixture.usable, 1 / mixture.wide, 0.0)
    middle = np.sum(heft * np.where(mixture.usable, mixture.ratio, 0.0), axis=-1)
    middle = middle / heft.sum(axis=-1)
    reach = _REACH / np.sqrt(heft.sum(axis=-1))
    left = np.minimum(np.minimum(middle - reach, low), peaks.min(axis=-1))
    right = np.maximum(np.maximum(middle + reach, high), peaks.max(axis=-1))
    broad = left[:, None] + (right - left)[:, None] * np.linspace(0.0, 1.0, _BROAD_NODES)
    outer = np.maximum(np.abs(left), np.abs(right)) + (right - left)
    away = outer[:, None] * np.geomspace(1e-9, 1.0, _ZERO_NODES // 2)
    zero = np.concatenate([-away, np.zeros((len(low), 1)), away], axis=-1)
    return np.sort(np.concatenate([core, peaks, broad, zero], axis=-1), axis=-1)


def _log_tail(
    theta: np.ndarray, height: np.ndarray
) -> tuple[Float64[np.ndarray, " locus"], Float64[np.ndarray, "locus node"]]:
    """Return the log of twice the smaller tail at 0, and each node's share of the posterior."""
    gap = np.diff(theta, axis=-1)
    with np.errstate(divide="ignore"):
        piece = np.logaddexp(height[:, 1:], height[:, :-1]) + np.log(gap / 2)
    below = theta[:, 1:] <= 0
    total = special.logsumexp(piece, axis=-1)
    tails = [special.logsumexp(np.where(side, piece, -np.inf), axis=-1) for side in (below, ~below)]
    mass = np.exp(piece - total[:, None])
    share = np.zeros(theta.shape)
    share[:, 1:] += mass / 2
    share[:, :-1] += mass / 2
    return np.minimum(np.log(2.0) + np.minimum(*tails) - total, 0.0), share


def _highest(mixture: _Mixture, theta: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Return the mode: where the slope is 0 between the neighbours of the highest node."""
    best, last = np.argmax(height, axis=-1), theta.shape[1] - 1
    low, high = (
        np.take_along_axis(theta, np.clip(best + step, 0, last)[:, None], axis=-1)[:, 0]
        for step in (-1, 1)
    )
    return root(mixture.slope, low, high)


def _densest(
    theta: np.ndarray, height: np.ndarray, share: np.ndarray
) -> Float64[np.ndarray, "locus range 2"]:
    """Return the ranges that hold 95 % of the posterior with the highest density."""
    bounds = np.full((len(theta), _RANGES, 2), np.nan)
    order = np.argsort(-height, axis=-1, kind="stable")
    held = np.cumsum(np.take_along_axis(share, order, axis=-1), axis=-1)
    count = np.sum(held < 0.95 * held[:, -1:], axis=-1) + 1
    for k in range(len(theta)):
        inside = np.zeros(theta.shape[1], np.int8)
        inside[order[k, : count[k]]] = 1
        step = np.diff(np.concatenate([[0], inside, [0]]))
        starts, ends = np.flatnonzero(step == 1), np.flatnonzero(step == -1) - 1
        ranges = np.stack([theta[k, starts], theta[k, ends]], axis=-1)
        if len(ranges) > _RANGES:
            ranges[_RANGES - 1, 1] = ranges[-1, 1]
        bounds[k, : min(len(ranges), _RANGES)] = ranges[:_RANGES]
    return bounds


def _kernel(block: Columns, *, prior: float, weights: Weights) -> dict[str, np.ndarray]:
    ratio = ratios(block)
    usable = block.mask & (block.x != 0)
    ratio = np.where(usable, ratio, 0.0)
    se = np.where(usable, outcome_error(block, weights) / np.abs(block.x), 1.0)
    enough = usable.sum(axis=-1) >= 3
    mixture = _mixture(ratio, se, usable | ~enough[:, None], prior)
    theta = _grid(mixture)
    height = mixture.log_posterior(theta)
    log_p, share = _log_tail(theta, height)
    mean = np.sum(share * theta, axis=-1)
    hole = ~enough
    return {
        "value": np.where(hole, np.nan, _highest(mixture, theta, height)),
        "se": np.where(hole, np.nan, np.sqrt(np.vecdot(share, (theta - mean[:, None]) ** 2))),
        "bounds": np.where(hole[:, None, None], np.nan, _densest(theta, height, share)),
        "log_p": np.where(hole, np.nan, log_p),
        "n": block.n,
    }


def bayesian_mode(
    effects: EffectSizes, *, prior: float = 0.5, weights: Weights = "second_order"
) -> MREstimate:
    """Estimate the causal effect by the mode of its posterior over all sets of valid instruments.

    Each instrument is valid with probability ``prior``, its ratio then N(theta, s^2); otherwise
    its ratio is N(theta, s^2 + (1.5 sd)^2), sd that of all ratios. With independent instruments the
    average over all 2^n sets is the product of n mixtures, so nothing is sampled or enumerated. The
    prior of theta is flat. The estimate is the mode; ``se`` is the posterior standard deviation,
    and the interval the 95 % with the highest density: several ranges mean several groups of
    instruments with different effects. The p-value is twice the smaller posterior tail at 0,
    summed in logarithms, however small.

    As with any mode, the largest agreeing group is believed (plurality). *Weak instruments* have
    wide ratios and hardly count, unless there are many. A low ``prior`` trusts few instruments.

    Args:
        effects: The instruments; at least 3 with an exposure effect.
        prior: Probability that an instrument is valid, strictly between 0 and 1.
        weights: Order of the ratios' errors.

    Raises:
        ValueError: If ``prior`` is not strictly between 0 and 1.

    References:
        Burgess, Zuber, Gkatzionis and Foley 2018, doi:10.1093/ije/dyy080 (averaging over sets of
        instruments; here invalid ones have a density of their own instead of being left out).

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> bool(bayesian_mode(ldl_chd()).effect.value > 0)
        True
    """
    if not 0.0 < prior < 1.0:
        raise ValueError(f"bayesian_mode.prior must lie strictly between 0 and 1, got {prior}")
    effects, exact = with_positive_errors(effects, weights)
    kernel = partial(_kernel, prior=prior, weights=weights)
    found = by_blocks(effects, kernel, elements=1 << 14)
    flags = common_flags(n=found["n"])
    flags["several_ranges"] = np.asarray(~np.isnan(found["bounds"][:, 1, 0]))
    return assemble(
        effects,
        "bayesian_mode",
        effect=Estimate(
            value=found["value"], se=found["se"], bounds=found["bounds"], log_p=found["log_p"]
        ),
        flags=flags | exact,
        correlated_errors="ignored" if weights == "first_order" else "used",
    )
