"""Listed variants: the alleles of a VCF file that lie in some windows."""

from __future__ import annotations

import gzip
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ListedAllele", "VcfAlleles", "read_vcf"]

_HEADER = "#CHROM"
_COLUMNS = "CHROM, POS, ID, REF and ALT"
_BASES = frozenset("ACGT")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAllele:
    """One alternative allele of a record.

    Args:
        position: First base of ``ref`` on its contig, from 0 (the file's POS minus 1).
        name: The record's ID; empty where the file has ``.``.
        ref: Reference allele as the file spells it, in capitals.
        alt: Alternative allele, likewise.
        line: Where it stands in the file, from 1.
    """

    position: int
    name: str
    ref: str
    alt: str
    line: int

    def trimmed(self) -> tuple[int, str, str]:
        """Return position, ref and alt without the bases that both alleles share.

        First at the right, then at the left, and always leaving a base of each: what one record
        lists beside a longer allele may be a plain substitution.

        Example:
            >>> ListedAllele(position=9, name="", ref="CAT", alt="CGT", line=1).trimmed()
            (10, 'A', 'G')
        """
        start, ref, alt = self.position, self.ref, self.alt
        while min(len(ref), len(alt)) > 1 and ref[-1] == alt[-1]:
            ref, alt = ref[:-1], alt[:-1]
        while min(len(ref), len(alt)) > 1 and ref[0] == alt[0]:
            start, ref, alt = start + 1, ref[1:], alt[1:]
        return start, ref, alt


@dataclass(frozen=True, slots=True, kw_only=True)
class VcfAlleles:
    """The alleles of a file that lie in some windows, and what was left out.

    Args:
        windows: For each window its alleles, by position; one in two windows is in both.
        listed: Alternative alleles in the file.
        unspelled: Those without letters: symbolic (``<DEL>``), missing (``.``, ``*``), breakends,
            or with bases other than A, C, G, T.
        outside: Those that do not lie within any window.
        repeated: Those that were listed before.
    """

    windows: tuple[tuple[ListedAllele, ...], ...]
    listed: int
    unspelled: int
    outside: int
    repeated: int


def read_vcf(
    path: Path | str, chrom: Sequence[str], start: Sequence[int], *, length: int
) -> VcfAlleles:
    """Read the alleles that lie within windows of one length, reference allele and all.

    Records with several alternatives are split. The file is read from its beginning to its end,
    a line in memory at a time; an index is neither needed nor used.

    Args:
        path: A VCF, plain, gzip or bgzip.
        chrom: Contig of each window, spelled as in the file.
        start: First base of each window, from 0.
        length: Bases in a window.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no VCF, a line breaks a rule (the message names it), or none of its
            alleles lies in a window.
    """
    path = Path(path)
    places = _Windows(chrom, start, length)
    listed = unspelled = outside = repeated = 0
    contigs: dict[str, None] = {}
    kept: list[dict[tuple[int, str, str], ListedAllele]] = [{} for _ in chrom]
    for contig, allele in _alleles(path):
        listed += 1
        contigs[contig] = None
        if not _BASES.issuperset(allele.ref + allele.alt):
            unspelled += 1
            continue
        if allele.ref == allele.alt:
            raise ValueError(
                f"{path}, line {allele.line}: an alternative allele differs from the reference, "
                f"got {allele.alt} for both"
            )
        rows = places.holding(contig, allele)
        outside += not rows
        key = allele.trimmed()
        repeated += bool(rows) and key in kept[rows[0]]
        for row in rows:
            kept[row].setdefault(key, allele)
    if not any(kept):
        raise ValueError(_nothing(path, listed, contigs, places))
    return VcfAlleles(
        windows=tuple(tuple(window[key] for key in sorted(window)) for window in kept),
        listed=listed,
        unspelled=unspelled,
        outside=outside,
        repeated=repeated,
    )


class _Windows:
    def __init__(self, chrom: Sequence[str], start: Sequence[int], length: int) -> None:
        self.length = length
        self.by_contig: dict[str, list[tuple[int, int]]] = {}
        for row, (name, first) in enumerate(zip(chrom, start, strict=True)):
            self.by_contig.setdefault(str(name), []).append((int(first), row))
        for windows in self.by_contig.values():
            windows.sort()

    def holding(self, contig: str, allele: ListedAllele) -> list[int]:
        """Return the windows that hold a reference allele as a whole."""
        windows = self.by_contig.get(contig)
        if windows is None:
            return []
        end = allele.position + len(allele.ref)
        low = bisect_left(windows, (end - self.length, -1))
        high = bisect_left(windows, (allele.position + 1, -1))
        return [row for _, row in windows[low:high]]


def _alleles(path: Path) -> Iterator[tuple[str, ListedAllele]]:
    has_header = False
    for number, line in enumerate(_lines(path), start=1):
        if line.startswith(_HEADER):
            has_header = True
            continue
        if line.startswith("#") or not line.strip():
            continue
        if not has_header:
            raise ValueError(
                f"{path}, line {number}: a VCF has the line {_HEADER} POS ID REF ALT before its "
                f"records, got {line.rstrip()[:40]!r}; is this a VCF?"
            )
        fields = line.rstrip("\r\n").split("\t", 5)
        if len(fields) < 5 or not fields[1].isdecimal():
            raise ValueError(_complaint(path, number, fields))
        contig, position, name, ref, alternatives = fields[:5]
        for alt in alternatives.split(","):
            yield (
                contig,
                ListedAllele(
                    position=int(position) - 1,
                    name="" if name == "." else name,
                    ref=ref.upper(),
                    alt=alt.upper(),
                    line=number,
                ),
            )
    if not has_header:
        raise ValueError(f"{path} is no VCF: it has no line that begins with {_HEADER}")


def _complaint(path: Path, number: int, fields: list[str]) -> str:
    where = f"{path}, line {number}"
    if len(fields) < 5:
        return (
            f"{where}: a record has {_COLUMNS}, separated by tabs; got {len(fields)} "
            f"column{'s' if len(fields) > 1 else ''}"
        )
    return f"{where}: POS is a whole number, got {fields[1]!r}"


def _lines(path: Path) -> Iterator[str]:
    if not path.is_file():
        raise FileNotFoundError(f"variants.path={path}: no such file")
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    if path.suffix in (".gz", ".bgz") and not packed:
        raise ValueError(f"{path} is called {path.suffix} but is not gzip; rename it, or pack it")
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8")
            if packed
            else path.open(encoding="utf-8") as stream
        ):
            yield from stream
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not a text file ({error}); convert BCF with bcftools view -Oz"
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{path} is cut short or corrupt ({error}); fetch the file again"
        ) from error


def _nothing(path: Path, listed: int, contigs: dict[str, None], places: _Windows) -> str:
    theirs, ours = list(contigs), list(places.by_contig)
    if not theirs:
        return f"{path} lists no variant"
    shown = f"it names {', '.join(theirs[:3])}, the loci lie on {', '.join(ours[:3])}"
    if not set(theirs) & set(ours):
        other = {n.removeprefix("chr") if n.startswith("chr") else f"chr{n}" for n in theirs}
        if other & set(ours):
            return (
                f"{path} and the loci spell contigs differently: {shown}; rename those of the "
                "file (bcftools annotate --rename-chrs)"
            )
        return f"{path} and the loci have no contig in common: {shown}"
    return (
        f"none of the {listed} alleles of {path} lies in one of the loci; give loci around them "
        "(loci=bed), on the same assembly"
    )
