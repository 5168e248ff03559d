"""Alleles of any length, as in a VCF: substitutions, insertions, deletions, and their effects."""

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
        locus: Row of the locus.
        offset: First base of the reference allele, from the locus's start, 0-based.
        ref: Reference allele, letters A, C, G, T.
        alt: Alternative allele, letters A, C, G, T.

    Raises:
        ValueError: If an allele is empty or holds anything but A, C, G, T, or both are the same.

    Example:
        >>> str(Allele(locus=0, offset=12, ref="CG", alt="C"))
        'locus 0 offset 12 CG>C'
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
        """Code of the alternative base of a single-base substitution, 0 to 3; otherwise None."""
        return int(encode(self.alt)[0]) if len(self.ref) == len(self.alt) == 1 else None

    def __str__(self) -> str:
        return f"locus {self.locus} offset {self.offset} {self.ref}>{self.alt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlleleEffects:
    """Effects of alleles on a network's raw outputs.

    Args:
        reference: Raw outputs for the reference sequences, in the network's units (usually logit).
        difference: Raw output for each allele minus that for its locus's reference.

    Example:
        >>> AlleleEffects(reference=np.zeros((1, 2)), difference=np.zeros((2, 3))).difference.shape
        (2, 3)
    """

    reference: Float[np.ndarray, "locus task"]
    difference: Float[np.ndarray, "task allele"]


def with_allele(
    codes: UInt8[np.ndarray, " available"], allele: Allele, *, length: int
) -> UInt8[np.ndarray, " length"]:
    """Return the window of ``length`` bases with the alternative allele in place of the reference.

    The left end of the window is fixed. A deletion is filled up from the bases of ``codes`` beyond
    ``length`` (unknown ones where there are none); an insertion pushes bases out at the right end.

    Args:
        codes: Base codes of the locus and of further bases to its right.
        allele: The allele; its ``locus`` is not used.
        length: Bases of the window.

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
    """Return the effects of alleles, each by a whole forward pass.

    Args:
        engine: Predicts whole sequences; its ``length`` is that of the windows.
        codes: Base codes of the loci, followed by bases to their right that fill up deletions.
        alleles: Alleles in any order; ``locus`` is a row of ``codes``.

    Raises:
        ValueError: If the loci are shorter than the engine's windows, an allele begins outside the
            window, or its reference letters are not those of the locus.

    Example:
        >>> from torch import nn
        >>> from deepmr.mutagenesis import Dense
        >>> network = nn.Sequential(nn.Conv1d(4, 3, 5), nn.AdaptiveMaxPool1d(1), nn.Flatten())
        >>> deletion = Allele(locus=0, offset=3, ref="AA", alt="A")
        >>> codes = np.zeros((1, 10), dtype=np.uint8)
        >>> allele_effects(Dense(network, length=9), codes, [deletion]).difference.shape
        (3, 1)
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
