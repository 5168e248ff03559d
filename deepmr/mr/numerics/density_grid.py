"""The kernel density on a grid as R's density() computes it: linear binning and an FFT."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

__all__ = ["grid_mode"]

POINTS = 512
_CUT = 3.0
_MARGIN = 4.0


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
