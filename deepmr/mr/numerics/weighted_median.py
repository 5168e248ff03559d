"""The standard error of a weighted median: by resampling, and by its sampling distribution."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy import special

from deepmr.mr.numerics.blocks import Columns

__all__ = ["bootstrap_error", "interpolated_median", "ratio_cdf", "sampling_error"]

CERTAIN_SIGN = 4.0
"""Beyond this many standard errors from 0 an exposure effect's sign is certain to 3e-5."""

BOOTSTRAP_ELEMENTS = 1 << 18
_NODES = 13
_FEW_NODES = 5
_REACH = 3.5
_ROUNDS = 12


def interpolated_median(
    ratio: Float64[np.ndarray, "*batch variant"], weight: Float64[np.ndarray, "*batch variant"]
) -> Float64[np.ndarray, "*batch"]:
    """Return the weighted median, interpolated between the two ratios around half the weight.

    With sorted ratios b and weights w, s = cumsum(w) - w / 2 over the sum, it is the linear
    interpolation of (s, b) at one half. Where one instrument alone has weight its own ratio is
    the median.
    """
    order = np.argsort(ratio, axis=-1)
    weight = np.take_along_axis(weight, order, axis=-1)
    middle = np.cumsum(weight, axis=-1)
    total = middle[..., -1:].copy()
    middle -= weight / 2
    last = weight.shape[-1] - 1
    upper = np.minimum(np.sum(middle < total / 2, axis=-1, keepdims=True), last)
    lower = np.maximum(upper - 1, 0)
    s0, s1 = (np.take_along_axis(middle, k, axis=-1)[..., 0] for k in (lower, upper))
    b0, b1 = (
        np.take_along_axis(ratio, np.take_along_axis(order, k, axis=-1), axis=-1)[..., 0]
        for k in (lower, upper)
    )
    share = (total[..., 0] / 2 - s0) / (s1 - s0)
    share = np.where(s1 > s0, np.clip(share, 0.0, 1.0), 0.0)
    between = b0 + (b1 - b0) * share
    return np.asarray(np.where(np.isinf(b1) | (share == 0), b0, between))


def ratio_cdf(
    t: Float64[np.ndarray, "*ratio"],
    x: Float64[np.ndarray, "*ratio"],
    sx: Float64[np.ndarray, "*ratio"],
    y: Float64[np.ndarray, "*ratio"],
    sy: Float64[np.ndarray, "*ratio"],
    psi: Float64[np.ndarray, "*ratio"] | float = 0.0,
) -> Float64[np.ndarray, "*ratio"]:
    """Return P(Y / X <= t) for jointly normal X and Y, exactly.

    With x > 0 and D = Y - t X it is P(D <= 0, X > 0) + P(D > 0, X < 0), by Owen's T function.

    References:
        Hinkley 1969, doi:10.1093/biomet/56.3.635 (the ratio's distribution);
        Owen 1956, doi:10.1214/aoms/1177728074 (the bivariate normal through T).
    """
    sign = np.where(x < 0, -1.0, 1.0)
    x, y = x * sign, y * sign
    spread = np.sqrt(sy**2 + (t * sx) ** 2 - 2 * psi * t * sx * sy)
    h = (t * x - y) / spread
    h = np.where(h == 0, 1e-300, h)
    k = np.minimum(-x / sx, -1e-300)
    r = (psi * sy - t * sx) / spread
    scale = np.sqrt(np.maximum(1 - r**2, 1e-300))
    below = special.owens_t(h, (k - r * h) / (h * scale))
    below = below + special.owens_t(k, (h - r * k) / (k * scale))
    return np.asarray(2 * below + (h > 0))


def _certain_cdf(
    t: np.ndarray, x: np.ndarray, sx: np.ndarray, y: np.ndarray, sy: np.ndarray, psi: Any
) -> np.ndarray:
    """Return the same where X is certain to be positive: P(D <= 0) alone."""
    variance = sy**2 + (t * sx) ** 2
    if isinstance(psi, np.ndarray):
        variance = variance - 2 * psi * t * sx * sy
    return np.asarray(special.ndtr((t * x - y) / np.sqrt(variance)))


class _Ratios(NamedTuple):
    """Ratios of a block in one row, those of certain or those of doubtful sign."""

    columns: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    psi: np.ndarray | float
    weight: np.ndarray
    locus: np.ndarray
    n_loci: int
    certain: bool

    def sums(self, t: Float64[np.ndarray, " locus"]) -> Float64[np.ndarray, "2 locus"]:
        """Return mean and variance of the weight of the ratios at or below ``t``."""
        if not len(self.locus):
            return np.zeros((2, self.n_loci))
        cdf = _certain_cdf if self.certain else ratio_cdf
        x, sx, y, sy = self.columns
        below = cdf(t[self.locus], x, sx, y, sy, self.psi)
        mean = self.weight * below
        variance = mean * (self.weight - mean)
        return np.stack([np.bincount(self.locus, s, self.n_loci) for s in (mean, variance)])


def _split(block: Columns, weight: np.ndarray) -> tuple[_Ratios, _Ratios]:
    """Separate ratios whose sign is certain, oriented to x > 0, from the others."""
    certain = np.abs(block.x) >= CERTAIN_SIGN * block.sx
    sign = np.where(block.x < 0, -1.0, 1.0)

    def part(chosen: np.ndarray, *, sure: bool) -> _Ratios:
        x, y = (block.x * sign)[chosen], (block.y * sign)[chosen]
        columns = (x, block.sx[chosen], y, block.sy[chosen])
        psi = 0.0 if block.psi is None else block.psi[chosen]
        return _Ratios(columns, psi, weight[chosen], np.nonzero(chosen)[0], len(weight), sure)

    some = weight > 0
    return part(certain & some, sure=True), part(~certain & some, sure=False)


def _score(sums: np.ndarray) -> np.ndarray:
    """Return the normal score of P(median <= t), from mean and variance of the weight below."""
    return np.asarray((sums[0] - 0.5) / np.sqrt(np.maximum(sums[1], 1e-300)))


def _reach(
    centre: np.ndarray, step: np.ndarray, halves: tuple[_Ratios, _Ratios]
) -> Float64[np.ndarray, " locus"]:
    """Return a distance from ``centre`` at which the score is about ``_REACH`` in size."""
    for _ in range(_ROUNDS):
        t = centre + step
        z = np.abs(_score(halves[0].sums(t) + halves[1].sums(t)))
        near, far = z < _REACH, z > 2 * _REACH
        if not bool(np.any(near | far)):
            break
        step = np.where(near, 2 * step, np.where(far, step * 1.5 * _REACH / z, step))
    return step


def _interpolate(
    nodes: np.ndarray, values: np.ndarray, at: np.ndarray
) -> Float64[np.ndarray, "2 node locus"]:
    """Return the polynomial through ``values`` at Chebyshev ``nodes``, in barycentric form."""
    order = np.arange(len(nodes))
    share = (-1.0) ** order * np.sin((2 * order + 1) * np.pi / (2 * len(nodes)))
    gap = at[:, None] - nodes[None]
    gap = np.where(gap == 0, 1e-300, gap)
    pull = share[None, :, None] / gap
    top = np.einsum("tnl,snl->stl", pull, values)
    return np.asarray(top / pull.sum(axis=1))


def sampling_error(
    block: Columns,
    weight: Float64[np.ndarray, "locus variant"],
    median: Float64[np.ndarray, " locus"],
) -> Float64[np.ndarray, " locus"]:
    """Return the standard deviation a weighted median has when effects are drawn anew.

    What the bootstrap estimates by resampling: with Y_j ~ N(y_j, sy_j^2), X_j ~ N(x_j, sx_j^2)
    and fixed weights w_j summing to 1, the median is at most t if and only if the weight of the
    ratios at or below t, S(t) = sum_j w_j 1(Y_j / X_j <= t), is at least one half. Its mean and
    variance are sums over the exact distribution functions of the ratios; with many instruments
    it is normal, which gives P(median <= t) at a few nodes and hence the standard deviation,
    with the normal score linear in t between nodes. No draws, no sorting.

    Ratios of doubtful sign need Owen's T, which is slow, but they are wide: over the median's
    range their sums are smooth and are interpolated from fewer nodes.

    It neglects the interpolation between two ratios and the discreteness of S, both of order
    one over the effective number of instruments, 1 / sum(w^2).
    """
    halves = _split(block, weight)
    scale = 1.25 * _REACH / np.sqrt(np.sum((block.x / block.sy) ** 2, axis=-1))
    centre = np.where(np.isfinite(median), median, 0.0)
    scale = np.where(np.isfinite(scale) & (scale > 0), scale, 1.0)
    low = centre + _reach(centre, -scale, halves)
    high = centre + _reach(centre, scale, halves)
    middle, half = (low + high) / 2, (high - low) / 2
    roots = np.cos((2 * np.arange(_FEW_NODES) + 1) * np.pi / (2 * _FEW_NODES))
    coarse = middle + half * roots[:, None]
    slow = np.stack([halves[1].sums(t) for t in coarse], axis=1)
    nodes = low + (high - low) * np.linspace(0.0, 1.0, _NODES)[:, None]
    quick = np.stack([halves[0].sums(t) for t in nodes], axis=1)
    return _standard_deviation(nodes, _score(quick + _interpolate(coarse, slow, nodes)), centre)


def _standard_deviation(
    nodes: Float64[np.ndarray, "node locus"],
    score: Float64[np.ndarray, "node locus"],
    centre: Float64[np.ndarray, " locus"],
) -> Float64[np.ndarray, " locus"]:
    """Integrate over a distribution whose normal score is linear between nodes and beyond."""
    z = np.maximum.accumulate(score, axis=0)
    slope = np.diff(z, axis=0) / np.diff(nodes, axis=0)
    edges = z.copy()
    edges[0], edges[-1] = -np.inf, np.inf
    pdf = np.exp(-0.5 * edges**2) / np.sqrt(2 * np.pi)
    mass = np.diff(special.ndtr(edges), axis=0)
    first = -np.diff(pdf, axis=0)
    second = mass - np.diff(np.where(np.isinf(edges), 0.0, edges) * pdf, axis=0)
    kept = slope > 0
    inverse = np.where(kept, 1 / np.where(kept, slope, 1.0), 0.0)
    offset = nodes[:-1] - z[:-1] * inverse - centre
    mean = np.sum(offset * mass + inverse * first, axis=0)
    square = np.sum(offset**2 * mass + 2 * offset * inverse * first + inverse**2 * second, axis=0)
    return np.asarray(np.sqrt(np.maximum(square - mean**2, 0.0)))


def bootstrap_error(
    block: Columns,
    weight: Float64[np.ndarray, "locus variant"],
    *,
    iterations: int,
    seed: int,
) -> Float64[np.ndarray, " locus"]:
    """Return the standard deviation of the weighted median over parametric bootstrap draws.

    Exposure and outcome effects are drawn from normals around their estimates (jointly where
    their errors correlate); the weights stay as they are. All loci see the same standard normal
    draws, so that a locus has the same error alone as in a batch.

    References:
        Bowden et al. 2016, doi:10.1002/gepi.21965 (the bootstrap).
    """
    n_loci, n_variants = block.x.shape
    step = max(1, BOOTSTRAP_ELEMENTS // max(1, n_variants * n_loci))
    rng_x, rng_y = np.random.default_rng(seed).spawn(2)
    draws = []
    for start in range(0, iterations, step):
        shape = (min(step, iterations - start), 1, n_variants)
        noise, own = rng_x.standard_normal(shape), rng_y.standard_normal(shape)
        x = block.x + block.sx * noise
        if block.psi is not None:
            own = block.psi * noise + np.sqrt(1 - block.psi**2) * own
        ratio = (block.y + block.sy * own) / np.where(x == 0, np.finfo(np.float64).tiny, x)
        ratio[:, weight == 0] = np.inf
        draws.append(interpolated_median(ratio, np.broadcast_to(weight, ratio.shape)))
    return np.asarray(np.std(np.concatenate(draws), axis=0, ddof=1))
