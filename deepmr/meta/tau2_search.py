"""Iterative solutions for tau2: Q equations and (restricted) maximum likelihood."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.meta.fit import fit
from deepmr.meta.sample import Sample

__all__ = ["active", "maximise_likelihood", "solve_q"]

_MAX_ITERATIONS = 100
_TOLERANCE = 1e-10
"""Last step, over tau2 and the smallest variance together, at which a search ends."""

_NEWTON_TOLERANCE = 1e-6
"""The same for a step of Newton's method with a curvature to trust: what is left after it is of
the order of its square."""

_NEAR_ZERO = 1e-3
"""A tau2 below this share of the smallest variance may jump to 0."""

_ROUNDING = 1e-14
"""A score this small beside the two terms it is the difference of is 0 but for rounding."""


def solve_q(
    sample: Sample, target: Float64[np.ndarray, " row"]
) -> tuple[Float64[np.ndarray, " row"], Bool[np.ndarray, " row"]]:
    """Find the tau2 at which the weighted sum of squares Q(tau2) falls to ``target``; at least 0.

    Q falls in tau2 and 1/Q is nearly straight, so that Newton's method on 1/Q takes a few steps;
    brackets keep it safe. Returns the roots and whether each was found.
    """
    low, high = np.full(len(target), -np.inf), np.full(len(target), np.inf)
    tau2, done = np.zeros(len(target)), np.zeros(len(target), bool)
    scale = _scale(sample)
    for iteration in range(_MAX_ITERATIONS):
        rows = np.flatnonzero(~done)
        if not len(rows):
            break
        model = fit(active(sample, rows), tau2[rows])
        q, slope, here = model.q(), model.slope(), tau2[rows]
        if iteration == 0:
            done[rows] = q <= target[rows]
        above = q > target[rows]
        low[rows] = np.where(above, here, low[rows])
        high[rows] = np.where(above, high[rows], here)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = (q - target[rows]) * q / (target[rows] * slope)
        proposed = _inside(here + step, low[rows], high[rows], scale[rows])
        moved = np.abs(proposed - here) > _NEWTON_TOLERANCE * (here + scale[rows])
        finished = done[rows] | (~moved & np.isfinite(q))
        tau2[rows] = np.where(done[rows], here, proposed)
        done[rows] = finished
    return tau2, done


def maximise_likelihood(
    sample: Sample, start: Float64[np.ndarray, " row"], *, restricted: bool
) -> tuple[Float64[np.ndarray, " row"], Bool[np.ndarray, " row"]]:
    """Maximise the (restricted) likelihood by Newton steps on the score, bracketed by its sign.

    Where a likelihood has two maxima, the one uphill from ``start`` is meant (metafor, too,
    starts from Hedges's estimate). Returns the maxima and whether each was found.
    """
    tau2 = start.copy()
    low, high = np.full(len(tau2), -np.inf), np.full(len(tau2), np.inf)
    done = np.zeros(len(tau2), bool)
    scale, last = _scale(sample), np.full(len(tau2), np.inf)
    for iteration in range(_MAX_ITERATIONS):
        rows = np.flatnonzero(~done)
        if not len(rows):
            break
        here = tau2[rows]
        model = fit(active(sample, rows), here)
        first, second = (
            (model.trace(), model.trace_of_square())
            if restricted
            else (model.total(), model.total_of_square())
        )
        score = model.slope() - first
        observed = 2 * model.curvature() - second
        low[rows] = np.where(score > 0, here, low[rows])
        high[rows] = np.where(score > 0, high[rows], here)
        step = score / np.where(observed > 0, observed, second)
        if iteration > 3:  # a search that does not close in (a flat likelihood) halves its bracket
            stuck = np.abs(step) > 0.5 * last[rows]
            step = np.where(stuck, np.where(np.isinf(low[rows]), -here, np.inf), step)
        last[rows] = np.abs(step)
        proposed = _inside(here + step, low[rows], high[rows], scale[rows])
        # On the way down to 0 in steps: a jump would pass over a maximum in between.
        far = (proposed == 0) & np.isinf(low[rows]) & (here > _NEAR_ZERO * scale[rows])
        proposed = np.where(far, 0.25 * here, proposed)
        floor = (here == 0) & (score <= 0)
        proposed = np.where(floor, 0.0, proposed)
        newton = (observed > 0.1 * second) & (proposed == here + step)
        tolerance = np.where(newton, _NEWTON_TOLERANCE, _TOLERANCE)
        still = np.abs(proposed - here) <= tolerance * (here + scale[rows])
        tau2[rows] = proposed
        level = np.abs(score) <= _ROUNDING * first
        done[rows] = (floor | still | level) & np.isfinite(score)
    return tau2, done


def _inside(
    proposed: Float64[np.ndarray, " row"],
    low: Float64[np.ndarray, " row"],
    high: Float64[np.ndarray, " row"],
    scale: Float64[np.ndarray, " row"],
) -> Float64[np.ndarray, " row"]:
    """Return the proposal; 0 where it is below; where it leaves its bracket, the bracket's middle.

    ``low`` is minus infinity until some tau2 was seen to be too low, so that 0 itself is tried
    once and not again.
    """
    floor = np.maximum(low, 0.0)
    with np.errstate(invalid="ignore"):
        middle = np.where(np.isinf(high), 100 * floor + scale, 0.5 * (floor + high))
        inside = (proposed >= low) & (proposed <= high) & np.isfinite(proposed)
        below = np.isinf(low) & (proposed <= 0)
    return np.where(below, 0.0, np.where(inside, proposed, middle))


def active(sample: Sample, rows: Int[np.ndarray, " kept"]) -> Sample:
    """Return some of the rows; the sample itself if they are all."""
    return sample if len(rows) == len(sample.effect) else sample.take(rows)


def _scale(sample: Sample) -> Float64[np.ndarray, " row"]:
    """Return the smallest variance, a scale for tau2; a mean where that is 0."""
    least = sample.variance[np.arange(len(sample.effect)), sample.heaviest]
    if np.all(least > 0):
        return np.asarray(least)
    mean = np.sum(sample.variance * sample.present, axis=-1) / sample.n_loci
    return np.asarray(np.where(least > 0, least, mean))
