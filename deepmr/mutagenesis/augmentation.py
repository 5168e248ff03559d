"""Input augmentations that should not change a locus's regulatory activity: strand and shift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from deepmr.mutagenesis.engine import Engine, RawEffects
from deepmr.mutagenesis.variants import Variants
from deepmr.sequence import UNKNOWN, complement_codes

__all__ = ["Augmentation", "AugmentationAverage", "augmentations"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """A shift and a strand applied to a sequence before the network's forward pass.

    Args:
        shift: Bases by which the sequence is moved to the right; negative moves it to the left.
            Bases moved in from outside are unknown (N), and a variant moved out of the window is
            masked. 0 by default.
        reverse: Whether to take the reverse complement, after the shift. False by default.

    Example:
        >>> codes = np.array([[0, 1, 2, 3]], dtype=np.uint8)
        >>> Augmentation(shift=1).apply_to_sequences(codes).tolist()
        [[4, 0, 1, 2]]
        >>> Augmentation(reverse=True).apply_to_sequences(np.array([[0, 0, 1]], np.uint8)).tolist()
        [[2, 3, 3]]
    """

    shift: int = 0
    reverse: bool = False

    def apply(
        self, codes: UInt8[np.ndarray, "locus length"], variants: Variants
    ) -> tuple[UInt8[np.ndarray, "locus length"], Variants]:
        """Return augmented loci and the variants at their new offsets and bases, columns kept.

        Args:
            codes: Base codes of the loci, 0 to 3 for A, C, G, T and 4 for unknown.
            variants: Substitutions of these loci.
        """
        if self.shift:
            codes, variants = _shifted(codes, variants, self.shift)
        return _reverse_complement(codes, variants) if self.reverse else (codes, variants)

    def apply_to_sequences(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> UInt8[np.ndarray, "sequence length"]:
        """Return augmented sequences.

        Args:
            codes: Base codes, 0 to 3 for A, C, G, T and 4 for unknown.
        """
        moved = _moved(codes, self.shift) if self.shift else codes
        return complement_codes(moved) if self.reverse else moved


def augmentations(
    *, strands: str = "forward", shifts: Sequence[int] = (0,)
) -> tuple[Augmentation, ...]:
    """Return the augmentations of every shift, on one strand or on both.

    Args:
        strands: ``forward`` (the default) or ``both``.
        shifts: Bases, for instance ``(-1, 0, 1)``; ``(0,)``, no shift, by default.

    Raises:
        ValueError: If strands are neither, or there are no shifts, or one twice.

    Example:
        >>> [(one.shift, one.reverse) for one in augmentations(strands="both", shifts=(0, 2))]
        [(0, False), (2, False), (0, True), (2, True)]
    """
    if strands not in {"forward", "both"}:
        raise ValueError(f"strands must be forward or both, got {strands!r}")
    if len(shifts) == 0:
        raise ValueError("shifts must hold at least one number of bases, got none; use (0,)")
    if len(set(shifts)) < len(shifts):
        raise ValueError(f"shifts must differ, got {', '.join(map(str, shifts))}")
    reversals = (False, True) if strands == "both" else (False,)
    return tuple(
        Augmentation(shift=int(shift), reverse=reverse) for reverse in reversals for shift in shifts
    )


class AugmentationAverage:
    """Engine that averages raw outputs over augmentations, of one network or of several.

    The effect of a variant is the mean of its effects under each augmentation, that is, its effect
    on the averaged prediction.

    Args:
        terms: One or more pairs of an engine and the augmentation applied before it; an engine may
            occur several times. All engines have the same length and tasks.

    Raises:
        ValueError: If there is no pair.

    Example:
        >>> from torch import nn
        >>> from deepmr.mutagenesis import Dense, saturation
        >>> network = nn.Sequential(nn.Conv1d(4, 3, 5), nn.AdaptiveMaxPool1d(1), nn.Flatten())
        >>> engine = Dense(network, length=9)
        >>> both = AugmentationAverage([(engine, one) for one in augmentations(strands="both")])
        >>> codes = np.zeros((1, 9), dtype=np.uint8)
        >>> both(codes, saturation(codes)).difference.shape
        (1, 3, 27)
    """

    def __init__(self, terms: Sequence[tuple[Engine, Augmentation]]) -> None:
        if len(terms) == 0:
            raise ValueError(
                "AugmentationAverage needs at least one pair of an engine and an augmentation, "
                "got none"
            )
        self._terms = tuple(terms)

    @property
    def chunk(self) -> int:
        """Mutants evaluated together."""
        return self._terms[0][0].chunk

    @property
    def length(self) -> int:
        """Bases of a locus."""
        return self._terms[0][0].length

    @property
    def settings(self) -> dict[str, str | int | float]:
        """Options that decide the bits of the result; strand (+ or -) and shift of each term."""
        names = [f"{'-' if one.reverse else '+'}{one.shift}" for _, one in self._terms]
        return {**self._terms[0][0].settings, "augmentations": ",".join(names)}

    def __call__(self, codes: UInt8[np.ndarray, "locus length"], variants: Variants) -> RawEffects:
        """Return the effects of ``variants`` on every output, averaged over augmentations.

        Args:
            codes: Base codes of the loci.
            variants: Substitutions of these loci.
        """
        share = 1.0 / len(self._terms)
        reference: np.ndarray | None = None
        difference: np.ndarray | None = None
        for engine, augmentation in self._terms:
            effects = engine(*augmentation.apply(codes, variants))
            if reference is None or difference is None:
                reference, difference = effects.reference * share, effects.difference * share
            else:
                reference += effects.reference * share
                difference += effects.difference * share
        return RawEffects(reference=reference, difference=difference)

    def predict(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float[np.ndarray, "sequence task"]:
        """Return raw outputs for whole sequences, averaged over augmentations.

        Args:
            codes: Base codes of the sequences.
        """
        outputs = [engine.predict(one.apply_to_sequences(codes)) for engine, one in self._terms]
        return np.asarray(sum(outputs[1:], outputs[0]) / outputs[0].dtype.type(len(outputs)))


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
    offset = variants.offset + shift
    kept = variants.mask & (offset >= 0) & (offset < length)
    return _moved(codes, shift), Variants(
        offset=np.clip(offset, 0, length - 1), ref=variants.ref, alt=variants.alt, mask=kept
    )


def _reverse_complement(
    codes: UInt8[np.ndarray, "locus length"], variants: Variants
) -> tuple[UInt8[np.ndarray, "locus length"], Variants]:
    mask = variants.mask
    return complement_codes(codes), Variants(
        offset=codes.shape[1] - 1 - variants.offset,
        ref=np.where(mask, 3 - variants.ref, -1),
        alt=np.where(mask, 3 - variants.alt, -1),
        mask=mask,
    )
