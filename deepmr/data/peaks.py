"""Peak lists: narrowPeak, broadPeak, gappedPeak and BED with three columns or more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Int8, Int64

from deepmr.data.contigs import describe_mismatch, match_contig, other_spelling
from deepmr.data.text import lines

__all__ = ["BEYOND", "MISSING", "Peaks", "read_peaks"]

MISSING = ("refuse", "drop")
"""What happens to a peak on a contig that the genome lacks."""

BEYOND = ("clip", "drop", "refuse")
"""What happens to a peak that begins on its contig and ends beyond the contig's last base."""

_SKIPPED = ("track", "browser")
_NARROW_PEAK = 10  # columns of narrowPeak; the last is the summit's offset from the start, or -1
_BLOCKS = 12  # columns of BED12, whose tenth is the number of blocks; gappedPeak adds three
_STRAND = {"+": 1, "-": -1, ".": 0, "*": 0, "": 0}
_HINT = "give BED or narrowPeak"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """Peaks of one track, in the order of the file.

    Args:
        contig: Position of each peak's contig in the list the file was read against.
        start: First base, 0-based.
        end: The base behind the last.
        summit: The base of the highest signal where the file is a narrowPeak that names one in
            the peak, else the middle.
        strand: 1 for the forward strand, -1 for the reverse strand, 0 where the file names none.
        counts: How many peaks were ``clipped`` at their contig's end, left out as ``beyond`` it,
            or left out because the genome has no such contig (``missing``); none: no entry.
    """

    contig: Int64[np.ndarray, " peak"]
    start: Int64[np.ndarray, " peak"]
    end: Int64[np.ndarray, " peak"]
    summit: Int64[np.ndarray, " peak"]
    strand: Int8[np.ndarray, " peak"]
    counts: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.start.size

    @property
    def listed(self) -> int:
        """Number of peaks in the file, those left out included."""
        return len(self) + self.counts.get("missing", 0) + self.counts.get("beyond", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One peak as a file spells it."""

    chrom: str
    start: int
    end: int
    summit: int
    strand: str


def read_peaks(
    path: Path,
    contigs: Mapping[str, int],
    *,
    missing: str = "refuse",
    beyond: str = "clip",
    contig_names: str = "exact",
    may_be_empty: bool = False,
    stranded: bool = False,
    option: str = "data",
) -> Peaks:
    """Read the peaks of a file against a genome's contigs.

    The tenth column is a summit in narrowPeak alone (ten columns, or more in a file called so); in
    BED12 and gappedPeak it is the number of blocks.

    Args:
        path: narrowPeak, broadPeak, gappedPeak or BED, plain, gzip or bgzip; columns beyond the
            third are optional.
        contigs: Length of each contig of the genome, in its order.
        missing: What happens to a peak on a contig that the genome lacks; one of `MISSING`.
        beyond: What happens to a peak that begins on its contig and ends beyond it (MACS extends
            peaks so); one of `BEYOND`. One that begins beyond it is refused, or with ``drop`` left
            out.
        contig_names: ``exact``, or ``chr`` to match names that differ by that prefix.
        may_be_empty: Whether a file without a peak is right, as for an exclusion list.
        stranded: Whether the strand matters, so that a sixth column that is neither ``+``, ``-``
            nor ``.`` is refused and not taken for no strand.
        option: The group of settings that the messages name: ``data`` or ``loci``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line breaks a rule (the message names the file and the line), there is no
            peak, or none lies on a contig of the genome.
    """
    position = {name: place for place, name in enumerate(contigs)}
    rows: list[tuple[int, int, int, int, int]] = []
    counts: Counter[str] = Counter()
    absent: dict[str, None] = {}
    for where, peak in _listed(path, stranded):
        name = match_contig(peak.chrom, position, contig_names)
        if name is None:
            if missing != "drop":
                raise ValueError(_no_contig(where, peak.chrom, contigs, option))
            counts["missing"] += 1
            absent[peak.chrom] = None
            continue
        start, end, summit, size = peak.start, peak.end, peak.summit, contigs[name]
        if end > size:
            if beyond == "drop":
                counts["beyond"] += 1
                continue
            if beyond != "clip" or start >= size:
                raise ValueError(_beyond(where, peak, name, size, option))
            counts["clipped"] += 1
            end, summit = size, min(summit, size - 1)
        rows.append((position[name], start, end, summit, _STRAND.get(peak.strand, 0)))
    if not rows:
        _check_empty(path, counts["beyond"], absent, contigs, may_be_empty, option)
    table = np.asarray(rows, dtype=np.int64).reshape(-1, 5)
    columns = [np.ascontiguousarray(table[:, column]) for column in range(4)]
    return Peaks(
        contig=columns[0],
        start=columns[1],
        end=columns[2],
        summit=columns[3],
        strand=table[:, 4].astype(np.int8),
        counts=dict(counts),
    )


def _listed(path: Path, stranded: bool) -> Iterator[tuple[str, _Line]]:
    """Yield the peaks of a file, each with the file's name and the line's number."""
    narrow = "narrowpeak" in path.name.casefold()
    for number, line in enumerate(lines(path, hint=_HINT), start=1):
        fields = line.split("\t") if "\t" in line else line.split()
        if not line.strip() or line.startswith("#") or fields[0].split(" ")[0] in _SKIPPED:
            continue
        where = f"{path}, line {number}"
        peak = _parse(where, fields, narrow)
        if stranded and peak.strand not in _STRAND:
            raise ValueError(
                f"{where}: the sixth column of BED is the strand, + or - or . for none, got "
                f"{peak.strand!r}; correct it, or leave the columns behind the third out"
            )
        yield where, peak


def _check_empty(
    path: Path,
    beyond: int,
    absent: Mapping[str, None],
    contigs: Mapping[str, int],
    may_be_empty: bool,
    option: str,
) -> None:
    """Verify that a file of which no peak is left may be so.

    Raises:
        ValueError: If it may not; the message says what became of its peaks.
    """
    # An exclusion list may well have nothing on these contigs; one spelled otherwise is wrong.
    if absent and (not may_be_empty or any(other_spelling(name) in contigs for name in absent)):
        raise ValueError(
            f"{path}: " + describe_mismatch(absent, contigs, option=f"{option}.contig_names")
        )
    if not may_be_empty:
        what = f"{beyond} peaks, all beyond their contigs" if beyond else "no peak"
        raise ValueError(f"{path} holds {what}; give one line a peak: chrom, start, end")


def _parse(where: str, fields: list[str], narrow: bool) -> _Line:
    """Read the columns of a peak.

    Raises:
        ValueError: If a column is missing or no whole number, or the peak has no base.
    """
    if len(fields) < 3:
        raise ValueError(
            f"{where}: a peak has at least chrom, start and end, got {len(fields)} column(s)"
        )
    has_summit = len(fields) == _NARROW_PEAK or (
        narrow and len(fields) > _NARROW_PEAK and not _has_blocks(fields)
    )
    numbers = [fields[1], fields[2], fields[_NARROW_PEAK - 1] if has_summit else "-1"]
    if not all(_is_whole(text) for text in numbers):
        shown = " ".join(fields[:3] + numbers[2:] * has_summit)
        raise ValueError(
            f"{where}: start, end and summit are whole numbers, got {shown!r}; is this a BED?"
        )
    start, end, offset = map(int, numbers)
    if start < 0:
        raise ValueError(f"{where}: a peak starts at 0 or later, got {fields[0]}:{start}-{end}")
    if end <= start:
        raise ValueError(f"{where}: a peak ends behind its start, got {fields[0]}:{start}-{end}")
    if not -1 <= offset <= end - start:  # some callers round up to the base behind the last
        raise ValueError(
            f"{where}: a summit lies in its peak, or is -1; got {offset} bases from the start "
            f"of {fields[0]}:{start}-{end}"
        )
    return _Line(
        chrom=fields[0],
        start=start,
        end=end,
        summit=start + offset if 0 <= offset < end - start else (start + end) // 2,
        strand=fields[5].strip() if len(fields) > 5 else "",
    )


def _is_whole(text: str) -> bool:
    """Tell whether a text is a whole number as BED writes it: digits alone, or a minus before them.

    Python's int() also takes ``1_000``, ``+5``, blanks and the digits of other scripts.
    """
    return text.isascii() and text.removeprefix("-").isdigit() and len(text) < 19


def _has_blocks(fields: list[str]) -> bool:
    """Tell BED12 and gappedPeak: the tenth column counts the sizes and starts that follow it."""
    if len(fields) < _BLOCKS:
        return False
    listed = [len(fields[column].rstrip(",").split(",")) for column in (10, 11)]
    return all(str(n) == fields[_NARROW_PEAK - 1] for n in listed)


def _no_contig(where: str, chrom: str, contigs: Mapping[str, int], option: str) -> str:
    known = ", ".join(list(contigs)[:5])
    if other_spelling(chrom) in contigs:
        hint = f"it spells it {other_spelling(chrom)}; set {option}.contig_names=chr"
    elif option == "data":
        hint = (
            "use peaks of the same assembly, or set data.missing_contigs=drop to leave such peaks "
            "out"
        )
    else:
        hint = "use regions of the same assembly"
    return f"{where}: the genome has no contig {chrom!r} (it has {known}, ...); {hint}"


def _beyond(where: str, peak: _Line, name: str, size: int, option: str) -> str:
    hint = "use peaks of the same assembly"
    if peak.start < size:
        hint += f", or set {option}.beyond=clip to cut such peaks off, or drop to leave them out"
    return f"{where}: {name} has {size} bases, got a peak at {name}:{peak.start}-{peak.end}; {hint}"
