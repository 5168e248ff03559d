"""An engine that is compared with the reference engine as it runs."""

from __future__ import annotations

import zlib

import numpy as np
from jaxtyping import Bool, Float, UInt8
from torch import nn

from deepmr.mutagenesis.dense import Dense
from deepmr.mutagenesis.engine import Engine, RawEffects
from deepmr.mutagenesis.variants import Variants

__all__ = ["Verified"]

_FIRST = 4
"""How many times as many mutants the first batch compares, in float64 throughout."""


class Verified:
    """Compare a sample of every batch's mutants with whole forward passes.

    One locus of a batch is drawn, and some of its mutants, the same ones whenever the batch
    returns. The first batch is compared in float64; later ones in float32, whose verdict is
    checked in float64 before anything is raised.

    Args:
        engine: What is checked.
        model: The network it was built for.
        length: Bases of a locus.
        sample: Mutants compared in each batch.
        tolerance: Largest difference allowed, relative to the largest effect of the locus. Added
            to it is a millionth of the largest output, the rounding of float32.

    Raises:
        ValueError: If the sample is below 1.
    """

    def __init__(
        self, engine: Engine, model: nn.Module, *, length: int, sample: int, tolerance: float
    ) -> None:
        if sample < 1:
            raise ValueError(f"a check compares at least 1 mutant a batch, got {sample}")
        self._engine = engine
        self._quick = Dense(model, length=length, chunk=max(sample, 1))
        self._strict = Dense(model, length=length, chunk=max(sample, 1), precision="float64")
        self._sample = sample
        self._tolerance = tolerance
        self._is_first = True

    @property
    def chunk(self) -> int:
        """Mutants evaluated together."""
        return self._engine.chunk

    @property
    def length(self) -> int:
        """Bases of a locus."""
        return self._engine.length

    @property
    def settings(self) -> dict[str, str | int | float]:
        """What decides the bits of the result."""
        return self._engine.settings

    def __call__(self, codes: UInt8[np.ndarray, "locus length"], variants: Variants) -> RawEffects:
        """Return the effects of ``variants`` on every output.

        Raises:
            ValueError: If an unmutated locus has an output that is not finite.
            ArithmeticError: If a sampled mutant's effect differs from that of a forward pass.
        """
        effects = self._engine(codes, variants)
        if variants.mask.any():
            self._compare(codes, variants, effects)
        return effects

    def predict(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float[np.ndarray, "sequence task"]:
        """Return the outputs for whole sequences: forward passes need no check."""
        return self._engine.predict(codes)

    def _compare(
        self, codes: UInt8[np.ndarray, "locus length"], variants: Variants, effects: RawEffects
    ) -> None:
        if not np.isfinite(effects.reference).all():
            raise ValueError(
                "a network's outputs must be finite numbers, got NaN or infinity for an unmutated "
                "locus; did its training diverge?"
            )
        size = self._sample * (_FIRST if self._is_first else 1)
        row, chosen = _drawn(codes, variants, size)
        some = Variants(
            offset=variants.offset[row : row + 1],
            ref=variants.ref[row : row + 1],
            alt=variants.alt[row : row + 1],
            mask=chosen[None],
        )
        locus = codes[row : row + 1]
        found = effects.difference[row][:, chosen].astype(np.float64)
        limit = self._tolerance * float(np.abs(effects.difference[row]).max())
        limit += 1e-6 * float(np.abs(effects.reference[row]).max())
        if not self._is_first and _worst(self._quick(locus, some), chosen, found)[0] <= limit:
            return
        error, column = _worst(self._strict(locus, some), chosen, found)
        if not error <= limit:
            offset = int(variants.offset[row, np.flatnonzero(chosen)[column]])
            raise ArithmeticError(
                f"the incremental engine must agree with whole forward passes within {limit:.3g}, "
                f"got {error:.3g} for a mutant at offset {offset}; run with "
                "mutagenesis.engine=dense, and report the network: this is a bug"
            )
        self._is_first = False


def _drawn(
    codes: UInt8[np.ndarray, "locus length"], variants: Variants, size: int
) -> tuple[int, Bool[np.ndarray, " variant"]]:
    generator = np.random.default_rng(zlib.crc32(codes.tobytes()))
    row = int(generator.choice(np.flatnonzero(variants.mask.any(axis=1))))
    present = np.flatnonzero(variants.mask[row])
    chosen = np.zeros(variants.n_variants, dtype=bool)
    chosen[generator.choice(present, size=min(size, len(present)), replace=False)] = True
    return row, chosen


def _worst(
    exact: RawEffects, chosen: Bool[np.ndarray, " variant"], found: Float[np.ndarray, "task sample"]
) -> tuple[float, int]:
    error = np.abs(exact.difference[0][:, chosen] - found).max(axis=0)
    column = int(np.argmax(error))
    return float(error[column]), column
