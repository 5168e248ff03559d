"""The contamination mixture: valid instruments around the effect, invalid ones around 0."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.distributions import chi2_log_tail, chi2_quantile
from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate
from deepmr.mr.flags import common_flags
from deepmr.mr.numerics.batch import assemble, in_batch
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.result import MREstimate

__all__ = ["contamination_mixture", "likely_valid"]

_SPREADS = 1.5
_RANGES = 8


class _Segments(NamedTuple):
    """The profile log-likelihood as a parabola on each interval between sorted breakpoints.

    On segment k it is height - square / 2 theta^2 + linear theta, for theta up to ``right``.
    """

    left: Float64[np.ndarray, " segment"]
    right: Float64[np.ndarray, " segment"]
    square: Float64[np.ndarray, " segment"]
    linear: Float64[np.ndarray, " segment"]
    height: Float64[np.ndarray, " segment"]

    def at(self, theta: np.ndarray) -> np.ndarray:
        """Evaluate at points."""
        k = np.clip(np.searchsorted(self.right, theta), 0, len(self.right) - 1)
        return np.asarray(self.height[k] + self.linear[k] * theta - self.square[k] / 2 * theta**2)


class _Locus(NamedTuple):
    """Ratios of one locus, their errors and where each beats its invalid alternative."""

    ratio: np.ndarray
    se: np.ndarray
    gain: np.ndarray
    base: float

    @property
    def reach(self) -> np.ndarray:
        """How far theta may be from each ratio for it to count as valid."""
        return np.asarray(self.se * np.sqrt(2 * np.maximum(self.gain, 0.0)))

    def valid(self, theta: float) -> np.ndarray:
        """Which instruments count as valid at ``theta``."""
        return np.asarray(np.abs(theta - self.ratio) < self.reach)


def _locus(ratio: np.ndarray, se: np.ndarray, spread: float | None) -> tuple[_Locus, float]:
    psi = float(_SPREADS * np.std(ratio, ddof=1)) if spread is None else spread
    wide = psi**2 + se**2
    outside = -(ratio**2) / (2 * wide) - np.log(2 * np.pi * wide) / 2
    gain = -np.log(2 * np.pi * se**2) / 2 - outside
    return _Locus(ratio, se, gain, float(outside.sum())), psi


def _segments(locus: _Locus) -> _Segments:
    """Cut the line where an instrument changes sides; sums over the valid ones in between."""
    reach = locus.reach
    inside = reach > 0
    ratio, weight = locus.ratio[inside], 1 / locus.se[inside] ** 2
    height = locus.gain[inside] - weight * ratio**2 / 2
    breaks = np.concatenate([ratio - reach[inside], ratio + reach[inside]])
    order = np.argsort(breaks, kind="stable")
    sign = np.concatenate([np.ones(inside.sum()), -np.ones(inside.sum())])[order]

    def running(values: np.ndarray) -> np.ndarray:
        return np.concatenate([[0.0], np.cumsum(sign * np.tile(values, 2)[order])])

    edges = breaks[order]
    return _Segments(
        np.concatenate([[-np.inf], edges]),
        np.concatenate([edges, [np.inf]]),
        running(weight),
        running(weight * ratio),
        locus.base + running(height),
    )


def _maximum(segments: _Segments) -> float:
    """Return where the profile is highest, exactly: a vertex or a breakpoint."""
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex = np.where(segments.square > 0, segments.linear / segments.square, segments.right)
    theta = np.clip(vertex, segments.left, segments.right)
    theta = theta[np.isfinite(theta)]
    if len(theta) == 0:
        return 0.0
    return float(theta[np.argmax(segments.at(theta))])


def _above(segments: _Segments, level: float) -> list[tuple[float, float]]:
    """Return the ranges on which the profile is at least ``level``, exactly."""
    ranges: list[tuple[float, float]] = []
    pieces = zip(*segments, strict=True)
    for left, right, square, linear, height in pieces:
        if square <= 0:
            low, high = (left, right) if height >= level else (np.nan, np.nan)
        else:
            half = linear**2 + 2 * square * (height - level)
            if half < 0:
                continue
            middle, width = linear / square, np.sqrt(half) / square
            low, high = max(left, middle - width), min(right, middle + width)
        if not low <= high:
            continue
        if ranges and low <= ranges[-1][1] + 1e-12 * (1 + abs(low)):
            ranges[-1] = (ranges[-1][0], max(high, ranges[-1][1]))
        else:
            ranges.append((low, high))
    return ranges


def _grid_ranges(theta: np.ndarray, inside: np.ndarray) -> list[tuple[float, float]]:
    """Return runs of grid points that are ``inside``."""
    step = np.diff(np.concatenate([[0], inside.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(step == 1), np.flatnonzero(step == -1) - 1
    return [(float(theta[a]), float(theta[b])) for a, b in zip(starts, ends, strict=True)]


def _spread_factor(locus: _Locus, theta: float) -> float:
    """Return how much the valid ratios scatter beyond their errors, at least 1."""
    kept = locus.valid(theta)
    count = int(kept.sum())
    if count < 2:
        return 1.0
    weight = 1 / locus.se[kept] ** 2
    mean = np.average(locus.ratio[kept], weights=weight)
    q = float(np.sum(weight * (locus.ratio[kept] - mean) ** 2))
    return max(float(np.sqrt(q / (count - 1))), 1.0)


def _solve(
    ratio: np.ndarray,
    se: np.ndarray,
    *,
    spread: float | None,
    grid: tuple[float, float, float] | None,
    level: float,
) -> tuple[float, list[tuple[float, float]], float, np.ndarray]:
    """Return estimate, confidence ranges, log p-value and valid instruments of one locus."""
    locus, _ = _locus(ratio, se, spread)
    segments = _segments(locus)
    cut = float(chi2_quantile(level, 1)) / 2
    if grid is None:
        theta = _maximum(segments)
        top = float(segments.at(np.array([theta]))[0])
        phi = _spread_factor(locus, theta)
        ranges = _above(segments, top - cut * phi**2)
    else:
        low, high, step = grid
        points = low + step * np.arange(int(np.floor((high - low) / step + 1e-10)) + 1)
        heights = segments.at(points)
        best = int(np.argmax(heights > heights.max() - 1e-11 * (1 + abs(heights.max()))))
        theta, top = float(points[best]), float(heights[best])
        phi = _spread_factor(locus, theta)
        ranges = _grid_ranges(points, heights > top - cut * phi**2)
    drop = max(top - float(segments.at(np.zeros(1))[0]), 0.0)
    log_p = float(chi2_log_tail(2 * drop / phi**2, 1))
    return theta, ranges, log_p, locus.valid(theta)


def _kernel(
    block: Columns,
    *,
    spread: float | None,
    grid: tuple[float, float, float] | None,
    level: float,
) -> dict[str, np.ndarray]:
    n_loci, n_variants = block.x.shape
    found = {
        "value": np.full(n_loci, np.nan),
        "bounds": np.full((n_loci, _RANGES, 2), np.nan),
        "log_p": np.full(n_loci, np.nan),
        "valid": np.zeros((n_loci, n_variants), bool),
        "n": block.n,
    }
    for k in range(n_loci):
        usable = block.mask[k] & (block.x[k] != 0) & (block.sy[k] > 0)
        if usable.sum() < 2:
            continue
        ratio = block.y[k][usable] / block.x[k][usable]
        se = block.sy[k][usable] / np.abs(block.x[k][usable])
        theta, ranges, log_p, valid = _solve(ratio, se, spread=spread, grid=grid, level=level)
        if len(ranges) > _RANGES:
            ranges = [*ranges[: _RANGES - 1], (ranges[_RANGES - 1][0], ranges[-1][1])]
        found["value"][k], found["log_p"][k] = theta, log_p
        found["bounds"][k, : len(ranges)] = ranges
        found["valid"][k, usable] = valid
    return found


def contamination_mixture(
    effects: EffectSizes,
    *,
    spread: float | None = None,
    grid: tuple[float, float, float] | None = None,
) -> MREstimate:
    """Estimate the causal effect by the profile likelihood of a contamination mixture.

    Given the effect theta, each ratio is either valid, N(theta, s^2), or invalid, N(0, s^2 +
    spread^2), whichever is likelier; theta maximises the product. Consistent where the largest
    group of instruments with the same ratio is the valid one (plurality). The confidence set holds
    all theta within the likelihood-ratio threshold, widened by the valid ratios' excess scatter
    phi^2: it may consist of several ranges (up to 8 are kept, further ones joined to the
    last), which means that several groups of instruments tell different stories.

    The profile is a parabola between 2 n breakpoints, so its maximum and the set are found exactly,
    at any scale. R searches a grid, and multiplies the likelihood ratio by phi^2 for its p-value
    where its set divides by it; here both divide.

    *Weak instruments* with first-order errors make ratios look heterogeneous. The standard error
    is missing: the method has none.

    Args:
        effects: The instruments; x = 0 or a zero outcome error leaves one out. At least 2.
        spread: Standard deviation of invalid ratios; by default 1.5 times that of all ratios. (A
            single wild ratio of a weak instrument inflates it: select instruments first.)
        grid: (low, high, step) searches this grid as R does, instead of exactly.

    References:
        Burgess, Foley, Allara, Staley and Howson 2020, doi:10.1038/s41467-019-14156-4.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> round(float(contamination_mixture(ldl_chd()).effect.value), 2)
        2.73
    """
    found = by_blocks(effects, partial(_kernel, spread=spread, grid=grid, level=0.95))
    value = found["value"]
    several = ~np.isnan(found["bounds"][:, 1, 0])
    flags = common_flags(n=found["n"])
    flags["several_ranges"] = np.asarray(several)
    return assemble(
        effects,
        "contamination_mixture",
        effect=Estimate(
            value=value,
            se=np.full_like(value, np.nan),
            bounds=found["bounds"],
            log_p=found["log_p"],
        ),
        flags=flags,
    )


def likely_valid(
    effects: EffectSizes,
    *,
    spread: float | None = None,
    grid: tuple[float, float, float] | None = None,
) -> Bool[np.ndarray, "*batch variant"]:
    """Return which instruments `contamination_mixture` counts as valid at its estimate.

    Args:
        effects: The instruments.
        spread: Standard deviation of invalid ratios; by default 1.5 times that of all ratios.
        grid: (low, high, step) searches this grid as R does; by default the search is exact.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> int(likely_valid(ldl_chd()).sum()) < 28
        True
    """
    found = by_blocks(effects, partial(_kernel, spread=spread, grid=grid, level=0.95))
    return np.asarray(in_batch(found["valid"], effects.mask.shape[:-1]))
