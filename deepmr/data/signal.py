"""bigWig signals to numbers: the mean, maximum or total over each bin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyBigWig
from jaxtyping import Float32, Float64, Int64

__all__ = ["GAPS", "SUMMARIES", "read_signal"]

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
        ValueError: If the file is no bigWig, is cut short, or knows the contig as shorter than
            the bins reach; or if an option is unknown.
    """
    if summary not in SUMMARIES or gaps not in GAPS:
        raise ValueError(
            f"data.signal is one of {', '.join(SUMMARIES)} and data.gaps one of "
            f"{', '.join(GAPS)}; got {summary!r} and {gaps!r}"
        )
    if not path.is_file():
        raise FileNotFoundError(f"a signal file is missing: {path}; no such file")
    result = np.full(start.size, np.nan, dtype=np.float32)
    try:
        with pyBigWig.open(str(path)) as track:
            if not track.isBigWig():
                raise ValueError(f"{path} is not a bigWig; tasks of kind signal and count need one")
            known = track.chroms().get(chrom)
            if known is None or not start.size:
                return result
            if int(start[-1]) + size > known:
                raise ValueError(
                    f"{path} knows {chrom} with {known} bases, a bin ends at {start[-1] + size}; "
                    "use a signal of the same assembly"
                )
            for rows in _spans(start, size):
                result[rows] = _summarise(track, chrom, start[rows], size, summary, gaps)
    except RuntimeError as error:  # pyBigWig's word for every failure
        raise ValueError(
            f"{path} cannot be read as bigWig ({error}); it may be cut short, fetch it again"
        ) from error
    return result


def _spans(start: Int64[np.ndarray, " bin"], size: int) -> list[slice]:
    """Divide ascending bins into runs that reach over no more than a span."""
    spans, first = [], 0
    while first < start.size:
        last = int(np.searchsorted(start, start[first] + max(_SPAN - size, 1)))
        spans.append(slice(first, last))
        first = last
    return spans


def _summarise(
    track: pyBigWig.pyBigWig,
    chrom: str,
    start: Int64[np.ndarray, " bin"],
    size: int,
    summary: str,
    gaps: str,
) -> Float64[np.ndarray, " bin"]:
    low, high = int(start[0]), int(start[-1]) + size
    values = np.asarray(track.values(chrom, low, high, numpy=True), dtype=np.float32)
    if gaps == "zero":
        values = np.nan_to_num(values, nan=0.0)
    bins = np.lib.stride_tricks.sliding_window_view(values, size)[start - low].astype(np.float64)
    empty = np.isnan(bins).all(axis=1)
    bins[empty] = 0.0  # so that no summary of nothing is asked for
    return np.where(empty, np.nan, SUMMARIES[summary](bins, axis=1))
