"""Sample windows without a peak by hashed random bits, whatever the order of the windows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int64, Shaped, UInt64

__all__ = ["choose_negatives", "scramble"]

_GC_STEP = 0.02  # width of a stratum of GC content


def scramble(seed: int, *columns: Shaped[np.ndarray, " row"]) -> UInt64[np.ndarray, " row"]:
    """Return 64 random bits for each row, a function of the seed and the row's numbers alone.

    References:
        Steele, Lea and Flood 2014, doi:10.1145/2714064.2660195 (the SplitMix64 finaliser).
    """
    state = np.full(columns[0].shape, np.uint64(seed % (1 << 64)), dtype=np.uint64)
    for column in columns:
        state = _finalise(state + np.uint64(0x9E3779B97F4A7C15)) ^ column.astype(np.uint64)
    return _finalise(state + np.uint64(0x9E3779B97F4A7C15))


def _finalise(bits: UInt64[np.ndarray, " row"]) -> UInt64[np.ndarray, " row"]:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def choose_negatives(
    gc_positive: Float32[np.ndarray, " positive"],
    gc_candidate: Float32[np.ndarray, " candidate"],
    rank: UInt64[np.ndarray, " candidate"],
    *,
    ratio: int | float,
    match_gc: bool,
) -> Int64[np.ndarray, " chosen"]:
    """Choose windows without a peak: those of lowest rank, stratum by stratum.

    Args:
        gc_positive: GC content of the windows with a peak.
        gc_candidate: GC content of the windows to choose from.
        rank: Random bits of each candidate; equal ranks do not matter.
        ratio: Windows wanted for each positive one.
        match_gc: Give the chosen the positives' GC distribution, in steps of 0.02. A stratum
            without candidates enough gives all it has; the sample is then smaller than asked,
            rather than unlike the positives.

    Returns:
        Positions of the chosen candidates, ascending.

    Raises:
        ValueError: If the ratio is negative.
    """
    if ratio < 0:
        raise ValueError(f"data.negatives must be 0 or more, or null for all, got {ratio}")
    if match_gc:
        stratum = (gc_candidate / _GC_STEP).astype(np.int64)
        count = np.bincount((gc_positive / _GC_STEP).astype(np.int64), minlength=51)
    else:
        stratum = np.zeros(gc_candidate.size, dtype=np.int64)
        count = np.asarray([gc_positive.size])
    wanted = np.rint(count * ratio).astype(np.int64)
    order = np.lexsort((rank, stratum))
    ordered = stratum[order]
    first = np.searchsorted(ordered, np.arange(wanted.size))
    place = np.arange(order.size) - first[ordered]
    return np.sort(order[place < wanted[ordered]])
