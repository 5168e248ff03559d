"""Overlap of peaks and regions with bins of a fixed size."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64

__all__ = ["covered_bins", "covered_length"]


def covered_bins(
    start: Int64[np.ndarray, " peak"],
    end: Int64[np.ndarray, " peak"],
    *,
    n_bins: int,
    size: int,
    overlap: int | float,
) -> Bool[np.ndarray, " bin"]:
    """Tell which bins of a contig are covered by one peak for more than a share of their length.

    Bin k is ``[k * size, (k + 1) * size)``. Two peaks that only together cover enough do not
    count, and a share of exactly ``overlap`` is not enough.

    Args:
        start: First base of each peak, 0-based.
        end: The base behind its last.
        n_bins: Number of bins; what lies behind the last is ignored.
        size: Bases in a bin.
        overlap: The share that must be exceeded, at least 0 and below 1.

    Raises:
        ValueError: If ``overlap`` lies outside [0, 1).

    References:
        Zhou and Troyanskaya 2015, doi:10.1038/nmeth.3547 (200-bp bins, more than half covered).

    Example:
        >>> peak = dict(start=np.array([300]), end=np.array([501]))
        >>> covered_bins(**peak, n_bins=4, size=200, overlap=0.5).tolist()
        [False, False, True, False]
    """
    if not 0 <= overlap < 1:
        raise ValueError(f"data.overlap must be at least 0 and below 1, got {overlap}")
    first, last = start // size, (end - 1) // size
    needed = overlap * size
    in_first = np.minimum(end, (first + 1) * size) - start > needed
    in_last = end - np.maximum(start, last * size) > needed
    # Bins between the first and the last are covered whole; only these two can fail.
    low = np.where(in_first, first, first + 1)
    high = np.where(in_last, last, last - 1) + 1
    some = (low < high) & (low < n_bins)
    change = np.zeros(n_bins + 1, dtype=np.int32)
    np.add.at(change, low[some], 1)
    np.add.at(change, np.minimum(high[some], n_bins), -1)
    return np.cumsum(change[:-1]) > 0


def covered_length(
    start: Int64[np.ndarray, " region"],
    end: Int64[np.ndarray, " region"],
    low: Int64[np.ndarray, " window"],
    high: Int64[np.ndarray, " window"],
) -> Int64[np.ndarray, " window"]:
    """Return how many bases of each window lie in any of the regions (which may overlap).

    Example:
        >>> one = np.array([0]); covered_length(one + 5, one + 9, one, one + 7).tolist()
        [2]
    """
    if not start.size:
        return np.zeros(low.size, dtype=np.int64)
    order = np.argsort(start, kind="stable")
    start, reach = start[order], np.maximum.accumulate(end[order])
    fresh = np.concatenate([[True], start[1:] > reach[:-1]])
    left = start[fresh]
    right = reach[np.concatenate([np.flatnonzero(fresh)[1:] - 1, [start.size - 1]])]
    # The covered length up to a base is piecewise linear with knots at the region's ends; float64
    # is exact here, since no genome has 2^53 bases.
    knots = np.stack([left, right], axis=1).ravel().astype(np.float64)
    total = np.cumsum(right - left)
    height = np.stack([total - (right - left), total], axis=1).ravel().astype(np.float64)
    upper = np.interp(high.astype(np.float64), knots, height, left=0.0)
    lower = np.interp(low.astype(np.float64), knots, height, left=0.0)
    return np.rint(upper - lower).astype(np.int64)
