"""Views of a locus that the biology cannot tell apart: strands and shifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from deepmr.mutagenesis.variants import Variants
from deepmr.sequence import UNKNOWN, complement_codes

__all__ = ["View", "views"]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One way to show a locus to a network; by default as it is.

    Args:
        shift: Bases by which the locus is moved to the right. Bases moved in from outside are
            unknown, and a variant moved out of the window has no effect there.
        reverse: Show the reverse complement (of the moved locus).
    """

    shift: int = 0
    reverse: bool = False

    def of(
        self, codes: UInt8[np.ndarray, "locus length"], variants: Variants
    ) -> tuple[UInt8[np.ndarray, "locus length"], Variants]:
        """Return loci and their variants, in the same columns, as this view shows them."""
        if self.shift:
            codes, variants = _shifted(codes, variants, self.shift)
        return _other_strand(codes, variants) if self.reverse else (codes, variants)

    def sequences(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> UInt8[np.ndarray, "sequence length"]:
        """Return whole sequences as this view shows them."""
        moved = _moved(codes, self.shift) if self.shift else codes
        return complement_codes(moved) if self.reverse else moved


def views(*, strands: str = "forward", shifts: Sequence[int] = (0,)) -> tuple[View, ...]:
    """Return every shift, on one strand or on both.

    Args:
        strands: ``forward`` or ``both``.
        shifts: Bases, for instance ``(-1, 0, 1)``.

    Raises:
        ValueError: If strands are neither, or there are no shifts, or one twice.

    Example:
        >>> [(view.shift, view.reverse) for view in views(strands="both", shifts=(0, 2))]
        [(0, False), (2, False), (0, True), (2, True)]
    """
    if strands not in {"forward", "both"}:
        raise ValueError(f"strands must be forward or both, got {strands!r}")
    if len(shifts) == 0:
        raise ValueError("shifts must hold at least one number of bases, got none; use (0,)")
    if len(set(shifts)) < len(shifts):
        raise ValueError(f"shifts must differ, got {', '.join(map(str, shifts))}")
    read = (False, True) if strands == "both" else (False,)
    return tuple(View(shift=int(shift), reverse=reverse) for reverse in read for shift in shifts)


def _moved(
    codes: UInt8[np.ndarray, "locus length"], shift: int
) -> UInt8[np.ndarray, "locus length"]:
    length = codes.shape[1]
    source = np.arange(length) - shift
    inside = (source >= 0) & (source < length)
    return np.where(inside, codes[:, np.clip(source, 0, length - 1)], np.uint8(UNKNOWN))


def _shifted(
    codes: UInt8[np.ndarray, "locus length"], variants: Variants, shift: int
) -> tuple[UInt8[np.ndarray, "locus length"], Variants]:
    length = codes.shape[1]
    moved = _moved(codes, shift)
    offset = variants.offset + shift
    kept = variants.mask & (offset >= 0) & (offset < length)
    return moved, Variants(
        offset=np.clip(offset, 0, length - 1), ref=variants.ref, alt=variants.alt, mask=kept
    )


def _other_strand(
    codes: UInt8[np.ndarray, "locus length"], variants: Variants
) -> tuple[UInt8[np.ndarray, "locus length"], Variants]:
    mask = variants.mask
    return complement_codes(codes), Variants(
        offset=codes.shape[1] - 1 - variants.offset,
        ref=np.where(mask, 3 - variants.ref, -1),
        alt=np.where(mask, 3 - variants.alt, -1),
        mask=mask,
    )
