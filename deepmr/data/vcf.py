"""Read the alleles of a VCF that lie in given windows."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deepmr.data.contigs import match_contig, other_spelling
from deepmr.data.text import lines

__all__ = ["ListedAllele", "VcfAlleles", "left_aligned", "read_vcf"]

_HEADER = "#CHROM"
_COLUMNS = "CHROM, POS, ID, REF and ALT"
_BASES = frozenset("ACGT")
_REF = re.compile(r"[ACGTNRYSWKMBDHV]+")
# Letters, a missing or overlapping allele, a symbolic one, a breakend, a single breakend.
_ALT = re.compile(r"[ACGTNRYSWKMBDHV]+|[.*]|<[^<>]+>|\S*[\[\]]\S+[\[\]]\S*|\.[A-Z]+|[A-Z]+\.")
_HINT = "convert BCF with bcftools view -Oz"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAllele:
    """One alternative allele of a record.

    Args:
        position: First base of ``ref`` on its contig, from 0 (the file's POS minus 1).
        name: The record's ID; empty where the file has ``.``.
        ref: Reference allele as the file spells it, in capitals.
        alt: Alternative allele as the file spells it, in capitals.
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


def left_aligned(listed: ListedAllele, bases: str, first: int) -> tuple[int, str, str]:
    """Return the leftmost way to write an allele within a window, without shared bases.

    In a repeat the same insertion or deletion can be written at several places; all of them have
    one leftmost form. An allele that reaches the window's first base may be left without a base
    before it, so that ``ref`` or ``alt`` is empty.

    Args:
        listed: The allele; its ``ref`` lies in the window and is what the window holds there.
        bases: Letters of the window.
        first: Position of the window's first base on its contig, from 0.

    Returns:
        Position of ``ref`` on the contig from 0, ``ref`` and ``alt``.

    References:
        Tan, Abecasis, Kang 2015, doi:10.1093/bioinformatics/btv112 (the algorithm, Figure 1).

    Example:
        >>> deletion = ListedAllele(position=2, name="", ref="AA", alt="A", line=1)
        >>> left_aligned(deletion, "CAAAG", 0)
        (0, 'CA', 'C')
    """
    start, ref, alt = listed.position, listed.ref, listed.alt
    while True:
        if ref and alt and ref[-1] == alt[-1]:
            ref, alt = ref[:-1], alt[:-1]
        elif not (ref and alt) and start > first:
            start -= 1
            base = bases[start - first]
            ref, alt = base + ref, base + alt
        else:
            break
    while min(len(ref), len(alt)) > 1 and ref[0] == alt[0]:
        start, ref, alt = start + 1, ref[1:], alt[1:]
    return start, ref, alt


def read_vcf(
    path: Path | str,
    chrom: Sequence[str],
    start: Sequence[int],
    *,
    length: int,
    contig_names: str = "exact",
) -> VcfAlleles:
    """Read the alleles that lie within windows of one length, reference allele and all.

    Records with several alternatives are split. The file is read from its beginning to its end,
    a line in memory at a time; an index is neither needed nor used.

    Args:
        path: A VCF, plain, gzip or bgzip.
        chrom: Contig of each window.
        start: First base of each window, from 0.
        length: Bases in a window.
        contig_names: ``exact``, or ``chr`` to match names of contigs that differ by that prefix.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no VCF, is cut short or damaged, a line breaks a rule (the message
            names it), or none of its alleles lies in a window.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"variants.path={path}: no such file")
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
        rows = places.holding(match_contig(contig, places.by_contig, contig_names), allele)
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

    def holding(self, contig: str | None, allele: ListedAllele) -> list[int]:
        """Return the windows that hold a reference allele as a whole."""
        if contig is None:
            return []
        windows = self.by_contig[contig]
        end = allele.position + len(allele.ref)
        low = bisect_left(windows, (end - self.length, -1))
        high = bisect_left(windows, (allele.position + 1, -1))
        return [row for _, row in windows[low:high]]


def _alleles(path: Path) -> Iterator[tuple[str, ListedAllele]]:
    has_header = False
    for number, line in enumerate(lines(path, hint=_HINT), start=1):
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
        fields = line.split("\t", 5)
        complaint = _complaint(fields)
        if complaint:
            raise ValueError(f"{path}, line {number}: {complaint}")
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


def _complaint(fields: list[str]) -> str:
    """Say which rule a record breaks; nothing if it breaks none."""
    if len(fields) < 5:
        plural = "s" if len(fields) > 1 else ""
        return f"a record has {_COLUMNS}, separated by tabs; got {len(fields)} column{plural}"
    contig, position, _, ref, alternatives = fields[:5]
    if not contig.strip():
        return f"CHROM is the name of a contig, got {contig!r}"
    if not (position.isascii() and position.isdigit() and len(position) < 19):
        return f"POS is a whole number, got {position!r}"
    if not _REF.fullmatch(ref.upper()):
        return f"REF is one or more of A, C, G, T and N, got {ref[:20]!r}"
    for alt in alternatives.split(","):
        if not _ALT.fullmatch(alt.upper()):
            return (
                "ALT is bases, a symbol such as <DEL>, a breakend, * or ., separated by commas; "
                f"got {alt[:20]!r}"
            )
    return ""


def _nothing(path: Path, listed: int, contigs: dict[str, None], places: _Windows) -> str:
    theirs, ours = list(contigs), list(places.by_contig)
    if not theirs:
        return f"{path} lists no variant"
    shown = f"it names {', '.join(theirs[:3])}, the loci lie on {', '.join(ours[:3])}"
    if not set(theirs) & set(ours):
        if {other_spelling(name) for name in theirs} & set(ours):
            return (
                f"{path} and the loci spell contigs differently: {shown}; set "
                "variants.contig_names=chr"
            )
        return f"{path} and the loci have no contig in common: {shown}"
    return (
        f"none of the {listed} alleles of {path} lies in one of the loci; give loci around them "
        "(loci=bed), on the same assembly"
    )
