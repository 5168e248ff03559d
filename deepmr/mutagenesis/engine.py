"""What a mutagenesis engine returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from deepmr.mutagenesis.variants import Variants

__all__ = ["Engine", "RawEffects"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEffects:
    """Effects of variants on a network's raw outputs, before any link or calibration.

    Args:
        reference: Outputs for the unmutated loci.
        difference: Output for the alternative minus output for the reference; 0 where the
            variant is masked.

    Raises:
        ValueError: If loci or tasks differ between the two.
    """

    reference: Float[np.ndarray, "locus task"]
    difference: Float[np.ndarray, "locus task variant"]

    def __post_init__(self) -> None:
        if self.difference.shape[:2] != self.reference.shape:
            raise ValueError(
                f"RawEffects.difference must have shape (locus, task, variant) with "
                f"{self.reference.shape} first, got {self.difference.shape}"
            )


@runtime_checkable
class Engine(Protocol):
    """Anything that turns loci and variants into effects."""

    @property
    def chunk(self) -> int:
        """Mutants evaluated together."""

    @property
    def settings(self) -> dict[str, str | int | float]:
        """What decides the bits of the result: store it, and ask for the same on resume."""

    @property
    def length(self) -> int:
        """Bases of a locus."""

    def __call__(self, codes: UInt8[np.ndarray, "locus length"], variants: Variants) -> RawEffects:
        """Return the effects of ``variants`` on every output."""

    def predict(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float[np.ndarray, "sequence task"]:
        """Return the outputs for whole sequences, whatever they hold, by forward passes."""
