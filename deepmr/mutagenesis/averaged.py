"""Effects averaged over views of a locus that the biology cannot tell apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from deepmr.mutagenesis.effects import Engine, RawEffects
from deepmr.mutagenesis.variants import Variants
from deepmr.sequence import UNKNOWN, complement_codes

__all__ = ["Averaged"]


class Averaged:
    """Average an engine's outputs over strands and shifts.

    The effect of a variant is the mean of its effects in each view, that is, the effect on the
    averaged prediction.

    Args:
        engine: Measures each view.
        both_strands: Also read the reverse complement.
        shifts: Bases by which the locus is moved to the right before it is read, for instance
            ``(-1, 0, 1)``. Bases moved in from outside are unknown, and a variant moved out
            of the window has no effect there.

    Raises:
        ValueError: If there are no shifts.
    """

    def __init__(
        self, engine: Engine, *, both_strands: bool = True, shifts: Sequence[int] = (0,)
    ) -> None:
        if len(shifts) == 0:
            raise ValueError("shifts must hold at least one number of bases, got none; use (0,)")
        self._engine = engine
        self._both_strands = both_strands
        self._shifts = tuple(shifts)

    @property
    def chunk(self) -> int:
        """Mutants evaluated together."""
        return self._engine.chunk

    @property
    def settings(self) -> dict[str, str | int | float]:
        """What decides the bits of the result."""
        views = {
            "strands": "both" if self._both_strands else "forward",
            "shifts": ",".join(str(shift) for shift in self._shifts),
        }
        return {**self._engine.settings, **views}

    def __call__(self, codes: UInt8[np.ndarray, "locus length"], variants: Variants) -> RawEffects:
        """Return the effects of ``variants`` on every output, averaged over the views."""
        views = [_shifted(codes, variants, shift) for shift in self._shifts]
        if self._both_strands:
            views += [_other_strand(*view) for view in views]
        effects = [self._engine(*view) for view in views]
        share = 1.0 / len(effects)
        reference, difference = effects[0].reference * share, effects[0].difference * share
        for other in effects[1:]:
            reference += other.reference * share
            difference += other.difference * share
        return RawEffects(reference=reference, difference=difference)


def _shifted(
    codes: UInt8[np.ndarray, "locus length"], variants: Variants, shift: int
) -> tuple[UInt8[np.ndarray, "locus length"], Variants]:
    length = codes.shape[1]
    source = np.arange(length) - shift
    inside = (source >= 0) & (source < length)
    moved = np.where(inside, codes[:, np.clip(source, 0, length - 1)], np.uint8(UNKNOWN))
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
