"""Reader of count matrices under ``>`` headings: JASPAR, raw PFM, HOCOMOCO and HOMER."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from deepmr.motif import Motif
from deepmr.motifs.source import Source, counted, from_probabilities, is_numeric

__all__ = ["read_counts"]

_LETTERED = re.compile(r"([A-Za-z])\s*[\[|:]?\s*([^\]]*?)\s*(\])?\s*$")


@dataclass(slots=True)
class _Record:
    number: int
    heading: str
    lines: list[tuple[int, str]] = field(default_factory=list)

    @property
    def title(self) -> str:
        return " ".join(self.heading.split())


def read_counts(source: Source) -> list[Motif]:
    """Return the motifs of a file of matrices, each under a line that begins with ``>``.

    Four lines that begin with A, C, G and T are JASPAR's format. Without letters, four lines of
    many numbers are JASPAR's raw PFM (a line a base) and lines of four numbers are HOCOMOCO's or
    HOMER's (a line a position), told apart by the whole file. A single raw PFM may lack its
    heading; the file's name is its name then.

    References:
        Heinz et al. 2010, doi:10.1016/j.molcel.2010.05.004 (HOMER's motif files).

    Raises:
        ValueError: If a matrix is truncated, holds other letters or negative numbers, or its
            layout cannot be told; the message names the line.
    """
    records = _records(source)
    if all(is_numeric(text) for record in records for _, text in record.lines):
        by_position = _numbers_by_position(source, records)
        return [_numeric(source, record, by_position=by_position) for record in records]
    return [_lettered(source, record) for record in records]


def _records(source: Source) -> list[_Record]:
    records: list[_Record] = []
    for number, line in enumerate(source.lines, start=1):
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith(">"):
            records.append(_Record(number, line[1:].strip()))
            continue
        if not records:
            stem = Path(source.path).name.removesuffix(".gz")
            records.append(_Record(number, Path(stem).stem))
        records[-1].lines.append((number, line.strip()))
    for record in records:
        if not record.heading:
            raise source.error(record.number, "> must be followed by the motif's name")
        if not record.lines:
            raise source.error(
                record.number, f"motif {record.title} has no matrix; was the file cut short?"
            )
    return records


def _numbers_by_position(source: Source, records: list[_Record]) -> bool:
    """Return whether each line of numbers is a position (rather than a base)."""
    if any(_is_homer(record) for record in records):
        return True
    four_lines = all(len(record.lines) == 4 for record in records)
    four_numbers = all(len(text.split()) == 4 for record in records for _, text in record.lines)
    if four_lines != four_numbers:
        return four_numbers
    first = records[0].number
    if not four_lines:
        odd = next((r for r in records if len(r.lines) != 4), records[0])
        raise source.error(
            odd.number,
            f"motif {odd.title}: a matrix has 4 lines (one a base) or 4 numbers on each line "
            f"(one line a position), got {len(odd.lines)} lines; was the file cut short?",
        )
    # Four by four throughout: the counts at a position add up to the number of sites.
    matrices = np.array(
        [[source.numbers(number, text) for number, text in record.lines] for record in records]
    )
    by_base, by_position = (_is_constant(matrices.sum(axis=axis)) for axis in (1, 2))
    if by_base == by_position:
        raise source.error(
            first,
            "all matrices are 4 by 4, so lines may be bases or positions; "
            "write JASPAR's lines 'A [ ... ]' to say which",
        )
    return by_position


def _is_constant(totals: Float64[np.ndarray, "record 4"]) -> bool:
    return bool(np.all(np.ptp(totals, axis=1) <= 0.01 * np.abs(totals).max(axis=1)))


def _is_homer(record: _Record) -> bool:
    """HOMER's headings: consensus, name and detection threshold, separated by tabs."""
    fields = record.heading.split("\t")
    return len(fields) >= 3 and is_numeric(fields[2])


def _accession_and_name(record: _Record) -> tuple[str, str]:
    if _is_homer(record):
        return "", record.heading.split("\t")[1].strip() or record.heading.split("\t")[0]
    first, *rest = record.heading.split(maxsplit=1)
    return (first, rest[0].strip()) if rest else ("", first)


def _numeric(source: Source, record: _Record, *, by_position: bool) -> Motif:
    rows = [(number, source.numbers(number, text)) for number, text in record.lines]
    accession, name = _accession_and_name(record)
    if _is_homer(record):
        return from_probabilities(source, rows, name=name, accession=accession)
    if not by_position:
        rows = _transposed(source, record, rows)
    return counted(source, rows, name=name, accession=accession)


def _lettered(source: Source, record: _Record) -> Motif:
    rows = []
    for (number, text), expected in zip(record.lines, chain("ACGT", repeat("")), strict=False):
        parts = _LETTERED.match(text)
        if not parts or parts[1] != expected:
            raise source.error(
                number,
                f"motif {record.title}: the lines of a matrix begin with A, C, G, T in this "
                f"order (upper case), got {text[:20]!r}{_advice(text)}",
            )
        if "[" in text and not parts[3]:
            raise source.error(
                number,
                f"motif {record.title}: the line has no closing ]; was the file cut short?",
            )
        rows.append((number, source.numbers(number, parts[2])))
    if len(rows) != 4:
        raise source.error(
            record.number,
            f"motif {record.title}: a matrix has 4 lines (A, C, G, T), got {len(rows)}; "
            "was the file cut short?",
        )
    accession, name = _accession_and_name(record)
    return counted(source, _transposed(source, record, rows), name=name, accession=accession)


def _advice(text: str) -> str:
    if text[:1] in "Uu":
        return "; this looks like RNA, only DNA can be read"
    return "; write the letters in upper case" if text[:1] in "acgt" else ""


def _transposed(
    source: Source, record: _Record, rows: list[tuple[int, list[float]]]
) -> list[tuple[int, list[float]]]:
    widths = [len(row) for _, row in rows]
    for number, row in rows:
        if len(row) != widths[0] or not row:
            raise source.error(
                number,
                f"motif {record.title}: the 4 lines of a matrix must be equally long, got "
                f"{widths}; was the file cut short?",
            )
        if min(row) < 0:
            raise source.error(
                number,
                f"motif {record.title}: counts must not be negative, got {min(row):g}; "
                "a log-odds matrix cannot be read, use counts or probabilities",
            )
    return [(record.number, list(column)) for column in zip(*(row for _, row in rows), strict=True)]
