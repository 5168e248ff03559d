"""Alleles of a table against a genome: contigs renamed, exchanged alleles turned, others left."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, Shaped

from deepmr.data.contigs import other_spelling
from deepmr.data.effect_tables.rows import EffectRows
from deepmr.data.genome import EncodedGenome
from deepmr.sequence import encode

__all__ = ["AlleleCheck", "Contigs"]

_BARE = re.compile(r"^(\d{1,2}|X|Y|M|MT)$")
_LETTERS = re.compile(r"^[ACGTN]*$")


class Contigs:
    """Names of contigs as the genome or the loci spell them.

    Args:
        known: Their names; where there are none (the default), human and mouse chromosomes are
            named with ``chr``.

    Example:
        >>> Contigs().of("22"), Contigs({"22"}).of("chr22"), Contigs().of("chr22")
        ('chr22', '22', 'chr22')
    """

    def __init__(self, known: Collection[str] = ()) -> None:
        self._known = frozenset(known)

    def of(self, name: str) -> str:
        """Return a contig's name, as it is written if it is not known otherwise."""
        other = other_spelling(name)
        if name in self._known or (self._known and other not in self._known):
            return name
        return other if self._known or _BARE.match(name) else name

    def rename(self, chrom: Shaped[np.ndarray, " row"]) -> Shaped[np.ndarray, " row"]:
        """Return the names of a column of contigs."""
        names, inverse = np.unique(chrom.astype(object), return_inverse=True)
        return np.asarray([self.of(str(name)) for name in names], dtype=object)[inverse]


@dataclass(slots=True, kw_only=True)
class AlleleCheck:
    """Comparison of alleles with a genome, and what it found.

    Args:
        genome: The genome; None compares nothing.
        checked: Rows compared so far.
        turned: Rows whose alternative was the genome's base: alleles exchanged, effects negated.
        differing: Rows of which neither allele was the genome's, left out.
        first: The first of those.
    """

    genome: EncodedGenome | None = None
    checked: int = 0
    turned: int = 0
    differing: int = 0
    first: str = ""

    def __call__(self, rows: EffectRows) -> EffectRows:
        """Return the rows on the genome's reference, without those that differ from it."""
        if self.genome is None or not len(rows):
            return rows
        given = np.asarray([bool(_LETTERS.match(one)) for one in rows.ref.tolist()])
        is_ref = self._matches(rows, rows.ref)
        is_alt = self._matches(rows, rows.alt) & (rows.alt != "-")
        turned = ~is_ref & is_alt
        kept = is_ref | turned
        self.checked += int(given.sum())
        self.turned += int(turned.sum())
        if not kept.all():
            row = int(np.flatnonzero(~kept)[0])
            self.first = self.first or (
                f"{rows.chrom[row]}:{rows.pos[row] + 1} {rows.ref[row]}>{rows.alt[row]}"
            )
            self.differing += int((~kept).sum())
        return rows.flipped(turned).where(kept)

    def _matches(
        self, rows: EffectRows, allele: Shaped[np.ndarray, " row"]
    ) -> Bool[np.ndarray, " row"]:
        """Return where an allele's letters are the genome's at its place."""
        found = np.zeros(len(rows), dtype=bool)
        codes, inverse = np.unique(allele.astype(object), return_inverse=True)
        for place, text in enumerate(codes.tolist()):
            here = np.flatnonzero(inverse == place)
            letters = encode(text.upper()) if _LETTERS.match(text.upper()) and text else None
            if letters is None:  # a deletion written "-", or no reference: nothing to compare
                found[here] = text in ("", "-")
                continue
            bases = self._bases(rows.chrom[here], rows.pos[here], len(letters))
            found[here] = (bases == letters).all(axis=1)
        return found

    def _bases(
        self, chrom: Shaped[np.ndarray, " row"], pos: Int64[np.ndarray, " row"], length: int
    ) -> np.ndarray:
        """Return the genome's bases; those of a contig that it lacks are unknown."""
        genome = self.genome
        if genome is None:
            raise ValueError("an allele check needs a genome")
        known = np.isin(chrom.astype(str), list(genome.names))
        bases = np.full((chrom.size, length), 5, dtype=np.uint8)
        if known.any():
            bases[known] = genome.windows(genome.locate(chrom[known]), pos[known], length)
        return bases

    def refuse_above(self, share: float) -> None:
        """Refuse a table of which too many rows differ from the genome.

        Raises:
            ValueError: If more than ``share`` of the rows do.
        """
        if self.checked and self.differing > share * self.checked:
            raise ValueError(
                f"{self.differing} of {self.checked} rows have neither allele in the genome, the "
                f"first {self.first}; is this another assembly, or a file that counts from 0 "
                "(effects.one_based=false)? effects.mismatch= is the share that is left out"
            )

    def notes(self) -> list[str]:
        """Return what was found, as sentences."""
        found = []
        if self.turned:
            found.append(
                f"{self.turned} of {self.checked} rows had the genome's base as the alternative: "
                "alleles were exchanged and effects negated."
            )
        if self.differing:
            found.append(
                f"{self.differing} of {self.checked} rows have neither allele in the genome (the "
                f"first {self.first}) and were left out."
            )
        return found
