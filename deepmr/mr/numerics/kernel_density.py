"""Highest point of a Gaussian kernel density: exactly, or on a grid as R's density() does."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from deepmr.mr.numerics.medians import medians

__all__ = ["bandwidth", "grid_mode", "kernel_mode"]

POINTS = 512
_CUT = 3.0
_MARGIN = 4.0
NORMAL_MAD = 1.4826
CANDIDATES = 256
_PEAKS = 4


def bandwidth(
    ratio: Float64[np.ndarray, "*batch variant"], n: np.ndarray, phi: float
) -> Float64[np.ndarray, "*batch"]:
    """Return 0.9 min(sd, 1.4826 mad) n^(-1/5) phi; absent ratios are NaN."""
    missing = np.isnan(ratio)
    if ratio.shape[-1] > 1 and not missing.any():
        deviation = ratio - medians(ratio)[..., None]
        count = ratio.shape[-1]
        square = np.vecdot(deviation, deviation) - deviation.sum(axis=-1) ** 2 / count
        sd = np.sqrt(np.maximum(square, 0.0) / (count - 1))
        mad = NORMAL_MAD * medians(np.abs(deviation, out=deviation))
    else:
        ratio = np.where(np.all(missing, axis=-1, keepdims=True), 0.0, ratio)
        median = _median(ratio)
        mad = NORMAL_MAD * _median(np.abs(ratio - median[..., None]))
        sd = np.nanstd(ratio, axis=-1, ddof=1)
    return np.asarray(0.9 * np.minimum(sd, mad) / n**0.2 * phi)


def _median(values: np.ndarray) -> np.ndarray:
    """Return the median of what is no NaN; rows are sorted only where some have a NaN."""
    missing = np.isnan(values)
    if values.shape[-1] and not missing.any():
        return medians(values)
    ordered = np.sort(values, axis=-1)  # NaN comes last
    count = np.sum(~missing, axis=-1, keepdims=True)
    low, high = (
        np.take_along_axis(ordered, np.maximum(k, 0), axis=-1)[..., 0]
        for k in ((count - 1) // 2, count // 2)
    )
    return np.asarray((low + high) / 2)


def _candidates(ratio: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return all ratios, or with many of them some at equal steps of cumulative weight."""
    count = ratio.shape[-1]
    if count <= CANDIDATES:
        return ratio
    order = np.argsort(ratio, axis=-1)
    total = np.cumsum(np.take_along_axis(weight, order, axis=-1), axis=-1)
    share = total / total[..., -1:]
    place = (np.arange(CANDIDATES) + 0.5) / CANDIDATES
    flat = share.reshape(-1, count)
    index = np.stack([np.minimum(np.searchsorted(row, place), count - 1) for row in flat])
    index = index.reshape((*ratio.shape[:-1], CANDIDATES))
    return np.take_along_axis(ratio, np.take_along_axis(order, index, axis=-1), axis=-1)


def _density(at: np.ndarray, ratio: np.ndarray, weight: np.ndarray, h: np.ndarray) -> np.ndarray:
    z = at[..., :, None] - ratio[..., None, :]
    z *= 1 / h[..., None, None]
    z *= z
    z *= -0.5
    return np.asarray(np.einsum("...cv,...v->...c", np.exp(z, out=z), weight))


def _climb(at: np.ndarray, ratio: np.ndarray, weight: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Move each point to the top of its hill: mean-shift steps, then Newton's."""
    for step in range(40):
        z = (at[..., :, None] - ratio[..., None, :]) / h[..., None, None]
        k = np.exp(-0.5 * z**2) * weight[..., None, :]
        total = k.sum(axis=-1)
        slope = -np.sum(k * z, axis=-1)
        curve = np.sum(k * (z**2 - 1), axis=-1)
        shift = slope / np.where(total > 0, total, 1.0)
        newton = slope / np.where(curve < 0, -curve, 1.0)
        use = (curve < 0) & (np.abs(newton) < 0.5) & (step > 2)
        move = np.where(use, newton, shift) * h[..., None]
        at = at + move
        if bool(np.all(np.abs(move) <= 1e-12 * (np.abs(at) + h[..., None]))):
            break
    return at


def kernel_mode(
    ratio: Float64[np.ndarray, "*batch variant"],
    weight: Float64[np.ndarray, "*batch variant"],
    h: Float64[np.ndarray, "*batch"],
) -> Float64[np.ndarray, "*batch"]:
    """Return the highest point of a Gaussian kernel density, not of a grid on it.

    R evaluates the density at 512 points over the whole range; with one wild ratio their spacing
    exceeds the bandwidth and the answer is an artefact. Here the best ratios are climbed from.
    """
    safe = np.where(h > 0, h, 1.0)
    filled = np.where(np.isnan(ratio), 0.0, ratio)
    at = _candidates(filled, weight)
    height = _density(at, filled, weight, safe)
    peaks = np.argsort(-height, axis=-1)[..., : min(_PEAKS * 4, at.shape[-1])]
    ordered = np.take_along_axis(at, peaks, axis=-1)
    tops = _climb(ordered[..., ::_PEAKS], filled, weight, safe)
    height = _density(tops, filled, weight, safe)
    best = np.argmax(height, axis=-1)
    top = np.take_along_axis(tops, best[..., None], axis=-1)[..., 0]
    return np.asarray(np.where(h > 0, top, np.nan))


def _binned(place: np.ndarray, weight: np.ndarray, points: int) -> Float64[np.ndarray, "row cell"]:
    """Share each weight between the two grid points around it."""
    n_rows = place.shape[0]
    below = np.floor(place)
    share = place - below
    cell = below.astype(np.int64) + (np.arange(n_rows) * 2 * points)[:, None]
    total = n_rows * 2 * points
    found = np.bincount(cell.ravel(), (weight * (1 - share)).ravel(), minlength=total + 1)
    found += np.bincount(cell.ravel() + 1, (weight * share).ravel(), minlength=total + 1)
    return np.asarray(found[:total].reshape(n_rows, 2 * points))


def grid_mode(
    ratio: Float64[np.ndarray, "*batch variant"],
    weight: Float64[np.ndarray, "*batch variant"],
    h: Float64[np.ndarray, "*batch"],
    points: int = POINTS,
) -> Float64[np.ndarray, "*batch"]:
    """Return the grid point with the highest Gaussian kernel density.

    The grid has ``points`` points from 3 bandwidths below the smallest ratio to 3 above the
    largest. Absent ratios are NaN with weight 0.

    References:
        Silverman 1982, doi:10.2307/2347084 (the algorithm).
    """
    batch, n_variants = ratio.shape[:-1], ratio.shape[-1]
    rows = ratio.reshape(-1, n_variants)
    mass = np.where(np.isnan(rows), 0.0, weight.reshape(-1, n_variants))
    width = np.where(h > 0, h, 1.0).reshape(-1)
    start = np.nanmin(rows, axis=-1) - _CUT * width
    stop = np.nanmax(rows, axis=-1) + _CUT * width
    low, high = start - _MARGIN * width, stop + _MARGIN * width
    step = (high - low) / (points - 1)
    place = np.where(np.isnan(rows), 0.0, (rows - low[:, None]) / step[:, None])
    counts = _binned(place, mass, points)
    offset = np.arange(2 * points)
    # The kernel at circular distances on a grid twice as long, so that it does not wrap around.
    distance = np.where(offset <= points, offset, 2 * points - offset)
    spacing = 2 * (high - low) / (2 * points - 1)
    z = distance * (spacing / width)[:, None]
    kernel = np.exp(-0.5 * z**2)
    smooth = np.fft.irfft(np.fft.rfft(counts) * np.conj(np.fft.rfft(kernel)), n=2 * points)
    smooth = np.maximum(smooth[:, :points], 0.0)
    at = start[:, None] + (stop - start)[:, None] * np.linspace(0.0, 1.0, points)
    index = np.clip((at - low[:, None]) / step[:, None], 0, points - 1)
    left = np.minimum(np.floor(index).astype(np.int64), points - 2)
    share = index - left
    heights = np.take_along_axis(smooth, left, axis=-1) * (1 - share)
    heights += np.take_along_axis(smooth, left + 1, axis=-1) * share
    best = np.argmax(heights, axis=-1)
    mode = np.take_along_axis(at, best[:, None], axis=-1)[:, 0].reshape(batch)
    return np.asarray(np.where(h > 0, mode, np.nan))
