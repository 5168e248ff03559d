"""Loci of a table of effects: from a BED file, by name, or as runs of neighbouring variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepmr.data.effect_tables import Extent, Placed, Scan, parse_place
from deepmr.data.genome import EncodedGenome
from deepmr.data.text import lines
from deepmr.loci import Loci
from deepmr.sequence import UNKNOWN

__all__ = ["TableLoci", "holds_variant", "loci_of", "places_of", "read_bed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLoci:
    """How the variants of a table become loci; loci that the table names come first.

    Args:
        path: BED file of regions; None (the default) for the table's own loci or runs of
            neighbouring variants.
        gap: A run ends where the next variant lies more than this many bases behind; 100 by
            default.
        width: Most bases in a run; 1000 by default.
        n: Most loci, drawn at random; None (the default) takes all.
        seed: Seed of the draw.

    Raises:
        ValueError: If ``gap`` or ``width`` is not positive.
    """

    path: str | Path | None = None
    gap: int = 100
    width: int = 1000
    n: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("gap", "width"):
            if getattr(self, name) < 1:
                raise ValueError(f"effects.{name} must be 1 or more, got {getattr(self, name)}")


def holds_variant(found: Scan, region: Extent) -> bool:
    """Return whether a variant of the table begins in a region.

    Args:
        found: What the first pass found.
        region: Contig and ends.
    """
    chrom, start, end = region
    starts = found.seen.starts.get(chrom, np.zeros(0, dtype=np.int64))
    named = [key for key in found.seen.named if key[0] == chrom]
    if named:
        return any(
            found.seen.named[key][0] < end and start < found.seen.named[key][1] for key in named
        )
    return bool(np.searchsorted(starts, start) < np.searchsorted(starts, end))


def read_bed(path: Path) -> list[Extent]:
    """Read the regions of a BED file as they are, each once.

    Args:
        path: The file.

    Raises:
        ValueError: If a line has no contig, start and end.
    """
    found: dict[Extent, None] = {}
    for number, line in enumerate(lines(path, hint="give a BED file"), start=1):
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        cells = line.split("\t") if "\t" in line else line.split()
        if len(cells) < 3 or not (cells[1].isdigit() and cells[2].isdigit()):
            raise ValueError(f"{path}, line {number}: a region is chrom, start, end, got {line!r}")
        if int(cells[2]) <= int(cells[1]):
            raise ValueError(f"{path}, line {number}: a region ends behind its start, got {line!r}")
        found[cells[0], int(cells[1]), int(cells[2])] = None
    if not found:
        raise ValueError(f"{path} holds no region; give one line a region: chrom, start, end")
    return list(found)


def loci_of(placed: Placed, genome: EncodedGenome | None, split: str) -> Loci:
    """Return loci with the genome's bases, unknown ones where there is none; short ones padded.

    Args:
        placed: The loci.
        genome: The genome; None leaves every base unknown.
        split: How they were chosen.
    """
    start = np.asarray([one[1] for one in placed.extents], dtype=np.int64)
    end = np.asarray([one[2] for one in placed.extents], dtype=np.int64)
    chrom = np.asarray([one[0] for one in placed.extents], dtype=object)
    codes = np.full((start.size, int((end - start).max())), UNKNOWN, dtype=np.uint8)
    if genome is not None:
        known = np.isin(chrom.astype(str), list(genome.names))
        for length in np.unique((end - start)[known]).tolist():
            rows = np.flatnonzero(known & (end - start == length))
            codes[rows, :length] = genome.windows(genome.locate(chrom[rows]), start[rows], length)
    return Loci(chrom=chrom, start=start, end=end, codes=codes, split=split)


def places_of(windows: str | Sequence[str]) -> tuple[Extent, ...]:
    """Return the places that a BED file or a list of ``chrom:start-end`` names.

    Args:
        windows: One place, a list of places, or the path of a BED file.

    Raises:
        ValueError: If a text is neither.

    Example:
        >>> places_of("chr1:100-200")
        (('chr1', 100, 200),)
    """
    texts = [windows] if isinstance(windows, str) else list(windows)
    found = [parse_place(text) for text in texts]
    if len(texts) == 1 and found[0] is None:
        return tuple(read_bed(Path(texts[0])))
    for text, place in zip(texts, found, strict=True):
        if place is None:
            raise ValueError(f"effects.windows names places chrom:start-end, got {text!r}")
    return tuple(place for place in found if place is not None)
