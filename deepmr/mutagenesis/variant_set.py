"""Which variants an interrogation asks for: saturation, or a list with alleles of any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int, UInt8

from deepmr.effects import MemberEffects
from deepmr.mutagenesis.alleles import Allele, allele_effects
from deepmr.mutagenesis.engine import Engine, RawEffects
from deepmr.mutagenesis.variants import Variants, saturation, substitutions

__all__ = ["AlleleList", "Saturation", "VariantBatch", "VariantSet"]


def _no_columns() -> np.ndarray:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantBatch:
    """The variants of some loci: substitutions for the engine, all others by forward passes.

    Args:
        substitutions: One place for every variant of each locus; masked where it is none of one
            base.
        others: Insertions, deletions and replacements of several bases; ``locus`` is a row here.
        column: The place of each of ``others`` on the variant axis.
        beyond: Bases to the right of the loci, which deletions draw in.

    Raises:
        ValueError: If ``column`` does not belong to ``others``.
    """

    substitutions: Variants
    others: tuple[Allele, ...] = ()
    column: Int[np.ndarray, " allele"] = field(default_factory=_no_columns)
    beyond: UInt8[np.ndarray, "locus spare"] | None = None

    def __post_init__(self) -> None:
        if len(self.column) != len(self.others):
            raise ValueError(
                f"every other allele needs its place, got {len(self.column)} places for "
                f"{len(self.others)}"
            )

    @property
    def mask(self) -> Bool[np.ndarray, "locus variant"]:
        """True where a variant exists, whatever its kind."""
        mask = self.substitutions.mask.copy()
        mask[self._rows, self.column] = True
        return mask

    def within(self, margin: int, *, length: int) -> VariantBatch:
        """Return the variants without those that touch the margins of loci of some length."""
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
        """Return the effects of all variants, by their places."""
        effects = engine(codes, self.substitutions)
        if not self.others:
            return effects
        wide = codes if self.beyond is None else np.concatenate([codes, self.beyond], axis=1)
        found = allele_effects(engine, wide, self.others)
        difference = effects.difference.copy()
        difference[self._rows, :, self.column] = found.difference.T
        return RawEffects(reference=effects.reference, difference=difference)

    def place(self, effects: MemberEffects) -> MemberEffects:
        """Return the effects with the other alleles unmasked; their bases stay unnamed (-1)."""
        if not self.others:
            return effects
        offset = effects.offset.copy()
        offset[self._rows, self.column] = [allele.offset for allele in self.others]
        return replace(effects, offset=offset, mask=self.mask)


@runtime_checkable
class VariantSet(Protocol):
    """Which variants of the loci of a run are asked for."""

    @property
    def identity(self) -> Any:
        """What the effects depend on, JSON-like: part of the shards' fingerprint."""

    @property
    def max_variants(self) -> int:
        """Places on the variant axis of the locus with most variants, at least 1."""

    def of(self, first: int, codes: UInt8[np.ndarray, "locus length"]) -> VariantBatch:
        """Return the variants of consecutive loci.

        Args:
            first: Position in the run of the first of them.
            codes: Their bases.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """All three substitutions at every base, or at some; see `deepmr.mutagenesis.saturation`.

    Args:
        length: Bases of a locus.
        region: Stretches of the locus to mutate; by default all of it.
        every: Mutate each k-th base of a stretch.

    Raises:
        ValueError: If a stretch is empty or reaches beyond the locus, or ``every`` is below 1.
    """

    length: int
    region: Sequence[int] | Sequence[Sequence[int]] | None = None
    every: int = 1

    def __post_init__(self) -> None:
        self.columns()

    @property
    def identity(self) -> Any:
        """Which substitutions, however they were asked for."""
        columns = self.columns()
        return "saturation" if columns.size == 3 * self.length else columns.tolist()

    @property
    def max_variants(self) -> int:
        """Three for every base that is mutated."""
        return int(self.columns().size)

    def columns(self) -> Int[np.ndarray, " variant"]:
        """Return which of the 3 x ``length`` substitutions of a whole locus these are."""
        blank = np.zeros((1, self.length), dtype=np.uint8)
        offset = saturation(blank, region=self._region, every=self.every).offset[0]
        return 3 * offset + np.tile(np.arange(3), len(offset) // 3)

    def of(self, first: int, codes: UInt8[np.ndarray, "locus length"]) -> VariantBatch:  # noqa: ARG002
        """Return the same substitutions for all loci, whichever they are."""
        return VariantBatch(substitutions=saturation(codes, region=self._region, every=self.every))

    @property
    def _region(self) -> tuple[int, int] | list[tuple[int, int]] | None:
        if self.region is None:
            return None
        if len(self.region) == 2 and all(isinstance(edge, int) for edge in self.region):
            return (self.region[0], self.region[1])  # type: ignore[return-value]
        return [(int(start), int(end)) for start, end in self.region]  # type: ignore[misc]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlleleList:
    """Listed alleles of every locus of a run, for instance from a VCF.

    Args:
        alleles: For each locus its alleles, ``locus`` being its position in the run. Those of one
            base go through the engine, all others through forward passes.
        beyond: Bases to the right of each locus, as many as the longest deletion draws in.
    """

    alleles: tuple[tuple[Allele, ...], ...]
    beyond: UInt8[np.ndarray, "locus spare"]

    @property
    def identity(self) -> Any:
        """Every allele, and the bases that deletions draw in."""
        return [[str(one) for locus in self.alleles for one in locus], self.beyond.tobytes().hex()]

    @property
    def max_variants(self) -> int:
        """Alleles of the locus that has most, at least 1."""
        return max(1, *(len(locus) for locus in self.alleles))

    def of(self, first: int, codes: UInt8[np.ndarray, "locus length"]) -> VariantBatch:
        """Return the alleles of consecutive loci, in the order of the list."""
        rows = slice(first, first + len(codes))
        here = self.alleles[rows]
        # at least one place, though no locus of these has a variant: an empty axis helps nobody
        listed = [
            [(one.offset, one.base if one.base is not None else -1) for one in locus]
            for locus in here
        ]
        listed[0] = listed[0] or [(0, -1)]
        others = [
            (replace(one, locus=row), column)
            for row, locus in enumerate(here)
            for column, one in enumerate(locus)
            if one.base is None
        ]
        return VariantBatch(
            substitutions=substitutions(codes, listed),
            others=tuple(one for one, _ in others),
            column=np.array([column for _, column in others], dtype=np.int64),
            beyond=self.beyond[rows],
        )
