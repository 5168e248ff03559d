"""Effects averaged over readings of a locus: views of it, or networks that read it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from deepmr.mutagenesis.effects import Engine, RawEffects
from deepmr.mutagenesis.variants import Variants
from deepmr.mutagenesis.view import View

__all__ = ["Averaged"]


class Averaged:
    """Average raw outputs over readings, each an engine and the view that it is shown.

    The effect of a variant is the mean of its effects in each reading, that is, the effect on
    the averaged prediction.

    Args:
        readings: Engines, which may repeat, and views.

    Raises:
        ValueError: If there is no reading.
    """

    def __init__(self, readings: Sequence[tuple[Engine, View]]) -> None:
        if len(readings) == 0:
            raise ValueError("an average needs at least one reading, got none")
        self._readings = tuple(readings)

    @property
    def chunk(self) -> int:
        """Mutants evaluated together."""
        return self._readings[0][0].chunk

    @property
    def length(self) -> int:
        """Bases of a locus."""
        return self._readings[0][0].length

    @property
    def settings(self) -> dict[str, str | int | float]:
        """What decides the bits of the result."""
        seen = [f"{'-' if view.reverse else '+'}{view.shift}" for _, view in self._readings]
        return {**self._readings[0][0].settings, "readings": ",".join(seen)}

    def __call__(self, codes: UInt8[np.ndarray, "locus length"], variants: Variants) -> RawEffects:
        """Return the effects of ``variants`` on every output, averaged over the readings."""
        share = 1.0 / len(self._readings)
        reference: np.ndarray | None = None
        difference: np.ndarray | None = None
        for engine, view in self._readings:
            effects = engine(*view.of(codes, variants))
            if reference is None or difference is None:
                reference, difference = effects.reference * share, effects.difference * share
            else:
                reference += effects.reference * share
                difference += effects.difference * share
        return RawEffects(reference=reference, difference=difference)

    def predict(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float[np.ndarray, "sequence task"]:
        """Return the outputs for whole sequences, averaged over the readings."""
        outputs = [engine.predict(view.sequences(codes)) for engine, view in self._readings]
        return np.asarray(sum(outputs[1:], outputs[0]) / outputs[0].dtype.type(len(outputs)))
