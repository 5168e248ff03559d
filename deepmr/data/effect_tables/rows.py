"""Rows of a table of variant effects, and the settings by which a file is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

__all__ = ["COLUMNS", "VALUES", "EffectRows", "ReadSettings"]

COLUMNS = ("chrom", "pos", "ref", "alt", "task", "effect", "se", "member", "locus")
"""Columns that a table of one's own may have; ``effects.columns`` says what they are called."""

VALUES = ("difference", "ratio")
"""What the numbers are: alternative minus reference, or alternative over reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRows:
    """A batch of rows of a table: one effect of one variant on one task each.

    Args:
        chrom: Contig, as the file names it.
        pos: First base of ``ref``, 0-based.
        ref: Reference allele; ``""`` where the file does not say.
        alt: Alternative allele, the one whose effect this is; ``-`` is a deletion.
        task: Name of the task.
        effect: Alternative minus reference, in the file's unit; NaN where it is missing.
        se: Standard error of ``effect``; NaN where the file has none.
        member: Network, fold or replicate; ``""`` where the file does not tell them apart.
        locus: Name of the locus, such as ``chr1:100-200`` (0-based, half-open); ``""`` if none.
        variant: Place among the variants of its locus, for tables of our own; -1 elsewhere.

    Raises:
        ValueError: If columns differ in length.
    """

    chrom: Shaped[np.ndarray, " row"]
    pos: Int64[np.ndarray, " row"]
    ref: Shaped[np.ndarray, " row"]
    alt: Shaped[np.ndarray, " row"]
    task: Shaped[np.ndarray, " row"]
    effect: Float64[np.ndarray, " row"]
    se: Float64[np.ndarray, " row"]
    member: Shaped[np.ndarray, " row"]
    locus: Shaped[np.ndarray, " row"]
    variant: Int64[np.ndarray, " row"]

    def __post_init__(self) -> None:
        sizes = {one.name: getattr(self, one.name).size for one in fields(self)}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"columns of EffectRows must have one length, got {sizes}")

    def __len__(self) -> int:
        return int(self.pos.size)

    @classmethod
    def of(cls, **columns: Any) -> EffectRows:
        """Build rows from columns, some of them one value for all; optional ones may be left out.

        Args:
            columns: As in the constructor; text or numbers, arrays or single values.

        Example:
            >>> rows = EffectRows.of(chrom="chr1", pos=[4, 9], ref=["A", "C"], alt="T", task="X",
            ...                      effect=[0.5, -1.0])
            >>> len(rows), rows.chrom.tolist(), np.isnan(rows.se).tolist()
            (2, ['chr1', 'chr1'], [True, True])
        """
        size = max(np.size(value) for value in columns.values())
        empty = {"se": np.nan, "member": "", "locus": "", "variant": -1} | columns
        kinds = {"pos": np.int64, "variant": np.int64, "effect": np.float64, "se": np.float64}
        return cls(
            **{
                name: np.broadcast_to(
                    np.asarray(value, dtype=kinds.get(name, object)).reshape(-1), (size,)
                ).copy()
                for name, value in empty.items()
            }
        )

    @classmethod
    def of_matrix(
        cls,
        effect: Float64[np.ndarray, "variant task"],
        tasks: Sequence[str],
        se: Float64[np.ndarray, "variant task"] | None = None,
        **columns: Any,
    ) -> EffectRows:
        """Build rows from a matrix of effects, a column a task.

        Args:
            effect: Effects.
            tasks: Names of its columns.
            se: Standard errors; by default (None) unknown.
            columns: The other columns, an entry a variant or one for all.
        """
        n, width = effect.shape
        spread = {
            name: np.repeat(np.broadcast_to(np.asarray(value, dtype=object), (n,)), width)
            for name, value in columns.items()
        }
        errors = np.full(n * width, np.nan) if se is None else se.reshape(-1)
        return cls.of(
            **spread,
            task=np.tile(np.asarray(tasks, dtype=object), n),
            effect=np.asarray(effect, dtype=np.float64).reshape(-1),
            se=errors,
        )

    def where(self, kept: Bool[np.ndarray, " row"]) -> EffectRows:
        """Return some of the rows."""
        return self if bool(kept.all()) else self.at(np.flatnonzero(kept))

    def at(self, index: Int64[np.ndarray, " some"]) -> EffectRows:
        """Return rows by their positions; one may be taken several times."""
        return EffectRows(**{one.name: getattr(self, one.name)[index] for one in fields(self)})

    def flipped(self, turned: Bool[np.ndarray, " row"]) -> EffectRows:
        """Return the rows with reference and alternative of some exchanged, effects negated."""
        if not turned.any():
            return self
        return replace(
            self,
            ref=np.where(turned, self.alt, self.ref),
            alt=np.where(turned, self.ref, self.alt),
            effect=np.where(turned, -self.effect, self.effect),
        )

    def pieces(self, size: int) -> Iterator[EffectRows]:
        """Yield the rows in parts of at most ``size``."""
        for start in range(0, len(self), size):
            yield self.at(np.arange(start, min(start + size, len(self))))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSettings:
    """What a file does not say about itself.

    Args:
        columns: Names of the columns in a table of one's own, by `COLUMNS`; those left out have
            the usual names.
        task: Name of the task of a file with one; by default the file's own word.
        names: Names of a file's outputs in order, where it numbers them; by default their numbers.
        statistic: Which of a file's scores to read; by default its usual signed one.
        values: ``difference`` (alternative minus reference), or ``ratio`` (alternative over
            reference, of which log2 is taken); None (the default) takes differences and refuses a
            table without a negative number.
        one_based: Whether positions count from 1; None (the default) is the format's convention.
        windows: Places of a file's sequences in order, ``chrom:start-end``, 0-based and half-open,
            where the file does not have them.
        variants: VCF of the variants in order, where the file does not have them.
        sequence: Bases of the genome at a place, ``(chrom, start, end)`` to text; None where no
            genome was given.

    Raises:
        ValueError: If ``values`` or a column is unknown.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    task: str | None = None
    names: tuple[str, ...] = ()
    statistic: str | None = None
    values: str | None = None
    one_based: bool | None = None
    windows: tuple[tuple[str, int, int], ...] = ()
    variants: str | None = None
    sequence: Any = None

    def __post_init__(self) -> None:
        if self.values is not None and self.values not in VALUES:
            raise ValueError(
                f"effects.values is one of {', '.join(VALUES)}, got {self.values!r}; "
                "absolute predictions are subtracted before"
            )
        unknown = [name for name in self.columns if name not in COLUMNS]
        if unknown:
            raise ValueError(f"effects.columns has {', '.join(COLUMNS)}; got {', '.join(unknown)}")
