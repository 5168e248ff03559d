"""Loci: the sequences whose variants are measured, with their places."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int8, Int64, Shaped, UInt8

from deepmr.genome import Interval

__all__ = ["BedRegions", "Loci", "draw"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BedRegions:
    """The lines of a BED file around which loci lie.

    Args:
        strand: 1 for the forward strand, -1 for the reverse strand, 0 where none is named.
        start: First base of each region on the chromosome, 0-based (column 2).
        end: The base behind the last (column 3).
        thick_start: First base of the thick part (column 7); the region's where there is none.
        thick_end: The base behind its last (column 8), likewise.

    Raises:
        ValueError: If lengths differ.

    Example:
        >>> one = np.array([5])
        >>> regions = BedRegions(
        ...     strand=np.array([-1], np.int8),
        ...     start=one,
        ...     end=one + 3,
        ...     thick_start=one,
        ...     thick_end=one,
        ... )
        >>> regions.base("start").tolist(), regions.base("end").tolist()
        ([7], [5])
    """

    strand: Int8[np.ndarray, " locus"]
    start: Int64[np.ndarray, " locus"]
    end: Int64[np.ndarray, " locus"]
    thick_start: Int64[np.ndarray, " locus"]
    thick_end: Int64[np.ndarray, " locus"]

    def __post_init__(self) -> None:
        sizes = {len(one) for one in (self.strand, self.start, self.end, self.thick_end)}
        if len(sizes | {len(self.thick_start)}) > 1:
            raise ValueError("BedRegions must have a strand and four places for every locus")

    def rows(self, rows: Shaped[np.ndarray, "..."] | slice) -> BedRegions:
        """Return some regions.

        Args:
            rows: Their rows.
        """
        return BedRegions(
            strand=self.strand[rows],
            start=self.start[rows],
            end=self.end[rows],
            thick_start=self.thick_start[rows],
            thick_end=self.thick_end[rows],
        )

    def base(self, anchor: str) -> Int64[np.ndarray, " locus"]:
        """Return the place of an anchor on the chromosome, the first or last base on the strand.

        Args:
            anchor: ``start``, ``end``, ``thick_start`` or ``thick_end``.
        """
        thick = anchor.startswith("thick")
        first = self.thick_start if thick else self.start
        last = (self.thick_end if thick else self.end) - 1
        at_first = np.full(len(first), anchor.endswith("start")) ^ (self.strand == -1)
        return np.where(at_first, first, last).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loci:
    """The sequences of an interrogation, equally long, with their places.

    Args:
        chrom: Chromosome of each locus.
        start: First base, 0-based.
        end: The base behind the last.
        codes: Bases, 0 to 3 for A, C, G, T and 4 for unknown.
        split: Which split they come from, or how they were chosen.
        true_effects: Noiseless effects of every substitution on every task, where known.
        true_tasks: Names on the task axis of ``true_effects``.
        regions: The BED lines around which they lie, where they come from a BED file.

    Raises:
        ValueError: If lengths differ, there is none, or a key occurs twice.
    """

    chrom: Shaped[np.ndarray, " locus"]
    start: Int64[np.ndarray, " locus"]
    end: Int64[np.ndarray, " locus"]
    codes: UInt8[np.ndarray, "locus length"]
    split: str = ""
    true_effects: Float64[np.ndarray, "locus task variant"] | None = None
    true_tasks: tuple[str, ...] = ()
    regions: BedRegions | None = None

    def __post_init__(self) -> None:
        n = len(self.chrom)
        if n == 0:
            raise ValueError("an interrogation needs at least one locus, got none; see loci=")
        if not n == len(self.start) == len(self.end) == len(self.codes):
            raise ValueError(
                f"every locus needs chrom, start, end and a sequence, got {n}, {len(self.start)}, "
                f"{len(self.end)} and {len(self.codes)}"
            )
        keys = list(self.places())
        if len(set(keys)) < n:
            first = next(key for key in keys if keys.count(key) > 1)
            raise ValueError(f"loci must differ, got {first[0]}:{first[1]}-{first[2]} twice")

    def __len__(self) -> int:
        return len(self.chrom)

    def first(self, n: int) -> Loci:
        """Return the first n loci."""
        truth = self.true_effects
        return replace(
            self,
            chrom=self.chrom[:n],
            start=self.start[:n],
            end=self.end[:n],
            codes=self.codes[:n],
            true_effects=None if truth is None else truth[:n],
            regions=None if self.regions is None else self.regions.rows(slice(n)),
        )

    def places(self) -> list[tuple[str, int, int]]:
        """Return the keys by which tables are joined."""
        return [
            (str(chrom), int(start), int(end))
            for chrom, start, end in zip(self.chrom, self.start, self.end, strict=True)
        ]

    def intervals(self) -> tuple[Interval, ...]:
        """Return the loci as intervals."""
        return tuple(Interval(*place) for place in self.places())

    def names(self) -> list[str]:
        """Return readable places."""
        return [f"{chrom}:{start}-{end}" for chrom, start, end in self.places()]


def draw(n_available: int, n: int | None, seed: int) -> Int64[np.ndarray, " chosen"]:
    """Draw at most n positions without replacement, in ascending order; all if n is None.

    The draw of a smaller n is contained in that of a larger one.

    Raises:
        ValueError: If n is not positive.
    """
    if n is not None and n < 1:
        raise ValueError(f"loci.n must be at least 1, got {n}")
    if n is None or n >= n_available:
        return np.arange(n_available)
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,))).permutation(
        n_available
    )
    return np.sort(order[:n]).astype(np.int64)
