"""Non-overlapping windows around peak summits and strong signals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int64

from deepmr.data.genome import EncodedGenome
from deepmr.data.settings import PeakFiles
from deepmr.data.windows import WindowSplit
from deepmr.sequence import UNKNOWN

__all__ = ["inside_windows", "separate", "strongest", "summits", "windows_around"]

_STRONG = 99.0  # percentile of a signal from which on a window is worth interrogating


def summits(
    path: Path, genome: EncodedGenome, rules: PeakFiles
) -> tuple[Int64[np.ndarray, " point"], Int64[np.ndarray, " point"]]:
    """Return contig and summit of every peak of a file, sorted by place."""
    peaks = rules.read(path, genome.contigs)
    order = np.lexsort((peaks.summit, peaks.contig))
    return peaks.contig[order], peaks.summit[order]


def strongest(
    split: WindowSplit, column: int, genome: EncodedGenome
) -> tuple[Int64[np.ndarray, " point"], Int64[np.ndarray, " point"]]:
    """Return contig and middle of the windows with the strongest percent of a signal."""
    target, mask = split.targets(np.arange(len(split)))
    value, known = target[:, column], mask[:, column]
    rows = np.flatnonzero(known)
    if rows.size:
        rows = rows[value[rows] >= np.percentile(value[rows], _STRONG)]
    return genome.locate(split.chrom[rows]), (split.start[rows] + split.end[rows]) // 2


def inside_windows(
    genome: EncodedGenome,
    contig: Int64[np.ndarray, " point"],
    centre: Int64[np.ndarray, " point"],
    length: int,
) -> tuple[Int64[np.ndarray, " locus"], Int64[np.ndarray, " locus"]]:
    """Place windows on points so that each lies inside its contig, is known and is alone.

    Args:
        genome: The encoded genome.
        contig: Contig of each point, as a position in the genome's list.
        centre: The base, most wanted first: a point too close to an earlier one is left out.
        length: Bases in a window.

    Returns:
        Contig and first base of each window, sorted by place. Windows with an unknown base and
        contigs shorter than a window are left out.
    """
    start, fits = windows_around(centre, genome.lengths[contig], length)
    contig, start = contig[fits], start[fits]
    known = (genome.windows(contig, start, length) < UNKNOWN).all(axis=1)
    contig, start = contig[known], start[known]
    kept = separate(contig, start, length)
    order = kept[np.lexsort((start[kept], contig[kept]))]
    return contig[order], start[order]


def windows_around(
    centre: Int64[np.ndarray, " locus"], size: Int64[np.ndarray, " locus"], length: int
) -> tuple[Int64[np.ndarray, " locus"], Bool[np.ndarray, " locus"]]:
    """Place a window on each centre, moved inwards where it would reach beyond the contig's ends.

    Args:
        centre: The base in the middle (of two middle bases the right one).
        size: Bases in the contig of each.
        length: Bases in a window.

    Returns:
        The first base of each window, and whether the contig is long enough to hold it.

    Example:
        >>> start, fits = windows_around(np.array([3, 50]), np.array([100, 100]), 10)
        >>> start.tolist(), fits.tolist()
        ([0, 45], [True, True])
    """
    fits = size >= length
    start = np.clip(centre - length // 2, 0, np.maximum(size - length, 0))
    return start, fits


def separate(
    contig: Int64[np.ndarray, " locus"], start: Int64[np.ndarray, " locus"], length: int
) -> Int64[np.ndarray, " kept"]:
    """Keep windows of one length that overlap none kept before, in the order given.

    Returns:
        The positions kept, ascending.

    Example:
        >>> separate(np.zeros(3, dtype=int), np.array([0, 50, 100]), 100).tolist()
        [0, 2]
    """
    taken: dict[tuple[int, int], int] = {}
    kept = []
    for row, (where, first) in enumerate(zip(contig.tolist(), start.tolist(), strict=True)):
        # Kept windows are disjoint, so each stretch of `length` bases holds the start of one only.
        block = first // length
        near = (taken.get((where, block + step)) for step in (-1, 0, 1))
        if all(other is None or abs(other - first) >= length for other in near):
            taken[where, block] = first
            kept.append(row)
    return np.asarray(kept, dtype=np.int64)
