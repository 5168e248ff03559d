"""Summarise bigWig signals over bins: mean, maximum or total."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Int64

from deepmr.data.bigwig import BigWig

__all__ = ["GAPS", "SUMMARIES", "checked_contigs", "read_signal"]

_SPAN = 1 << 22  # bases read at a time: 16 MB of float32

SUMMARIES: dict[str, Callable[..., Float64[np.ndarray, " bin"]]] = {
    "mean": np.nanmean,
    "max": np.nanmax,
    "total": np.nansum,
}
GAPS = ("zero", "missing")


def read_signal(
    path: Path,
    chrom: str,
    start: Int64[np.ndarray, " bin"],
    size: int,
    *,
    summary: str = "mean",
    gaps: str = "zero",
) -> Float32[np.ndarray, " bin"]:
    """Summarise a bigWig over bins of one contig.

    Args:
        path: The bigWig file.
        chrom: Contig.
        start: First base of each bin, ascending.
        size: Bases in a bin.
        summary: ``mean``, ``max`` or ``total``.
        gaps: What a base without a value counts as: ``zero``, as coverage tracks mean it, or
            ``missing``, left out; a bin of such bases alone is then NaN.

    Returns:
        One number a bin; NaN on a contig that the file does not know.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no bigWig, is cut short or damaged, holds an infinite value in
            these bins, or knows the contig as shorter than the bins reach; or if an option is
            unknown.
    """
    if summary not in SUMMARIES or gaps not in GAPS:
        raise ValueError(
            f"data.signal is one of {', '.join(SUMMARIES)} and data.gaps one of "
            f"{', '.join(GAPS)}; got {summary!r} and {gaps!r}"
        )
    result = np.full(start.size, np.nan, dtype=np.float32)
    track = BigWig(path)
    known = track.contigs.get(chrom)
    if known is None or not start.size:
        return result
    if int(start[-1]) + size > known:
        raise ValueError(
            f"{path} knows {chrom} with {known} bases, a bin ends at {start[-1] + size}; "
            "use a signal of the same assembly"
        )
    for rows in _spans(start, size):
        values = track.values(chrom, int(start[rows][0]), int(start[rows][-1]) + size)
        _check_finite(path, chrom, int(start[rows][0]), values)
        if gaps == "zero":
            values = np.where(np.isnan(values), np.float32(0), values)
        result[rows] = _summarise(values, start[rows], size, summary)
    return result


def checked_contigs(path: Path) -> dict[str, int]:
    """Read a bigWig from its beginning to its end, and return its contigs with their lengths.

    Args:
        path: The bigWig file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no bigWig, is cut short or damaged.
    """
    track = BigWig(path)
    track.check()
    return track.contigs


def _check_finite(path: Path, chrom: str, low: int, values: Float32[np.ndarray, " base"]) -> None:
    bad = np.isinf(values)
    if bad.any():
        first = low + int(np.argmax(bad))
        raise ValueError(
            f"{path}: a signal has finite values, got {values[first - low]} at {chrom}:{first} "
            f"and {int(bad.sum())} more like it nearby; is this a ratio without a pseudocount? "
            "add one, or leave those bases out of the file and set data.gaps=missing"
        )


def _spans(start: Int64[np.ndarray, " bin"], size: int) -> list[slice]:
    """Divide ascending bins into runs that reach over no more than a span."""
    spans, first = [], 0
    while first < start.size:
        last = int(np.searchsorted(start, start[first] + max(_SPAN - size, 1)))
        spans.append(slice(first, last))
        first = last
    return spans


def _summarise(
    values: Float32[np.ndarray, " base"], start: Int64[np.ndarray, " bin"], size: int, summary: str
) -> Float64[np.ndarray, " bin"]:
    windows = np.lib.stride_tricks.sliding_window_view(values, size)
    bins = windows[start - start[0]].astype(np.float64)
    empty = np.isnan(bins).all(axis=1)
    bins[empty] = 0.0  # so that no summary of nothing is asked for
    return np.where(empty, np.nan, SUMMARIES[summary](bins, axis=1))
