"""Verification of an engine against whole forward passes while it runs."""

from __future__ import annotations

import random
import zlib

import numpy as np
from jaxtyping import Float, Int, UInt8
from torch import nn

from deepmr.mutagenesis.dense import Dense, mutate
from deepmr.mutagenesis.engine import AroundEngine, Engine, RawEffects
from deepmr.mutagenesis.variants import Variants

__all__ = ["Verified"]

_FIRST = 4
"""Multiple of the sample that is compared in the first batch."""


class Verified(AroundEngine):
    """Engine whose effects are compared with whole forward passes on a sample of each batch.

    One locus of a batch is drawn, and some of its mutants, seeded by the sequences. The first
    batch is compared in float64; later ones in float32, and again in float64 before an error is
    raised.

    Args:
        engine: The engine to verify.
        model: The network that it was built for.
        length: Bases of a locus.
        sample: Mutants compared in each batch, 1 or more; four times as many in the first.
        tolerance: Largest difference allowed, relative to the largest effect of the locus. A
            millionth of the largest raw output, the rounding of float32, is added to it.

    Raises:
        ValueError: If the sample is below 1.

    Example:
        >>> from deepmr.mutagenesis import Incremental, saturation
        >>> network = nn.Sequential(nn.Conv1d(4, 3, 5), nn.AdaptiveMaxPool1d(1), nn.Flatten())
        >>> engine = Incremental(network, length=9)
        >>> verified = Verified(engine, network, length=9, sample=2, tolerance=1e-3)
        >>> codes = np.zeros((1, 9), dtype=np.uint8)
        >>> verified(codes, saturation(codes)).difference.shape
        (1, 3, 27)
    """

    def __init__(
        self, engine: Engine, model: nn.Module, *, length: int, sample: int, tolerance: float
    ) -> None:
        if sample < 1:
            raise ValueError(f"sample must be 1 or more mutants of each batch, got {sample}")
        super().__init__(engine)
        # the reference and a batch's sample in one forward pass
        self._quick = Dense(model, length=length, chunk=sample + 1)
        self._strict = Dense(model, length=length, chunk=max(sample, 1), precision="float64")
        self._sample = sample
        self._tolerance = tolerance
        self._is_first = True

    def __call__(self, codes: UInt8[np.ndarray, "locus length"], variants: Variants) -> RawEffects:
        """Return the effects of ``variants`` on every output.

        Args:
            codes: Base codes of the loci, 0 to 3 for A, C, G, T and 4 for unknown.
            variants: Substitutions of these loci.

        Raises:
            ValueError: If a raw output for a reference sequence is not finite.
            ArithmeticError: If a sampled mutant's effect differs from that of a forward pass.
        """
        effects = self._engine(codes, variants)
        if variants.mask.any():
            self._compare(codes, variants, effects)
        return effects

    def _compare(
        self, codes: UInt8[np.ndarray, "locus length"], variants: Variants, effects: RawEffects
    ) -> None:
        if not np.isfinite(effects.reference).all():
            raise ValueError(
                "raw outputs of a network must be finite numbers, got NaN or infinity for a "
                "reference sequence; did its training diverge?"
            )
        size = self._sample * (_FIRST if self._is_first else 1)
        row, columns = _drawn(codes, variants, size)
        found = effects.difference[row][:, columns].astype(np.float64)
        limit = self._tolerance * float(np.abs(effects.difference[row]).max())
        limit += 1e-6 * float(np.abs(effects.reference[row]).max())
        if not self._is_first:
            quickly = self._quickly(codes, variants, row, columns)
            if np.abs(quickly - found).max() <= limit:
                return
        chosen = np.zeros((1, variants.n_variants), dtype=bool)
        chosen[0, columns] = True
        some = variants.subset(slice(row, row + 1), chosen)
        strictly = self._strict(codes[row : row + 1], some).difference[0][:, columns]
        error, worst = _worst(strictly, found)
        if not error <= limit:
            raise ArithmeticError(
                "effects of the incremental engine must agree with whole forward passes within "
                f"{limit:.3g}, got {error:.3g} for a mutant at offset "
                f"{variants.offset[row, columns[worst]]}; run with "
                "mutagenesis.engine=dense, and report the network: this is a bug"
            )
        self._is_first = False

    def _quickly(
        self,
        codes: UInt8[np.ndarray, "locus length"],
        variants: Variants,
        row: int,
        columns: Int[np.ndarray, " sample"],
    ) -> Float[np.ndarray, "task sample"]:
        """Return effects of some variants of one locus by one forward pass."""
        mutants = mutate(codes, variants, np.full(len(columns), row), columns)
        outputs = self._quick.predict(np.concatenate([codes[row : row + 1], mutants]))
        return np.asarray((outputs[1:] - outputs[:1]).T)


def _drawn(
    codes: UInt8[np.ndarray, "locus length"], variants: Variants, size: int
) -> tuple[int, Int[np.ndarray, " sample"]]:
    """Return a locus and the columns of some of its variants, ascending."""
    # Python's generator: to seed NumPy's takes longer than to draw from it
    generator = random.Random(zlib.crc32(codes.tobytes()))  # noqa: S311 - not for secrets
    row = generator.choice(np.flatnonzero(variants.mask.any(axis=1)).tolist())
    present = np.flatnonzero(variants.mask[row]).tolist()
    return row, np.sort(generator.sample(present, min(size, len(present))))


def _worst(
    exact: Float[np.ndarray, "task sample"], found: Float[np.ndarray, "task sample"]
) -> tuple[float, int]:
    error = np.abs(exact - found).max(axis=0)
    column = int(np.argmax(error))
    return float(error[column]), column
