"""A Bayesian mode: average over every set of instruments that might be the valid one."""

from __future__ import annotations

from functools import partial

import numpy as np
from jaxtyping import Float64

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate
from deepmr.mr.flags import common_flags
from deepmr.mr.numerics.batch import assemble
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.ratio import Weights, outcome_error, ratios, with_positive_errors
from deepmr.mr.result import MREstimate

__all__ = ["bayesian_mode"]

_NODES = 2048
_RANGES = 8
_CORE = 8.0


def _grid(
    ratio: np.ndarray, se: np.ndarray, usable: np.ndarray
) -> Float64[np.ndarray, "locus node"]:
    """Return values of the effect, dense around the ratios and sparse in their tails."""
    weight = np.where(usable, 1 / se**2, 0.0)
    order = np.argsort(np.where(usable, ratio, np.inf), axis=-1)
    sorted_ratio = np.take_along_axis(np.where(usable, ratio, np.inf), order, axis=-1)
    total = np.cumsum(np.take_along_axis(weight, order, axis=-1), axis=-1)
    share = total / total[:, -1:]
    ends = []
    for place in (0.005, 0.995):
        index = np.minimum(np.sum(share < place, axis=-1), np.maximum(usable.sum(axis=-1) - 1, 0))
        ends.append(np.take_along_axis(sorted_ratio, index[:, None], axis=-1)[:, 0])
    middle, half = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    closest = np.min(np.where(usable, se, np.inf), axis=-1)
    return np.asarray(
        middle[:, None] + (half + _CORE * closest)[:, None] * np.linspace(-1.0, 1.0, _NODES)
    )


def _log_posterior(
    theta: np.ndarray, ratio: np.ndarray, se: np.ndarray, usable: np.ndarray, prior: float
) -> np.ndarray:
    """Sum the log mixture densities of the ratios, at every node."""
    centre = np.sum(np.where(usable, ratio, 0.0), axis=-1) / usable.sum(axis=-1)
    off = np.where(usable, ratio - centre[:, None], 0.0)
    spread = np.sum(off**2, axis=-1) / np.maximum(usable.sum(axis=-1) - 1, 1)
    wide = se**2 + 2.25 * spread[:, None]
    found = np.zeros(theta.shape)
    for j in range(ratio.shape[1]):
        some = usable[:, j]
        near = (theta - ratio[:, j, None]) ** 2
        valid = np.log(prior) - near / (2 * se[:, j, None] ** 2) - np.log(se[:, j, None])
        other = np.log1p(-prior) - near / (2 * wide[:, j, None]) - np.log(wide[:, j, None]) / 2
        found += np.where(some[:, None], np.logaddexp(valid, other), 0.0)
    return found


def _densest(theta: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Return the ranges that hold 95 % of the posterior with the highest density."""
    bounds = np.full((len(theta), _RANGES, 2), np.nan)
    order = np.argsort(-density, axis=-1)
    held = np.cumsum(np.take_along_axis(density, order, axis=-1), axis=-1)
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
    usable = usable | ~enough[:, None]
    theta = _grid(ratio, se, usable)
    height = _log_posterior(theta, ratio, se, usable, prior)
    density = np.exp(height - height.max(axis=-1, keepdims=True))
    density /= density.sum(axis=-1, keepdims=True)
    best = np.argmax(density, axis=-1)
    mode = np.take_along_axis(theta, best[:, None], axis=-1)[:, 0]
    mean = np.sum(density * theta, axis=-1)
    se_found = np.sqrt(np.sum(density * (theta - mean[:, None]) ** 2, axis=-1))
    below = np.sum(np.where(theta <= 0, density, 0.0), axis=-1)
    tail = np.maximum(2 * np.minimum(below, 1 - below), np.finfo(np.float64).tiny)
    hole = ~enough
    return {
        "value": np.where(hole, np.nan, mode),
        "se": np.where(hole, np.nan, se_found),
        "bounds": np.where(hole[:, None, None], np.nan, _densest(theta, density)),
        "log_p": np.where(hole, np.nan, np.minimum(np.log(tail), 0.0)),
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
    instruments with different stories. The p-value is twice the smaller posterior tail at 0, and no
    smaller than the grid of 2048 points resolves (-log10 p up to 307).

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
