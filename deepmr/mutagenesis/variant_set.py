"""Variant sets of a run: saturation mutagenesis, or a list of alleles of any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int, UInt8

from deepmr.effects import MemberEffects
from deepmr.mutagenesis.alleles import Allele, allele_effects
from deepmr.mutagenesis.engine import Engine, RawEffects
from deepmr.mutagenesis.placed import PlacedEngine
from deepmr.mutagenesis.variants import Variants, saturation, substitutions

__all__ = ["AlleleList", "Saturation", "VariantBatch", "VariantSet"]


def _no_columns() -> np.ndarray:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantBatch:
    """The variants of some loci: substitutions for the engine, all others by forward passes.

    Args:
        substitutions: One column for every variant of each locus; masked where the variant is no
            single-base substitution.
        others: Insertions, deletions and replacements of several bases; ``locus`` is the row in
            this batch. None by default.
        column: Column of each of ``others`` on the variant axis.
        beyond: Base codes to the right of the loci that fill up deletions; unknown bases if None.

    Raises:
        ValueError: If ``column`` and ``others`` differ in length.

    Example:
        >>> batch = VariantBatch(substitutions=saturation(np.zeros((1, 2), dtype=np.uint8)))
        >>> int(batch.mask.sum())
        6
    """

    substitutions: Variants
    others: tuple[Allele, ...] = ()
    column: Int[np.ndarray, " allele"] = field(default_factory=_no_columns)
    beyond: UInt8[np.ndarray, "locus spare"] | None = None

    def __post_init__(self) -> None:
        if len(self.column) != len(self.others):
            raise ValueError(
                "VariantBatch.column must hold one column for each of VariantBatch.others, got "
                f"{len(self.column)} columns for {len(self.others)} alleles"
            )

    @property
    def mask(self) -> Bool[np.ndarray, "locus variant"]:
        """True where a variant exists, whether substitution or other allele."""
        mask = self.substitutions.mask.copy()
        mask[self._rows, self.column] = True
        return mask

    def within(self, margin: int, *, length: int) -> VariantBatch:
        """Return the variants that lie inside the loci by some margin.

        Args:
            margin: Bases at either end to leave out: those that a shift moves out of the window.
            length: Bases of a locus.
        """
        if margin == 0:
            return self
        offset = self.substitutions.offset
        inside = (offset >= margin) & (offset < length - margin)
        kept = [
            position
            for position, allele in enumerate(self.others)
            if margin <= allele.offset <= length - margin - len(allele.ref)
        ]
        return replace(
            self,
            substitutions=replace(self.substitutions, mask=self.substitutions.mask & inside),
            others=tuple(self.others[position] for position in kept),
            column=self.column[kept],
        )

    @property
    def _rows(self) -> list[int]:
        return [allele.locus for allele in self.others]

    def measure(self, engine: Engine, codes: UInt8[np.ndarray, "locus length"]) -> RawEffects:
        """Return the effects of all variants, in their columns.

        Args:
            engine: Measures the substitutions, and predicts whole sequences for all other alleles.
            codes: Base codes of the loci.
        """
        effects = engine(codes, self.substitutions)
        if not self.others:
            return effects
        wide = codes if self.beyond is None else np.concatenate([codes, self.beyond], axis=1)
        found = (
            engine.allele_effects(wide, self.others)
            if isinstance(engine, PlacedEngine)
            else allele_effects(engine, wide, self.others)
        )
        difference = effects.difference.copy()
        difference[self._rows, :, self.column] = found.difference.T
        return RawEffects(reference=effects.reference, difference=difference)

    def place(self, effects: MemberEffects) -> MemberEffects:
        """Return effects with the offset and mask of the other alleles filled in.

        Args:
            effects: Effects of this batch, with the other alleles masked. Their ``ref`` and
                ``alt`` stay -1: they are no single bases.
        """
        if not self.others:
            return effects
        offset = effects.offset.copy()
        offset[self._rows, self.column] = [allele.offset for allele in self.others]
        return replace(effects, offset=offset, mask=self.mask)


@runtime_checkable
class VariantSet(Protocol):
    """Contract of a variant set: the variants of every locus of a run.

    Example:
        >>> isinstance(Saturation(length=10), VariantSet)
        True
    """

    @property
    def identity(self) -> Any:
        """JSON-like description of the variants: part of the fingerprint of stored effects."""

    @property
    def max_variants(self) -> int:
        """Variants of the locus that has most, at least 1."""

    def of(self, first: int, codes: UInt8[np.ndarray, "locus length"]) -> VariantBatch:
        """Return the variants of consecutive loci.

        Args:
            first: Row of the first of them among all loci of the run.
            codes: Base codes of these loci.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """Saturation mutagenesis: all three substitutions at every base, or at some.

    Args:
        length: Bases of a locus.
        region: One half-open ``(start, end)`` stretch of the locus to mutate, in bases from its
            start, or several; the whole locus by default.
        every: Mutate each k-th base of a stretch, beginning with its first; 1 by default.

    Raises:
        ValueError: If a stretch is empty or reaches beyond the locus, or ``every`` is below 1.

    Example:
        >>> Saturation(length=100, region=(40, 60), every=5).max_variants
        12
    """

    length: int
    region: Sequence[int] | Sequence[Sequence[int]] | None = None
    every: int = 1

    def __post_init__(self) -> None:
        self.columns()

    @property
    def identity(self) -> Any:
        """The substitutions, the same for any region and step that select the same ones."""
        columns = self.columns()
        return "saturation" if columns.size == 3 * self.length else columns.tolist()

    @property
    def max_variants(self) -> int:
        """Variants of a locus: three for every base that is mutated."""
        return int(self.columns().size)

    def columns(self) -> Int[np.ndarray, " variant"]:
        """Return the columns of these among the 3 x ``length`` substitutions of a whole locus."""
        blank = np.zeros((1, self.length), dtype=np.uint8)
        offset = saturation(blank, region=self.region, every=self.every).offset[0]
        return 3 * offset + np.tile(np.arange(3), len(offset) // 3)

    def of(self, first: int, codes: UInt8[np.ndarray, "locus length"]) -> VariantBatch:  # noqa: ARG002
        """Return the substitutions of some loci, at the same offsets in each.

        Args:
            first: Not used.
            codes: Base codes of these loci.
        """
        return VariantBatch(substitutions=saturation(codes, region=self.region, every=self.every))


@dataclass(frozen=True, slots=True, kw_only=True)
class AlleleList:
    """Given alleles of every locus of a run, for instance from a VCF.

    Args:
        alleles: For each locus of the run its alleles, ``locus`` being its row. Single-base
            substitutions are measured by the engine, all others by whole forward passes.
        beyond: Base codes to the right of each locus, as many as the longest deletion removes.

    Example:
        >>> alleles = ((Allele(locus=0, offset=2, ref="A", alt="G"),), ())
        >>> AlleleList(alleles=alleles, beyond=np.zeros((2, 0), dtype=np.uint8)).max_variants
        1
    """

    alleles: tuple[tuple[Allele, ...], ...]
    beyond: UInt8[np.ndarray, "locus spare"]

    @property
    def identity(self) -> Any:
        """Every allele, and the bases that fill up deletions."""
        return [[str(one) for locus in self.alleles for one in locus], self.beyond.tobytes().hex()]

    @property
    def max_variants(self) -> int:
        """Alleles of the locus that has most, at least 1."""
        return max(1, *(len(locus) for locus in self.alleles))

    def of(self, first: int, codes: UInt8[np.ndarray, "locus length"]) -> VariantBatch:
        """Return the alleles of consecutive loci, in the order of the list.

        Args:
            first: Row of the first of them among all loci of the run.
            codes: Base codes of these loci.
        """
        rows = slice(first, first + len(codes))
        here = self.alleles[rows]
        # at least one column even if none of these loci has an allele: no empty variant axis
        substituted = [
            [(one.offset, one.base if one.base is not None else -1) for one in locus]
            for locus in here
        ]
        substituted[0] = substituted[0] or [(0, -1)]
        others = [
            (replace(one, locus=row), column)
            for row, locus in enumerate(here)
            for column, one in enumerate(locus)
            if one.base is None
        ]
        return VariantBatch(
            substitutions=substitutions(codes, substituted),
            others=tuple(one for one, _ in others),
            column=np.array([column for _, column in others], dtype=np.int64),
            beyond=self.beyond[rows],
        )
