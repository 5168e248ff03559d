"""The thick part of BED lines, columns 7 and 8: the coding part of a gene, or a place of choice."""

from __future__ import annotations

from pathlib import Path

from deepmr.data.text import lines

__all__ = ["read_thick"]


def read_thick(path: Path | str) -> dict[tuple[str, int, int, str], tuple[int, int]]:
    """Read the thick part of every line that has one, by the line's place and strand.

    Args:
        path: BED with eight columns or more, plain, gzip or bgzip; lines with fewer, or whose
            columns 7 and 8 are no places in the line (narrowPeak's are scores), have no thick part.

    Returns:
        Start and end of the thick part, by contig (without ``chr``), start, end and strand.
    """
    found = {}
    for text in lines(Path(path)):
        columns = text.split("\t") if "\t" in text else text.split()
        if len(columns) < 8 or not all(columns[k].isdecimal() for k in (1, 2, 6, 7)):
            continue
        start, end, thick_start, thick_end = (int(columns[k]) for k in (1, 2, 6, 7))
        if start <= thick_start < thick_end <= end:
            key = (columns[0].removeprefix("chr"), start, end, columns[5])
            found[key] = (thick_start, thick_end)
    return found
