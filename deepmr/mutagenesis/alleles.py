"""Listed variants of any length, as a VCF lists them: substitutions, insertions, deletions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from deepmr.mutagenesis.engine import Engine
from deepmr.sequence import UNKNOWN, encode

__all__ = ["Allele", "AlleleEffects", "allele_effects", "with_allele"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allele:
    """An alternative allele at a locus.

    Args:
        locus: Which locus, by its row.
        offset: Where the reference allele begins, in bases from the locus's start, 0-based.
        ref: Letters of the reference allele.
        alt: Letters of the alternative allele.

    Raises:
        ValueError: If an allele is empty or holds anything but A, C, G, T, or both are the same.
    """

    locus: int
    offset: int
    ref: str
    alt: str

    def __post_init__(self) -> None:
        for letters in (self.ref, self.alt):
            if not letters or bool((encode(letters) == UNKNOWN).any()):
                raise ValueError(
                    f"an allele is spelled in A, C, G and T, got {letters!r} at {self}; "
                    "symbolic and missing alleles have no sequence to predict from"
                )
        if self.ref.upper() == self.alt.upper():
            raise ValueError(f"an alternative allele differs from the reference, got {self}")

    @property
    def base(self) -> int | None:
        """Code of the alternative base where one base replaces one, else None."""
        return int(encode(self.alt)[0]) if len(self.ref) == len(self.alt) == 1 else None

    def __str__(self) -> str:
        return f"locus {self.locus} offset {self.offset} {self.ref}>{self.alt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlleleEffects:
    """Effects of alleles on a network's raw outputs.

    Args:
        reference: Outputs for the loci.
        difference: For each allele, its output minus that of its locus.
    """

    reference: Float[np.ndarray, "locus task"]
    difference: Float[np.ndarray, "task allele"]


def with_allele(
    codes: UInt8[np.ndarray, " available"], allele: Allele, *, length: int
) -> UInt8[np.ndarray, " length"]:
    """Return the window of ``length`` bases with an allele in place of the reference.

    The window's left end stays. A deletion draws bases in from the right, out of those of
    ``codes`` beyond ``length``, unknown ones where there are none; an insertion pushes bases out.

    Raises:
        ValueError: If the allele begins outside the window, or its reference letters are not those
            of the locus.

    Example:
        >>> codes = encode("ACGTAC")
        >>> with_allele(codes, Allele(locus=0, offset=1, ref="CG", alt="C"), length=5).tolist()
        [0, 1, 3, 0, 1]
    """
    if not 0 <= allele.offset < length:
        raise ValueError(f"an allele begins within the window of {length} bases, got {allele}")
    stop = allele.offset + len(allele.ref)
    found = codes[allele.offset : stop]
    if not np.array_equal(found, encode(allele.ref)):
        letters = "".join("ACGTN"[code] for code in found)
        raise ValueError(
            f"an allele's ref must be the sequence of its locus, got {allele} where the locus has "
            f"{letters or 'nothing'}; is this another assembly, or a 1-based position?"
        )
    mutated = np.concatenate([codes[: allele.offset], encode(allele.alt), codes[stop:]])[:length]
    return np.pad(mutated, (0, length - len(mutated)), constant_values=UNKNOWN)


def allele_effects(
    engine: Engine, codes: UInt8[np.ndarray, "locus available"], alleles: Sequence[Allele]
) -> AlleleEffects:
    """Return the effects of listed alleles, each by a whole forward pass.

    Args:
        engine: Predicts whole sequences (an averaging one over all its views); its length is that
            of the windows.
        codes: Bases of the loci, with spare ones at the right for deletions.
        alleles: In any order.

    Raises:
        ValueError: If the loci are shorter than the engine's windows, or as ``with_allele`` does.
    """
    length = engine.length
    if codes.shape[1] < length:
        raise ValueError(
            f"loci must have the {length} bases of the engine's windows, got {codes.shape[1]}"
        )
    reference = engine.predict(codes[:, :length])
    if not alleles:
        empty = np.zeros((reference.shape[1], 0), dtype=reference.dtype)
        return AlleleEffects(reference=reference, difference=empty)
    mutants = [with_allele(codes[allele.locus], allele, length=length) for allele in alleles]
    outputs = engine.predict(np.stack(mutants))
    loci = [allele.locus for allele in alleles]
    return AlleleEffects(reference=reference, difference=(outputs - reference[loci]).T)
