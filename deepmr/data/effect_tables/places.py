"""Loci of a table: named by it, regions of a BED file, or runs of neighbouring variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int64, Shaped

from deepmr.data.effect_tables.format import parse_place
from deepmr.data.effect_tables.rows import EffectRows

__all__ = ["Extent", "Placed", "Seen", "windows_of"]

Extent = tuple[str, int, int]
"""Contig and ends of a locus, 0-based and half-open."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """Places that a table's variants take, gathered batch by batch.

    Args:
        named: Ends of each locus that the table names.
        starts: Distinct first bases of the variants of each contig.
        longest: Bases of the longest reference allele.
    """

    named: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    starts: dict[str, np.ndarray] = field(default_factory=dict)
    longest: int = 1

    def add(self, rows: EffectRows) -> None:
        """Take in a batch."""
        width = np.asarray([max(len(one), 1) for one in rows.ref.tolist()], dtype=np.int64)
        self.longest = max(self.longest, int(width.max(initial=1)))
        has_name = rows.locus != ""
        for chrom in np.unique(rows.chrom.astype(object)).tolist():
            here = (rows.chrom == chrom) & ~has_name
            if here.any():
                before = self.starts.get(chrom, np.zeros(0, dtype=np.int64))
                self.starts[chrom] = np.union1d(before, rows.pos[here])
        if not has_name.any():
            return
        keys, inverse = np.unique(
            np.char.add(
                np.char.add(rows.chrom[has_name].astype(str), "\t"),
                rows.locus[has_name].astype(str),
            ),
            return_inverse=True,
        )
        low = np.full(keys.size, np.iinfo(np.int64).max)
        high = np.zeros(keys.size, dtype=np.int64)
        np.minimum.at(low, inverse, rows.pos[has_name])
        np.maximum.at(high, inverse, rows.pos[has_name] + width[has_name])
        first = np.unique(inverse, return_index=True)[1]
        for k in np.argsort(first).tolist():
            chrom, _, name = keys[k].partition("\t")
            ends = self.named.setdefault((chrom, name), [int(low[k]), int(high[k])])
            ends[0], ends[1] = min(ends[0], int(low[k])), max(ends[1], int(high[k]))


def windows_of(
    starts: Int64[np.ndarray, " position"], *, gap: int, width: int, longest: int
) -> list[tuple[int, int]]:
    """Return runs of neighbouring variants.

    Args:
        starts: Distinct first bases, ascending.
        gap: A run ends where the next variant lies more than this many bases behind.
        width: Most bases in a run.
        longest: Bases of the longest reference allele, which every run makes room for.

    Example:
        >>> windows_of(np.array([3, 5, 100, 102]), gap=10, width=50, longest=1)
        [(3, 6), (100, 103)]
    """
    found: list[tuple[int, int]] = []
    breaks = np.flatnonzero(np.diff(starts) > gap) + 1
    for run in np.split(starts, breaks):
        first = int(run[0])
        last = int(run[-1])
        while last + longest - first > width:
            inside = run[run + longest - first <= width]
            if not inside.size:
                inside = run[:1]
            found.append((first, int(inside[-1]) + longest))
            run = run[inside.size :]
            if not run.size:
                break
            first = int(run[0])
        if run.size:
            found.append((first, last + longest))
    return found


class Placed:
    """Loci of a table, and which of them a row belongs to.

    Args:
        extents: The loci, in order.
        names: Names by which the table knows them, where it names them; by default their places
            alone decide.

    Raises:
        ValueError: If there is no locus, or two have one place.
    """

    def __init__(
        self, extents: Sequence[Extent], names: Sequence[tuple[str, str]] | None = None
    ) -> None:
        if not extents:
            raise ValueError("the table has no variant in any locus; see loci= and effects.gap=")
        if len(set(extents)) < len(extents):
            first = next(one for one in extents if list(extents).count(one) > 1)
            raise ValueError(
                f"two loci of the table lie at {first[0]}:{first[1]}-{first[2]}; name loci by "
                "their places, chrom:start-end"
            )
        self.extents = tuple(extents)
        self._names = None if names is None else {key: row for row, key in enumerate(names)}
        self._by_chrom: dict[str, tuple[np.ndarray, ...]] = {}
        for chrom in dict.fromkeys(one[0] for one in extents):
            rows = np.asarray([k for k, one in enumerate(extents) if one[0] == chrom])
            start = np.asarray([extents[k][1] for k in rows], dtype=np.int64)
            end = np.asarray([extents[k][2] for k in rows], dtype=np.int64)
            order = np.argsort(start, kind="stable")
            rows, start, end = rows[order], start[order], end[order]
            self._by_chrom[chrom] = (rows, start, end, np.maximum.accumulate(end))

    @classmethod
    def from_table(cls, seen: Seen, *, gap: int, width: int) -> Placed:
        """Return the loci that the table names, and runs of the variants without a name.

        Args:
            seen: Places of the variants.
            gap: See `windows_of`.
            width: See `windows_of`.
        """
        if seen.named:
            if seen.starts:
                chrom, starts = next(iter(seen.starts.items()))
                raise ValueError(
                    f"every row must name its locus or none, got none at {chrom}:{starts[0] + 1}"
                )
            return cls([_extent(k, ends) for k, ends in seen.named.items()], list(seen.named))
        extents = [
            (chrom, *ends)
            for chrom, starts in seen.starts.items()
            for ends in windows_of(starts, gap=gap, width=width, longest=seen.longest)
        ]
        return cls(extents)

    def assign(
        self, rows: EffectRows, width: Int64[np.ndarray, " row"]
    ) -> tuple[Int64[np.ndarray, " place"], Int64[np.ndarray, " place"]]:
        """Return rows and the loci that they belong to; a row may belong to several, or none.

        Args:
            rows: Rows of the table.
            width: Bases of each reference allele.
        """
        if self._names is not None:
            names = zip(rows.chrom.tolist(), rows.locus.tolist(), strict=True)
            found = np.asarray([self._names.get(key, -1) for key in names], dtype=np.int64)
            row = np.flatnonzero(found >= 0)
            return row, found[row]
        parts = [
            self._within(np.flatnonzero(rows.chrom == chrom), chrom, rows.pos, width)
            for chrom in np.unique(rows.chrom.astype(object)).tolist()
            if chrom in self._by_chrom
        ]
        if not parts:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        row, locus = (np.concatenate(one) for one in zip(*parts, strict=True))
        return row, locus

    def _within(
        self,
        here: Shaped[np.ndarray, " some"],
        chrom: str,
        pos: Int64[np.ndarray, " row"],
        width: Int64[np.ndarray, " row"],
    ) -> tuple[np.ndarray, np.ndarray]:
        loci, start, end, furthest = self._by_chrom[chrom]
        low = np.searchsorted(furthest, pos[here], side="right")
        high = np.searchsorted(start, pos[here], side="right")
        count = np.maximum(high - low, 0)
        row = np.repeat(here, count)
        step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        candidate = np.repeat(low, count) + step
        inside = pos[row] + width[row] <= end[candidate]
        return row[inside], loci[candidate[inside]]


def _extent(key: tuple[str, str], ends: list[int]) -> Extent:
    """Return the place of a named locus: its name where that is a place, else its variants'."""
    chrom, name = key
    place = parse_place(name)
    if place is not None and place[1] <= ends[0] and ends[1] <= place[2]:
        return (chrom, place[1], place[2])
    return (chrom, ends[0], ends[1])
