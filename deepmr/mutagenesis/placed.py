"""Loci read on their own strand, and at output positions of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from deepmr.files import fingerprint
from deepmr.mutagenesis.alleles import Allele, AlleleEffects, allele_effects
from deepmr.mutagenesis.augmentation import Augmentation, AugmentationAverage
from deepmr.mutagenesis.engine import AroundEngine, Engine, RawEffects
from deepmr.mutagenesis.variants import Variants

__all__ = ["PlacedEngine", "Placement"]

_BYTES = 128 << 20
"""Most bytes of raw effects of one call of an engine with many output positions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The strand on which each locus is read, and the raw outputs that are its tasks.

    Args:
        reverse: Whether a locus is read as its reverse complement.
        column: Raw output of each task at each locus; None where raw outputs are the tasks.

    Example:
        >>> placement = Placement(reverse=np.array([False, True]), column=None)
        >>> placement.rows(slice(1, 2)).reverse.tolist()
        [True]
    """

    reverse: Bool[np.ndarray, " locus"]
    column: Int[np.ndarray, "locus task"] | None

    @property
    def identity(self) -> Any:
        """JSON-like description: part of the fingerprint of stored effects."""
        column = b"" if self.column is None else self.column.astype(np.int64).tobytes()
        return fingerprint([self.reverse.tobytes().hex(), column.hex()], digits=32)

    def rows(self, rows: slice) -> Placement:
        """Return the placement of some loci.

        Args:
            rows: The loci.
        """
        column = None if self.column is None else self.column[rows]
        return Placement(reverse=self.reverse[rows], column=column)

    def on(self, engine: Engine) -> PlacedEngine:
        """Return an engine that reads these loci, in this order.

        Args:
            engine: Measures loci on the forward strand, at all output positions.

        Raises:
            ValueError: If the engine averages strands or shifts, whose places are not the loci's.
        """
        if isinstance(engine, AugmentationAverage):
            raise ValueError(  # noqa: TRY004  (a setting, told in one line)
                "mutagenesis.strands and mutagenesis.shifts average readings of one place, but "
                "these loci are read each on its own strand and at its own places; leave them as "
                "they are, or set model.input.strand=forward and fixed positions"
            )
        return PlacedEngine(engine, self)


class PlacedEngine(AroundEngine):
    """Engine for given loci, each read on its strand and at its output positions.

    Args:
        engine: Measures loci on the forward strand, at all output positions.
        placement: Of the loci that this engine is called with, in their order.

    Example:
        >>> from torch import nn
        >>> from deepmr.mutagenesis import Dense, saturation
        >>> network = nn.Sequential(nn.Conv1d(4, 3, 5), nn.AdaptiveMaxPool1d(1), nn.Flatten())
        >>> placement = Placement(reverse=np.array([True]), column=np.array([[2]]))
        >>> engine = placement.on(Dense(network, length=9))
        >>> codes = np.zeros((1, 9), dtype=np.uint8)
        >>> engine(codes, saturation(codes)).difference.shape
        (1, 1, 27)
    """

    def __init__(self, engine: Engine, placement: Placement) -> None:
        super().__init__(engine)
        self._placement = placement

    def __call__(self, codes: UInt8[np.ndarray, "locus length"], variants: Variants) -> RawEffects:
        """Return the effects of ``variants``, at their columns on the forward strand.

        Args:
            codes: Base codes of the loci, forward.
            variants: Substitutions of these loci, forward.

        Raises:
            ValueError: If the loci are not as many as the placement's.
        """
        n = len(self._placement.reverse)
        if len(codes) != n:
            raise ValueError(f"a placement of {n} loci does not fit {len(codes)} sequences")
        found: RawEffects | None = None
        together = n
        for first in _starts(self._placement.reverse):
            at = first
            stop = _end_of_run(self._placement.reverse, first)
            while at < stop:
                rows = slice(at, min(at + together, stop) if found is not None else at + 1)
                raw = self._measured(codes, variants, rows)
                if found is None:
                    found = self._empty(raw, variants)
                    together = max(1, _BYTES // max(raw.difference.nbytes, 1))
                self._fill(found, raw, rows)
                at = rows.stop
        if found is None:
            raise ValueError("an engine needs at least one locus, got none")
        return found

    def predict(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float[np.ndarray, "sequence task"]:
        """Return raw outputs for the loci themselves, or for sequences of a single locus.

        Args:
            codes: Base codes of the loci, or of as many sequences as you like for one locus.

        Raises:
            ValueError: If there are several loci, and another number of sequences.
        """
        placement = self._placement
        if len(placement.reverse) not in (1, len(codes)):
            raise ValueError(
                f"a placement of {len(placement.reverse)} loci does not fit {len(codes)} sequences"
            )
        reverse = np.broadcast_to(placement.reverse, (len(codes),))
        turned = Augmentation(reverse=True).apply_to_sequences(codes)
        outputs = self._engine.predict(np.where(reverse[:, None], turned, codes))
        if placement.column is None:
            return outputs
        column = np.broadcast_to(placement.column, (len(codes), placement.column.shape[1]))
        return np.take_along_axis(outputs, column, axis=1)

    def allele_effects(
        self, codes: UInt8[np.ndarray, "locus available"], alleles: Sequence[Allele]
    ) -> AlleleEffects:
        """Return the effects of insertions and deletions, locus by locus.

        Args:
            codes: Base codes of the loci and of bases to their right.
            alleles: Alleles; ``locus`` is a row of ``codes``.

        Raises:
            ValueError: If tasks are read at positions of their own, which indels move.
        """
        if self._placement.column is not None:
            raise ValueError(
                "insertions and deletions move the places at which tasks are read around a place "
                "of each locus; leave them out, or read the tasks at fixed positions"
            )
        reference = self.predict(codes[:, : self.length])
        difference = np.zeros((reference.shape[1], len(alleles)), dtype=reference.dtype)
        for row in sorted({one.locus for one in alleles}):
            here = [k for k, one in enumerate(alleles) if one.locus == row]
            engine = self._placement.rows(slice(row, row + 1)).on(self._engine)
            some = [replace(alleles[k], locus=0) for k in here]
            difference[:, here] = allele_effects(engine, codes[row : row + 1], some).difference
        return AlleleEffects(reference=reference, difference=difference)

    def _measured(
        self, codes: UInt8[np.ndarray, "locus length"], variants: Variants, rows: slice
    ) -> RawEffects:
        some, part = variants.subset(rows, variants.mask[rows]), codes[rows]
        if self._placement.reverse[rows.start]:
            part, some = Augmentation(reverse=True).apply(part, some)
        return self._engine(part, some)

    def _empty(self, raw: RawEffects, variants: Variants) -> RawEffects:
        n, column = len(self._placement.reverse), self._placement.column
        n_tasks = raw.reference.shape[1] if column is None else column.shape[1]
        shape = (n, n_tasks, variants.n_variants)
        return RawEffects(
            reference=np.zeros(shape[:2], dtype=raw.reference.dtype),
            difference=np.zeros(shape, dtype=raw.difference.dtype),
        )

    def _fill(self, found: RawEffects, raw: RawEffects, rows: slice) -> None:
        if self._placement.column is None:
            found.reference[rows], found.difference[rows] = raw.reference, raw.difference
            return
        column = self._placement.column[rows]
        found.reference[rows] = np.take_along_axis(raw.reference, column, axis=1)
        found.difference[rows] = np.take_along_axis(raw.difference, column[..., None], axis=1)


def _starts(reverse: Bool[np.ndarray, " locus"]) -> list[int]:
    """Return the first of every run of loci that are read on one strand."""
    changes = np.flatnonzero(reverse[1:] != reverse[:-1]) + 1
    return [0, *changes.tolist()] if len(reverse) else []


def _end_of_run(reverse: Bool[np.ndarray, " locus"], first: int) -> int:
    after = np.flatnonzero(reverse[first:] != reverse[first])
    return first + int(after[0]) if len(after) else len(reverse)
