"""Single-base substitutions of loci: saturation mutagenesis, or a list for each locus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Shaped, UInt8

from deepmr.sequence import UNKNOWN

__all__ = ["Variants", "saturation", "substitutions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """Single-base substitutions of a batch of loci.

    Args:
        offset: Position of each variant from the locus's start, in bases, 0-based.
        ref: Reference base, 0 to 3 for A, C, G, T; -1 where unknown.
        alt: Alternative base, 0 to 3 for A, C, G, T; -1 where the reference is unknown.
        mask: False where a variant does not exist: an unknown reference base, or padding.

    Raises:
        ValueError: If shapes differ, or an existing variant has an offset below 0, a base
            outside 0 to 3, or an alternative equal to its reference.

    Example:
        >>> one = {"offset": np.array([[5]]), "ref": np.array([[0]]), "alt": np.array([[2]])}
        >>> variants = Variants(**one, mask=np.array([[True]]))
        >>> variants.n_loci, variants.n_variants
        (1, 1)
    """

    offset: Int[np.ndarray, "locus variant"]
    ref: Int[np.ndarray, "locus variant"]
    alt: Int[np.ndarray, "locus variant"]
    mask: Bool[np.ndarray, "locus variant"]

    def __post_init__(self) -> None:
        for name in ("ref", "alt", "mask"):
            column: Shaped[np.ndarray, "..."] = getattr(self, name)
            if column.shape != self.offset.shape:
                raise ValueError(
                    f"Variants.{name} must have the shape of offset {self.offset.shape}, "
                    f"got {column.shape}"
                )
        offset, ref, alt = self.offset[self.mask], self.ref[self.mask], self.alt[self.mask]
        if bool(np.any(offset < 0)):
            raise ValueError(f"Variants.offset must be 0 or more, got {offset.min()}")
        for name, base in (("ref", ref), ("alt", alt)):
            if bool(np.any((base < 0) | (base > 3))):
                raise ValueError(
                    f"Variants.{name} must be 0 to 3 (A, C, G, T) where mask is true, "
                    f"got {base.min()} to {base.max()}"
                )
        if bool(np.any(ref == alt)):
            raise ValueError("Variants.alt must differ from ref where mask is true")

    @property
    def n_loci(self) -> int:
        """Number of loci."""
        return int(self.offset.shape[0])

    @property
    def n_variants(self) -> int:
        """Number of variants of each locus, masked ones included."""
        return int(self.offset.shape[1])

    def subset(self, rows: slice, mask: Bool[np.ndarray, "some variant"]) -> Variants:
        """Return the variants of consecutive loci, with a mask in place of their own.

        Args:
            rows: The loci.
            mask: True for variants to keep; may be true only where a variant exists.

        Example:
            >>> variants = saturation(np.zeros((2, 3), dtype=np.uint8))
            >>> int(variants.subset(slice(1, 2), np.eye(1, 9, dtype=bool)).mask.sum())
            1
        """
        return Variants(offset=self.offset[rows], ref=self.ref[rows], alt=self.alt[rows], mask=mask)


def saturation(
    codes: UInt8[np.ndarray, "locus length"],
    *,
    region: Sequence[int] | Sequence[Sequence[int]] | None = None,
    every: int = 1,
) -> Variants:
    """Return all three substitutions at every base of each locus.

    The order is by offset, then by alternative in the order A, C, G, T without the reference.
    All loci have the same number of variants: an unknown reference base keeps its three places,
    which are masked.

    Args:
        codes: Base codes of the loci, 0 to 3 for A, C, G, T and 4 for unknown.
        region: One or more half-open ``(start, end)`` stretches of the locus to mutate; the
            whole locus by default. Overlapping stretches are mutated once.
        every: Mutate each k-th base of a stretch, beginning with its first.

    Raises:
        ValueError: If a stretch is empty or reaches beyond the locus, or ``every`` is below 1.

    Example:
        >>> v = saturation(np.array([[0, 4]], dtype=np.uint8))
        >>> v.alt.tolist(), v.mask.tolist()
        ([[1, 2, 3, -1, -1, -1]], [[True, True, True, False, False, False]])
    """
    positions = _positions(codes.shape[1], region, every)
    ref = codes[:, positions].astype(np.int64)
    known = ref < UNKNOWN
    steps = np.arange(3)
    alt = steps + (steps >= ref[..., None])
    shape = (codes.shape[0], 3 * len(positions))
    mask = np.repeat(known, 3, axis=1)
    return Variants(
        offset=np.broadcast_to(np.repeat(positions, 3), shape).copy(),
        ref=np.where(mask, np.repeat(ref, 3, axis=1), -1),
        alt=np.where(mask, alt.reshape(shape), -1),
        mask=mask,
    )


def _positions(
    length: int, region: Sequence[int] | Sequence[Sequence[int]] | None, every: int
) -> Int[np.ndarray, " position"]:
    if every < 1:
        raise ValueError(f"saturation: every must be 1 or more, got {every}")
    if region is None:
        stretches: list[tuple[int, int]] = [(0, length)]
    elif len(region) == 2 and all(isinstance(edge, int | np.integer) for edge in region):
        stretches = [(int(region[0]), int(region[1]))]  # type: ignore[arg-type]
    else:
        stretches = [(int(start), int(end)) for start, end in region]  # type: ignore[misc]
    for start, end in stretches:
        if not 0 <= start < end <= length:
            raise ValueError(
                f"saturation: region must lie within the locus of {length} bases and end behind "
                f"its start, got {start}-{end}; coordinates count from the locus's start"
            )
    return np.unique(np.concatenate([np.arange(a, b, every) for a, b in stretches]))


def substitutions(
    codes: UInt8[np.ndarray, "locus length"], alleles: Sequence[Sequence[tuple[int, int]]]
) -> Variants:
    """Return given substitutions, for instance the single-nucleotide variants of a VCF.

    Loci with fewer variants than the longest list are padded with masked ones. A substitution
    at an unknown reference base, or to the reference base itself, is masked.

    Args:
        codes: Base codes of the loci, 0 to 3 for A, C, G, T and 4 for unknown.
        alleles: For each locus, pairs of offset (bases from its start) and alternative base (0 to
            3; -1 for a masked place).

    Raises:
        ValueError: If the number of lists is not that of the loci, or an offset lies outside.

    Example:
        >>> codes = np.array([[0, 1, 2], [3, 3, 3]], dtype=np.uint8)
        >>> substitutions(codes, [[(0, 3), (2, 0)], [(1, 0)]]).mask.tolist()
        [[True, True], [True, False]]
    """
    n_loci, length = codes.shape
    if len(alleles) != n_loci:
        raise ValueError(f"substitutions: one list for each of {n_loci} loci, got {len(alleles)}")
    shape = (n_loci, max((len(variants) for variants in alleles), default=0))
    offset = np.zeros(shape, dtype=np.int64)
    alt = np.full(shape, -1, dtype=np.int64)
    for row, variants in enumerate(alleles):
        for column, (position, base) in enumerate(variants):
            if not 0 <= position < length:
                raise ValueError(
                    f"substitutions: an offset must lie within the locus of {length} bases, "
                    f"got {position} in locus {row}"
                )
            offset[row, column], alt[row, column] = position, base
    ref = np.take_along_axis(codes.astype(np.int64), offset, axis=1)
    mask = (alt >= 0) & (ref < UNKNOWN) & (ref != alt)
    return Variants(
        offset=offset, ref=np.where(mask, ref, -1), alt=np.where(mask, alt, -1), mask=mask
    )
