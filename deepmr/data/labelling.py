"""Label the bins of a contig, and choose the windows of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, UInt8

from deepmr.data.bins import covered_bins, covered_length
from deepmr.data.genome import EncodedGenome
from deepmr.data.peaks import Peaks
from deepmr.data.sampling import choose_negatives, scramble

__all__ = ["ContigBins", "Windows", "choose_windows", "label_contig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContigBins:
    """The bins of one contig.

    Args:
        contig: Position of the contig in the genome's list.
        usable: Bins that are known, not excluded, and where some task was measured.
        gc: GC content of the window around each bin.
        positive: The usable bins with a peak of any task, ascending.
        labels: Their labels.
    """

    contig: int
    usable: Bool[np.ndarray, " bin"]
    gc: Float32[np.ndarray, " bin"]
    positive: Int64[np.ndarray, " positive"]
    labels: UInt8[np.ndarray, "positive binary"]

    def restrict(self, column: Bool[np.ndarray, " binary"], measured: bool) -> ContigBins:
        """Return the bins as they are for some of the tasks: without those, a peak is no peak."""
        labels = self.labels[:, column]
        some = labels.any(axis=1)
        return replace(
            self,
            usable=self.usable if measured else np.zeros_like(self.usable),
            positive=self.positive[some & measured],
            labels=labels[some & measured],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The windows of a split, sorted by place.

    Args:
        contig: Position of each window's contig in the genome's list.
        start: First base of each window, context included.
        row: Row of its labels among those of the split's positives, or -1 where it has no peak.
        gc: Its GC content.
    """

    contig: Int32[np.ndarray, " window"]
    start: Int64[np.ndarray, " window"]
    row: Int32[np.ndarray, " window"]
    gc: Float32[np.ndarray, " window"]


def label_contig(
    genome: EncodedGenome,
    contig: int,
    peaks: Sequence[Peaks],
    exclude: Peaks | None,
    *,
    measured: Bool[np.ndarray, " binary"],
    size: int,
    context: int,
    overlap: int | float,
    max_unknown: int | float,
) -> ContigBins:
    """Label the bins of one contig.

    Args:
        genome: The encoded genome.
        contig: Position of the contig in the genome's list.
        peaks: Peaks of each binary task, on all contigs.
        exclude: Regions whose bins are left out, on all contigs.
        measured: Which binary tasks were measured on this contig.
        size: Bases in a bin.
        context: Bases in a window.
        overlap: Share of a bin that one peak must exceed.
        max_unknown: Largest share of unknown bases in a window.
    """
    n_bins = int(genome.lengths[contig]) // size
    low = np.arange(n_bins, dtype=np.int64) * size
    start = low - (context - size) // 2
    known = genome.count(contig, start, context, 0, 3)
    strong = genome.count(contig, start, context, 1, 2)
    # Without any known base a window is never usable, whatever max_unknown says.
    usable = (known > 0) & (context - known <= max_unknown * context)
    if exclude is not None:
        here = exclude.contig == contig
        usable &= covered_length(exclude.start[here], exclude.end[here], low, low + size) == 0
    labels = np.zeros((n_bins, len(peaks)), dtype=np.uint8)
    for column, track in enumerate(peaks):
        if measured[column]:
            here = track.contig == contig
            labels[:, column] = covered_bins(
                track.start[here], track.end[here], n_bins=n_bins, size=size, overlap=overlap
            )
    positive = np.flatnonzero(usable & labels.any(axis=1))
    gc = (strong / np.maximum(known, 1)).astype(np.float32)
    return ContigBins(
        contig=contig, usable=usable, gc=gc, positive=positive, labels=labels[positive]
    )


def choose_windows(
    contigs: Sequence[ContigBins],
    *,
    size: int,
    context: int,
    negatives: int | float | None,
    match_gc: bool,
    seed: int,
) -> Windows:
    """Take every bin with a peak, and of the others all or a sample.

    Args:
        contigs: The contigs of a split.
        size: Bases in a bin.
        context: Bases in a window.
        negatives: Windows without a peak for each one with a peak; None takes all.
        match_gc: Choose them with the positives' GC content.
        seed: Decides which are chosen.
    """
    candidate = []
    for part in contigs:
        free = part.usable.copy()
        free[part.positive] = False
        candidate.append(np.flatnonzero(free))
    contig, place, gc = _flatten(contigs, candidate)
    has_contig, has_place, has_gc = _flatten(contigs, [part.positive for part in contigs])
    if negatives is not None:
        rank = scramble(seed, contig, place)
        chosen = choose_negatives(has_gc, gc, rank, ratio=negatives, match_gc=match_gc)
        contig, place, gc = contig[chosen], place[chosen], gc[chosen]
    row = np.concatenate([np.arange(has_place.size), np.full(place.size, -1)]).astype(np.int32)
    contig, place = np.concatenate([has_contig, contig]), np.concatenate([has_place, place])
    order = np.lexsort((place, contig))
    return Windows(
        contig=contig[order],
        start=place[order] * size - (context - size) // 2,
        row=row[order],
        gc=np.concatenate([has_gc, gc])[order],
    )


def _flatten(
    contigs: Sequence[ContigBins], places: Sequence[Int64[np.ndarray, " _"]]
) -> tuple[
    Int32[np.ndarray, " window"], Int64[np.ndarray, " window"], Float32[np.ndarray, " window"]
]:
    contig = [np.full(where.size, part.contig) for part, where in zip(contigs, places, strict=True)]
    gc = [part.gc[where] for part, where in zip(contigs, places, strict=True)]
    return (
        np.concatenate(contig).astype(np.int32),
        np.concatenate(places).astype(np.int64),
        np.concatenate(gc).astype(np.float32),
    )
